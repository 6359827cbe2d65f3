"""How each resource is to be written: the request of its entry and the body that goes with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from dicom2fhir.identity import IDENTIFIER_SYSTEM

if TYPE_CHECKING:
    from dicom2fhir.model import Resource

MASTER_ELSEWHERE = frozenset({"Patient", "Practitioner", "Organization"})
"""Types whose master may be another system, known by a real identifier."""


def own_identifier(resource_id: str) -> Resource:
    """Return the identifier of ours that the resource of this id carries."""
    return {"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{resource_id}"}


def master_identifier(resource: Resource) -> Resource | None:
    """Return the identifier under which another system owns this resource, or None."""
    identifiers = resource.get("identifier")
    if resource["resourceType"] not in MASTER_ELSEWHERE or not identifiers:
        return None
    if any(identifier.get("system") == IDENTIFIER_SYSTEM for identifier in identifiers):
        return None
    first: Resource = identifiers[0]
    if not (first.get("system") and first.get("value")):
        return None
    return {"system": first["system"], "value": first["value"]}


def search_of(identifier: Resource) -> str:
    r"""Return the search that finds this identifier, encoded for a URL.

    FHIR: `\`, `$`, `,` and `|` within a value are escaped (R4 search.html#escaping); a bare `|` in
          a URL is refused by strict servers, so it is written `%7C`.
    """
    system, value = (
        quote(re.sub(r"([\\$,|])", r"\\\1", identifier[part]), safe="")
        for part in ("system", "value")
    )
    return f"identifier={system}%7C{value}"


def request_of(resource: Resource, ids: str) -> tuple[dict[str, str], bool]:
    """Return the request of this resource's entry, and whether the server chooses its id.

    FHIR: Bundle.entry.request (R4 http.html#ccreate, #cond-update). What has a master elsewhere is
          created where it is missing and never overwritten. Binary has no search, so that no
          condition can find one (R4 binary.html).
    """
    kind, identity = resource["resourceType"], resource["id"]
    master = master_identifier(resource)
    if master is not None:
        return {"method": "POST", "url": kind, "ifNoneExist": search_of(master)}, True
    if ids == "server" and kind != "Binary":
        return {"method": "PUT", "url": f"{kind}?{search_of(own_identifier(identity))}"}, True
    return {"method": "PUT", "url": f"{kind}/{identity}"}, False
