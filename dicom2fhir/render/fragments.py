"""Where the frames of encapsulated pixel data lie (PS3.5 A.4), without reading them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from dicom2fhir.render.dataset import UNDEFINED, size_of
from dicom2fhir.render.faults import RenderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.render.dataset import Element

Ranges: TypeAlias = "tuple[tuple[int, int], ...]"
"""Pieces of a stream, (offset, length) each."""

_ITEM = (0xFFFE, 0xE000)
_HEAD = Struct("<HHL")
_MOST = 4_000_000
_LARGEST_TABLE = 16 * 1024 * 1024
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0c")
"""How a JPEG, a JPEG 2000 code stream and a JP2 file begin."""


@dataclass(slots=True)
class Fragments:
    """The fragments of one element: where each lies, and the offsets of its basic table.

    `whole` tells that none ends behind the file.
    """

    positions: array[int] = field(default_factory=lambda: array("Q"))
    lengths: array[int] = field(default_factory=lambda: array("Q"))
    offsets: Sequence[int] = ()
    whole: bool = True

    def __len__(self) -> int:
        return len(self.positions)

    def ranges(self, start: int, stop: int) -> Ranges:
        """Return where the fragments from `start` to before `stop` lie."""
        return tuple(zip(self.positions[start:stop], self.lengths[start:stop], strict=True))


def find_fragments(stream: BinaryIO, element: Element) -> Fragments:
    """Return the fragments of encapsulated pixel data.

    Errors: RenderError pixels.undecodable
    """
    if element.length != UNDEFINED:
        raise RenderError("pixels.undecodable", "compressed pixels without fragments")
    found, size, pos, is_table = Fragments(), size_of(stream), element.pos, True
    while True:
        stream.seek(pos)
        head = stream.read(_HEAD.size)
        if len(head) < _HEAD.size:
            found.whole = False
            return found
        group, number, length = _HEAD.unpack(head)
        if (group, number) != _ITEM or length == UNDEFINED:
            return found
        pos += _HEAD.size
        if is_table:
            found.offsets = _table(stream.read(min(length, _LARGEST_TABLE)), "L")
        else:
            found.positions.append(pos)
            found.lengths.append(min(length, max(0, size - pos)))
        if len(found) > _MOST:
            raise RenderError("pixels.undecodable", "millions of fragments")
        pos, is_table = pos + length, False


def _table(data: bytes, kind: str) -> Sequence[int]:
    """Return the little endian numbers of a table."""
    width = Struct("<" + kind).size
    count = len(data) // width
    return Struct(f"<{count}{kind}").unpack_from(data)


class FrameIndex:
    """Where each frame of encapsulated pixel data lies: by offset tables, or by its fragments."""

    def __init__(
        self,
        stream: BinaryIO,
        element: Element,
        frames: int,
        extended: tuple[bytes, bytes] | None = None,
    ) -> None:
        self._fragments = find_fragments(stream, element)
        self._frames = frames
        self._firsts: Sequence[int] = ()
        self._extended: tuple[Sequence[int], Sequence[int]] | None = None
        if frames > 1 and len(self._fragments) != frames:
            self._extended = self._check_extended(extended)
            self._firsts = () if self._extended else self._find_firsts(stream)

    def __len__(self) -> int:
        if self._frames <= 1:
            return min(1, len(self._fragments))
        if self._extended is not None:
            return len(self._extended[0])
        return len(self._firsts) or len(self._fragments)

    def __getitem__(self, index: int) -> Ranges:
        """Return where the frame lies; it counts from 0.

        Errors: RenderError pixels.undecodable
        """
        if not 0 <= index < len(self):
            raise RenderError("pixels.undecodable", "the pixel data ends before the frame")
        parts = self._fragments
        if self._frames <= 1:
            return parts.ranges(0, len(parts))
        if self._extended is not None:
            # PS3.3 C.7.6.3.1.8: offsets are those of Items, and each holds one whole frame
            base = parts.positions[0]
            return ((base + self._extended[0][index], self._extended[1][index]),)
        if not self._firsts:
            return parts.ranges(index, index + 1)
        stop = self._firsts[index + 1] if index + 1 < len(self._firsts) else len(parts)
        return parts.ranges(self._firsts[index], stop)

    def _check_extended(
        self, extended: tuple[bytes, bytes] | None
    ) -> tuple[Sequence[int], Sequence[int]] | None:
        if extended is None or not len(self._fragments):
            return None
        offsets, lengths = _table(extended[0], "Q"), _table(extended[1], "Q")
        if len(offsets) != len(lengths) or len(offsets) != self._frames:
            return None
        return offsets, lengths

    def _find_firsts(self, stream: BinaryIO) -> Sequence[int]:
        """Return the number of the first fragment of each frame."""
        parts = self._fragments
        if len(parts.offsets) == self._frames:
            first = parts.positions[0] if len(parts) else 0
            numbers = {pos - first: number for number, pos in enumerate(parts.positions)}
            firsts = [numbers.get(offset, -1) for offset in parts.offsets]
            if firsts == sorted(set(firsts)) and firsts[0] == 0:
                return firsts
        starts = array("Q")
        for number, pos in enumerate(parts.positions):
            stream.seek(pos)
            if stream.read(4).startswith(_STARTS):
                starts.append(number)
        if len(starts) < min(2, self._frames) or starts[0] != 0:
            raise RenderError("pixels.undecodable", "its frames cannot be told apart")
        return starts


def read_ranges(stream: BinaryIO, ranges: Ranges, limit: int) -> bytes:
    """Return the joined pieces of a stream.

    Errors: RenderError pixels.too-large, pixels.undecodable
    """
    if sum(length for _, length in ranges) > limit:
        raise RenderError("pixels.too-large", "the compressed frame")
    pieces = []
    for pos, length in ranges:
        stream.seek(pos)
        pieces.append(stream.read(length))
        if len(pieces[-1]) < length:
            raise RenderError("pixels.undecodable", "the file ends within the frame")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
