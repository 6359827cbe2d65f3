"""Inflating a deflated data set (PS3.5 A.5) within limits of size and ratio."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from dicom2fhir.options import MIB
from dicom2fhir.read.window import UnreadableError

if TYPE_CHECKING:
    from dicom2fhir.model import ByteSource
    from dicom2fhir.options import ReadOptions

_CHUNK = 64 * 1024


def inflate(source: ByteSource, start: int, options: ReadOptions) -> bytes:
    """Return the data set that is deflated from `start` on; some writers add a zlib header.

    Errors: UnreadableError read.inflate-limit, read.truncated or read.malformed
    """
    try:
        return _inflate(source, start, options, -zlib.MAX_WBITS)
    except zlib.error:
        try:
            return _inflate(source, start, options, zlib.MAX_WBITS)
        except zlib.error as error:
            raise UnreadableError("read.malformed") from error


def _inflate(source: ByteSource, start: int, options: ReadOptions, window_bits: int) -> bytes:
    inflater = zlib.decompressobj(window_bits)
    inflated = bytearray()
    pos = start
    pending = b""
    while not inflater.eof:
        if not pending:
            pending = source.read_at(pos, _CHUNK)
            if not pending:
                raise UnreadableError("read.truncated")
            pos += len(pending)
        inflated += inflater.decompress(pending, MIB)
        pending = inflater.unconsumed_tail
        taken = pos - start - len(pending)
        grown = len(inflated)
        if grown > options.max_inflated or grown > max(MIB, taken * options.max_inflate_ratio):
            raise UnreadableError("read.inflate-limit")
    return bytes(inflated)
