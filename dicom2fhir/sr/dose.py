"""Radiation dose reports: summary, irradiation events, administrations (PS3.16 TID 10001 ff.).

What a summary or an event shows are components of its Observation, each number once. What else the
report states goes through the template-free core, or is listed as left out by the level asked for.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from dicom2fhir.content import Observed, Omission, Text
from dicom2fhir.sr import dose_concepts as concepts
from dicom2fhir.sr import roles
from dicom2fhir.sr.core import CONTENT, Harvest, harvest
from dicom2fhir.sr.dose_parts import (
    is_said,
    make_parts,
    summarise_administration,
    summarise_doses,
)
from dicom2fhir.sr.dose_plausible import count_implausible
from dicom2fhir.sr.words import site_words, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dicom2fhir.content import ContentItem
    from dicom2fhir.model import Coded

DOSES: Final = frozenset({"xray-dose", "radiopharmaceutical-dose"})
DOSE_LEVEL: Final = "sr.dose-level"
IMPLAUSIBLE: Final = "sr.implausible-dose"
MEASURED_VALUE: Final = "(0040,A30A)"
_ROOT: Final = "1"


@dataclass(slots=True, kw_only=True)
class _Owner:
    """What shows some items of a report as its components: the report itself, an event.

    `shown` become components, `used` its references and identifier.
    """

    item: ContentItem
    kind: str
    number: int
    shown: list[ContentItem]
    used: list[ContentItem] = field(default_factory=list)

    @property
    def taken(self) -> Iterator[str]:
        """Yield the paths that are not for others to show."""
        for item in (*self.shown, *self.used):
            for below in item.walk():
                yield below.path

    def find(self, names: frozenset[roles.Key]) -> Iterator[ContentItem]:
        """Yield what is shown or used under these names."""
        return (item for item in (*self.shown, *self.used) if roles.key(item.name) in names)


def harvest_dose(
    items: Sequence[ContentItem], kind: str, algorithms: Mapping[str, str], level: str
) -> Harvest:
    """Return what the items of a dose report, the root first, become at this level of dose.

    `level` is all, events or summary. A report without doses is read as any other.
    """
    owners = list(_find_owners(items[0], kind, level))
    if not owners:
        return harvest(items, kind, algorithms)
    taken = {path for owner in owners for path in owner.taken}
    if level == "all":
        rest = harvest(_prune(items, taken), kind, algorithms)
    else:
        rest = _leave_out(items, taken)
    implausible = count_implausible(items)
    if implausible:
        rest.faults[IMPLAUSIBLE, MEASURED_VALUE] += implausible
    return _join(owners, rest)


def find_authorising(items: Iterable[ContentItem]) -> tuple[str, ...]:
    """Return the names of those who authorised the irradiation (TID 1020), each once."""
    names = (
        item.text
        for item in items
        if item.value_type == "PNAME"
        and any(
            roles.named(child, concepts.ROLE) and roles.key(child.code) == concepts.AUTHORIZING
            for child in item.children
        )
    )
    return tuple(dict.fromkeys(name for name in names if name))


def _find_owners(root: ContentItem, kind: str, level: str) -> Iterator[_Owner]:
    """Yield events or administrations in their order, then the summary."""
    about = [child for child in root.children if _is_about(child)]
    if kind == "radiopharmaceutical-dose":
        for number, item in enumerate(_outermost(root, concepts.ADMINISTRATIONS), start=1):
            shown = [*about, *_named(item, concepts.ADMINISTRATION_PARTS)]
            yield _own(item, "administration", number, shown)
        return
    doses = tuple(_outermost(root, concepts.EVENTS | concepts.ACCUMULATED))
    if not doses:
        return
    events = [item for item in doses if roles.key(item.name) in concepts.EVENTS]
    if level != "summary":
        for number, item in enumerate(events, start=1):
            yield _own(item, "event", number, list(_named(item, concepts.EVENT_PARTS)))
    totals = [
        child
        for item in doses
        if roles.key(item.name) in concepts.ACCUMULATED
        for child in item.children
        if child.value_type == "NUM" or is_said(child)
    ]
    yield _Owner(item=root, kind="dose", number=len(events), shown=[*about, *totals])


def _own(item: ContentItem, kind: str, number: int, shown: list[ContentItem]) -> _Owner:
    seen = {below.path for one in shown for below in one.walk()}
    used = [
        below
        for below in item.walk()
        if below.path not in seen
        and not below.children
        and (below.references or roles.key(below.name) in concepts.UIDS)
    ]
    return _Owner(item=item, kind=kind, number=number, shown=shown, used=used)


def _outermost(root: ContentItem, names: frozenset[roles.Key]) -> Iterator[ContentItem]:
    """Yield the containers of these names that are in no other one, in the document's order."""
    waiting = list(reversed(root.children))
    while waiting:
        item = waiting.pop()
        if item.value_type == "CONTAINER" and item.children and roles.key(item.name) in names:
            yield item
        else:
            waiting.extend(reversed(item.children))


def _named(owner: ContentItem, names: frozenset[roles.Key]) -> Iterator[ContentItem]:
    """Yield the items of these names below an owner that are in no other one.

    What stands below them, such as a half-life below its agent, is shown with them.
    """
    waiting = list(reversed(owner.children))
    while waiting:
        item = waiting.pop()
        if (item.value_type == "NUM" or is_said(item)) and roles.key(item.name) in names:
            yield item
        else:
            waiting.extend(reversed(item.children))


def _is_about(item: ContentItem) -> bool:
    """Tell what a report says of itself: procedure, scope, when, where its numbers come from."""
    is_context = roles.key(item.name) in roles.CONTEXT
    return is_said(item) and not is_context and all(one.value_type != "NUM" for one in item.walk())


def _prune(items: Sequence[ContentItem], taken: set[str]) -> tuple[ContentItem, ...]:
    """Return the items of the tree without those that are taken."""
    below: dict[str, list[ContentItem]] = {}
    for item in reversed(items):
        children = tuple(reversed(below.pop(item.path, [])))
        if item.path in taken:
            continue
        # the same children are the same objects: nothing was taken below
        kept = item if _are(children, item.children) else replace(item, children=children)
        below.setdefault(item.path.rpartition(".")[0], []).append(kept)
    return tuple(below[""][0].walk())


def _are(some: tuple[ContentItem, ...], others: tuple[ContentItem, ...]) -> bool:
    return len(some) == len(others) and all(map(operator.is_, some, others))


def _leave_out(items: Iterable[ContentItem], taken: set[str]) -> Harvest:
    left = tuple(
        Omission(item.path, DOSE_LEVEL)
        for item in items
        if item.value_type == "NUM" and not item.target and item.path not in taken
    )
    faults = Counter({(DOSE_LEVEL, CONTENT): len(left)} if left else {})
    return Harvest(observed=(), results=(), omissions=left, faults=faults)


def _join(owners: Sequence[_Owner], rest: Harvest) -> Harvest:
    """Put what the owners show and what the core made of the rest together."""
    cores = {one.path: one for one in rest.observed}
    made = {owner.item.path: _observe(owner, cores.get(owner.item.path)) for owner in owners}
    tops = {*rest.results, *made} - {_ROOT}
    observed = [made.pop(one.path, one) for one in rest.observed]
    summary = made.pop(_ROOT, None)
    observed += made.values()
    tops.difference_update(path for one in observed for path in one.members)
    results = tuple(sorted(tops, key=_place))
    if summary is not None:
        observed.append(replace(summary, members=results))
        results = (_ROOT,)
    return Harvest(
        observed=tuple(observed), results=results, omissions=rest.omissions, faults=rest.faults
    )


def _place(path: str) -> tuple[int, ...]:
    return tuple(map(int, path.split(".")))


def _observe(owner: _Owner, core: Observed | None) -> Observed:
    """Return the Observation of an owner, with what the core made of the rest of its item."""
    site = next(owner.find(frozenset({concepts.TARGET_REGION})), None)
    side = next(_sides(owner), None)
    references = [one for item in owner.used for one in item.references]
    parts = make_parts(owner.item, [item for item in owner.shown if item is not site])
    if site is not None:
        parts += make_parts(owner.item, site.children)
    made = Observed(
        path=owner.item.path,
        kind=owner.kind,
        name=concepts.EVENT if owner.kind == "event" else concepts.SUMMARY,
        title=_title(owner, side),
        value=_value(owner),
        parts=tuple(parts),
        site=site.code if site else None,
        site_text=site_words(site.code, side, None) if site else "",
        references=tuple(dict.fromkeys(references)),
        uid=owner.item.uid,
        observed=owner.item.observed,
        begun=_begun(owner),
        identifiers=_identifiers(owner),
    )
    if core is None:
        return made
    return replace(
        made,
        parts=made.parts + core.parts,
        members=core.members,
        sources=core.sources,
        algorithm=core.algorithm,
    )


def _sides(owner: _Owner) -> Iterator[Coded]:
    places = frozenset({concepts.TARGET_REGION, concepts.ANATOMY})
    for item in owner.find(places) if owner.kind == "event" else ():
        for child in item.children:
            if roles.named(child, roles.LATERALITY) and child.code is not None:
                yield child.code


def _title(owner: _Owner, side: Coded | None) -> str:
    if owner.kind == "dose":
        return concepts.SUMMARY_TITLE
    number = str(owner.number)
    if owner.kind == "administration":
        agent = [words(item.code) for item in owner.find(concepts.AGENT)][:1]
        return f"{concepts.SUMMARY_TITLE} ({': '.join((f'administration {number}', *agent))})"
    told = [words(item.code) for item in owner.find(concepts.EVENT_TYPES)][:1]
    told += [words(side)] if side else []
    return f"{words(concepts.EVENT)} ({': '.join((number, *filter(None, [', '.join(told)])))})"


def _value(owner: _Owner) -> Text | None:
    if owner.kind == "event":
        return None
    if owner.kind == "dose":
        return Text("TEXT", summarise_doses(owner.item, owner.shown, owner.number))
    return Text("TEXT", summarise_administration(owner.shown))


def _begun(owner: _Owner) -> str:
    """Return when it began: of a report without a start of irradiation, its first event."""
    stated = [item.text for item in owner.find(concepts.STARTED)]
    if not stated and owner.kind == "dose":
        stated = [
            item.text
            for item in owner.item.walk()
            if roles.key(item.name) in concepts.STARTED and item.text
        ]
    return min(stated, default="")


def _identifiers(owner: _Owner) -> tuple[tuple[Coded, str], ...]:
    name = concepts.EVENT_UID if owner.kind == "event" else concepts.ADMINISTRATION_UID
    uids = (item.text for item in owner.used if roles.key(item.name) in concepts.UIDS)
    return tuple((name, uid) for uid in dict.fromkeys(uids) if uid)
