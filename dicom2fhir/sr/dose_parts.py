"""Numbers of dose reports as components, and the words that sum a report up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dicom2fhir.content import Part
from dicom2fhir.sr import dose_concepts as concepts
from dicom2fhir.sr import roles
from dicom2fhir.sr.groups import say
from dicom2fhir.sr.measuring import answer, values_of
from dicom2fhir.sr.words import spoken, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dicom2fhir.content import ContentItem

_SAID: Final = frozenset({"CODE", "TEXT", "DATE", "TIME", "DATETIME", "UIDREF"})
_SPELT: Final = (("mGycm", "mGy.cm"), ("Gym2", "Gy.m2"))
"""Units as most writers misspell them (PS3.16 CID 3470 has them with a point)."""


def is_said(item: ContentItem) -> bool:
    """Tell whether an item says something in a code or in words."""
    return item.value_type in _SAID and bool(item.code or item.text)


def make_parts(owner: ContentItem, shown: Sequence[ContentItem]) -> list[Part]:
    """Return the components of these items of an owner and of all below them, in their order."""
    titles = distinguish(owner, shown)
    return [
        part
        for item in shown
        for below in item.walk()
        for part in _parts(below, titles.get(below.path, ""))
    ]


def _parts(item: ContentItem, title: str) -> Iterator[Part]:
    if item.value_type == "NUM":
        numbers = values_of(item)
        values = [answer(number) for number in numbers] or [None]
        for index, value in enumerate(values):
            qualifier = item.qualifier if index == 0 else None
            yield Part(item.path, item.name, value, qualifier, title, counts=index == 0)
    elif is_said(item):
        yield Part(item.path, item.name, say(item))


def distinguish(owner: ContentItem, shown: Iterable[ContentItem]) -> dict[str, str]:
    """Return the titles by path of numbers that their concept alone does not tell apart.

    A side is always said, so that left and right are never taken for each other; then what differs
    among modifiers and containers: the plane, the tube; then their order.
    """
    clusters: dict[roles.Key, list[ContentItem]] = {}
    for item in shown:
        if item.value_type == "NUM":
            clusters.setdefault(roles.key(item.name), []).append(item)
    if not clusters:
        return {}
    around = {item.path: item for item in owner.walk() if item.value_type == "CONTAINER"}
    titles: dict[str, str] = {}
    for cluster in clusters.values():
        titles.update(_entitle(cluster, around))
    return titles


def _entitle(
    cluster: Sequence[ContentItem], around: dict[str, ContentItem]
) -> Iterator[tuple[str, str]]:
    said = [list(_sides(item)) for item in cluster]
    if len(cluster) > 1:
        more = [[*_modifiers(item), *_surroundings(item, around)] for item in cluster]
        common = set(more[0]).intersection(*more[1:])
        said = [
            [*own, *(word for word in other if word not in common and word not in own)]
            for own, other in zip(said, more, strict=True)
        ]
    for index, (item, own) in enumerate(zip(cluster, said, strict=True)):
        told = [*own, str(index + 1)] if said.count(own) > 1 else own
        if told:
            yield item.path, f"{words(item.name)} ({', '.join(told)})"


def _sides(item: ContentItem) -> Iterator[str]:
    for child in item.children:
        if roles.named(child, roles.LATERALITY) and child.code is not None:
            yield words(child.code)


def _modifiers(item: ContentItem) -> Iterator[str]:
    for child in item.children:
        if child.code is not None:
            yield words(child.code)


def _surroundings(item: ContentItem, around: dict[str, ContentItem]) -> Iterator[str]:
    container = around.get(item.path.rpartition(".")[0])
    for child in container.children if container is not None else ():
        if child.relationship == "HAS CONCEPT MOD" and child.code is not None:
            yield words(child.code)
        elif roles.named(child, concepts.SOURCE_NAME) and child.text:
            yield f"source {child.text}"


def summarise_doses(root: ContentItem, shown: Sequence[ContentItem], events: int) -> str:
    """Return a report in one line, such as `CT DLP total 7.46 mGy.cm; 1 event`."""
    titles = distinguish(root, shown)
    said = []
    for name, short in concepts.TOTALS.items():
        for item in shown:
            if roles.key(item.name) != name:
                continue
            more = titles.get(item.path, "").removeprefix(words(item.name))
            said += [f"{short}{more} {_spoken(value)}" for value in _values(item)]
    count = next(
        (_plain(item) for item in shown if roles.key(item.name) == concepts.COUNT), ""
    ) or str(events)
    said.append(f"{count} event" if count == "1" else f"{count} events")
    return "; ".join(said)


def summarise_administration(shown: Sequence[ContentItem]) -> str:
    """Return an administration in one line, such as `Fluorodeoxyglucose F^18^ 394 MBq`."""
    agents = [words(item.code) for item in shown if roles.key(item.name) in concepts.AGENT]
    activities = [
        _spoken(value)
        for item in shown
        if roles.key(item.name) == concepts.ACTIVITY
        for value in _values(item)
    ]
    return " ".join([*agents, *activities]) or "No activity stated"


def _values(item: ContentItem) -> Iterator[str]:
    for number in values_of(item):
        yield spoken(answer(number))


def _plain(item: ContentItem) -> str:
    return next((number.text.strip() for number in values_of(item)), "")


def _spoken(text: str) -> str:
    for misspelt, right in _SPELT:
        text = text.replace(misspelt, right)
    return text
