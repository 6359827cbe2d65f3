"""Finding and reading resources, without a patient's value in any URL (R4 search.html, http.html).

A search is a POST with its conditions in the body. A server's own link to the next page may repeat
them: it is asked by POST as well.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from dicom2fhir.deliver.server.address import origin_of
from dicom2fhir.deliver.server.exchange import Request
from dicom2fhir.errors import ServerRefusedError, ServerUnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dicom2fhir.deliver.server.exchange import Reply
    from dicom2fhir.deliver.server.steady import SteadyClient
    from dicom2fhir.model import Json, Resource
    from dicom2fhir.options import Wanted

PAGE: Final = 20
"""Resources of one page: large ones stay below what a reply may hold."""
MAX_PAGES: Final = 100_000

RESOURCE_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
"""R4 datatypes.html#id."""
_REFERENCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?")

_FORM: Final = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Cache-Control": "no-cache",  # HAPI answers from what it found up to a minute ago
}
_GONE: Final = {404, 410}
_ESCAPED = re.compile(r"[\\$,]")  # R4 search.html#escaping; `|` stands between system and value


def find_study_ids(client: SteadyClient, wanted: Wanted) -> Iterator[str]:
    """Yield the ids of the ImagingStudies that are asked for, each once.

    Errors: those of the client; ServerRefusedError, ServerUnreachableError
    """
    if wanted.kind == "id":
        yield wanted.value
        return
    seen: set[str] = set()
    for conditions in _conditions(client, wanted):
        for study in search(client, "ImagingStudy", {**conditions, "_elements": "id"}):
            identity = str(study.get("id", ""))
            if RESOURCE_ID.fullmatch(identity) and identity not in seen:
                seen.add(identity)
                yield identity


def _conditions(client: SteadyClient, wanted: Wanted) -> Iterator[Mapping[str, str]]:
    value = _escape(wanted.value)
    if wanted.kind == "study-uid":
        yield {"identifier": f"urn:dicom:uid|urn:oid:{value}"}
    elif wanted.kind == "accession":
        yield {"identifier": value}
    elif id_of(wanted.value, "Patient"):
        yield {"patient": wanted.value}
    else:
        # Not every server takes the chained `patient.identifier`.
        for patient in search(client, "Patient", {"identifier": value, "_elements": "id"}):
            if RESOURCE_ID.fullmatch(str(patient.get("id", ""))):
                yield {"patient": f"Patient/{patient['id']}"}


def _escape(value: str) -> str:
    return _ESCAPED.sub(r"\\\g<0>", value)


def id_of(reference: object, resource_type: str) -> str:
    """Return the id in a reference to this type, relative or absolute; "" where it is none.

    >>> id_of("https://server.example/fhir/Binary/a1/_history/2", "Binary")
    'a1'
    """
    found = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    return found[2] if found is not None and found[1] == resource_type else ""


def read_resource(client: SteadyClient, resource_type: str, identity: str) -> Resource | None:
    """Return the resource of this id, or None where there is none.

    Errors: those of the client; ServerRefusedError, ServerUnreachableError
    """
    request = Request(
        method="GET", path=f"{resource_type}/{identity}", headers={"Cache-Control": "no-cache"}
    )
    reply = client.send(request)
    if reply.status in _GONE:
        return None
    found = _resource_of(reply)
    return found if found.get("resourceType") == resource_type else None


def search(
    client: SteadyClient, resource_type: str, conditions: Mapping[str, str]
) -> Iterator[Resource]:
    """Yield the resources of this type that meet the conditions, page by page.

    Errors: those of the client; ServerRefusedError, ServerUnreachableError
    """
    request: Request | None = _ask(resource_type, [*conditions.items(), ("_count", str(PAGE))])
    asked: set[tuple[str, bytes]] = set()
    while request is not None and len(asked) < MAX_PAGES:
        page = _resource_of(client.send(request))
        asked.add(_key(request))
        for entry in page.get("entry", ()):
            resource = entry.get("resource", {})
            if resource.get("resourceType") == resource_type:
                yield resource
        request = _next_page(client, page, resource_type, conditions)
        if request is not None and _key(request) in asked:
            return  # a server whose link leads in a circle


def _key(request: Request) -> tuple[str, bytes]:
    return request.path, request.body if isinstance(request.body, bytes) else b""


def _ask(resource_type: str, conditions: Iterable[tuple[str, str]]) -> Request:
    form = urlencode(list(conditions)).encode()
    return Request(method="POST", path=f"{resource_type}/_search", body=form, headers=_FORM)


def _next_page(
    client: SteadyClient, page: Json, resource_type: str, conditions: Mapping[str, str]
) -> Request | None:
    """Return how to ask for the next page: by POST where the link repeats the conditions."""
    links = (one for one in page.get("link", ()) if one.get("relation") == "next")
    link = next((str(one.get("url", "")) for one in links), "")
    if not link:
        return None
    parts = urlsplit(link)
    query = parse_qsl(parts.query, keep_blank_values=True)
    told = {name: value for name, value in conditions.items() if not name.startswith("_")}
    repeats = told.keys() & {name.partition(":")[0] for name, _ in query}
    if repeats or any(value in unquote_plus(link) for value in told.values()):
        if parts.netloc and origin_of(link) != origin_of(client.base):
            raise ServerRefusedError("The server's link to the next page leads to another server.")
        return _ask(resource_type, query)
    return Request(method="GET", path=link)


def _resource_of(reply: Reply) -> Json:
    """Return the resource that the server sent.

    Errors: ServerUnreachableError where it may send it later, else ServerRefusedError
    """
    found = reply.json() if reply.is_success else None
    if isinstance(found, dict):
        return found
    if reply.status in {408, 425, 429} or reply.status >= 500:  # noqa: PLR2004 - RFC 9110 15.6
        raise ServerUnreachableError(
            f"The server cannot answer now (HTTP {reply.status}).", hint="Run again later."
        )
    raise ServerRefusedError(
        f"The server refused a search or a read, or did not answer in JSON (HTTP {reply.status}).",
        hint="Check that the address is the base of a FHIR server, and what you may read there.",
    )
