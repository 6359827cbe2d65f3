"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from dicom2fhir.errors import StateLockedError

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = 0o600
"""Output holds patient data: nobody but its owner may read it, whatever the umask is."""

PRIVATE_FOLDER = 0o700


class WholeFile:
    """A file that is written beside its place and renamed once it is safe on the disk.

    A run that is killed leaves a temporary file, which the next run to write there removes.
    """

    def __init__(self, folder: Path, tag: str) -> None:
        self.size = 0
        self._folder = folder
        self._temporary: Path | None = folder / f".dicom2fhir-{tag}-{secrets.token_hex(8)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(self._temporary, flags, PRIVATE)
        try:
            if sys.platform != "win32":
                os.fchmod(self._descriptor, PRIVATE)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.discard()
            raise

    @property
    def path(self) -> Path:
        """Return where the file is until it is placed."""
        if self._temporary is None:
            raise FileNotFoundError
        return self._temporary

    def write(self, data: bytes) -> None:
        """Append the data."""
        write_all(self._descriptor, data)
        self.size += len(data)

    def cut(self, size: int) -> None:
        """Take back what was written beyond this size."""
        os.ftruncate(self._descriptor, size)
        os.lseek(self._descriptor, size, os.SEEK_SET)
        self.size = size

    def sync(self) -> None:
        """Wait until the data is safe on the disk."""
        os.fsync(self._descriptor)

    def place(self, name: str) -> None:
        """Give the file its name, in the place of what had it."""
        if self._temporary is not None:
            if sys.platform == "win32":
                self._close()
            self._temporary.replace(self._folder / name)
            self._temporary = None
            self._close()

    def discard(self) -> None:
        """Remove what was not placed."""
        self._close()
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink()
            self._temporary = None

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of the data, however little the system takes at a time."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def open_locked(path: Path) -> int:
    """Return a file of ours, made where it is missing, that no other run has open.

    Errors: StateLockedError
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    while True:
        descriptor = os.open(path, flags, PRIVATE)
        if sys.platform == "win32":
            return descriptor
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StateLockedError(
                "Another run is writing to this folder.", hint="Wait for it, or choose another."
            ) from None
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # the run that held it has just removed it


def sync_folder(folder: Path) -> None:
    """Wait until the names in the folder are safe on the disk, where the system can tell."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as fault:
        if fault.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path, tag: str) -> None:
    """Remove the temporary files of runs that were killed; those of living runs are locked."""
    ours = re.compile(rf"\.dicom2fhir-{re.escape(tag)}-[0-9a-f]{{16}}\.tmp")
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if ours.fullmatch(entry.name)]
    for name in names:
        with suppress(OSError):
            _remove_unlocked(folder / name)


def _remove_unlocked(path: Path) -> None:
    if sys.platform == "win32":
        path.unlink()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)


def is_there(path: Path) -> bool:
    """Tell whether anything has this path, a link that leads nowhere too."""
    return path.is_symlink() or path.exists()


def digest_of(path: Path, algorithm: str = "sha256") -> str | None:
    """Return the digest of a regular file in hex, or None for whatever else is there."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        try:
            return hashlib.file_digest(file, algorithm).hexdigest()
        except OSError:
            return None
