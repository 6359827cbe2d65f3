"""What a server says it can do, and how we write to it accordingly."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from dicom2fhir.deliver.server.exchange import Request
from dicom2fhir.deliver.server.replies import outline
from dicom2fhir.errors import ServerRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dicom2fhir.deliver.server.exchange import Reply
    from dicom2fhir.model import Json

READABLE = ("4.0", "4.3")
"""FHIR R4 and R4B: every resource of ours is valid in both."""

WRITTEN = ("ImagingStudy", "Endpoint", "Media", "Device")
"""Types whose writing decides the mode; a server that lacks the others takes none of them."""


class WriteMode(StrEnum):
    """How a resource of ours is written so that it never is there twice."""

    PUT = "put"
    CONDITIONAL_PUT = "conditional-put"
    CONDITIONAL_CREATE = "conditional-create"
    SEARCH_FIRST = "search-first"

    @property
    def chooses_ids(self) -> bool:
        """Tell whether the server chooses the ids."""
        return self is not WriteMode.PUT


EXPLAINED: Mapping[WriteMode, str] = {
    WriteMode.PUT: "PUT under our own ids",
    WriteMode.CONDITIONAL_PUT: "conditional PUT on our identifiers; the server chooses the ids",
    WriteMode.CONDITIONAL_CREATE: "conditional create; what is there already is updated by its id",
    WriteMode.SEARCH_FIRST: "search before each write, which is not safe against another writer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeCapability:
    """What a server does with one resource type."""

    update_create: bool | None = None
    """None: not stated. HAPI does not say that it can."""
    conditional_update: bool = False
    conditional_create: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a server says of itself. Empty `types`: it says nothing of resource types."""

    fhir_version: str = ""
    software: str = ""
    transaction: bool | None = None
    types: Mapping[str, TypeCapability] = field(default_factory=dict)

    def all_can(self, ability: str) -> bool:
        """Tell whether each type that is listed, of those that we write, has this ability."""
        listed = [self.types[name] for name in WRITTEN if name in self.types]
        return bool(listed) and all(getattr(one, ability) for one in listed)

    @property
    def forbids_our_ids(self) -> bool:
        """Tell whether a type that we write is said not to take ids of ours."""
        listed = [self.types[name] for name in WRITTEN if name in self.types]
        return any(one.update_create is False for one in listed)


def read_capability(send: Callable[[Request], Reply]) -> Capability:
    """Ask the server what it can do.

    FHIR:   CapabilityStatement (R4 http.html#capabilities)
    Errors: ServerRefusedError where there is none
    """
    reply = send(Request(method="GET", path="metadata"))
    statement = reply.json() if reply.is_success else None
    if not isinstance(statement, dict) or statement.get("resourceType") != "CapabilityStatement":
        said = f" ({outline(reply)})" if outline(reply) else ""
        raise ServerRefusedError(
            f"The server has no CapabilityStatement: it answered {reply.status}{said}.",
            hint="Is the address the base of a FHIR server, such as https://server.example/fhir?",
        )
    return parse_capability(statement)


def parse_capability(statement: Json) -> Capability:
    """Return what this CapabilityStatement says of what we need."""
    rest = next(
        (one for one in _dicts(statement.get("rest")) if one.get("mode", "server") == "server"), {}
    )
    codes = {one.get("code") for one in _dicts(rest.get("interaction"))}
    software = statement.get("software")
    return Capability(
        fhir_version=str(statement.get("fhirVersion", "")),
        software=str(software.get("name", "")) if isinstance(software, dict) else "",
        transaction="transaction" in codes if codes else None,
        types={
            str(one.get("type")): TypeCapability(
                update_create=_flag(one.get("updateCreate")),
                conditional_update=one.get("conditionalUpdate") is True,
                conditional_create=one.get("conditionalCreate") is True,
            )
            for one in _dicts(rest.get("resource"))
        },
    )


def choose_mode(capability: Capability, ids: str | None) -> WriteMode:
    """Return how to write to this server; `ids` is what was asked for (client or server).

    A server that says nothing of resource types is taken to know conditional requests, which fail
    where it does not.
    Errors: ServerRefusedError where it lacks what we need
    """
    if not capability.fhir_version.startswith(READABLE):
        raise ServerRefusedError(
            "The server does not speak FHIR R4 or R4B.",
            hint="Does it have another base for R4, such as /fhir/r4?",
        )
    if capability.transaction is False:
        raise ServerRefusedError(
            "The server takes no transactions, and a study is sent whole or not at all.",
            hint="Its CapabilityStatement lacks the interaction `transaction`.",
        )
    puts = capability.all_can("update_create")
    if ids == "client" and capability.forbids_our_ids:
        raise ServerRefusedError(
            "The server does not let us choose ids: its updateCreate is false.",
            hint="Use --ids server, or leave --ids out.",
        )
    if ids == "client" or (ids is None and puts):
        return WriteMode.PUT
    if not capability.types or capability.all_can("conditional_update"):
        return WriteMode.CONDITIONAL_PUT
    if capability.all_can("conditional_create"):
        return WriteMode.CONDITIONAL_CREATE
    return WriteMode.SEARCH_FIRST


def _flag(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
