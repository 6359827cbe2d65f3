"""What the server has of a study already: read before anything of it is written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dicom2fhir.deliver.server.capability import WriteMode
from dicom2fhir.deliver.server.entries import (
    UUID,
    by_our_identifier,
    entry_url,
    key_of,
    name_of,
    rename,
)
from dicom2fhir.deliver.server.merging import (
    content_of,
    instances_of,
    is_same,
    lists_more,
    merge_study,
)
from dicom2fhir.deliver.server.outbox import Item, State
from dicom2fhir.deliver.server.replies import place_of, version_of
from dicom2fhir.deliver.server.site import HeldBackError
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dicom2fhir.deliver.server.binaries import Note
    from dicom2fhir.deliver.server.site import Site
    from dicom2fhir.model import Json, PushEntry, Resource

_WITH_ATTACHMENT = {"Media": "content", "DocumentReference": "content"}


@dataclass(frozen=True, slots=True)
class Merged:
    """An ImagingStudy to be written, and the version that it replaces; None: nothing changes."""

    entry: PushEntry | None
    version: str = ""
    server_id: str = ""


@dataclass(slots=True)
class Stored:
    """What the server has of the bytes of one study, by the name of our Binary.

    `same` are those under whose server id the very bytes are; `other` are instances with other
    bytes, which stay.
    """

    same: dict[str, str] = field(default_factory=dict)
    other: set[str] = field(default_factory=set)


class Studies:
    """Reads studies of the server, compares and merges."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def look_up(self, entries: Sequence[PushEntry], note: Note) -> Stored:
        """Return which Binaries that these entries name the server has already.

        Errors: HeldBackError
        """
        stored = Stored()
        for entry in entries:
            kind = entry.resource["resourceType"]
            if kind == "ImagingStudy":
                theirs = self.read(entry)
                if theirs is not None:
                    self._compare_instances(entry.resource, theirs, stored, note)
            elif kind in _WITH_ATTACHMENT and self._site.mode.chooses_ids:
                self._compare_attachments(entry, stored)
        return stored

    def read(self, entry: PushEntry) -> Resource | None:
        """Return the server's copy of our ImagingStudy.

        Errors: HeldBackError
        """
        identity = key_of(entry).partition("/")[2]
        by_id = self._site.mode is WriteMode.PUT and entry.method == "PUT" and "?" not in entry.url
        if by_id and UUID.fullmatch(identity):
            return self._site.read(f"ImagingStudy/{identity}")
        query = by_our_identifier(entry)
        return self._site.find_one("ImagingStudy", query) if query else None

    def merge(
        self,
        entry: PushEntry,
        run: Sequence[PushEntry],
        names: Mapping[str, str],
        note: Note,
    ) -> Merged:
        """Return this study as it is to be written: whole, or with what the server lists beside.

        `run` are the entries of its transaction, which its subject may be among.
        Errors: HeldBackError where the server's copy is another patient's, or would shrink
        """
        ours = rename(entry.resource, names)
        theirs = self.read(entry)
        if theirs is None:
            return Merged(replace(entry, resource=ours))
        found = place_of((theirs.get("subject") or {}).get("reference"))
        if found is not None and found.reference != self._subject(entry, run, names):
            raise HeldBackError(Problem(code="push.other-patient"))
        server_id = str(theirs["id"])
        if lists_more(ours, theirs):
            if self._site.options.on_shrink == "fail":
                raise HeldBackError(Problem(code="push.would-shrink"))
            if self._site.options.on_shrink == "merge":
                note(Problem(code="push.merged"))
        keep = set() if self._site.options.replace_bytes else _differing(ours, theirs)
        if self._site.options.on_shrink == "merge" or keep:
            ours = merge_study(ours, theirs, keep)
        if is_same(ours, theirs):
            return Merged(None, server_id=server_id)
        resource = {**ours, "id": server_id}
        written = replace(
            entry,
            full_url=entry_url(key_of(entry)),
            resource=resource,
            method="PUT",
            url=f"ImagingStudy/{server_id}",
        )
        return Merged(written, version_of(theirs), server_id)

    def _subject(self, entry: PushEntry, run: Sequence[PushEntry], names: Mapping[str, str]) -> str:
        """Return the reference under which the server has our subject, "" where it has none."""
        told = str((entry.resource.get("subject") or {}).get("reference", ""))
        known = place_of(names.get(told, told))
        target = next((one for one in run if told in {one.full_url, name_of(one)}), None)
        if target is None or (told in names and known is not None):
            return known.reference if known is not None else ""
        if not self._site.mode.chooses_ids:
            return name_of(target)
        query, kind = by_our_identifier(target), target.resource["resourceType"]
        found = self._site.find_one(kind, query) if query else None
        return f"{kind}/{found['id']}" if found is not None else ""

    def _compare_instances(
        self, ours: Resource, theirs: Resource, stored: Stored, note: Note
    ) -> None:
        """Compare the hashes that both studies state, so that no byte has to travel."""
        found = instances_of(theirs)
        differing = 0
        for uid, instance in instances_of(ours).items():
            name, digest = content_of(instance)
            place, known = content_of(found.get(uid, {}))
            where = place_of(place)
            if not (name and digest and known and where):
                continue
            if digest == known:
                stored.same[name] = where.id
            elif not self._site.options.replace_bytes:
                stored.other.add(name)
                differing += 1
            else:
                self._remember_id(name, where.id)
        if differing:
            note(Problem(code="push.bytes-differ", count=differing))

    def _remember_id(self, name: str, server_id: str) -> None:
        """Let other bytes of the same instance take the place of what is there."""
        if self._site.outbox.find(name) is None:
            self._site.outbox.put([Item(name, "", server_id)])

    def _compare_attachments(self, entry: PushEntry, stored: Stored) -> None:
        named = [one for one in _attachments(entry.resource) if _binary(one)]
        query = by_our_identifier(entry)
        if not named or not query or self._is_done(named):
            return
        theirs = self._site.find_one(entry.resource["resourceType"], query)
        found = {str(one["hash"]): one for one in _attachments(theirs or {}) if one.get("hash")}
        for one in named:
            other = found.get(str(one.get("hash", "")))
            where = place_of(other.get("url")) if other is not None else None
            if where is not None and where.type == "Binary":
                stored.same[_binary(one)] = where.id

    def _is_done(self, attachments: Sequence[Resource]) -> bool:
        items = [self._site.outbox.find(_binary(one)) for one in attachments]
        return all(item is not None and item.state is State.DONE for item in items)


def _differing(ours: Resource, theirs: Resource) -> set[str]:
    """Return the UIDs of the instances of which the server has other bytes."""
    found = instances_of(theirs)
    differing = set()
    for uid, instance in instances_of(ours).items():
        digest, known = content_of(instance)[1], content_of(found.get(uid, {}))[1]
        if digest and known and digest != known:
            differing.add(uid)
    return differing


def _attachments(resource: Resource) -> Iterator[Resource]:
    """Yield the Attachments of a Media or DocumentReference."""
    content: Json = resource.get("content")
    for one in content if isinstance(content, list) else [content]:
        if isinstance(one, dict):
            yield one.get("attachment", one)


def _binary(attachment: Resource) -> str:
    url = attachment.get("url", "")
    return url if isinstance(url, str) and url.startswith("Binary/") else ""
