"""One data set up to its pixels: the attributes that pictures need, and where the pixels lie."""

from __future__ import annotations

import io
import tempfile
import zlib
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from dicom2fhir.render.faults import RenderError, guarded
from dicom2fhir.render.quiet import quietly
from dicom2fhir.render.syntaxes import BIG_ENDIAN, DEFLATED, IMPLICIT, PAPYRUS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Dataset: TypeAlias = Any

UNDEFINED = 0xFFFFFFFF
_LARGEST = 16 * 1024 * 1024
"""Bytes of one kept value: tables, profiles and offsets are all below."""
_IN_MEMORY = 64 * 1024 * 1024
_MOST_INFLATED = 512 * 1024 * 1024
_CHUNK = 256 * 1024
_PREFIX_AT = 128
_META = 0x0002
_LONG_VRS = frozenset({b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT"})
_EXPLICIT = Struct("<HH2sH").unpack
_LENGTH = Struct("<L").unpack


@dataclass(frozen=True, slots=True)
class Element:
    """Where the value of one element lies; an undefined length is UNDEFINED."""

    tag: int
    vr: str
    pos: int
    length: int


@dataclass(slots=True)
class Opened:
    """A data set that is being read; `inflated` tells that `stream` is not the file itself."""

    stream: BinaryIO
    implicit: bool
    little: bool
    inflated: bool

    def close(self) -> None:
        """Remove what was inflated; the stream of the file is its owner's."""
        if self.inflated:
            self.stream.close()

    def read(
        self, wanted: Collection[int], ends: Collection[int]
    ) -> tuple[Dataset, Element | None]:
        """Return the wanted elements from here on, and the first of `ends`, where reading stops.

        Behind an end that was found the stream stands at its value.
        """
        from pydicom.filereader import read_dataset  # noqa: PLC0415 - takes half a second

        found: list[Element] = []
        stops = frozenset(ends)

        def at_end(tag: int, vr: str | None, length: int) -> bool:
            number = int(tag)  # pydicom's own tags compare slowly
            if number in stops:
                found.append(Element(number, vr or "", self.stream.tell(), length))
            return number in stops

        with guarded("the data set"), quietly():
            dataset = read_dataset(
                self.stream,
                self.implicit,
                self.little,
                stop_when=at_end,
                defer_size=_LARGEST,
                specific_tags=list(wanted),
            )
            for tag in [tag for tag in dataset.keys() if _is_deferred(dataset, tag)]:  # noqa: SIM118
                del dataset[tag]
        if not found:
            return dataset, None
        self.stream.seek(found[-1].pos)
        return dataset, found[-1]

    def read_item(self, stop: int | None) -> Dataset:
        """Return the item of a sequence that begins here; without `stop` its end is marked."""
        from pydicom.filereader import read_dataset  # noqa: PLC0415 - takes half a second

        length = None if stop is None else stop - self.stream.tell()
        with guarded("the data set"), quietly():
            return read_dataset(
                self.stream,
                self.implicit,
                self.little,
                bytelength=length,
                defer_size=_LARGEST,
                at_top_level=False,
            )

    def items(self, element: Element) -> Iterator[tuple[int, int]]:
        """Yield position and length of each item of a sequence; the reader of one moves on.

        An item of undefined length must be read by whoever takes it.
        """
        order = "<HHL" if self.little else ">HHL"
        unpack = Struct(order).unpack
        stop = None if element.length == UNDEFINED else element.pos + element.length
        self.stream.seek(element.pos)
        while stop is None or self.stream.tell() < stop:
            head = self.stream.read(8)
            if len(head) < 8:  # noqa: PLR2004 - a tag and a length
                return
            group, number, length = unpack(head)
            if (group, number) != (0xFFFE, 0xE000):
                return
            pos = self.stream.tell()
            yield pos, length
            if length != UNDEFINED:
                self.stream.seek(pos + length)


def _is_deferred(dataset: Dataset, tag: int) -> bool:
    return getattr(dataset.get_item(tag, keep_deferred=True), "value", b"") is None


def open_dataset(stream: BinaryIO, transfer_syntax_uid: str) -> Opened:
    """Return the data set of a file, with or without preamble and file meta (PS3.10 7.1).

    Errors: RenderError pixels.undecodable, pixels.too-large
    """
    with guarded("the file meta information"):
        _skip_meta(stream)
    inflated = transfer_syntax_uid in DEFLATED
    return Opened(
        _inflate(stream) if inflated else stream,
        implicit=transfer_syntax_uid in (IMPLICIT, PAPYRUS),
        little=transfer_syntax_uid != BIG_ENDIAN,
        inflated=inflated,
    )


def _skip_meta(stream: BinaryIO) -> None:
    """Go to the first element behind group 0002."""
    stream.seek(0)
    head = stream.read(_PREFIX_AT + 4)
    start = _PREFIX_AT + 4 if head[_PREFIX_AT:] == b"DICM" else 4 * (head[:4] == b"DICM")
    while True:
        stream.seek(start)
        head = stream.read(8)
        if len(head) < 8:  # noqa: PLR2004 - an element's head
            break
        group, _element, vr, length = _EXPLICIT(head)
        if group != _META:
            break
        start += 8
        if vr in _LONG_VRS:
            (length,) = _LENGTH(stream.read(4))
            start += 4
        elif not vr.isalpha():
            (length,) = _LENGTH(head[4:])
        start += length
    stream.seek(start)


def _inflate(stream: BinaryIO) -> BinaryIO:
    """Return the inflated rest of a stream, in memory or in a private temporary file."""
    start = stream.tell()
    for bits in (-zlib.MAX_WBITS, zlib.MAX_WBITS):  # some writers put a zlib header first
        stream.seek(start)
        whole = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - the caller's
        try:
            for piece in _pieces(stream, zlib.decompressobj(bits)):
                whole.write(piece)
                if whole.tell() > _MOST_INFLATED:
                    whole.close()
                    raise RenderError("pixels.too-large", "the inflated data set")
        except zlib.error:
            whole.close()
            continue
        whole.seek(0)
        return whole  # type: ignore[return-value] # a file in all that is used
    raise RenderError("pixels.undecodable", "the deflated data set")


def _pieces(stream: BinaryIO, inflater: zlib._Decompress) -> Iterator[bytes]:
    while not inflater.eof and (pending := stream.read(_CHUNK)):
        while pending and not inflater.eof:
            yield inflater.decompress(pending, _CHUNK)
            pending = inflater.unconsumed_tail


def size_of(stream: BinaryIO) -> int:
    """Return the size of a stream, which stays where it is."""
    pos = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(pos)
    return size
