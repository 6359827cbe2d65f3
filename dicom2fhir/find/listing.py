"""Lists of paths, and the memory of what was named already."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from dicom2fhir.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CHUNK = 65536
_LONGEST = 65536  # no file system takes a path of this many bytes
_GENERATION = 50_000


def read_paths(listing: BinaryIO, *, null_separated: bool) -> Iterator[str]:
    """Yield the paths of a list, of any bytes, as soon as each has arrived."""
    separator = b"\0" if null_separated else b"\n"
    # read1 returns what a pipe holds now; read would wait for a whole chunk.
    read = getattr(listing, "read1", listing.read)
    rest = b""
    while chunk := read(_CHUNK):
        *whole, rest = (rest + chunk).split(separator)
        _refuse_other_data(rest)
        for path in whole:
            _refuse_other_data(path)
            if path:
                yield os.fsdecode(path)
    if rest:
        yield os.fsdecode(rest)


def _refuse_other_data(path: bytes) -> None:
    if b"\0" in path:
        raise UsageError(
            "The list of paths on stdin holds NUL bytes.",
            hint="Use -0 for a list that separates paths by NUL; stdin takes paths, not DICOM.",
        )
    if len(path) > _LONGEST:
        raise UsageError(
            "Stdin holds no list of paths.", hint="Separate paths by line feeds, or by NUL with -0."
        )


class Named:
    """What was named already: a path that recurs, or that lies in a named folder, is left out.

    Folders are all remembered, single files only the latest: a file that recurs after many
    others is found twice, which the catalog sees.
    """

    def __init__(self, outs: Iterable[str] = ()) -> None:
        # The folders that output goes to: no file of them may be named.
        self._outs = {os.path.join(os.path.realpath(out), "") for out in outs}
        self.touches_out = False
        self._folders: set[str] = set()
        self._files: set[str] = set()
        self._older: set[str] = set()
        self._prefix = ("", "")

    def __contains__(self, path: str) -> bool:
        return self._holds(self._key(path))

    def _holds(self, key: str) -> bool:
        return key in self._files or key in self._older or key in self._folders

    def covers(self, path: str) -> bool:
        """Tell whether the path, or a folder above it, was named."""
        key = self._key(path)
        if self._holds(key):
            return True
        while self._folders and key:
            key = key.rpartition("/")[0]
            if (key or "/") in self._folders:
                return True
        return False

    def add(self, path: str, *, is_folder: bool) -> None:
        """Remember a file, or a folder with all of it."""
        if is_folder:
            self._folders.add(os.path.realpath(path))
            return
        if len(self._files) >= _GENERATION:
            self._files, self._older = set(), self._files
        self._files.add(self._key(path))
        self.touches_out = self.touches_out or self._prefix[1] in self._outs

    def _key(self, path: str) -> str:
        """Return the path with its folder resolved; links that are the last name stay links."""
        name = path.rpartition("/")[2]
        if name in {"", ".", ".."}:
            return os.path.realpath(path)
        folder = path[: -len(name)]
        if self._prefix[0] != folder or not self._prefix[1]:
            self._prefix = (folder, os.path.join(os.path.realpath(folder), ""))
        return self._prefix[1] + name
