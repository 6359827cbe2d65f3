"""Bundle files as JSON in pieces: what is long base64 stays in its file until it is sent."""

from __future__ import annotations

import gzip
import os
import re
import stat
import sys
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, cast

from dicom2fhir.bundle.encoding import decode_pieces
from dicom2fhir.deliver.whole import write_all
from dicom2fhir.model import Candidate, EncodedBytes
from dicom2fhir.options import MIB
from dicom2fhir.pipeline.validation import LINES, MAX_DOCUMENT, STDIN
from dicom2fhir.temporary import temporary_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import BufferedReader
    from pathlib import Path

    from dicom2fhir.model import Json, Piece
    from dicom2fhir.temporary import PrivateFolder

LONG: Final = 64 * 1024
"""Characters; shorter base64 is read as text."""
_WINDOW: Final = MIB
"""Bytes that are held of a file, however large it is."""
_MARK: Final = re.compile(rb'\n|"data"[ \t\r\n]*:[ \t\r\n]*"')
"""What ends a document, or begins what may be long; in text the quotation marks are escaped."""
_MARK_LENGTH: Final = 128
"""Bytes of the longest mark that is found; a longer one leads to no harm, but to more memory."""
_SPACE: Final = b" \t\r\n"
_BEFORE: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*")
"""What may stand before the first document: the mark that Windows writes, and space."""
_GZIP: Final = b"\x1f\x8b"
"""How a gzip member begins (RFC 1952 2.3.1)."""


class DocumentError(Exception):
    """A file cannot be read as Bundles; the text is a code of a Problem."""


def read_documents(path: Path, spools: PrivateFolder) -> Iterator[Json]:
    """Yield the JSON documents of one file: the whole, or its lines where it holds Bundles a line.

    Long base64 is a value (`EncodedBytes`) that leads to the file, or to a copy of it where it is
    compressed or comes from a pipe. Nobody has read it then.
    Errors: DocumentError, also for an empty file, unless it is one of lines, or standard input;
            OutputError where a copy cannot be written
    """
    try:
        place = _plain(path, spools)
        with place.open("rb") as file:
            lines = path.name.endswith(LINES)
            documents = _Documents(place, file.fileno(), lines=lines)
            found = lines or path == STDIN
            for pieces in documents.read():
                document = _decode(pieces)
                if document is not None:
                    found = True
                    yield document
            if not found:
                raise DocumentError("check.json")
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DocumentError("check.json") from None
    except OSError:
        raise DocumentError("find.unreadable") from None


def _plain(path: Path, spools: PrivateFolder) -> Path:
    """Return a regular file with the plain text, which may be a copy.

    Errors: OutputError where a copy cannot be written
    """
    if path != STDIN and not path.name.endswith(".gz"):
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError
        return path
    with temporary_faults():
        spool = spools.path / f"{len(list(spools.path.iterdir()))}.json"
        copy = spool.open("xb", buffering=0)
    with _source(path) as source, copy:
        while chunk := source.read(MIB):
            with temporary_faults():
                write_all(copy.fileno(), chunk)
    return spool


@contextmanager
def _source(path: Path) -> Iterator[IO[bytes]]:
    if path == STDIN:
        piped = cast("BufferedReader", sys.stdin.buffer)
        packed = piped.peek(len(_GZIP)).startswith(_GZIP)
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=piped)) if packed else piped
    else:
        with path.open("rb") as file:
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=file))


def _decode(pieces: Sequence[Piece]) -> Json:
    """Return the document, None where there is nothing but space."""
    if len(pieces) == 1 and isinstance(pieces[0], bytes) and not pieces[0].strip():
        return None
    try:
        return decode_pieces(pieces)
    except ValueError:
        raise DocumentError("check.json") from None


class _Documents:
    """Cuts a file into documents, and these into text and what is long base64, in one pass."""

    def __init__(self, path: Path, file: int, *, lines: bool) -> None:
        self._text = _Text(file)
        self._candidate = _candidate(path, file)
        self._lines: bool | None = True if lines else None
        before = _BEFORE.match(self._text.slice(0, LONG))
        self._start = before.end() if before else 0
        self._held = 0

    def read(self) -> Iterator[list[Piece]]:
        """Yield the pieces of each document.

        Errors: DocumentError
        """
        text = self._text
        pieces: list[Piece] = []
        start = position = self._start
        while mark := text.search(_MARK, position):
            begin, position = mark
            if text.slice(begin, begin + 1) == b"\n":
                if self._ends_document(begin):
                    yield [*pieces, self._cut(start, begin)]
                    pieces, start, self._held = [], position, 0
                continue
            end, escaped = text.find_quote(position)
            if end < 0:
                break
            if end - position >= LONG and (end - position) % 4 == 0 and not escaped:
                pieces += (self._cut(start, position), self._encoded(position, end))
                start = end
            position = end + 1
        if start < text.size:
            yield [*pieces, self._cut(start, text.size)]

    def _cut(self, start: int, end: int) -> bytes:
        self._held += end - start
        if self._held > MAX_DOCUMENT:
            raise DocumentError("check.json")
        return self._text.slice(start, end)

    def _ends_document(self, line_feed: int) -> bool:
        """Tell whether a line feed parts documents: within JSON it stands between tokens.

        The first one tells for all: a line that is JSON by itself, and another that follows.
        """
        if self._lines is None:
            before = self._text.slice(max(0, line_feed - LONG), line_feed)
            after = self._text.slice(line_feed + 1, line_feed + 1 + LONG)
            opened = self._text.slice(self._start, self._start + 1) == b"{"
            self._lines = opened and before.rstrip(_SPACE).endswith(b"}") and bool(after.strip())
        return self._lines

    def _encoded(self, first: int, last: int) -> EncodedBytes:
        tail = self._text.slice(last - 2, last)
        return EncodedBytes(
            source=self._candidate,
            ranges=((first, last - first),),
            sha256="",
            padding=len(tail) - len(tail.rstrip(b"=")),
        )


def _candidate(path: Path, file: int) -> Candidate:
    found = os.fstat(file)
    return Candidate(
        path=str(path), size=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino
    )


class _Text:
    """The bytes of a file, through a window that moves over it."""

    def __init__(self, file: int) -> None:
        self.size = os.fstat(file).st_size
        self._file = file
        self._start = 0
        self._held = b""

    def slice(self, start: int, end: int) -> bytes:
        """Return these bytes, fewer only at the end."""
        if self._start <= start and end <= self._start + len(self._held):
            return self._held[start - self._start : end - self._start]
        return os.pread(self._file, end - start, start)

    def search(self, mark: re.Pattern[bytes], position: int) -> tuple[int, int] | None:
        """Return where the next mark begins and ends."""
        while position < self.size:
            offset = self._show(position)
            found = mark.search(self._held, position - offset)
            if found:
                return offset + found.start(), offset + found.end()
            # A mark that the end of the window cuts is looked for once more.
            end = offset + len(self._held)
            position = end if end >= self.size else max(position + 1, end - _MARK_LENGTH)
            self._held = b""
        return None

    def find_quote(self, position: int) -> tuple[int, bool]:
        """Return where the next quotation mark stands, -1 for nowhere, and if a backslash does."""
        escaped = False
        while position < self.size:
            offset = self._show(position)
            found = self._held.find(b'"', position - offset)
            stop = found if found >= 0 else len(self._held)
            escaped = escaped or self._held.find(b"\\", position - offset, stop) >= 0
            if found >= 0:
                return offset + found, escaped
            position = offset + len(self._held)
        return -1, escaped

    def _show(self, position: int) -> int:
        """Have the window show what stands at this position; return where it begins."""
        if not self._start <= position < self._start + len(self._held):
            self._start = position
            self._held = os.pread(self._file, _WINDOW, position)
            if not self._held:
                raise EOFError
        return self._start
