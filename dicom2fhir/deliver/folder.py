"""A folder with a file a Bundle, of which a later run replaces its own and nothing else."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.deliver.blocks import SourceChangedError, blocks_of
from dicom2fhir.deliver.channel import make_folder
from dicom2fhir.deliver.faults import output_faults
from dicom2fhir.deliver.ledger import TAG, Ledger
from dicom2fhir.deliver.whole import (
    WholeFile,
    digest_of,
    is_there,
    remove_leftovers,
    sync_folder,
)
from dicom2fhir.identity import resource_id
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dicom2fhir.deliver.blocks import ReadBytes
    from dicom2fhir.deliver.ledger import Row
    from dicom2fhir.model import EncodedBundle

COMMIT_FILES = 64
COMMIT_BYTES = 32 * 1024 * 1024
"""Files take their place together: one wait for the folder and the journal serves them all."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def file_name(bundle: str, part: int, parts: int) -> str:
    """Return the name of the file of this part; by name they sort in the order to load them.

    >>> file_name("1.2.3", 1, 1), file_name("1.2.3", 2, 12)
    ('1.2.3.json', '1.2.3.part-002.json')
    """
    stem = bundle if _SAFE_NAME.fullmatch(bundle) else resource_id("Bundle", bundle)
    if parts == 1:
        return f"{stem}.json"
    return f"{stem}.part-{part:0{max(3, len(str(parts)))}}.json"


class FolderSink:
    """Writes a file a Bundle."""

    is_one_bundle = False

    def __init__(self, folder: Path, overwrite: str, read_bytes: ReadBytes) -> None:
        self.bundles = self.entries = self.bytes = self.files = self.unchanged = 0
        self._folder = folder
        self._overwrite = overwrite
        self._read_bytes = read_bytes
        self._made = make_folder(folder)
        self._ledger = Ledger(folder)
        self._named: set[str] = set()
        self._waiting: list[_Waiting] = []
        self._complete: list[tuple[str, int]] = []
        self._incomplete = ""
        remove_leftovers(folder, TAG)

    def write(self, bundle: EncodedBundle) -> tuple[Problem, ...]:
        """Write the file of this Bundle, which takes its place together with others.

        Errors: Problem deliver.foreign for a file that we did not write or that was edited since;
                deliver.kept for one of ours that is not to be overwritten; deliver.source-changed
        """
        name = file_name(bundle.name, bundle.part, bundle.parts)
        if name in self._named:
            raise ValueError("two Bundles have one name and part")
        self._named.add(name)
        with output_faults():
            try:
                problem = self._deliver(name, bundle)
            except SourceChangedError:
                problem = Problem(code="deliver.source-changed")
                # what an earlier run has written of this study may be all that there is
                self._incomplete = bundle.name
            if bundle.part == bundle.parts and bundle.name != self._incomplete:
                self._complete.append((bundle.name, bundle.parts))
            problems = self._commit() if self._full() else ()
        return problems if problem is None else (problem, *problems)

    def finish(self) -> tuple[Problem, ...]:
        """Put the last files in their place and write the manifest."""
        with output_faults():
            problems = self._commit()
            self._ledger.close()
        self._remove_if_empty()
        return problems

    def abort(self) -> None:
        """Remove what is not in its place; the next run completes the folder."""
        for waiting in self._waiting:
            waiting.file.discard()
        self._waiting.clear()
        self._ledger.leave()
        self._remove_if_empty()

    def _deliver(self, name: str, bundle: EncodedBundle) -> Problem | None:
        problem, unchanged = self._compare(name, bundle)
        if problem is not None:
            return problem
        if not unchanged:
            self._write(name, bundle)
        self.bundles += 1
        self.files += 1
        self.entries += len(bundle.entries)
        self.bytes += bundle.size
        self.unchanged += unchanged
        return None

    def _compare(self, name: str, bundle: EncodedBundle) -> tuple[Problem | None, bool]:
        """Return what forbids to write the file, and whether the same bytes are there already."""
        path = self._folder / name
        if not is_there(path):
            return None, False
        ours = self._ledger.hashes(name)
        found = digest_of(path)
        if not (ours and self._overwrite == "always") and self._is_same(path, found, bundle):
            return None, True
        if not ours or (found not in ours and self._overwrite != "always"):
            return Problem(code="deliver.foreign"), False
        if self._overwrite == "never":
            return Problem(code="deliver.kept"), False
        return None, False

    def _is_same(self, path: Path, found: str | None, bundle: EncodedBundle) -> bool:
        if found is None or path.stat().st_size != bundle.size:
            return False
        digest = hashlib.sha256()
        for block in self._blocks(bundle):
            digest.update(block)
        return digest.hexdigest() == found

    def _write(self, name: str, bundle: EncodedBundle) -> None:
        file = WholeFile(self._folder, TAG)
        digest = hashlib.sha256()
        try:
            for block in self._blocks(bundle):
                file.write(block)
                digest.update(block)
        except BaseException:
            file.discard()
            raise
        self._waiting.append(_Waiting(row=(name, bundle.name, digest.hexdigest()), file=file))

    def _blocks(self, bundle: EncodedBundle) -> Iterator[bytes]:
        return blocks_of(bundle.pieces(), self._read_bytes)

    def _full(self) -> bool:
        return (
            len(self._waiting) >= COMMIT_FILES
            or sum(waiting.file.size for waiting in self._waiting) >= COMMIT_BYTES
        )

    def _commit(self) -> tuple[Problem, ...]:
        """Put files in their place: data, then the journal, then names, then the folder."""
        for waiting in self._waiting:
            waiting.file.sync()
        self._ledger.announce([waiting.row for waiting in self._waiting])
        for waiting in self._waiting:
            waiting.file.place(waiting.row[0])
            self._ledger.settle(waiting.row[0])
        if self._waiting:
            sync_folder(self._folder)
        self._waiting.clear()
        problems = [
            problem for name, parts in self._complete for problem in self._prune(name, parts)
        ]
        self._complete.clear()
        return tuple(problems)

    def _prune(self, bundle: str, parts: int) -> list[Problem]:
        """Remove our files of this study that its new parts have no use for."""
        current = {file_name(bundle, part, parts) for part in range(1, parts + 1)}
        problems, removed = [], []
        for name in self._ledger.files_of(bundle):
            if name in current:
                continue
            path = self._folder / name
            found = digest_of(path)
            if not is_there(path):
                removed.append((name, bundle, ""))
            elif self._overwrite == "never":
                problems.append(Problem(code="deliver.kept"))
            elif found in self._ledger.hashes(name) or self._overwrite == "always":
                path.unlink()
                removed.append((name, bundle, ""))
            else:
                problems.append(Problem(code="deliver.foreign"))
        self._ledger.announce(removed)
        return problems

    def _remove_if_empty(self) -> None:
        if self._made:
            with suppress(OSError):
                self._folder.rmdir()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A file that is written and not in its place."""

    row: Row
    file: WholeFile
