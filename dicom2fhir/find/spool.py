"""Compressed archives: unpacked as a guarded stream, to private temporary files."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import zlib
from typing import TYPE_CHECKING, Final

from dicom2fhir.errors import OutputError
from dicom2fhir.find.sources import GZIP_MAGIC
from dicom2fhir.options import MIB
from dicom2fhir.problems import Problem
from dicom2fhir.temporary import PrivateFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from io import FileIO

    from dicom2fhir.options import FindOptions

_XZ_MEMORY = 128 * MIB
_DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError)


class Spools:
    """Unpacked archives in a private folder, which is made when first needed."""

    def __init__(self, folder: str | None) -> None:
        self._parent = folder
        self._folder: PrivateFolder | None = None
        self._count = 0

    def write(self, chunks: Iterable[bytes]) -> str:
        """Write the chunks to a new file and return its path.

        Errors: OutputError when the temporary folder cannot take it
        """
        try:
            if self._folder is None:
                self._folder = PrivateFolder(self._parent)
            self._count += 1
            path = f"{self._folder.path}/{self._count}.spool"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with open(os.open(path, flags, 0o600), "wb") as spool:
                spool.writelines(chunks)
        except OSError as error:
            reason = os.strerror(error.errno or errno.EIO)
        else:
            return path
        raise OutputError(
            f"An archive cannot be unpacked to the temporary folder: {reason}",
            hint="Use --temp-dir to name a folder with space.",
        )

    def close(self) -> None:
        """Remove all of them."""
        if self._folder is not None:
            self._folder.remove()
            self._folder = None


class Unpacking:
    """The unpacked bytes of a compressed file; ends early, with a Problem, at damage or a limit."""

    def __init__(self, file: FileIO, head: bytes, options: FindOptions) -> None:
        unpack = next(unpack for magic, unpack in _UNPACK.items() if head.startswith(magic))
        self._chunks = unpack(file)
        self._packed = os.fstat(file.fileno()).st_size
        self._options = options
        self.problem: Problem | None = None

    def __iter__(self) -> Iterator[bytes]:
        total = 0
        while True:
            try:
                chunk = next(self._chunks, b"")
            except _DAMAGED:
                self.problem = Problem(code="find.archive-bad")
                return
            total += len(chunk)
            if exceeded := exceeded_limit(self._options, total, self._packed):
                self.problem = Problem(code="find.archive-limit", detail=exceeded)
                chunk = chunk[: self._options.max_archive_bytes - total]
            if chunk:
                yield chunk
            if not chunk or exceeded:
                return


def exceeded_limit(options: FindOptions, size: int, packed: int) -> str:
    """Say which limit so many unpacked bytes exceed; empty when none."""
    if size > options.max_archive_bytes:
        return f"{options.max_archive_bytes} bytes"
    if size > max(MIB, options.max_ratio * packed):
        return f"{options.max_ratio} unpacked bytes for each packed byte"
    return ""


def is_compressed(head: bytes) -> bool:
    """Tell whether a file that starts like this is one that Unpacking takes."""
    return head.startswith(tuple(_UNPACK))


def _read_gzip(file: FileIO) -> Iterator[bytes]:
    stream = gzip.GzipFile(fileobj=file, mode="rb")
    # read1 keeps what comes before the damage in a truncated file; read would lose it.
    while chunk := stream.read1(MIB):
        yield chunk


def _read_bzip2(file: FileIO) -> Iterator[bytes]:
    stream = bz2.BZ2File(file)
    while chunk := stream.read1(MIB):
        yield chunk


def _read_xz(file: FileIO) -> Iterator[bytes]:
    # LZMAFile has no limit: a header may ask for a dictionary of 4 GiB.
    stream = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
    while not stream.eof:
        packed = file.read(65536) if stream.needs_input else b""
        if stream.needs_input and not packed:
            raise EOFError
        if chunk := stream.decompress(packed, MIB):
            yield chunk


_UNPACK: Final[dict[bytes, Callable[[FileIO], Iterator[bytes]]]] = {
    GZIP_MAGIC: _read_gzip,
    b"BZh": _read_bzip2,
    b"\xfd7zXZ\0": _read_xz,
}
