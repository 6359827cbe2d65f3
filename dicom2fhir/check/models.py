"""The second opinion: the fhir.resources models of R4B, which are those of R4 for what we write.

They take about 0.35 ms for one instance of an ImagingStudy, so they see each structure once. That
is exact: a model looks at names, nesting, list or single, presence, and the form of each primitive
on its own. So in a list, objects that differ in nothing but the primitives named in IDENTIFYING are
all good or all bad, once those primitives are good, and these have been judged one by one by
`primitives`, whose tests are never laxer than the models' (a test compares them). Everything that
differs otherwise, be it a code, is shown to the models. The same holds for the Observations of a
Bundle: a report has thousands of a few structures.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from dicom2fhir.check.references import resource_type
from dicom2fhir.check.schema import elements_of
from dicom2fhir.check.tables.elements import TYPES
from dicom2fhir.model import Bytes, Json, Resource
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from collections.abc import Set as AbstractSet

IDENTIFYING = frozenset(
    {"uid", "number", "title", "description", "started", "numberOfInstances"}
    | {"fullUrl", "ifNoneExist", "id", "url", "value", "valueUri", "valueString", "reference"}
    | {"data", "hash", "size", "text", "display", "effectiveDateTime", "issued"}
)
"""Elements whose primitive values tell one object from the next."""

MAX_TEXT = 4096
"""Characters above which a payload is judged by `primitives` alone: a Binary may hold 100 MB."""

_entry = re.compile(r"Bundle\.entry\[(\d+)\]").match


Location: TypeAlias = tuple[int | str, ...]
"""A place as pydantic names it: elements and indexes."""


class Chosen(list[Json]):
    """The first of each structure in a list, and where it stood."""

    places: list[int]


def model_faults(bundle: Resource, misfits: AbstractSet[str]) -> Iterator[Problem]:
    """Yield what the models find in the parts of a Bundle where no misfit has been found.

    Where the tables have found a misfit the models could only say it again.
    """
    broken = {_part(path) for path in misfits}
    entries = bundle.get("entry", [])
    if None not in broken:
        hollow = [
            {key: value for key, value in entry.items() if key != "resource"} for entry in entries
        ]
        envelope = {**bundle, "entry": hollow} if entries else bundle
        yield from _judge(envelope, "Bundle", "Bundle")
    seen: set[Hashable] = set()
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        kind = resource_type(entry.get("resource")) if isinstance(entry, dict) else ""
        if kind and place not in broken and not _is_known(entry["resource"], kind, seen):
            yield from _judge(entry["resource"], kind, f"Bundle.entry[{place}].resource")


def _is_known(resource: Resource, kind: str, seen: set[Hashable]) -> bool:
    """Tell whether an Observation of this structure has been judged; remember it."""
    if kind != "Observation":
        return False
    structure = _structure(resource)
    if structure in seen:
        return True
    seen.add(structure)
    return False


def _part(path: str) -> int | None:
    """Return the number of the entry whose resource this path leads into; None: the envelope."""
    entry = _entry(path)
    return int(entry[1]) if entry and path.startswith(".resource", entry.end()) else None


def _judge(resource: Resource, kind: str, path: str) -> Iterator[Problem]:
    chosen = distinct(resource)
    for loc, detail in model_errors(chosen, kind):
        yield Problem(code="check.model", element=path + _place(loc, chosen, kind), detail=detail)


def model_errors(resource: Resource, kind: str) -> Iterator[tuple[Location, str]]:
    """Yield where the model of this type finds an error and of what type, without the values."""
    from pydantic import ValidationError  # noqa: PLC0415  only `full` pays for it

    try:
        model_of(kind).model_validate(resource)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            if not _is_overruled(fault["type"], fault["msg"], fault["loc"]):
                yield fault["loc"], fault["type"]
    except AttributeError:
        yield (), "the model cannot read it"


def _is_overruled(name: str, message: str, loc: Location) -> bool:
    """Tell an error that the models find in sound FHIR (fhir.resources 8.3).

    They know UUID version 4 only (R4 datatypes.html#uuid: any), have no `_value[x]` of an Extension
    and do not count `_name` for a required choice (json.html#primitive).
    """
    return (
        name == "uuid_version"
        or (name == "extra_forbidden" and str(loc[-1]).startswith("_value"))
        or (name == "value_error" and "Expect any of field value" in message)
    )


@cache
def model_of(kind: str) -> Any:  # noqa: ANN401  a pydantic class, of a package without types
    """Return the model of a resource type, loading its module and no other."""
    # The models let an id have 255 characters unless told otherwise before the first is loaded.
    vars(import_module("fhir_core.constraints"))["TYPES_ID_MAX_LENGTH"] = 64
    return getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)


def distinct(value: Json) -> Json:
    """Return a copy in which each list holds the first object of each structure only.

    Base64 stands in for bytes that are encoded when they are delivered.
    """
    if isinstance(value, dict):
        return {key: distinct(inner) for key, inner in value.items()}
    if isinstance(value, Bytes):
        return "AAAA"
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else "AAAA"
    if not isinstance(value, list):
        return value
    firsts: dict[Hashable, int] = {}
    for place, item in enumerate(value):
        firsts.setdefault(_structure(item), place)
    chosen = Chosen(distinct(value[place]) for place in firsts.values())
    chosen.places = list(firsts.values())
    return chosen


def _structure(value: Json) -> Hashable:
    """Return what two objects share when they differ in nothing but IDENTIFYING primitives."""
    if type(value) is dict:
        return tuple([(key, _trait(key, inner)) for key, inner in value.items()])
    if type(value) is list:
        return tuple(map(_structure, value))
    found: Hashable = value
    return found


def _trait(key: str, value: Json) -> Hashable:
    if type(value) is dict or type(value) is list:
        return _structure(value)
    return None if key in IDENTIFYING else value


def _place(loc: Location, value: Json, kind: str) -> str:
    """Return the path of a place that pydantic names, as far as it leads through known elements."""
    path = ""
    for part in loc:
        if isinstance(part, int) and isinstance(value, list) and part < len(value):
            place = value.places[part] if isinstance(value, Chosen) else part
            path, value = f"{path}[{place}]", value[part]
        elif isinstance(part, str) and (element := _element_type(kind, part)) is not None:
            path, kind = f"{path}.{part}", element
            value = value.get(part) if isinstance(value, dict) else None
        else:
            break
    return path


def _element_type(kind: str, name: str) -> str | None:
    if kind not in TYPES:
        return None
    element = elements_of(kind).get(name.removeprefix("_"))
    if element is None:
        return None
    return "FHIRPrimitiveExtension" if name.startswith("_") else element.type
