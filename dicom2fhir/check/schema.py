"""The types of FHIR R4B, unfolded from their table one by one as they are met."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from dicom2fhir.check.tables.elements import TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element of a type; no codes or targets: any."""

    name: str
    type: str
    required: bool
    many: bool
    choice: str = ""
    choice_required: bool = False
    codes: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()


@cache
def elements_of(name: str) -> dict[str, Element]:
    """Return the elements of a type by name, those of its base types first."""
    base, *own = TYPES[name].split(";")
    elements = dict(elements_of(base)) if base else {}
    for text in own:
        element = _element(text)
        elements[element.name] = element
    return elements


@cache
def is_resource(name: str) -> bool:
    """Tell whether this is a resource that can stand in a Bundle."""
    return name in TYPES and name not in {"Resource", "DomainResource"} and _inherits(name)


def _inherits(name: str) -> bool:
    base = TYPES[name].partition(";")[0]
    return base in {"Resource", "DomainResource"} or (bool(base) and _inherits(base))


def _element(text: str) -> Element:
    name, kind, cardinality, *rest = text.split(" ")
    marks = {part[0]: part[1:] for part in rest}
    choice = marks.get("@", "")
    return Element(
        name=name,
        type=kind,
        required=cardinality in "1+",
        many=cardinality in "*+",
        choice=choice.removeprefix("!"),
        choice_required=choice.startswith("!"),
        codes=frozenset(marks["="].split(",")) if "=" in marks else frozenset(),
        targets=frozenset(marks[">"].split(",")) if ">" in marks else frozenset(),
    )
