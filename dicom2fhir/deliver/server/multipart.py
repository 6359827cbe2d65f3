"""multipart/related, written and read as a stream (RFC 2387, RFC 2046 5.1; PS3.18 8.7.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dicom2fhir.deliver.blocks import ReadBytes
    from dicom2fhir.model import Bytes

MAX_HEADERS: Final = 16 * 1024
"""Bytes of the headers of one part."""

_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_BREAK: Final = b"\r\n"


class MultipartError(Exception):
    """What came is no multipart, or ends early."""


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type states.

    Errors: MultipartError
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise MultipartError
    return (found[1] or found[2]).encode("latin-1", errors="replace")


class PartReader:
    """Yields the headers and the bytes of each part, never more of them than came at a time.

    The bytes of a part that was not read to its end are skipped. Errors: MultipartError
    """

    def __init__(self, chunks: Iterator[bytes], boundary: bytes) -> None:
        self._chunks = chunks
        self._delimiter = _BREAK + b"--" + boundary
        self._held = _BREAK  # the first delimiter may stand without a line break before it

    def __iter__(self) -> Iterator[tuple[Mapping[str, str], Iterator[bytes]]]:
        self._skip(self._until_delimiter())
        while not self._is_last():
            headers, content = self._read_headers(), self._until_delimiter()
            yield headers, content
            self._skip(content)

    @staticmethod
    def _skip(content: Iterator[bytes]) -> None:
        for _ in content:
            pass

    def _until_delimiter(self) -> Iterator[bytes]:
        while (place := self._held.find(self._delimiter)) < 0:
            # The end of what is held may be the beginning of a delimiter.
            sure = len(self._held) - len(self._delimiter) + 1
            if sure > 0:
                yield self._held[:sure]
                self._held = self._held[sure:]
            self._grow()
        if place:
            yield self._held[:place]
        self._held = self._held[place + len(self._delimiter) :]

    def _is_last(self) -> bool:
        while len(self._held) < len(_BREAK):
            self._grow()
        return self._held.startswith(b"--")

    def _read_headers(self) -> Mapping[str, str]:
        while (end := self._held.find(_BREAK * 2)) < 0:
            if len(self._held) > MAX_HEADERS:
                raise MultipartError
            self._grow()
        lines = self._held[:end].decode("latin-1").split("\r\n")[1:]
        self._held = self._held[end + len(_BREAK) * 2 :]
        pairs = (line.partition(":") for line in lines)
        return {name.strip().casefold(): value.strip() for name, _, value in pairs}

    def _grow(self) -> None:
        more = next(self._chunks, None)
        if more is None:
            raise MultipartError
        self._held += more


def related_length(contents: Sequence[Bytes], boundary: bytes) -> int:
    """Return how many bytes `write_related` yields for these files."""
    around = len(_head(boundary)) + len(_BREAK)
    return sum(one.length + around for one in contents) + len(_tail(boundary))


def write_related(
    contents: Sequence[Bytes], boundary: bytes, read_bytes: ReadBytes
) -> Iterator[bytes]:
    """Yield a multipart/related body with a part for each of these DICOM files.

    Errors: SourceChangedError
    """
    for content in contents:
        yield _head(boundary)
        yield from read_bytes(content)
        yield _BREAK
    yield _tail(boundary)


def _head(boundary: bytes) -> bytes:
    return b"--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n"


def _tail(boundary: bytes) -> bytes:
    return b"--" + boundary + b"--\r\n"
