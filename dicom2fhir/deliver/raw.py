"""A folder with the bytes of Binaries as files, and a list of them: beside Bundles, for `push`.

`binaries.ndjson`: a line a Binary, by id: {"id", "path", "contentType", "size", "sha256",
"securityContext"}; `path` is relative to the folder.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing, suppress
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from dicom2fhir.deliver.blocks import SourceChangedError
from dicom2fhir.deliver.channel import make_folder
from dicom2fhir.deliver.faults import output_faults
from dicom2fhir.deliver.target import refuse_sources
from dicom2fhir.deliver.whole import (
    WholeFile,
    digest_of,
    is_there,
    open_locked,
    remove_leftovers,
    sync_folder,
)
from dicom2fhir.errors import OutputError
from dicom2fhir.model import Bytes
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dicom2fhir.deliver.blocks import ReadBytes
    from dicom2fhir.model import Json, Resource

LIST = "binaries.ndjson"
LOCK = ".dicom2fhir.lock"
TAG = "raw"
COMMIT_FILES = 64
COMMIT_BYTES = 32 * 1024 * 1024
"""Files take their place together: one wait for a folder serves them all."""


def part_raw(resources: Iterable[Resource]) -> tuple[list[Resource], list[Resource]]:
    """Return the resources that go into Bundles, and the Binaries that go to a raw folder."""
    bundled: list[Resource] = []
    raw: list[Resource] = []
    for resource in resources:
        is_raw = resource["resourceType"] == "Binary" and isinstance(resource.get("data"), Bytes)
        (raw if is_raw else bundled).append(resource)
    return bundled, raw


def path_of(identity: str) -> str:
    """Return where the Binary of this id lies, relative to the folder.

    >>> path_of("6f0e5b7c")
    '6f/6f0e5b7c'
    """
    return f"{identity[:2]}/{identity}"


def open_raw(path: str, sources: Sequence[str], overwrite: str, read_bytes: ReadBytes) -> RawFolder:
    """Open the folder that Binaries go to; it is made for its owner alone.

    Errors: UsageError inside a source, StateLockedError, OutputError
    """
    refuse_sources(Path(path), sources, "The raw folder")
    with output_faults():
        return RawFolder(Path(os.path.realpath(path)), overwrite, read_bytes)


class RawFolder:
    """Writes a file a Binary; it is either finished or aborted.

    What earlier runs have listed stays listed as long as its file is there. A file is ours by its
    name, a UUID of our own (docs/reference/identity.md): one that differs is replaced.
    """

    def __init__(self, folder: Path, overwrite: str, read_bytes: ReadBytes) -> None:
        self.files = self.bytes = self.unchanged = 0
        self._folder = folder
        self._overwrite = overwrite
        self._read_bytes = read_bytes
        self._waiting: list[tuple[str, WholeFile]] = []
        self._made = make_folder(folder)
        self._lock = open_locked(folder / LOCK)
        # an empty name: a database in a temporary file, which vanishes when it is closed
        self._lines = sqlite3.connect("", isolation_level=None)
        self._lines.execute("CREATE TABLE line (id TEXT, text BLOB, new INTEGER)")
        self._lines.execute("BEGIN")
        try:
            remove_leftovers(folder, TAG)
            self._lines.executemany("INSERT INTO line VALUES (?, ?, 0)", self._listed())
        except BaseException:
            self._leave()
            raise

    def write(self, binary: Resource) -> tuple[Problem, ...]:
        """Write the bytes of this Binary, whose file takes its place together with others.

        Errors: Problem deliver.source-changed; deliver.kept for a file that is not to be
                overwritten; deliver.foreign for what is there and is no file. OutputError
        """
        payload: Bytes = binary["data"]
        place = path_of(binary["id"])
        with output_faults():
            try:
                problem = self._put(place, payload)
            except SourceChangedError:
                problem = Problem(code="deliver.source-changed")
            if problem is None:
                self._list(binary, place, payload)
            if (
                len(self._waiting) >= COMMIT_FILES
                or sum(file.size for _, file in self._waiting) >= COMMIT_BYTES
            ):
                self._commit()
        return () if problem is None else (problem,)

    def finish(self) -> tuple[Problem, ...]:
        """Put the last files in their place, and write the list."""
        with output_faults():
            self._commit()
            self._write_list()
            self._leave()
        return ()

    def abort(self) -> None:
        """Remove what is not in its place; the next run completes the folder. Harmless twice."""
        for _, file in self._waiting:
            file.discard()
        self._waiting.clear()
        self._leave()

    def _put(self, place: str, payload: Bytes) -> Problem | None:
        path = self._folder / place
        if is_there(path):
            found = digest_of(path)
            if found is None:
                return Problem(code="deliver.foreign")
            if found == payload.sha256 and self._overwrite != "always":
                self.unchanged += 1
                return None
            if self._overwrite == "never":
                return Problem(code="deliver.kept")
        file = WholeFile(self._folder, TAG)
        try:
            for chunk in self._read_bytes(payload):
                file.write(chunk)
        except BaseException:
            file.discard()
            raise
        self._waiting.append((place, file))
        return None

    def _list(self, binary: Resource, place: str, payload: Bytes) -> None:
        line: Json = {
            "id": binary["id"],
            "path": place,
            "contentType": binary["contentType"],
            "size": payload.length,
            "sha256": payload.sha256,
        }
        context = binary.get("securityContext", {}).get("reference")
        if context:
            line["securityContext"] = context
        self._lines.execute("INSERT INTO line VALUES (?, ?, 1)", (line["id"], orjson.dumps(line)))
        self.files += 1
        self.bytes += payload.length

    def _commit(self) -> None:
        """Put files in their place: data, then names, then the folders."""
        for _, file in self._waiting:
            file.sync()
        shards = {(self._folder / place).parent for place, _ in self._waiting}
        made = [make_folder(shard) for shard in shards]
        for place, file in self._waiting:
            file.place(place)
        for shard in shards:
            sync_folder(shard)
        if any(made):
            sync_folder(self._folder)
        self._waiting.clear()

    def _listed(self) -> Iterator[tuple[str, bytes]]:
        """Yield what earlier runs have listed."""
        path = self._folder / LIST
        if not is_there(path):
            return
        with path.open("rb") as lines:
            for text in lines:
                identity = _listed_id(text)
                if not identity:
                    raise OutputError(
                        f"{LIST} in the raw folder is damaged or not ours.",
                        hint="Choose another folder, or remove that file.",
                    )
                yield identity, text.rstrip(b"\n")

    def _write_list(self) -> None:
        rows = self._lines.execute("SELECT id, text, new FROM line ORDER BY id, rowid")
        file = WholeFile(self._folder, TAG)
        digest = hashlib.sha256()
        try:
            for identity, same in groupby(rows, itemgetter(0)):
                *_, (_, text, new) = same
                if new or is_there(self._folder / path_of(identity)):
                    line = text + b"\n"
                    file.write(line)
                    digest.update(line)
            if file.size and digest_of(self._folder / LIST) != digest.hexdigest():
                file.sync()
                file.place(LIST)
                sync_folder(self._folder)
        finally:
            file.discard()

    def _leave(self) -> None:
        if self._lock < 0:
            return
        with closing(self._lines), suppress(OSError):
            (self._folder / LOCK).unlink()
        os.close(self._lock)
        self._lock = -1
        if self._made:
            with suppress(OSError):
                self._folder.rmdir()


def _listed_id(text: bytes) -> str:
    """Return the id in a line of our list, or nothing if it is none."""
    with suppress(ValueError, LookupError, TypeError):
        line: Json = orjson.loads(text)
        if line["path"] == path_of(line["id"]):
            return str(line["id"])
    return ""
