"""The invariants of FHIR R4 that bear on what a converter writes.

Those on presence look at the names of the elements alone (`_name` counts as `name`); the others
look at values, and only when everything in the object has the right form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from dicom2fhir.check.imaging_study import study_faults
from dicom2fhir.check.transaction import bundle_faults, entry_presence
from dicom2fhir.model import Json, Resource

if TYPE_CHECKING:
    from dicom2fhir.check.references import Scope

Presence: TypeAlias = Callable[[frozenset[str]], Iterator[str]]
"""Names of the elements of an object to the invariants that they break."""

Rule: TypeAlias = Callable[[Json], Iterator[tuple[str, str]]]
"""An object to the faults in it: the path below the object and the name of the invariant."""


_is_full_uri = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+").fullmatch


def _needs(name: str, *any_of: str, when: str = "") -> Presence:
    """Return the rule that one of these elements is there, always or when another one is."""

    def broken(present: frozenset[str]) -> Iterator[str]:
        if (not when or when in present) and present.isdisjoint(any_of):
            yield name

    return broken


def _extension(present: frozenset[str]) -> Iterator[str]:
    has_value = any(name.startswith("value") for name in present)
    if has_value == ("extension" in present):
        yield "ext-1"


def _observation(present: frozenset[str]) -> Iterator[str]:
    if "dataAbsentReason" in present and any(name.startswith("value") for name in present):
        yield "obs-6"


def _section(present: frozenset[str]) -> Iterator[str]:
    if present.isdisjoint({"text", "entry", "section"}):
        yield "cmp-1"
    if {"emptyReason", "entry"} <= present:
        yield "cmp-2"


_quantity = _needs("qty-3", "system", when="code")

PRESENCE: dict[str, Presence] = {
    "Age": _quantity,
    "Attachment": _needs("att-1", "contentType", when="data"),
    "BundleEntry": entry_presence,
    "CompositionSection": _section,
    "ContactPoint": _needs("cpt-2", "system", when="value"),
    "Count": _quantity,
    "Distance": _quantity,
    "Duration": _quantity,
    "Extension": _extension,
    "Observation": _observation,
    "ObservationReferenceRange": _needs("obs-3", "low", "high", "text"),
    "Organization": _needs("org-1", "identifier", "name"),
    "PatientContact": _needs("pat-1", "name", "telecom", "address", "organization"),
    "Quantity": _quantity,
    "ServiceRequest": _needs("prr-1", "code", when="orderDetail"),
}


def _period(period: Json) -> Iterator[tuple[str, str]]:
    start, end = period.get("start"), period.get("end")
    if start and end and _is_later(start, end):
        yield "", "per-1"


def _identifier(identifier: Json) -> Iterator[tuple[str, str]]:
    # R4 datatypes.html#Identifier; HL7's validator calls anything else an error.
    value = identifier.get("value")
    if identifier.get("system") == "urn:ietf:rfc:3986" and value and not _is_full_uri(value):
        yield ".value", "a value of urn:ietf:rfc:3986 is a full URI"


def _is_later(start: str, end: str) -> bool:
    """Tell whether start is surely after end: of unlike precision, only the common part counts."""
    if "T" in start and "T" in end:
        # A leap second is allowed in FHIR and unknown to datetime.
        first, last = (
            datetime.fromisoformat(text.replace(":60", ":59", 1)) for text in (start, end)
        )
        return first > last
    if "T" in start or "T" in end:
        return False
    length = min(len(start), len(end))
    return start[:length] > end[:length]


def _observation_values(observation: Json) -> Iterator[tuple[str, str]]:
    if not any(name.startswith("value") for name in observation):
        return
    for place, component in enumerate(observation.get("component", ())):
        if component.get("code") == observation.get("code"):
            yield f".component[{place}].code", "obs-7"


RULES: dict[str, tuple[Rule, ...]] = {
    "Bundle": (bundle_faults,),
    "Identifier": (_identifier,),
    "ImagingStudy": (study_faults,),
    "Observation": (_observation_values,),
    "Period": (_period,),
}


def contained_faults(resource: Resource, scope: Scope) -> Iterator[tuple[str, str]]:
    """Yield which contained resources break a rule of containment.

    FHIR: dom-2 not nested, dom-3 referred to, dom-4 no version, dom-5 no security labels.
    """
    held = resource.get("contained")
    for place, inner in enumerate(held if isinstance(held, list) else ()):
        if not isinstance(inner, dict):
            continue
        path = f".contained[{place}]"
        meta = inner.get("meta")
        meta = meta if isinstance(meta, dict) else {}
        if "contained" in inner:
            yield path, "dom-2"
        if "" not in scope.used and not _is_used(inner.get("id"), resource, scope):
            yield path, "dom-3"
        if "versionId" in meta or "lastUpdated" in meta:
            yield path, "dom-4"
        if "security" in meta:
            yield path, "dom-5"


def _is_used(name: Json, resource: Resource, scope: Scope) -> bool:
    """Tell whether a contained resource is named, by a Reference or by a canonical or uri."""
    return isinstance(name, str) and (name in scope.used or _mentions(resource, f"#{name}"))


def _mentions(value: Json, text: str) -> bool:
    if isinstance(value, dict):
        return any(_mentions(inner, text) for inner in value.values())
    if isinstance(value, list):
        return any(_mentions(inner, text) for inner in value)
    return bool(value == text)
