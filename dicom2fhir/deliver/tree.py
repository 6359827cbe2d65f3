"""The folder that fetched files go to: a folder a study, in it a folder a series."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from dicom2fhir.deliver.channel import make_folder
from dicom2fhir.deliver.faults import output_faults
from dicom2fhir.deliver.whole import (
    WholeFile,
    digest_of,
    is_there,
    open_locked,
    remove_leftovers,
    sync_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK: Final = ".dicom2fhir.lock"
TAG: Final = "fetch"

# PS3.5 9.1; a name of digits and dots is no device and no path on any system.
_UID: Final = re.compile(r"(?=.{1,64}\Z)(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")


def safe_name(uid: str) -> str:
    """Return the UID where it is one, else a name that always stands for this text.

    >>> safe_name("1.2.840.1"), safe_name("../etc")
    ('1.2.840.1', 'x-f7f9121fdb53d8de1eccbfa65c4bd976')
    """
    if _UID.fullmatch(uid):
        return uid
    return f"x-{hashlib.sha256(uid.encode(errors='surrogatepass')).hexdigest()[:32]}"


class Tree:
    """Writes whole files, for their owner alone; a second run on the same folder is refused.

    A file is ours by its name; threads may write different ones.
    Errors of everything: OutputError; of opening: StateLockedError
    """

    def __init__(self, path: str) -> None:
        self._folder = Path(os.path.realpath(path))
        self._cleaned: set[Path] = set()
        self._touched: set[Path] = set()
        self._preparing = Lock()
        with output_faults():
            make_folder(self._folder)
            self._lock = open_locked(self._folder / LOCK)

    def digest(self, relative: str, algorithm: str = "sha256") -> str | None:
        """Return the digest of the file that is there, in hex; None where none is."""
        return digest_of(self._folder / relative, algorithm)

    def path(self, relative: str) -> str:
        """Return where a file is."""
        return str(self._folder / relative)

    def is_blocked(self, relative: str) -> bool:
        """Tell whether what is there is no file: a folder, a link."""
        path = self._folder / relative
        return is_there(path) and (path.is_symlink() or not path.is_file())

    @contextmanager
    def open(self, relative: str, algorithm: str = "sha256") -> Iterator[NewFile]:
        """Give a file to write; without `keep` it vanishes."""
        path = self._folder / relative
        with output_faults():
            with self._preparing:
                self._prepare(path.parent)
            file = WholeFile(path.parent, TAG)
        try:
            yield NewFile(file, path.name, algorithm)
        finally:
            file.discard()

    def close(self) -> None:
        """Wait until all names are safe on the disk, and let others in."""
        if self._lock < 0:
            return
        with output_faults():
            try:
                for folder in sorted(self._touched):
                    sync_folder(folder)
            finally:
                with suppress(OSError):
                    (self._folder / LOCK).unlink()
                os.close(self._lock)
                self._lock = -1

    def _prepare(self, folder: Path) -> None:
        """Make the folder of a series, and clear it of what a killed run has left."""
        if folder in self._cleaned:
            return
        for one in (folder.parent, folder):
            if one.is_symlink():  # it may lead anywhere
                raise NotADirectoryError(errno.ENOTDIR, "")
            make_folder(one)
            self._touched |= {one, one.parent}
        remove_leftovers(folder, TAG)
        self._cleaned.add(folder)


class NewFile:
    """A file on its way; its digest is counted as it grows."""

    def __init__(self, file: WholeFile, name: str, algorithm: str) -> None:
        self._file = file
        self._name = name
        self._algorithm = algorithm
        self._digest = hashlib.new(algorithm, usedforsecurity=False)

    @property
    def path(self) -> str:
        """Return where the file is now."""
        return str(self._file.path)

    @property
    def size(self) -> int:
        """Return how many bytes were written."""
        return self._file.size

    @property
    def digest(self) -> str:
        """Return the digest of what was written, in hex."""
        return self._digest.hexdigest()

    def restart(self) -> None:
        """Forget what was written."""
        with output_faults():
            self._file.cut(0)
        self._digest = hashlib.new(self._algorithm, usedforsecurity=False)

    def write(self, data: bytes) -> None:
        """Append the data."""
        with output_faults():
            self._file.write(data)
        self._digest.update(data)

    def keep(self) -> None:
        """Give the file its name, once it is safe on the disk."""
        with output_faults():
            self._file.sync()
            self._file.place(self._name)
