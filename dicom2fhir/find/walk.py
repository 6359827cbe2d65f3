"""Walking folders: every regular file once, nothing else opened, memory flat."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, TypeAlias

from dicom2fhir.model import Candidate
from dicom2fhir.problems import Problem
from dicom2fhir.temporary import is_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.find.listing import Named
    from dicom2fhir.find.patterns import PathFilter

Finding: TypeAlias = Candidate | tuple[Candidate, Problem]
"""A place to read, or one that cannot be used with the Problem that says why."""

_OPEN_FOLDERS = 64
"""Folders held open, one a level; deeper ones are read whole so that descriptors do not run out."""


class Walker:
    """Lists what lies below folders.

    Entries come as the file system has them and one at a time: a folder of a million names is
    never held, nor sorted. With `follow` each folder is entered once by device and inode, and
    folders behind links only when all others are done, so that a folder goes by its own name.
    """

    def __init__(self, wanted: PathFilter, *, follow: bool) -> None:
        self._wanted = wanted
        self._filters = wanted.include is not None or wanted.exclude is not None
        self._follow = follow
        self._entered: set[tuple[int, int]] = set()

    def walk(self, root: str, skip: int, known: Named | None = None) -> Iterator[Finding]:
        """Yield every file below the root, and what is no file with its Problem.

        `skip` is the number of characters before the path that filters see; what is `known` is
        left out. Include is not applied: an archive may hold what it asks for.
        Errors: Problems find.symlink, find.not-regular, find.unreadable, find.vanished
        """
        place = _Place(skip, known)
        folders = [root]
        while folders:
            for folder in sorted(folders):
                if self._is_new(folder):
                    yield from self._walk(folder, place)
            folders, place.links = place.links, []

    def entered_above(self, path: str) -> bool:
        """Tell whether a folder that was entered through links holds this path."""
        place = os.path.realpath(path)
        while self._entered:
            try:
                status = os.stat(place)
            except OSError:
                status = None
            if status is not None and (status.st_dev, status.st_ino) in self._entered:
                return True
            if place == os.path.dirname(place):
                break
            place = os.path.dirname(place)
        return False

    def _walk(self, root: str, place: _Place) -> Iterator[Finding]:
        pending = [(root, _scan(root, is_deep=False))]
        while pending:
            folder, entries = pending[-1]
            try:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if self._wants(entry.path, place) and self._is_new(entry.path):
                            is_deep = len(pending) >= _OPEN_FOLDERS
                            pending.append((entry.path, _scan(entry.path, is_deep=is_deep)))
                            break
                    elif finding := self._look_at(entry, place):
                        yield finding
                else:
                    pending.pop()
            except OSError as error:
                pending.pop()
                yield failure(folder, error)

    def _wants(self, folder: str, place: _Place) -> bool:
        if self._filters and self._wanted.excludes(f"{folder[place.skip :]}/"):
            return False
        if is_private(folder):
            return False
        return place.known is None or folder not in place.known

    def _is_new(self, folder: str) -> bool:
        """Tell whether the folder was not entered yet; only links can lead to one again."""
        if not self._follow:
            return True
        try:
            status = os.stat(folder)
        except OSError:
            return True  # listing it fails too, and that is reported
        key = (status.st_dev, status.st_ino)
        is_new = key not in self._entered
        self._entered.add(key)
        return is_new

    def _look_at(self, entry: os.DirEntry[str], place: _Place) -> Finding | None:
        path = entry.path
        if self._filters and self._wanted.excludes(path[place.skip :]):
            return None
        if place.known is not None and path in place.known:
            return None
        try:
            status = entry.stat(follow_symlinks=False)
            if not (self._follow and stat.S_ISLNK(status.st_mode)):
                return judge(path, status)
            status = os.stat(path)
        except OSError as error:
            return failure(path, error)
        if not stat.S_ISDIR(status.st_mode):
            return judge(path, status, linked=True)
        if self._wants(path, place):
            place.links.append(path)
        return None


class _Place:
    """What one walk needs to know: where filters begin, what is known, the links to come."""

    __slots__ = ("known", "links", "skip")

    def __init__(self, skip: int, known: Named | None) -> None:
        self.skip = skip
        self.known = known
        self.links: list[str] = []


def _scan(folder: str, *, is_deep: bool) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        if not is_deep:
            yield from entries
            return
        held = list(entries)
    yield from held


def judge(path: str, status: os.stat_result, *, linked: bool = False) -> Finding:
    """Return what a path that is no folder is: a candidate, or the Problem that it cannot be one.

    Errors: Problems find.symlink, find.not-regular
    """
    mode = status.st_mode
    if not stat.S_ISREG(mode):
        code = "find.symlink" if stat.S_ISLNK(mode) else "find.not-regular"
        return Candidate(path=path), Problem(code=code)
    return Candidate(
        path=path,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        inode=status.st_ino,
        linked=linked,
    )


def failure(path: str, error: OSError, *, absent: str = "find.vanished") -> Finding:
    """Return the Problem of a path that the system refuses; `absent` is that of one not there.

    Errors: Problems find.symlink (it leads nowhere), find.vanished, find.unreadable
    """
    if os.path.islink(path):
        code = "find.symlink"
    elif isinstance(error, FileNotFoundError | NotADirectoryError):
        code = absent
    else:
        code = "find.unreadable"
    return Candidate(path=path), Problem(code=code)
