"""A deflated data set (PS3.5 A.5) as a source of its inflated bytes, within limits."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from dicom2fhir.options import MIB
from dicom2fhir.read.window import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.model import ByteSource
    from dicom2fhir.options import ReadOptions

_CHUNK = 64 * 1024
_HELD = 8 * MIB
"""Bytes that are kept; what lies behind is inflated again when it is asked for."""


class Inflated:
    """The inflated bytes, readable at any offset and held only at their head.

    Errors: UnreadableError read.inflate-limit, read.truncated or read.malformed
    """

    def __init__(self, source: ByteSource, start: int, options: ReadOptions) -> None:
        self._deflated = (source, start, options)
        self._window_bits = -zlib.MAX_WBITS
        try:
            self._measure()
        except zlib.error:
            # some writers put a zlib header before the data set
            self._window_bits = zlib.MAX_WBITS
            try:
                self._measure()
            except zlib.error as error:
                raise UnreadableError("read.malformed") from error

    def _measure(self) -> None:
        """Inflate all of it once, to know its size and that it ends."""
        head: list[bytes] = []
        self.size = 0
        for piece in self._inflate():
            if self.size < _HELD:
                head.append(piece)
            self.size += len(piece)
        self._head = b"".join(head)
        self._pieces: Iterator[bytes] = iter(())
        self._piece, self._at = b"", self.size

    def _inflate(self) -> Iterator[bytes]:
        source, pos, options = self._deflated
        inflater = zlib.decompressobj(self._window_bits)
        pending, taken, grown = b"", 0, 0
        while True:
            piece = inflater.decompress(pending, MIB)
            taken += len(pending) - len(inflater.unconsumed_tail)
            grown += len(piece)
            if grown > min(options.max_inflated, max(MIB, taken * options.max_inflate_ratio)):
                raise UnreadableError("read.inflate-limit")
            if piece:
                yield piece
            if inflater.eof:
                return
            pending = inflater.unconsumed_tail
            if not pending and len(piece) < MIB:
                pending = source.read_at(pos, _CHUNK)
                pos += len(pending)
                if not pending:
                    raise UnreadableError("read.truncated")

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end."""
        if offset + length <= len(self._head):
            return self._head[offset : offset + length]
        if offset < self._at:
            self._pieces, self._piece, self._at = self._inflate(), b"", 0
        parts: list[bytes] = []
        while length > 0:
            skip = offset - self._at
            if skip < len(self._piece):
                parts.append(self._piece[skip : skip + length])
                offset += len(parts[-1])
                length -= len(parts[-1])
                continue
            self._at += len(self._piece)
            self._piece = next(self._pieces, b"")
            if not self._piece:
                break
        return b"".join(parts)

    def changed(self) -> bool:
        """Tell whether the deflated bytes have changed."""
        return self._deflated[0].changed()

    def close(self) -> None:
        """Release nothing: the deflated source is closed by who opened it."""
