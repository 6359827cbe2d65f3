"""A folder with a file a Bundle, of which a later run replaces its own and nothing else."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.deliver.channel import make_folder
from dicom2fhir.deliver.faults import output_faults
from dicom2fhir.deliver.ledger import TAG, Ledger
from dicom2fhir.deliver.whole import WholeFile, digest_of, remove_leftovers, sync_folder
from dicom2fhir.identity import resource_id
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

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

    def __init__(self, folder: Path, overwrite: str) -> None:
        self.bundles = self.entries = self.bytes = self.files = self.unchanged = 0
        self._folder = folder
        self._overwrite = overwrite
        self._made = make_folder(folder)
        self._ledger = Ledger(folder)
        self._named: set[str] = set()
        self._waiting: list[_Waiting] = []
        self._complete: list[tuple[str, int]] = []
        remove_leftovers(folder, TAG)

    def write(self, bundle: EncodedBundle) -> tuple[Problem, ...]:
        """Write the file of this Bundle, which takes its place together with others.

        Errors: Problem deliver.foreign for a file that we did not write or that was edited since;
                deliver.kept for one of ours that is not to be overwritten
        """
        name = file_name(bundle.name, bundle.part, bundle.parts)
        if name in self._named:
            raise ValueError("two Bundles have one name and part")
        self._named.add(name)
        data = bundle.data
        digest = hashlib.sha256(data).hexdigest()
        with output_faults():
            problem, unchanged = self._compare(name, digest)
            if problem is None:
                self._count(bundle, len(data), unchanged=unchanged)
                if not unchanged:
                    self._write(name, bundle.name, digest, data)
            if bundle.part == bundle.parts:
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

    def _compare(self, name: str, digest: str) -> tuple[Problem | None, bool]:
        """Return what forbids to write the file, and whether the same bytes are there already."""
        path = self._folder / name
        if not _is_there(path):
            return None, False
        ours = self._ledger.hashes(name)
        found = digest_of(path)
        if found == digest and not (ours and self._overwrite == "always"):
            return None, True
        if not ours or (found not in ours and self._overwrite != "always"):
            return Problem(code="deliver.foreign"), False
        if self._overwrite == "never":
            return Problem(code="deliver.kept"), False
        return None, False

    def _count(self, bundle: EncodedBundle, size: int, *, unchanged: bool) -> None:
        self.bundles += 1
        self.files += 1
        self.entries += len(bundle.entries)
        self.bytes += size
        self.unchanged += unchanged

    def _write(self, name: str, bundle: str, digest: str, data: bytes) -> None:
        file = WholeFile(self._folder, TAG)
        self._waiting.append(_Waiting(row=(name, bundle, digest), file=file))
        file.write(data)

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
            if not _is_there(path):
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


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()
