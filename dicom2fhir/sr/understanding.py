"""What a structured report says: its kind by its title, then what was measured."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Final

from dicom2fhir.content import Report
from dicom2fhir.sr import roles
from dicom2fhir.sr.context import find_makers, find_persons
from dicom2fhir.sr.core import CONTENT, MEASURED_VALUE, harvest
from dicom2fhir.sr.dose import DOSES, find_authorising, harvest_dose
from dicom2fhir.sr.groups import say
from dicom2fhir.sr.manifest import list_series
from dicom2fhir.sr.rendering import conclude, lines_of, render_html, render_text
from dicom2fhir.sr.words import title_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dicom2fhir.content import Algorithm, ContentItem, ContentTree, Referenced
    from dicom2fhir.options import ReportOptions


_VALUES: Final = {
    "TEXT": "(0040,A160)",
    "CODE": "(0040,A168)",
    "PNAME": "(0040,A123)",
    "DATE": "(0040,A121)",
    "TIME": "(0040,A122)",
    "DATETIME": "(0040,A120)",
    "UIDREF": "(0040,A124)",
}
"""Value types without which there is nothing to say, by the tag of the value."""


def understand(tree: ContentTree, sop_instance_uid: str, options: ReportOptions) -> Report:
    """Understand one content tree, whatever SOP class its instance has.

    DICOM: the root's concept name decides the kind (PS3.16 CID 7021, 7010, 7000).
    """
    items = tuple(tree.root.walk())
    kind = kind_of(tree.root, items)
    makers = find_makers(items)
    observers = find_persons(items)
    united = _unite(makers)
    algorithms = _algorithms(makers, united, kind)
    if kind in DOSES:
        found = harvest_dose(items, kind, algorithms, options.dose)
    else:
        found = harvest(items, kind, algorithms)
    lines = lines_of(tree.root, kind)
    return Report(
        sop_instance_uid=sop_instance_uid,
        kind=kind,
        name=tree.root.name,
        title=title_of(tree.root),
        attributes=tree.attributes,
        observed=found.observed,
        results=found.results,
        conclusion=conclude(items, kind),
        text=render_text(lines),
        html=render_html(lines),
        persons=tuple(dict.fromkeys(chain.from_iterable(observers.values()))),
        observers=observers,
        authorising=find_authorising(items),
        algorithms=tuple(dict.fromkeys(united.values())),
        cited=_cited(tree.root),
        listed=list_series(tree) if kind == "manifest" else (),
        numbers=sum(1 for item in items if item.value_type == "NUM" and not item.target),
        omissions=found.omissions,
        faults=Counter(tree.faults) + _judge(items) + found.faults,
    )


def _judge(items: Sequence[ContentItem]) -> Counter[tuple[str, str]]:
    """Count the items that say nothing, and the numbers that are none."""
    faults: Counter[tuple[str, str]] = Counter()
    if len(items) == 1 and items[0].value_type == "CONTAINER":
        faults["sr.no-content", CONTENT] += 1
    for item in items:
        if item.value_type == "NUM":
            bad = sum(1 for number in item.numbers if number.text.strip() and not number.exact)
            faults["sr.bad-number", MEASURED_VALUE] += bad
        elif item.value_type in _VALUES and say(item) is None:
            faults["sr.no-value", _VALUES[item.value_type]] += 1
    return faults


def kind_of(root: ContentItem, items: Iterable[ContentItem]) -> str:
    """Return what kind of report this title names; without numbers an unknown one is prose."""
    title = roles.key(root.name)
    for kind, titles in roles.KINDS.items():
        if title in titles:
            return kind
    if title in roles.TEXT_TITLES:
        return "text"
    if root.template in roles.TEMPLATES:
        return roles.TEMPLATES[root.template]
    return "other" if any(item.value_type == "NUM" for item in items) else "text"


def _unite(makers: Mapping[str, Sequence[Algorithm]]) -> dict[Algorithm, Algorithm]:
    """Return each algorithm and observer with the first that says the same."""
    firsts: dict[Algorithm, Algorithm] = {}
    every = chain.from_iterable(makers.values())
    return {maker: firsts.setdefault(maker._replace(path=""), maker) for maker in every}


def _algorithms(
    makers: Mapping[str, Sequence[Algorithm]], united: Mapping[Algorithm, Algorithm], kind: str
) -> dict[str, str]:
    """Return the path of the algorithm that holds below each path.

    Where a CAD report names one algorithm only, all of it is that one's.
    """
    found = {
        path: next((united[maker].path for maker in some if maker.kind == "algorithm"), "")
        for path, some in makers.items()
    }
    below = {path: algorithm for path, algorithm in found.items() if algorithm}
    every = set(below.values())
    return {"1": every.pop(), **below} if kind == "cad" and len(every) == 1 else below


def _cited(root: ContentItem) -> tuple[Referenced, ...]:
    """Return the instances that the report names, but for those its image library lists."""
    cited: dict[Referenced, None] = {}
    waiting = [root]
    while waiting:
        item = waiting.pop()
        if roles.named(item, *roles.IMAGE_LIBRARIES):
            continue
        cited.update(dict.fromkeys(item.references))
        waiting.extend(reversed(item.children))
    return tuple(cited)
