"""The rules of a Bundle and of the requests in it (R4 bundle.html, http.html#transaction)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dicom2fhir.model import Json, Resource

Fault = tuple[str, str]
"""A path below the Bundle and the name of the rule."""

_REQUESTS = frozenset({"batch", "transaction", "history"})
_RESPONSES = frozenset({"batch-response", "transaction-response", "history"})


def entry_presence(present: frozenset[str]) -> Iterator[str]:
    """Yield bdl-5 for an entry that holds neither a resource nor a request or response."""
    if present.isdisjoint({"resource", "request", "response"}):
        yield "bdl-5"


def bundle_faults(bundle: Resource) -> Iterator[Fault]:
    """Yield where a Bundle of sound form breaks a rule: the path below it and the rule."""
    kind, entries = bundle.get("type"), bundle.get("entry", [])
    if "total" in bundle and kind not in {"searchset", "history"}:
        yield ".total", "bdl-1"
    for place, entry in enumerate(entries):
        path = f".entry[{place}]"
        yield from _entry_faults(kind, entry, path)
        if kind in {"batch", "transaction"} and "request" in entry:
            yield from _request_faults(entry, path)
    yield from _repeated_urls(entries)
    if kind == "transaction":
        yield from _repeated_identities(entries)
    if kind in {"document", "message"}:
        yield from _first_entry_faults(bundle, entries)


def _entry_faults(kind: Json, entry: Resource, path: str) -> Iterator[Fault]:
    if "search" in entry and kind != "searchset":
        yield f"{path}.search", "bdl-2"
    if ("request" in entry) != (kind in _REQUESTS):
        yield f"{path}.request", "bdl-3"
    if ("response" in entry) != (kind in _RESPONSES):
        yield f"{path}.response", "bdl-4"
    url = entry.get("fullUrl", "")
    if "/_history/" in url:
        yield f"{path}.fullUrl", "bdl-8"
    resource = _resource_of(entry)
    name = f"/{resource.get('resourceType')}/{resource.get('id')}"
    if url.startswith("http") and "id" in resource and not url.endswith(name):
        yield f"{path}.fullUrl", "fullUrl names the resource"


def _request_faults(entry: Resource, path: str) -> Iterator[Fault]:
    request, resource = entry["request"], _resource_of(entry)
    method, url = request.get("method"), request.get("url", "")
    if ("resource" not in entry) != (method in {"GET", "HEAD", "DELETE"}):
        yield f"{path}.resource", "a resource goes with POST, PUT and PATCH only"
        return
    if "ifNoneExist" in request and (method != "POST" or request["ifNoneExist"].startswith("?")):
        yield f"{path}.request.ifNoneExist", "ifNoneExist is the query of a POST"
    if resource and "$" not in url and not _url_fits(method, url, resource):
        yield f"{path}.request.url", "the request fits the resource"


def _url_fits(method: Json, url: str, resource: Resource) -> bool:
    kind = str(resource.get("resourceType"))
    if method == "POST":
        return url == kind
    if method == "PUT":
        name = f"{kind}/{resource.get('id')}"
        return url == name or (url.startswith(f"{kind}?") and len(url) > len(kind) + 1)
    return True


def _repeated_urls(entries: list[Resource]) -> Iterator[Fault]:
    keys = [_versioned_url(entry) for entry in entries]
    repeated = {key for key, count in Counter(keys).items() if key and count > 1}
    for place, key in enumerate(keys if repeated else ()):
        if key in repeated:
            yield f".entry[{place}].fullUrl", "bdl-7"


def _versioned_url(entry: Resource) -> tuple[str, str] | None:
    """Return what bdl-7 asks to be unique: the fullUrl and, in a history, the version."""
    if "fullUrl" not in entry:
        return None
    meta = _resource_of(entry).get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return entry["fullUrl"], str(version)


def _resource_of(entry: Resource) -> Resource:
    """Return the resource of an entry, be its form sound or not, or nothing."""
    resource = entry.get("resource")
    return resource if isinstance(resource, dict) else {}


def _repeated_identities(entries: list[Resource]) -> Iterator[Fault]:
    keys = [_identity(entry) for entry in entries]
    repeated = {key for key, count in Counter(keys).items() if key and count > 1}
    for place, key in enumerate(keys if repeated else ()):
        if key in repeated:
            yield f".entry[{place}].request", "one identity once in a transaction"


def _identity(entry: Mapping[str, Json]) -> str:
    """Return what a change is made to, or nothing for a plain create or a read."""
    request = entry.get("request", {})
    if request.get("method") == "POST":
        condition = request.get("ifNoneExist")
        return f"{request.get('url')}?{condition}" if condition else ""
    if request.get("method") in {"PUT", "PATCH", "DELETE"}:
        return str(request.get("url", ""))
    return ""


def _first_entry_faults(bundle: Resource, entries: list[Resource]) -> Iterator[Fault]:
    first = _resource_of(entries[0]).get("resourceType") if entries else None
    if bundle["type"] == "message":
        if first != "MessageHeader":
            yield ".entry", "bdl-12"
        return
    if first != "Composition":
        yield ".entry", "bdl-11"
    if not {"system", "value"} <= bundle.get("identifier", {}).keys():
        yield ".identifier", "bdl-9"
    if "timestamp" not in bundle:
        yield ".timestamp", "bdl-10"
