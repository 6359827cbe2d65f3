"""What a recording server keeps: resources by type and id with versions, searched and written by
FHIR's rules (R4 http.html), with switches for the ways in which real servers differ."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Resource = dict[str, Any]
    Json = Resource | list["Json"] | str | float | None

URIS = {"url", "uri", "valueUri", "valueUrl"}


@dataclass(slots=True, kw_only=True)
class Switches:
    """How this server behaves; all may be changed while it runs. 0 is no limit."""

    fhir_version: str = "4.0.1"
    transaction: bool = True
    batch_as_transaction: bool = False
    """A failed entry does not undo the others, and the answer is 200 (Medplum's default)."""
    update_create: bool = True
    conditional_update: bool = True
    conditional_create: bool = True
    uuid_ids_only: bool = False
    raw_binary: bool = True
    """False: 500 to bytes that are not JSON (sekmet)."""
    rewrites_uris: bool = True
    """False: only Reference.reference follows a fullUrl (sekmet)."""
    rewrites_all: bool = False
    """A fullUrl is replaced in any string, in an identifier too (Medplum)."""
    merges_entries: bool = False
    """The same condition twice in a Bundle: one entry, and one answer fewer (HAPI)."""
    bumps_unchanged: bool = False
    """A write that changes nothing makes a version all the same."""
    checks_references: bool = False
    """400 for a relative reference to nothing (HAPI)."""
    max_entries: int = 0
    max_conditional_entries: int = 0
    """Entries of a transaction once one of them is conditional (Medplum: 8)."""
    max_updates: int = 0
    max_bytes: int = 0
    max_base64: int = 0
    """Characters of Binary.data."""
    max_binary: int = 0
    """Bytes of a raw Binary."""
    inflate_below: int = 0
    """A larger Binary reads back empty, but for $binary-access-read (HAPI: 10 MiB)."""
    races: int = 0
    """How many of the next conditional transactions lose a race: 409, nothing written."""
    mismatch_status: int = 412
    """Of a stale If-Match (HAPI: 409)."""
    ambiguous_status: int = 412
    absolute_locations: bool = False
    bare_locations: bool = False
    """`Type/id` without a version (Medplum)."""
    phrases: bool = True
    """`201 Created`, not `201`."""
    echoes: bool = False
    """Entries come back whole, as if no Prefer: return=minimal were known."""
    mute: bool = False
    """A refusal to `Prefer: return=minimal` says nothing (Medplum)."""
    page: int = 0
    """Matches of one page of a search."""
    token: str = ""
    """The bearer token; "": anybody."""


class RefusedError(Exception):
    """The server says no, with a status and an issue code."""

    def __init__(self, status: int, code: str, text: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The current version of one resource; `content` is what a Binary holds."""

    resource: Resource
    version: int
    content: bytes | None = None

    @property
    def name(self) -> str:
        """Return `Type/id`."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One version that came to be; `sha256` is that of a Binary's bytes or the resource's JSON."""

    name: str
    version: int
    sha256: str


@dataclass(slots=True)
class Store:
    """Resources by `Type/id`, and every write in order."""

    switches: Switches
    resources: dict[str, Stored] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)

    def of_type(self, kind: str) -> list[Stored]:
        """Return the resources of this type, oldest first."""
        return [one for one in self.resources.values() if one.resource["resourceType"] == kind]

    def counts(self) -> dict[str, int]:
        """Return how many resources there are of each type."""
        found: dict[str, int] = {}
        for one in self.resources.values():
            kind = one.resource["resourceType"]
            found[kind] = found.get(kind, 0) + 1
        return found

    def dangling(self) -> list[str]:
        """Return the literal references, and the uris of Binaries, that lead to nothing here."""
        return [
            target
            for one in self.resources.values()
            for target in literals(one.resource)
            if target not in self.resources
        ]

    def read(self, name: str) -> Stored:
        """Return the resource `Type/id`."""
        if name not in self.resources:
            raise RefusedError(404, "not-found")
        return self.resources[name]

    def search(self, kind: str, query: Iterable[tuple[str, str]]) -> list[Stored]:
        """Return what matches all of these parameters."""
        found = self.of_type(kind)
        for name, value in query:
            if name.startswith("_") and name != "_id":
                continue
            found = [one for one in found if self._matches(one, name, value)]
        return found

    def _matches(self, one: Stored, name: str, value: str) -> bool:
        values = value.split(",")
        if name == "_id":
            return one.resource["id"] in values
        if name == "identifier":
            return any(_has_identifier(one.resource, each) for each in values)
        if name in {"patient.identifier", "subject.identifier", "subject:Patient.identifier"}:
            patient = self.resources.get(_subject(one.resource))
            return patient is not None and self._matches(patient, "identifier", value)
        if name in {"patient", "subject"}:
            return _subject(one.resource) in {
                each if "/" in each else f"Patient/{each}" for each in values
            }
        raise RefusedError(400, "not-supported", f"no search parameter {name}")

    def find_one(self, kind: str, query: str) -> Stored | None:
        """Return the one match of this condition, or None.

        Errors: RefusedError when several match.
        """
        pairs = parse_qsl(query, keep_blank_values=True)
        if not pairs:
            raise RefusedError(400, "invalid", "a condition without parameters")
        found = self.search(kind, pairs)
        if len(found) > 1:
            text = f"this search matched {len(found)} resources: {query}"
            raise RefusedError(self.switches.ambiguous_status, "multiple-matches", text)
        return found[0] if found else None

    def create(self, resource: Resource, content: bytes | None = None) -> Stored:
        """Write a resource under an id of our own choice."""
        return self._write({**resource, "id": str(uuid.uuid4())}, content)

    def update(
        self, name: str, resource: Resource, content: bytes | None = None, if_match: str = ""
    ) -> tuple[Stored, bool]:
        """Write a resource under this name; return it and whether it is new."""
        old = self.resources.get(name)
        identity = name.partition("/")[2]
        if content is None and resource.get("id") != identity:
            raise RefusedError(400, "invalid", "the body has another id than the URL")
        if old is None:
            self._allow_id(identity)
        if if_match and (old is None or if_match != f'W/"{old.version}"'):
            raise RefusedError(self.switches.mismatch_status, "conflict", "stale If-Match")
        return self._write({**resource, "id": identity}, content), old is None

    def _allow_id(self, identity: str) -> None:
        if not self.switches.update_create:
            raise RefusedError(404, "not-found")
        if identity.isdigit():
            raise RefusedError(400, "invalid", "an id of digits only")
        if self.switches.uuid_ids_only:
            try:
                uuid.UUID(identity)
            except ValueError:
                raise RefusedError(400, "invalid", "Invalid id") from None

    def _write(self, resource: Resource, content: bytes | None) -> Stored:
        resource = {key: value for key, value in resource.items() if key != "meta"} | (
            {"meta": _own_meta(resource)} if _own_meta(resource) else {}
        )
        if self.switches.checks_references:
            for target in literals(resource):
                if target not in self.resources and not target.startswith("Binary/"):
                    raise RefusedError(400, "processing", "a reference leads to nothing")
        name = f"{resource['resourceType']}/{resource['id']}"
        old = self.resources.get(name)
        same = old is not None and (old.resource, old.content) == (resource, content)
        if old is not None and same and not self.switches.bumps_unchanged:
            return old
        version = old.version + 1 if old is not None else 1
        self.resources[name] = Stored(resource=resource, version=version, content=content)
        digest = content if content is not None else repr(resource).encode()
        sha256 = hashlib.sha256(digest).hexdigest()
        self.writes.append(Write(name=name, version=version, sha256=sha256))
        return self.resources[name]

    def snapshot(self) -> tuple[dict[str, Stored], int]:
        """Return what `restore` takes to undo everything from now on."""
        return dict(self.resources), len(self.writes)

    def restore(self, snapshot: tuple[dict[str, Stored], int]) -> None:
        """Undo everything since this snapshot."""
        self.resources, length = dict(snapshot[0]), snapshot[1]
        del self.writes[length:]


def _own_meta(resource: Resource) -> Resource:
    meta: Mapping[str, Any] = resource.get("meta") or {}
    return {key: meta[key] for key in meta if key not in {"versionId", "lastUpdated"}}


def _subject(resource: Resource) -> str:
    reference = resource.get("subject", resource.get("patient", {})).get("reference", "")
    return "/".join(reference.split("/")[:2])


def _has_identifier(resource: Resource, wanted: str) -> bool:
    system, bar, value = wanted.rpartition("|")
    given = resource.get("identifier", [])
    for one in given if isinstance(given, list) else [given]:
        right_system = not bar or one.get("system", "") == system
        if right_system and (not value or one.get("value") == value):
            return True
    return False


def literals(node: Json, key: str = "") -> Iterable[str]:
    """Yield each `Type/id` that stands in a Reference, or in a uri that names a Binary."""
    if isinstance(node, dict):
        for inner, value in node.items():
            yield from literals(value, inner)
    elif isinstance(node, list):
        for value in node:
            yield from literals(value, key)
    elif isinstance(node, str) and ":" not in node and node.count("/") == 1:
        names_binary = key in URIS and node.startswith("Binary/")
        if key == "reference" or names_binary:
            yield node


def rewrite_all(node: Json, names: Mapping[str, str]) -> Json:
    """Return a copy with each fullUrl replaced wherever it stands."""
    if isinstance(node, dict):
        return {key: rewrite_all(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [rewrite_all(value, names) for value in node]
    return names.get(node, node) if isinstance(node, str) else node


def rewrite(node: Json, names: Mapping[str, str], *, uris: bool, key: str = "") -> Json:
    """Return a copy with each fullUrl replaced where a server replaces it."""
    if isinstance(node, dict):
        return {inner: rewrite(value, names, uris=uris, key=inner) for inner, value in node.items()}
    if isinstance(node, list):
        return [rewrite(value, names, uris=uris, key=key) for value in node]
    if isinstance(node, str) and node in names and (key == "reference" or (uris and key in URIS)):
        return names[node]
    return node
