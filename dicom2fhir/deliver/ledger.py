"""Which files of a folder are ours: the manifest, and the journal of the run that is on.

`.dicom2fhir.json`: {"version": 1, "files": {<file>: {"bundle": <name>, "sha256": <hex>}}}.
`.dicom2fhir.journal`: one such row a line, written before its file takes its place, so that the
next run knows the files of one that was killed. It is the lock of the folder too.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson

from dicom2fhir.deliver.whole import (
    WholeFile,
    digest_of,
    open_locked,
    sync_folder,
    write_all,
)
from dicom2fhir.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dicom2fhir.model import Json

MANIFEST = ".dicom2fhir.json"
JOURNAL = ".dicom2fhir.journal"
VERSION = 1
TAG = "folder"

Row = tuple[str, str, str]
"""File, Bundle name, SHA-256 in hex; an empty hash: the file was removed."""


class Ledger:
    """The files we wrote to one folder, with the hashes that they may have.

    A file has more than one hash only where a run was killed between saying and doing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hashes: dict[str, tuple[str, ...]] = {}
        self._files: dict[str, list[str]] = {}
        self._changed = False
        self._journal = open_locked(folder / JOURNAL)
        try:
            self._load()
        except BaseException:
            os.close(self._journal)
            raise

    def hashes(self, file: str) -> tuple[str, ...]:
        """Return the hashes that this file of ours may have; none: it is not ours."""
        return self._hashes.get(file, ())

    def files_of(self, bundle: str) -> tuple[str, ...]:
        """Return the files that we wrote for this Bundle."""
        return tuple(self._files.get(bundle, ()))

    def announce(self, rows: Sequence[Row]) -> None:
        """Say, safe on the disk, which files are about to take their place."""
        if not rows:
            return
        lines = (
            orjson.dumps({"file": file, "bundle": bundle, "sha256": sha256}) + b"\n"
            for file, bundle, sha256 in rows
        )
        write_all(self._journal, b"".join(lines))
        os.fsync(self._journal)
        for row in rows:
            self._apply(*row)
        self._changed = True

    def settle(self, file: str) -> None:
        """Note that the file now has the hash that was announced last."""
        self._hashes[file] = self._hashes[file][-1:]

    def close(self) -> None:
        """Write the manifest and remove the journal, which it makes needless."""
        if self._changed:
            self._write_manifest()
        self._changed = False
        self.leave()

    def leave(self) -> None:
        """Leave the journal to the next run, or nothing if it is empty; harmless twice."""
        if self._journal < 0:
            return
        if not self._changed:
            with suppress(OSError):
                (self._folder / JOURNAL).unlink()
        os.close(self._journal)
        self._journal = -1

    def _load(self) -> None:
        for row in _read_manifest(self._folder / MANIFEST):
            self._apply(*row)
        lines = _read_journal(self._journal)
        for row in _parse_journal(lines):
            self._apply(*row)
        if lines:
            self._changed = True
        if lines and not lines.endswith(b"\n"):
            write_all(self._journal, b"\n")

    def _apply(self, file: str, bundle: str, sha256: str) -> None:
        if "/" in file or file.startswith("."):
            return
        known = self._hashes.get(file)
        if not sha256:
            if known is not None:
                del self._hashes[file]
                self._files[bundle].remove(file)
        elif known is None:
            self._hashes[file] = (sha256,)
            self._files.setdefault(bundle, []).append(file)
        elif known[-1] != sha256:
            self._hashes[file] = (*known, sha256)

    def _write_manifest(self) -> None:
        rows = {
            file: {"bundle": bundle, "sha256": self._settled(file)}
            for bundle, files in self._files.items()
            for file in files
        }
        manifest = WholeFile(self._folder, TAG)
        try:
            manifest.write(
                orjson.dumps(
                    {"version": VERSION, "files": rows},
                    option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
                )
            )
            manifest.sync()
            manifest.place(MANIFEST)
        finally:
            manifest.discard()
        sync_folder(self._folder)

    def _settled(self, file: str) -> str:
        hashes = self._hashes[file]
        if len(hashes) > 1:
            found = digest_of(self._folder / file)
            if found in hashes:
                return found or ""
        return hashes[-1]


def _read_manifest(path: Path) -> Iterator[Row]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    try:
        manifest: Json = orjson.loads(data)
        if manifest["version"] != VERSION:
            raise OutputError(
                "The folder was written by a newer version of this tool.",
                hint="Update dicom2fhir or choose another folder.",
            )
        rows = [(file, row["bundle"], row["sha256"]) for file, row in manifest["files"].items()]
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        raise OutputError(
            f"The manifest {MANIFEST} in the folder is damaged.",
            hint="Choose another folder, or remove it: what is there is then left alone.",
        ) from None
    yield from rows


def _read_journal(descriptor: int) -> bytes:
    pieces = []
    os.lseek(descriptor, 0, os.SEEK_SET)
    while piece := os.read(descriptor, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def _parse_journal(lines: bytes) -> Iterator[Row]:
    for line in lines.splitlines():
        # the last line of a run that was killed may be cut, and so says nothing
        with suppress(orjson.JSONDecodeError, LookupError, TypeError):
            row: Json = orjson.loads(line)
            yield row["file"], row["bundle"], row["sha256"]
