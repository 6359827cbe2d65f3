"""References (R4 references.html): that they resolve, and point at a type that is allowed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dicom2fhir.check.schema import is_resource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicom2fhir.model import Json, Resource

_literal = re.compile(
    r"(?P<base>[a-z][a-z0-9+.-]*://\S*/)?(?P<type>[A-Z][A-Za-z]+)"
    r"(?:/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?|\?\S+)(?:#\S*)?"
).fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the references of one resource can resolve to.

    `entries` is the type of each fullUrl of the Bundle, `contained` the type of each contained
    id, `container` that of the resource itself (`#`). `used` collects the contained ids met.
    """

    entries: Mapping[str, str] = field(default_factory=dict)
    contained: Mapping[str, str] = field(default_factory=dict)
    container: str = ""
    used: set[str] = field(default_factory=set)


def resource_type(resource: Json) -> str:
    """Return the type that a resource names, or nothing where it names none."""
    name = resource.get("resourceType") if isinstance(resource, dict) else None
    return name if isinstance(name, str) and is_resource(name) else ""


def scope_of(resource: Resource, entries: Mapping[str, str]) -> Scope:
    """Return the scope of a resource that stands alone or in an entry of a Bundle."""
    contained: dict[str, str] = {}
    held = resource.get("contained")
    for inner in held if isinstance(held, list) else ():
        if isinstance(inner, dict) and isinstance(inner.get("id"), str):
            contained[inner["id"]] = resource_type(inner)
    return Scope(entries=entries, contained=contained, container=resource_type(resource))


def entries_of(bundle: Resource) -> dict[str, str]:
    """Return the type of the resource behind each fullUrl of a Bundle."""
    entries = bundle.get("entry")
    return {
        entry["fullUrl"]: resource_type(entry.get("resource"))
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("fullUrl"), str)
    }


def fault_of(
    reference: Mapping[str, Json], targets: frozenset[str], scope: Scope
) -> tuple[str, str] | None:
    """Return the Problem code and detail of what is wrong with a Reference, if anything.

    FHIR: Reference.reference, Reference.type; ref-1; no targets means any type.
    """
    stated = reference.get("type")
    stated = stated.rpartition("/")[2] if stated is not None else ""
    if stated and is_resource(stated) and targets and stated not in targets:
        return "check.reference-type", _allowed(targets)
    text = reference.get("reference")
    if text is None:
        return None
    found = _type_behind(text, scope)
    if found is None:
        return "check.unresolved", ""
    if (targets and found and found not in targets) or (stated and found and stated != found):
        return "check.reference-type", _allowed(targets or {stated})
    return None


def _type_behind(text: str, scope: Scope) -> str | None:
    """Return the type a reference leads to: "" when none can be known, None for a dead end."""
    if text in scope.entries:
        return scope.entries[text]
    if text.startswith("#"):
        scope.used.add(text[1:])
        return scope.contained.get(text[1:]) if len(text) > 1 else scope.container
    if text.startswith("urn:"):
        return None
    literal = _literal(text)
    if literal is None:
        # A URL of a server that is not RESTful may look like anything; a relative one may not.
        return "" if "://" in text else None
    if not is_resource(literal["type"]):
        return "" if literal["base"] else None
    return literal["type"]


def _allowed(targets: Sequence[str] | frozenset[str] | set[str]) -> str:
    return "allowed: " + ", ".join(sorted(targets))
