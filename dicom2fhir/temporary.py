"""Private temporary folders: for their owner only, and gone at the latest with the next run."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dicom2fhir.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "dicom2fhir-"
_NAME = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}")
_LOCK = "lock"


@contextmanager
def temporary_faults() -> Iterator[None]:
    """Turn what the system says of a temporary folder into a sentence for people.

    Errors: OutputError
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The temporary folder cannot be used: {os.strerror(error.errno or 0)}.",
            hint="Use --temp-dir to name a folder with space.",
        ) from None


class PrivateFolder:
    """A temporary folder that is locked while it is in use.

    The lock, which the system releases even after kill -9, tells a later run what was left behind.
    Errors: OutputError when it cannot be made
    """

    def __init__(self, parent: str | None = None) -> None:
        place = Path(parent or tempfile.gettempdir())
        _remove_leftovers(place)
        with temporary_faults():
            self.path, self._lock = _make(place)

    def remove(self) -> None:
        """Remove the folder and everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def is_private(folder: str) -> bool:
    """Tell whether this is the temporary folder of a run, which is nobody's input."""
    if _NAME.fullmatch(os.path.basename(folder)) is None:  # noqa: PTH119 - a path of any bytes
        return False
    return os.path.isfile(os.path.join(folder, _LOCK))  # noqa: PTH113, PTH118 - the same


def _make(place: Path) -> tuple[Path, int]:
    """Make a folder and lock it, again where another run took it for one that was left behind."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        try:
            lock = _lock(path)
        except (BlockingIOError, FileNotFoundError):
            continue
        if (path / _LOCK).exists():
            return path, lock
        os.close(lock)


def _lock(folder: Path) -> int:
    import fcntl  # noqa: PLC0415 - POSIX only

    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_leftovers(place: Path) -> None:
    """Remove what killed runs of this user have left: folders of ours whose lock is free."""
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                _remove_if_left(Path(entry.path))


def _remove_if_left(folder: Path) -> None:
    # A folder without its lock file is just being made, or is not ours.
    if folder.stat().st_uid != os.geteuid() or not (folder / _LOCK).is_file():
        return
    try:
        descriptor = _lock(folder)
    except OSError:
        return
    shutil.rmtree(folder, ignore_errors=True)
    os.close(descriptor)
