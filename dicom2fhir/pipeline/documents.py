"""Bundle files as JSON in pieces: what is long base64 stays in its file until it is sent."""

from __future__ import annotations

import gzip
import hashlib
import mmap
import os
import shutil
import stat
import sys
import zlib
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final, cast

from dicom2fhir.bundle.encoding import decode_pieces
from dicom2fhir.deliver import SourceChangedError
from dicom2fhir.model import Candidate, EncodedBytes
from dicom2fhir.options import MIB
from dicom2fhir.pipeline.payload import read_payload
from dicom2fhir.pipeline.validation import LINES, MAX_DOCUMENT, STDIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dicom2fhir.model import Json, Piece
    from dicom2fhir.temporary import PrivateFolder

LONG: Final = 64 * 1024
"""Characters; shorter base64 is read as text."""
_STEP: Final = 16 * MIB
"""Bytes that one search may touch, after which their pages are given back."""
_KEY: Final = b'"data"'
_SPACE: Final = b" \t\r\n"


class DocumentError(Exception):
    """A file cannot be read as Bundles; the text is a code of a Problem."""


def read_documents(path: Path, spools: PrivateFolder) -> Iterator[Json]:
    """Yield the JSON documents of one file: the whole, or its lines where it holds Bundles a line.

    Long base64 is a value (`EncodedBytes`) that leads to the file, or to a copy of it where it is
    compressed or comes from a pipe.
    Errors: DocumentError
    """
    try:
        place = _plain(path, spools)
        size = place.stat().st_size
        with _mapped(place) as (file, text):
            if size == 0:
                return
            for start, end in _extents(text, size, lines=path.name.endswith(LINES)):
                document = _document(place, file, text, start, end)
                if document is not None:
                    yield document
    except (OSError, EOFError, zlib.error):
        raise DocumentError("find.unreadable") from None


def _plain(path: Path, spools: PrivateFolder) -> Path:
    """Return a regular file with the plain text, which may be a copy."""
    if path != STDIN and not path.name.endswith(".gz"):
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError
        return path
    spool = spools.path / f"{len(list(spools.path.iterdir()))}.json"
    with _source(path) as source, spool.open("xb") as copy:
        shutil.copyfileobj(source, copy, MIB)
    return spool


@contextmanager
def _source(path: Path) -> Iterator[IO[bytes]]:
    if path == STDIN:
        yield sys.stdin.buffer
    else:
        with path.open("rb") as file:
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=file))


@contextmanager
def _mapped(path: Path) -> Iterator[tuple[int, mmap.mmap | bytes]]:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            yield file.fileno(), b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            yield file.fileno(), text


def _extents(text: mmap.mmap | bytes, size: int, *, lines: bool) -> Iterator[tuple[int, int]]:
    """Yield where documents begin and end: a line feed within JSON text stands between tokens."""
    if not lines and not _is_line(text, size):
        yield 0, size
        return
    start = 0
    while start < size:
        end = _find(text, b"\n", start, size)
        yield start, size if end < 0 else end
        start = size if end < 0 else end + 1


def _is_line(text: mmap.mmap | bytes, size: int) -> bool:
    """Tell whether the first line is JSON by itself and another follows."""
    end = _find(text, b"\n", 0, size)
    if end < 0 or not text[end + 1 : end + 1 + LONG].strip(_SPACE):
        return False
    return text[max(0, end - LONG) : end].rstrip(_SPACE).endswith(b"}") and text[:1] == b"{"


def _document(path: Path, file: int, text: mmap.mmap | bytes, start: int, end: int) -> Json:
    pieces: list[Piece] = []
    held = 0
    found = os.fstat(file)
    candidate = Candidate(
        path=str(path), size=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino
    )
    position = start
    for first, last in _long_values(text, start, end):
        pieces += (bytes(text[position:first]), _encoded(candidate, text, first, last))
        held += first - position
        position = last
        if held > MAX_DOCUMENT:
            raise DocumentError("check.json")
    if held + end - position > MAX_DOCUMENT:
        raise DocumentError("check.json")
    pieces.append(bytes(text[position:end]))
    if len(pieces) == 1 and not text[start:end].strip():
        return None
    try:
        return decode_pieces(pieces)
    except ValueError:
        raise DocumentError("check.json") from None


def _encoded(candidate: Candidate, text: mmap.mmap | bytes, first: int, last: int) -> EncodedBytes:
    """Return the value of base64 in a file; its hash is that of what it stands for."""
    tail = text[last - 2 : last]
    unnamed = EncodedBytes(
        source=candidate,
        ranges=((first, last - first),),
        sha256="",
        padding=len(tail) - len(tail.rstrip(b"=")),
    )
    digest = hashlib.sha256()
    try:
        for chunk in read_payload(unnamed):
            digest.update(chunk)
    except SourceChangedError:
        raise DocumentError("check.json") from None
    return EncodedBytes(
        source=candidate,
        ranges=unnamed.ranges,
        sha256=digest.hexdigest(),
        padding=unnamed.padding,
    )


def _long_values(text: mmap.mmap | bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where the text of each long `data` begins and ends."""
    # Within a string the quotation marks of a key would be escaped, so that it is not found.
    position = start
    while (key := _find(text, _KEY, position, end)) >= 0:
        position = key + len(_KEY)
        head = bytes(text[position : min(position + 64, end)])
        opening = head.lstrip(_SPACE).removeprefix(b":").lstrip(_SPACE)
        if not opening.startswith(b'"') or b":" not in head[: len(head) - len(opening)]:
            continue
        first = position + len(head) - len(opening) + 1
        last = _find(text, b'"', first, end)
        if last < 0:
            return
        escaped = last - first >= LONG and _find(text, b"\\", first, last) >= 0
        if last - first >= LONG and (last - first) % 4 == 0 and not escaped:
            yield first, last
        position = last + 1


def _find(text: mmap.mmap | bytes, wanted: bytes, start: int, end: int) -> int:
    """Return where the bytes stand, or -1; what was searched does not stay in memory."""
    position = start
    while position < end:
        stop = min(end, position + _STEP)
        found = text.find(wanted, position, min(end, stop + len(wanted) - 1))
        if isinstance(text, mmap.mmap) and stop - position == _STEP:
            with suppress(OSError, ValueError):
                page = position // mmap.PAGESIZE * mmap.PAGESIZE
                text.madvise(mmap.MADV_DONTNEED, page, stop - page)
        if found >= 0:
            return found
        position = stop
    return -1
