"""Rows: each FHIR element we write, the DICOM attributes it comes from, and why.

A resource is the sum of its rows. The documentation and `explain` read the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from dicom2fhir.mapping.context import Context, Explained
from dicom2fhir.mapping.tables.tags import TAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dicom2fhir.model import Json, Resource

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Element(Generic[S]):
    """One row: FHIR path, DICOM keywords, the function that builds the value, and the source.

    A path that ends in `[name]` adds one item, or several, to a list that other rows share.
    """

    path: str
    keywords: tuple[str, ...]
    build: Callable[[S, Context], Json]
    source: str
    name: str = field(init=False)
    many: bool = field(init=False)

    def __post_init__(self) -> None:
        name = self.path.partition("[")[0].rpartition(".")[2]
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "many", self.path.endswith("]"))


def compact(element: Mapping[str, Json]) -> dict[str, Json]:
    """Return the element without what says nothing: FHIR knows no null, empty text, list, object.

    0 and False do say something; both equal 0.
    """
    return {name: value for name, value in element.items() if value or value == 0}


def fill(rows: Sequence[Element[S]], source: S, context: Context) -> Resource:
    """Return the element that these rows make of one source."""
    return fill_each(rows, (source,), context)[0]


def fill_each(rows: Sequence[Element[S]], sources: Iterable[S], context: Context) -> list[Resource]:
    """Return the element that these rows make of each source."""
    # Laid out once: a study may list 100,000 instances.
    single = [(row.name, _traced(row, context)) for row in rows if not row.many]
    several = [(row.name, _traced(row, context)) for row in rows if row.many]
    filled = []
    for source in sources:
        made: Resource = {}
        for name, build in single:
            value = build(source, context)
            if value or value == 0:
                made[name] = value
        for name, build in several:
            value = build(source, context)
            if value:
                made.setdefault(name, []).extend(value if isinstance(value, list) else (value,))
        filled.append(made)
    return filled


def _traced(row: Element[S], context: Context) -> Callable[[S, Context], Json]:
    """Return the row's function, wrapped only where somebody wants to know what it made."""
    trace = context.trace
    if trace is None:
        return row.build
    attributes = tuple((keyword, TAGS[keyword]) for keyword in row.keywords)

    def build(source: S, context: Context) -> Json:
        value = row.build(source, context)
        if value or value == 0:
            trace.append(
                Explained(
                    element=row.path,
                    value=value,
                    attributes=attributes,
                    source=row.source,
                    item=context.item,
                )
            )
        return value

    return build


def constant(value: Json) -> Callable[[S, Context], Json]:
    """Return a builder that always gives this value."""

    def build(_source: S, _context: Context) -> Json:
        return value

    build.__doc__ = f"Always `{value}`." if isinstance(value, str) else "Always the same."
    return build
