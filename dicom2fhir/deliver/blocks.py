"""Pieces of JSON as blocks to write: what stands in it as base64 is read and encoded on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pybase64 import b64encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dicom2fhir.model import Bytes, Piece

    ReadBytes: TypeAlias = Callable[[Bytes], Iterator[bytes]]

BLOCK = 64 * 1024
"""Bytes; smaller blocks are written together."""

_GROUP = 3
"""Bytes that base64 encodes by themselves (RFC 4648 4)."""


class SourceChangedError(Exception):
    """A source is not what was found, so nothing that holds its bytes can be written."""

    code = "deliver.source-changed"


class HashMismatchError(SourceChangedError):
    """A source is not what a list says of it."""

    code = "push.hash-mismatch"


class NotBase64Error(SourceChangedError):
    """A source of base64 holds something else."""

    code = "check.json"


def blocks_of(pieces: Iterable[Piece], read_bytes: ReadBytes) -> Iterator[bytes]:
    """Yield what is to be written, never more of a source than one of its chunks at a time.

    A source is opened before anything that stands before its bytes is yielded with them.
    Errors: SourceChangedError
    """
    small: list[bytes] = []
    size = 0
    for piece in pieces:
        blocks = (piece,) if isinstance(piece, bytes) else encode_base64(read_bytes(piece))
        for block in blocks:
            if small and size + len(block) > BLOCK:
                yield b"".join(small)
                small, size = [], 0
            if len(block) > BLOCK:
                yield block
            else:
                small.append(block)
                size += len(block)
    if small:
        yield b"".join(small)


def encode_base64(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the base64 of the chunks as of one; those of whole groups are not copied."""
    rest = b""
    for chunk in chunks:
        data = rest + chunk if rest else chunk
        whole = len(data) - len(data) % _GROUP
        rest = data[whole:]
        yield b64encode(memoryview(data)[:whole] if rest else data)
    if rest:
        yield b64encode(rest)
