"""How each entry is written on this server: under our id, by our identifier, or found first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dicom2fhir.deliver.server.capability import WriteMode
from dicom2fhir.deliver.server.entries import (
    by_our_identifier,
    entry_url,
    is_master,
    key_of,
    name_of,
    own_id,
    rename,
)
from dicom2fhir.deliver.server.site import HeldBackError
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicom2fhir.deliver.server.binaries import Note
    from dicom2fhir.deliver.server.site import Site
    from dicom2fhir.deliver.server.studies import Studies
    from dicom2fhir.model import PushEntry, Resource


@dataclass(slots=True)
class Ready:
    """A transaction as it is sent: `sources` are the entries as they came.

    `versions` are those that an entry replaces, by fullUrl. `unchanged` are the entries whose
    resource the server has already, with its id.
    """

    entries: list[PushEntry] = field(default_factory=list)
    sources: list[PushEntry] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    unchanged: list[tuple[PushEntry, str]] = field(default_factory=list)


class Writer:
    """Turns entries into what this server takes."""

    def __init__(self, site: Site, studies: Studies) -> None:
        self._site = site
        self._studies = studies

    def prepare(self, run: Sequence[PushEntry], names: Mapping[str, str], note: Note) -> Ready:
        """Return the transaction of these entries.

        Errors: HeldBackError
        """
        ready = Ready()
        within: dict[str, str] = dict(names)
        for entry in run:
            merged, version = entry, ""
            if entry.resource["resourceType"] == "ImagingStudy":
                merging = self._studies.merge(entry, run, {**within, **names}, note)
                if merging.server_id:
                    place = f"ImagingStudy/{merging.server_id}"
                    within |= {entry.full_url: place, name_of(entry): place}
                if merging.entry is None:
                    ready.unchanged.append((entry, merging.server_id))
                    continue
                merged, version = merging.entry, merging.version
                if merging.server_id:
                    ready.versions |= {merged.full_url: version} if version else {}
                    ready.entries.append(merged)
                    ready.sources.append(entry)
                    continue
            written = self._write(merged)
            if written.full_url != entry.full_url:
                within[entry.full_url] = written.full_url
            if self._site.mode.chooses_ids:
                within[name_of(entry)] = written.full_url
            ready.entries.append(written)
            ready.sources.append(entry)
        ready.entries = [
            replace(entry, resource=rename(entry.resource, within)) for entry in ready.entries
        ]
        return ready

    def _write(self, entry: PushEntry) -> PushEntry:
        mode = self._mode(entry)
        if mode is None:
            return entry
        kind = entry.resource["resourceType"]
        query = by_our_identifier(entry)
        if mode is WriteMode.PUT:
            return _put(entry, own_id(entry.resource) or key_of(entry).partition("/")[2])
        if not query:
            raise HeldBackError(Problem(code="push.no-identifier", element=kind))
        if mode is WriteMode.CONDITIONAL_PUT:
            return _by_condition(entry, "PUT", f"{kind}?{query}")
        found = self._site.find_one(kind, query)
        if found is not None:
            return _put(entry, str(found["id"]))
        condition = query if mode is WriteMode.CONDITIONAL_CREATE else ""
        return _by_condition(entry, "POST", kind, condition)

    def _mode(self, entry: PushEntry) -> WriteMode | None:
        """Return how an entry is to be rewritten; None: as it came.

        What was written for a server that chooses ids is left so where this one can do it: it may
        have been sent there before.
        """
        if entry.method == "POST" or is_master(entry):
            return None
        conditional = "?" in entry.url
        mode = self._site.mode
        if not mode.chooses_ids:
            if not conditional or self._site.capability.all_can("conditional_update"):
                return None
            return WriteMode.PUT if own_id(entry.resource) else None
        if conditional and mode is WriteMode.CONDITIONAL_PUT:
            return None
        return mode


def _put(entry: PushEntry, identity: str) -> PushEntry:
    kind = entry.resource["resourceType"]
    resource: Resource = {**entry.resource, "id": identity}
    return replace(
        entry,
        full_url=entry_url(key_of(entry)),
        resource=resource,
        method="PUT",
        url=f"{kind}/{identity}",
    )


def _by_condition(entry: PushEntry, method: str, url: str, condition: str = "") -> PushEntry:
    """Return the entry without an id, which a server that found another takes amiss (HAPI-2279)."""
    resource = {name: value for name, value in entry.resource.items() if name != "id"}
    return replace(
        entry,
        full_url=entry_url(own_id(entry.resource)),
        resource=resource,
        method=method,
        url=url,
        if_none_exist=condition,
    )
