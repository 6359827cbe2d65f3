"""The template-free core: any content tree as Observations to be, with no number lost.

Every NUM item becomes an Observation or a component, or is listed as omitted, whatever value types
stand above it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from dicom2fhir.content import Observed, Omission, Part
from dicom2fhir.sr import roles
from dicom2fhir.sr.draft import Draft, Place
from dicom2fhir.sr.groups import describe, is_finding, is_group, is_hidden, reads_as_text, say
from dicom2fhir.sr.measuring import is_property, measure, property_of
from dicom2fhir.sr.titles import entitle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dicom2fhir.content import ContentItem, Referenced

PROSE: Final = frozenset({"text", "key-objects", "manifest"})
"""Kinds of reports whose words stay together; only their numbers become Observations."""
_SAYING: Final = frozenset({"CODE", "TEXT"})
_MOMENTS: Final = frozenset({"DATE", "TIME", "DATETIME"})
_POINTING: Final = frozenset({"IMAGE", "COMPOSITE", "WAVEFORM", "SCOORD", "SCOORD3D", "TCOORD"})
_CONTAINED: Final = frozenset({"CONTAINS", ""})
_VALUED: Final = frozenset({"number", "derived", "evaluation", "finding"})
_ATTRIBUTES: Final = roles.CONTEXT | roles.GROUP_PARTS | {
    roles.TRACKING_ID,
    roles.TRACKING_UID,
    roles.FINDING_SITE,
    roles.FINDING_CATEGORY,
    roles.LATERALITY,
    roles.TOPOGRAPHY,
    roles.METHOD,
}  # fmt: skip
"""Names that are said of something else: no evaluations by themselves."""

_MOST_BELOW: Final = 1000
"""Items below the target of a link that are asked for what they name."""
_MOST_MODIFIERS: Final = 16
"""Modifiers of a group that its measurements take over."""
MOST_SHARED: Final = 100
"""References of one item that others take over; each is in the report's list anyway."""
MOST_TAKEN: Final = 50_000
"""References that the items of one tree take over; in FHIR each takes a thousand bytes."""

NUMBER_OMITTED: Final = "sr.number-omitted"
NOT_PRESENTED: Final = "sr.not-presented"
MANY_VALUES: Final = "sr.many-values"
LOOP: Final = "sr.reference-loop"
MEASURED_VALUE, CONTENT = "(0040,A30A)", "(0040,A730)"


@dataclass(slots=True)
class Harvest:
    """What came of a tree: Observations, the paths at the top, what was left out and why."""

    observed: tuple[Observed, ...]
    results: tuple[str, ...]
    omissions: tuple[Omission, ...]
    faults: Counter[tuple[str, str]]


def harvest(items: Sequence[ContentItem], kind: str, algorithms: Mapping[str, str]) -> Harvest:
    """Return what the items of a tree, the root first, become in a report of this kind.

    `algorithms` names the Algorithm that holds below each path.
    """
    walk = _Walk(items=items, kind=kind, algorithms=algorithms, left=MOST_TAKEN)
    top = walk.run()
    for draft in walk.drafts:
        if is_group(draft.item):
            _share(draft, walk)
    for draft in walk.drafts:
        entitle(draft.children + draft.inferred)
    entitle(top.children)
    return Harvest(
        observed=tuple(_freeze(walk, top)),
        results=tuple(child.path for child in top.children),
        omissions=tuple(walk.omissions),
        faults=walk.faults,
    )


@dataclass(slots=True)
class _Walk:
    """One walk over a tree in the order of the document, without recursion."""

    items: Sequence[ContentItem]
    kind: str
    algorithms: Mapping[str, str]
    left: int
    by_path: dict[str, ContentItem] = field(default_factory=dict)
    bearing: set[str] = field(default_factory=set)
    carriers: dict[str, Draft] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    omissions: list[Omission] = field(default_factory=list)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)

    def run(self) -> Draft:
        self.by_path = {item.path: item for item in self.items}
        self._find_bearing()
        root = self.items[0]
        top = Draft(item=root, kind="report", place=Place())
        if root.value_type == "CONTAINER":
            place = Place().within(root, self.algorithms)
            waiting = [(child, top, place) for child in reversed(root.children)]
        else:
            waiting = [(root, top, Place())]
        while waiting:
            item, owner, place = waiting.pop()
            below = self._visit(item, owner, place)
            if below is not None:
                waiting.extend((child, *below) for child in reversed(item.children))
        return top

    def _find_bearing(self) -> None:
        """Find the items that have a measurement, an evaluation or a group in or below them."""
        for item in reversed(self.items):
            above = item.path.rpartition(".")[0]
            parent = self.by_path.get(above)
            if item.path in self.bearing or self._carries(item, parent):
                self.bearing.update((item.path, above))

    def _carries(self, item: ContentItem, parent: ContentItem | None) -> bool:
        if item.value_type == "NUM" or is_finding(item):
            return True
        if is_group(item):
            return bool(item.children)
        return parent is not None and self._is_evaluation(item, parent)

    def _is_summary(self, item: ContentItem) -> bool:
        return item.value_type == "CODE" and roles.key(item.name) in roles.CAD_SUMMARY

    def _is_evaluation(self, item: ContentItem, parent: ContentItem) -> bool:
        if parent.value_type != "CONTAINER" or item.relationship not in _CONTAINED or item.target:
            return False
        if self._is_prose(parent):
            return False
        if roles.key(item.name) in _ATTRIBUTES:
            return False
        # Dates of an obstetric report are results, such as the expected date of delivery.
        moment = item.value_type in _MOMENTS and (self.kind == "ob-gyn" or "." not in parent.path)
        return item.value_type in _SAYING or moment

    def _is_prose(self, parent: ContentItem) -> bool:
        """Tell whether the words that this container holds are a text, not results."""
        if is_group(parent):
            return False
        return self.kind in PROSE or reads_as_text(parent, self.kind)

    def _visit(self, item: ContentItem, owner: Draft, place: Place) -> tuple[Draft, Place] | None:
        """Take one item; return what owns its children and where these are."""
        if place.omit:
            self._omit(item, place)
            return owner, place
        if item.target:
            self._link(item, owner)
            return self._beside(owner), place
        if item.value_type == "CONTAINER":
            return self._visit_container(item, owner, place)
        if item.value_type == "NUM":
            return self._visit_number(item, owner, place)
        if item.value_type in _POINTING:
            owner.references.extend(item.references)
            return self._beside(owner), place
        return self._visit_saying(item, owner, place)

    def _omit(self, item: ContentItem, place: Place) -> None:
        if item.value_type == "NUM":
            self.omissions.append(Omission(item.path, place.omit))
            if place.omit == NUMBER_OMITTED:
                self.faults[NUMBER_OMITTED, CONTENT] += 1

    def _link(self, item: ContentItem, owner: Draft) -> None:
        target = self.by_path.get(item.target)
        if target is None:
            return
        if target.value_type in _POINTING:
            found = chain.from_iterable(
                one.references for one in islice(target.walk(), _MOST_BELOW)
            )
            self.take_over(owner, found)
        else:
            owner.links.append(target.path)

    def take_over(self, owner: Draft, references: Iterable[Referenced]) -> None:
        """Let an item have what another one refers to, as far as the limits go."""
        taken = tuple(islice(references, min(MOST_SHARED, self.left)))
        self.left -= len(taken)
        owner.references.extend(taken)

    def _beside(self, owner: Draft) -> Draft:
        """Return an owner for what stands below an image: numbers of the owner, no modifiers."""
        return Draft(
            item=owner.item,
            kind="image",
            place=owner.place,
            children=owner.children,
            inferred=owner.inferred,
            references=owner.references,
            links=owner.links,
        )

    def _visit_container(
        self, item: ContentItem, owner: Draft, place: Place
    ) -> tuple[Draft, Place] | None:
        name = roles.key(item.name)
        if name in roles.IMAGE_LIBRARIES:
            return owner, place._replace(omit=NUMBER_OMITTED)
        if item.path not in self.bearing:
            return None
        inner = place.within(item, self.algorithms)
        if name == roles.DERIVED_MEASUREMENTS:
            inner = inner._replace(derived=True)
        if name in roles.LAYOUT:
            return owner, inner
        draft = self._open(item, "group", owner, inner)
        draft.inherit()
        return draft, inner

    def _visit_number(self, item: ContentItem, owner: Draft, place: Place) -> tuple[Draft, Place]:
        if is_property(item, owner):
            owner.parts.append(property_of(item))
            self.carriers[item.path] = owner
            return owner, place
        inner = place.within(item, self.algorithms)
        draft = self._open(item, "derived" if place.derived else "number", owner, inner)
        if measure(draft):
            self.faults[MANY_VALUES, MEASURED_VALUE] += 1
        draft.inherit()
        return draft, inner

    def _visit_saying(
        self, item: ContentItem, owner: Draft, place: Place
    ) -> tuple[Draft, Place] | None:
        parent = self.by_path.get(item.path.rpartition(".")[0])
        if item.path in owner.consumed:
            return owner, place
        if is_finding(item):
            return self._visit_finding(item, owner, place)
        if owner.kind == "report" and self._is_summary(item):
            self._evaluate(item, owner, place)
            return owner, place
        if parent is not None and self._is_evaluation(item, parent):
            return self._evaluate(item, owner, place) or (owner, place)
        if self._modifies(item, parent, owner) and (value := say(item)) is not None:
            owner.parts.append(Part(item.path, item.name, value))
        return owner, place

    def _modifies(self, item: ContentItem, parent: ContentItem | None, owner: Draft) -> bool:
        """Tell whether an item says something of its owner.

        Persons stand in the report, never in the words of an Observation.
        """
        if owner.kind in ("report", "image") or item.value_type == "PNAME":
            return False
        if parent is not None and item.relationship in _CONTAINED and self._is_prose(parent):
            return False
        return roles.key(item.name) not in roles.CONTEXT

    def _visit_finding(self, item: ContentItem, owner: Draft, place: Place) -> tuple[Draft, Place]:
        if is_hidden(item):
            self.faults[NOT_PRESENTED, CONTENT] += 1
            return owner, place._replace(omit=NOT_PRESENTED)
        inner = place.within(item, self.algorithms)
        draft = self._open(item, "finding", owner, inner)
        draft.value = say(item)
        draft.inherit()
        return draft, inner

    def _evaluate(
        self, item: ContentItem, owner: Draft, place: Place
    ) -> tuple[Draft, Place] | None:
        value = say(item)
        if value is None:
            return None
        inner = place.within(item, self.algorithms)
        draft = self._open(item, "evaluation", owner, inner)
        draft.value = value
        draft.inherit()
        return draft, inner

    def _open(self, item: ContentItem, kind: str, owner: Draft, place: Place) -> Draft:
        draft = Draft(item=item, kind=kind, place=place)
        describe(draft)
        self.drafts.append(draft)
        self.carriers[item.path] = draft
        inferred = owner.kind in _VALUED and (
            kind in ("number", "derived") or item.relationship == "INFERRED FROM"
        )
        (owner.inferred if inferred else owner.children).append(draft)
        return draft


def _share(group: Draft, walk: _Walk) -> None:
    """Let what a measurement group holds have its images, and its measurements its modifiers.

    DICOM: an image mode, say, is stated once for all measurements of a group (TID 5202).
    """
    modifiers = {
        child.path
        for child in group.item.children
        if child.value_type == "CODE" and child.relationship == "HAS CONCEPT MOD"
    }
    parts = [
        part
        for part in group.parts
        if part.path in modifiers and roles.key(part.name) not in _ATTRIBUTES
    ]
    for member in group.children:
        if is_group(member.item):
            continue
        if not member.references:
            walk.take_over(member, group.references)
        if member.item.value_type == "NUM":
            stated = {roles.key(part.name) for part in member.parts}
            shared = (part for part in parts if roles.key(part.name) not in stated)
            member.parts.extend(islice(shared, _MOST_MODIFIERS))


def _freeze(walk: _Walk, top: Draft) -> Iterable[Observed]:
    """Yield what was observed, what is referred to before what refers to it.

    A link by reference that would close a circle is left out.
    """
    links = {id(draft): _targets(walk, draft) for draft in walk.drafts}
    done: set[int] = set()
    opened: set[int] = set()
    waiting: list[tuple[Draft, bool]] = [(draft, False) for draft in reversed(top.children)]
    while waiting:
        draft, ready = waiting.pop()
        if ready:
            targets = [target for target in links[id(draft)] if id(target) in done]
            walk.faults[LOOP, CONTENT] += len(links[id(draft)]) - len(targets)
            done.add(id(draft))
            yield draft.freeze(tuple(target.path for target in targets))
        elif id(draft) not in opened:
            opened.add(id(draft))
            waiting.append((draft, True))
            before = [*draft.children, *draft.inferred, *links[id(draft)]]
            waiting.extend((other, False) for other in reversed(before) if id(other) not in opened)


def _targets(walk: _Walk, draft: Draft) -> list[Draft]:
    found = (walk.carriers.get(path) for path in draft.links)
    return [target for target in found if target is not None and target is not draft]
