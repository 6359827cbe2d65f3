"""Resources into the parts of a transaction, each within the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.bundle.division import divide_study
from dicom2fhir.bundle.encoding import encode
from dicom2fhir.bundle.entries import (
    Item,
    build_entry,
    frame_entry,
    is_binary,
    item_of,
    name_of,
    refer_by_identifier,
    refer_to,
)
from dicom2fhir.bundle.load import Load, exceeds, is_limited
from dicom2fhir.bundle.references import dependency_order
from dicom2fhir.identity import resource_id
from dicom2fhir.model import size_of
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from dicom2fhir.model import Entry, Resource
    from dicom2fhir.options import BundleOptions

    ProvenanceOf: TypeAlias = Callable[[Sequence[str]], Resource]


class Part:
    """One Bundle while it is filled: its entries by the name of their resource."""

    def __init__(self, load: Load) -> None:
        self.entries: dict[str, Entry] = {}
        self.load = load


class Splitter:
    """Packs resources in the order of their dependencies, so that no part needs a later one.

    What is created conditionally has an id we do not know: it is repeated in each part that refers
    to it. A reference whose target cannot be in the same part is written as its identifier.
    """

    def __init__(self, options: BundleOptions, provenance: ProvenanceOf | None) -> None:
        self.parts: list[list[Entry]] = []
        self.problems: list[Problem] = []
        self._options = options
        self._provenance = provenance
        self._items: dict[str, Item] = {}
        self._order: dict[str, int] = {}
        self._placed: set[str] = set()
        self._together: set[str] = set()
        self._first_group: dict[str, Item] = {}
        self._empty = Load()
        self._part = Part(self._empty)

    def split(self, resources: Sequence[Resource]) -> None:
        """Fill `parts`, in order."""
        known = {name_of(resource) for resource in resources}
        for resource in resources:
            self._items.setdefault(name_of(resource), item_of(resource, self._options.ids, known))
        if not is_limited(self._options):
            self._together = known
        if self._provenance is not None and resources:
            self._reserve(self._provenance, self._items[name_of(resources[0])])
        # Media.content.url and our extensions name Binaries by uris, which are no References
        ranked = sorted(self._items.items(), key=lambda pair: not is_binary(pair[1].resource))
        order = dependency_order({name: item.needs for name, item in ranked})
        self._order = {name: position for position, name in enumerate(order)}
        for name in order:
            whole = self._follow_groups(self._items[name])
            missing = [need for need in whole.needs if not self._can_name(need)]
            item = self._detach(whole, missing)
            if self._pack(item) or self._shrink(item):
                self._report("bundle.by-identifier", item, len(missing))
            else:
                self._report("bundle.too-large", item)
        self._close()

    def _reserve(self, provenance: ProvenanceOf, item: Item) -> None:
        # a Provenance grows by its targets only; each brings a comma, so one is counted too many
        entry = self._provenance_entry(provenance, [item])
        self._empty = Load().plus(entry, -self._cost_of_target(item) - 1)
        self._part = Part(self._empty)

    def _cost_of_target(self, item: Item) -> int:
        return 0 if self._provenance is None else len(encode({"reference": item.full_url})) + 1

    def _follow_groups(self, item: Item) -> Item:
        groups = {need: self._first_group[need] for need in item.needs if need in self._first_group}
        return refer_to(item, groups)

    def _can_name(self, name: str) -> bool:
        return name in self._placed or name in self._together

    def _detach(self, item: Item, names: Sequence[str]) -> Item:
        return refer_by_identifier(item, [self._items[name] for name in names])

    def _pack(self, item: Item) -> bool:
        for part in (self._part, Part(self._empty)):
            if self._fill(part, item):
                if part is not self._part:
                    self._close()
                    self._part = part
                self._items[item.name] = item
                self._placed.add(item.name)
                return True
        return False

    def _fill(self, part: Part, item: Item) -> bool:
        """Put the item and the conditional ones it needs into the part if they fit."""
        unit = [name for name in self._conditional_needs(item) if name not in part.entries]
        members = [*(self._items[name] for name in unit), item]
        inside = {member.name for member in members}
        load, entries = part.load, {}
        for member in members:
            forms = {
                need: {"reference": self._items[need].full_url}
                for need in member.needs
                if need in part.entries or need in inside or need in self._together
            }
            entry, size = build_entry(member, forms)
            load = load.plus(entry, self._cost_of_target(member))
            if exceeds(size, self._options.max_resource_bytes) or load.exceeds(self._options):
                return False
            entries[member.name] = entry
        part.entries.update(entries)
        part.load = load
        return True

    def _conditional_needs(self, item: Item) -> list[str]:
        found: set[str] = set()
        stack = [item]
        while stack:
            for need in stack.pop().needs:
                target = self._items[need]
                if target.conditional and need not in found and need not in self._together:
                    found.add(need)
                    stack.append(target)
        return sorted(found, key=self._order.__getitem__)

    def _shrink(self, item: Item) -> bool:
        """Place what no Bundle can hold as it is: divided, or with fewer companions."""
        needs = self._conditional_needs(item)
        found = self._with_most(item, needs)
        if found is None:
            return False
        candidate, pieces, stripped = found
        for piece in pieces:
            self._order.setdefault(piece.name, len(self._order))
            self._pack(piece)
        if pieces[0].name != item.name:
            self._first_group[item.name] = pieces[0]
        self._report("study.too-large", item, stripped)
        self._report("bundle.by-identifier", item, len(item.needs) - len(candidate.needs))
        return True

    def _with_most(self, item: Item, needs: Sequence[str]) -> tuple[Item, list[Item], int] | None:
        """Return the item with as many of its companions as a Bundle of its own can hold.

        A report has thousands: which number fits is found by halves, for fewer fit wherever more
        do.
        """
        found = None
        low, high = 0, len(needs)
        kept = high
        while low <= high:
            candidate = self._detach(item, needs[kept:])
            pieces, stripped = self._divide(candidate)
            if all(self._fill(Part(self._empty), piece) for piece in pieces):
                found = candidate, pieces, stripped
                low = kept + 1
            else:
                high = kept - 1
            kept = (low + high) // 2
        return found

    def _divide(self, item: Item) -> tuple[list[Item], int]:
        """Return the study in groups of series that fit, or anything else as it is."""
        is_study = item.resource["resourceType"] == "ImagingStudy" and item.resource.get("series")
        room = self._room(item) if is_study else None
        if room is None:
            return [item], 0
        targets = [self._items[need] for need in item.needs]
        margin = max((len(target.full_url) - len(target.name) for target in targets), default=0)
        groups, stripped = divide_study(item.resource, room, max(margin, 0))
        return [item_of(group, self._options.ids, item.needs) for group in groups], stripped

    def _room(self, item: Item) -> int | None:
        """Return the bytes that a Bundle of its own leaves for the resource of this study."""
        part = Part(self._empty)
        for need in self._conditional_needs(item):
            self._fill(part, self._items[need])
        sample = item.resource | {"id": resource_id("ImagingStudy", "")}
        group = item_of(sample, self._options.ids, ())
        frame = size_of(frame_entry(group.full_url, group.request, (b",",)))
        frame += self._cost_of_target(group)
        limits = [self._options.max_resource_bytes]
        if self._options.max_bytes is not None:
            limits.append(self._options.max_bytes - part.load.size - frame)
        return min((limit for limit in limits if limit is not None), default=None)

    def _report(self, code: str, item: Item, count: int = 1) -> None:
        if count:
            self.problems.append(
                Problem(code=code, element=item.resource["resourceType"], count=count)
            )

    def _close(self) -> None:
        """Move the part that is being filled to those that are done."""
        names = list(self._part.entries)
        if not names:
            return
        entries = list(self._part.entries.values())
        if self._provenance is not None:
            entries.append(
                self._provenance_entry(self._provenance, [self._items[name] for name in names])
            )
        self.parts.append(entries)
        self._part = Part(self._empty)

    def _provenance_entry(self, provenance: ProvenanceOf, targets: Sequence[Item]) -> Entry:
        resource = provenance([target.name for target in targets])
        forms = {target.name: {"reference": target.full_url} for target in targets}
        return build_entry(item_of(resource, self._options.ids, forms), forms)[0]
