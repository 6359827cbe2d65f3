"""Entries on their way to a server: what each is known by, and the ids in what refers to it."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qs

from dicom2fhir.bundle.encoding import decode_pieces, encode_pieces
from dicom2fhir.bundle.references import dependency_order
from dicom2fhir.bundle.writing import own_identifier, search_of
from dicom2fhir.identity import IDENTIFIER_SYSTEM, resource_id
from dicom2fhir.model import PushEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dicom2fhir.model import Bytes, EncodedBundle, Json, Resource

    Hash: TypeAlias = Callable[[Bytes], str]

WRITING = {"PUT", "POST"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMED = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
_TARGETS = {"reference", "url", "uri", "valueUri", "valueUrl"}
"""Keys under which an address of a resource may stand; canonical ones are not addresses."""
_OURS = "urn:uuid:"


class NotATransactionError(Exception):
    """A Bundle is no transaction of resources that are to be written."""


def read_entries(bundle: Json, sha256: Hash) -> list[PushEntry]:
    """Return the entries of a transaction Bundle.

    Errors: NotATransactionError; those of `sha256`, asked where an entry has no fullUrl
    """
    try:
        if bundle["resourceType"] != "Bundle" or bundle["type"] != "transaction":
            raise NotATransactionError
        entries = [_read_entry(entry, sha256) for entry in bundle.get("entry", ())]
    except (LookupError, TypeError, AttributeError):
        raise NotATransactionError from None
    if len({entry.full_url for entry in entries}) != len(entries):
        raise NotATransactionError  # bdl-7
    return entries


def read_encoded(bundle: EncodedBundle) -> list[PushEntry]:
    """Return the entries of a Bundle of ours."""
    return [_read_entry(decode_pieces(entry.pieces), _stated) for entry in bundle.entries]


def _stated(content: Bytes) -> str:
    return content.sha256


def _read_entry(entry: Json, sha256: Hash) -> PushEntry:
    request, resource = entry["request"], entry["resource"]
    read = PushEntry(
        full_url=str(entry.get("fullUrl") or entry_url(digest_of(resource, sha256))),
        resource=resource,
        method=request["method"],
        url=request["url"],
        if_none_exist=request.get("ifNoneExist", ""),
    )
    kind = resource["resourceType"]
    if read.method not in WRITING or re.split(r"[/?]", read.url)[0] != kind:
        raise NotATransactionError
    return read


def own_id(resource: Resource) -> str:
    """Return our id in the identifier of ours that a resource carries, or ""."""
    value = next((one.get("value") for one in identifiers(resource) if _is_ours(one)), "")
    return str(value).removeprefix(_OURS) if str(value).startswith(_OURS) else ""


def identifiers(resource: Resource) -> list[Resource]:
    """Return the identifiers of a resource."""
    given = resource.get("identifier", [])
    listed = given if isinstance(given, list) else [given]
    return [one for one in listed if isinstance(one, dict)]


def _is_ours(identifier: Resource) -> bool:
    return identifier.get("system") == IDENTIFIER_SYSTEM


def key_of(entry: PushEntry) -> str:
    """Return what the outbox knows this entry by: `Type/<our id>`.

    What others wrote, whose ids may tell of a patient, is known by a hash.
    """
    kind, identity = entry.resource["resourceType"], name_of(entry).partition("/")[2]
    if UUID.fullmatch(identity):
        return f"{kind}/{identity}"
    told = f"{entry.method} {entry.url} {entry.if_none_exist} {entry.full_url}"
    return f"{kind}/{hashlib.sha256(told.encode()).hexdigest()}"


def name_of(entry: PushEntry) -> str:
    """Return the reference by which other parts name this entry's resource, or ""."""
    if entry.method == "PUT" and "?" not in entry.url:
        return entry.url
    identity = own_id(entry.resource) or entry.full_url.removeprefix(_OURS)
    return f"{entry.resource['resourceType']}/{identity}"


def is_master(entry: PushEntry) -> bool:
    """Tell whether the resource is created where it is missing, and never overwritten."""
    return entry.method == "POST" and bool(entry.if_none_exist)


def is_bare(entry: PushEntry) -> bool:
    """Tell whether nothing tells the resource from a copy: it has no id of ours, no condition."""
    return entry.method == "POST" and not entry.if_none_exist


def by_our_identifier(entry: PushEntry) -> str:
    """Return the search that finds this resource by our identifier, or "" where it has none."""
    identity = own_id(entry.resource)
    return search_of(own_identifier(identity)) if identity else ""


def entry_url(resource_id_: str) -> str:
    """Return a fullUrl that differs from our identifier.

    Medplum puts the id it chose in the place of a fullUrl in any string, so that a condition on an
    equal identifier would not match the next time.
    """
    return f"{_OURS}{resource_id('Entry', resource_id_)}"


def is_met(resource: Resource, query: str) -> bool:
    """Tell whether a resource has the identifier that a search asked for.

    A server that does not know a search parameter may return everything.
    """
    asked = parse_qs(query).get("identifier", [""])[0]
    system, _, value = asked.rpartition("|")
    plain = re.sub(r"\\([\\$,|])", r"\1", value)
    return any(
        one.get("value") == plain and (one.get("system") or "") == system
        for one in identifiers(resource)
    )


def digest_of(resource: Resource, sha256: Hash) -> str:
    """Return the SHA-256 of a resource as we would send it, in hex.

    "" where `sha256` has none for bytes that stand in it.
    """
    if resource["resourceType"] == "Binary":
        # who may see it is told by an id that the server may choose
        resource = {name: resource[name] for name in ("contentType", "data") if name in resource}
    digest = hashlib.sha256()
    for piece in encode_pieces(resource):
        told = piece if isinstance(piece, bytes) else sha256(piece).encode()
        if not told:
            return ""
        digest.update(told)
    return digest.hexdigest()


def rename(node: Json, names: Mapping[str, str]) -> Json:
    """Return the node with each address in `names` replaced; what is unchanged is shared."""
    if isinstance(node, dict):
        changed = {key: _rename_value(key, value, names) for key, value in node.items()}
        same = all(changed[key] is value for key, value in node.items())
        return node if same else changed
    if isinstance(node, list):
        items = [rename(item, names) for item in node]
        return items if any(new is not old for new, old in zip(items, node, strict=True)) else node
    return node


def _rename_value(key: str, value: Json, names: Mapping[str, str]) -> Json:
    if isinstance(value, str):
        return names.get(value, value) if key in _TARGETS else value
    return rename(value, names) if isinstance(value, (dict, list)) else value


def targets_of(node: Json) -> Iterator[str]:
    """Yield the addresses in a node that may name a resource of ours."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str):
                if key in _TARGETS and (value.startswith(_OURS) or _NAMED.fullmatch(value)):
                    yield value
            else:
                yield from targets_of(value)
    elif isinstance(node, list):
        for item in node:
            yield from targets_of(item)


def in_order(entries: Sequence[PushEntry]) -> list[PushEntry]:
    """Return the entries, each after those that it refers to and Binaries first."""
    by_url = {entry.full_url: entry for entry in entries}
    named = {name_of(entry): entry.full_url for entry in entries}
    ranked = sorted(by_url, key=lambda url: by_url[url].resource["resourceType"] != "Binary")
    needs = {
        url: [
            target
            for told in targets_of(by_url[url].resource)
            if (target := told if told in by_url else named.get(told, "")) not in {"", url}
        ]
        for url in ranked
    }
    return [by_url[url] for url in dependency_order(needs)]


def encode_part(entries: Sequence[PushEntry], if_match: Mapping[str, str]) -> Json:
    """Return the transaction Bundle of these entries; `if_match` has versions by fullUrl.

    FHIR: Bundle.entry.request (R4 http.html#transaction)
    """
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": entry.full_url,
                "resource": entry.resource,
                "request": _request(entry, if_match.get(entry.full_url, "")),
            }
            for entry in entries
        ],
    }


def _request(entry: PushEntry, version: str) -> Resource:
    request = {"method": entry.method, "url": entry.url}
    if entry.if_none_exist:
        request["ifNoneExist"] = entry.if_none_exist
    if version:
        request["ifMatch"] = f'W/"{version}"'
    return request
