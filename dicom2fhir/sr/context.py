"""Who or what observed, and of whom (PS3.16 TID 1001 to 1008, 4019)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dicom2fhir.content import Algorithm
from dicom2fhir.sr import roles
from dicom2fhir.sr.words import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dicom2fhir.content import ContentItem


@dataclass(slots=True)
class _Maker:
    """A device while its items are read, one field each."""

    path: str
    kind: str
    fields: dict[str, list[str]] = field(default_factory=dict)

    def take(self, name: str, text: str) -> None:
        self.fields.setdefault(name, []).append(text)

    def freeze(self) -> Algorithm:
        first = {name: texts[0] for name, texts in self.fields.items() if name != "parameters"}
        parameters = tuple(self.fields.get("parameters", ()))
        return Algorithm(
            path=self.path,
            kind=self.kind,
            name=first.pop("name", ""),
            parameters=parameters,
            **first,
        )


def find_makers(items: Iterable[ContentItem]) -> Mapping[str, tuple[Algorithm, ...]]:
    """Return the algorithms and device observers that stand below each path."""
    found = {}
    for item in items:
        if makers := (*_algorithms(item.children), *_observers(item.children)):
            found[item.path] = makers
    return found


def _algorithms(children: Iterable[ContentItem]) -> tuple[Algorithm, ...]:
    makers: list[_Maker] = []
    for child in children:
        name = roles.key(child.name)
        if name == roles.ALGORITHM_NAME and stated(child):
            makers.append(_Maker(child.path, "algorithm", {"name": [stated(child)]}))
        elif makers and name in roles.ALGORITHM_FIELDS and stated(child):
            makers[-1].take(roles.ALGORITHM_FIELDS[name], stated(child))
    return tuple(maker.freeze() for maker in makers)


def _observers(children: Iterable[ContentItem]) -> tuple[Algorithm, ...]:
    makers: list[_Maker] = []
    for child in children:
        name = roles.DEVICE_FIELDS.get(roles.key(child.name))
        if name is None or not stated(child):
            continue
        if not makers or name in makers[-1].fields:
            makers.append(_Maker(child.path, "observer"))
        makers[-1].take(name, stated(child))
    return tuple(maker.freeze() for maker in makers)


def find_persons(items: Sequence[ContentItem]) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the person observers of all below each path (TID 1003)."""
    by_path = {item.path: item for item in items}
    found: dict[str, dict[str, None]] = {}
    for item in items:
        if item.value_type == "PNAME" and item.text and _is_observer(item):
            place = item.path.rpartition(".")[0]
            while place in by_path and by_path[place].relationship == "HAS OBS CONTEXT":
                place = place.rpartition(".")[0]
            found.setdefault(place, {})[item.text] = None
    return {place: tuple(names) for place, names in found.items()}


def _is_observer(item: ContentItem) -> bool:
    name = roles.key(item.name)
    if name == roles.OBSERVER_NAME:
        return True
    return item.relationship == "HAS OBS CONTEXT" and name not in roles.OTHER_PERSONS


def find_fetus(item: ContentItem) -> str | None:
    """Return what the fetus is called whom all below this item is about.

    It is "" where the item says that its subject is no fetus, None where it says nothing.
    """
    # Whatever its relationship: two fetuses that are taken for one are worse than a fault.
    context = {roles.key(child.name): child for child in reversed(item.children)}
    subject = context.get(roles.SUBJECT_CLASS)
    names = [stated(context[name]) for name in roles.FETUS_NAMES if name in context]
    name = next(filter(None, names), "")
    if subject is not None:
        is_fetus = roles.key(subject.code) == roles.FETUS
    else:
        is_fetus = roles.FETUS_NAMES[0] in context
        if not is_fetus:
            return None
    if not is_fetus:
        return ""
    # Two without a name are two all the same.
    return _fetus(name) if name else f"Fetus of item {item.path}"


def _fetus(name: str) -> str:
    return name if "fetus" in name.casefold() else f"Fetus {name}"


def stated(item: ContentItem) -> str:
    """Return what an item says as text, "" where it says nothing or names a person."""
    if item.value_type == "PNAME":
        return ""
    if item.text:
        return item.text.strip()
    if item.code is not None:
        return words(item.code)
    return item.numbers[0].text.strip() if item.numbers else ""
