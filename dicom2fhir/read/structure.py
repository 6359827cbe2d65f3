"""The walk over the elements of a data set: lengths, depth, items and where the file ends.

Runs before either lane and knows both byte orders. It follows lengths (PS3.5 7.1), never calls
itself for a sequence it does not keep, and raises UnreadableError with the code of a Problem;
DeclinedError leaves the data set to pydicom. What it kept by then stays in `values`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

from dicom2fhir.problems import Problem
from dicom2fhir.read.wanted import EVIDENCE, RawItem, Wanted, is_wanted_evidence
from dicom2fhir.read.window import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.window import Window

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
DELIMITERS = 0xFFFE
PIXEL_DATA = 0x7FE00010
PIXELS = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})
# PS3.5 table 7.1-1: these have a 32-bit length after two reserved bytes; the others 16 bits
LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_BINARY = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d"}
_NUMBERS_AS_TEXT = frozenset({"IS", "DS"})
_LETTERS = re.compile(rb"[A-Z]{2}").match


class DeclinedError(Exception):
    """The data set breaks the rules of PS3.5 7 where pydicom may know better."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the elements of a data set are encoded (PS3.5 A.1 to A.3)."""

    implicit: bool
    little: bool = True


@dataclass(frozen=True, slots=True)
class Pixels:
    """The element that holds the pixels: where its value begins and what it declares."""

    tag: int
    length: int
    start: int


def tag_text(tag: int) -> str:
    """Return the tag as people write it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def as_text(want: Wanted, vr: bytes, raw: bytes, order: str) -> bytes:
    """Return the bytes of a value, with binary numbers as text where the table has IS or DS."""
    code = _BINARY.get(vr)
    if code is None or want.vr not in _NUMBERS_AS_TEXT:
        return raw
    each = Struct(order + code)
    whole = len(raw) // each.size * each.size
    return b"\\".join(b"%s" % str(one[0]).encode() for one in each.iter_unpack(raw[:whole]))


class Walk:
    """One walk: what it kept (`values`, `pixels`, `present`) and the Problems it met."""

    def __init__(self, window: Window, encoding: Encoding, options: ReadOptions) -> None:
        self.window = window
        self.encoding = encoding
        self.options = options
        self.values: RawItem = {}
        self.problems: list[Problem] = []
        self.pixels: Pixels | None = None
        self.tags: set[int] = set()
        self.items = 0
        self.stepped = 0
        self.order = "<" if encoding.little else ">"
        self._implicit = Struct(self.order + "HHL").unpack_from
        self._explicit = Struct(self.order + "HH2sH").unpack_from
        self._long = Struct(self.order + "L").unpack_from

    # headers

    def header(self, pos: int, *, implicit: bool) -> tuple[int, bytes, int, int]:
        """Return tag, VR (empty when implicit), length and where the value begins."""
        window = self.window
        if not window.hold(pos, 8):
            raise UnreadableError("read.truncated")
        at = pos - window.base
        if not implicit:
            group, element, vr, length = self._explicit(window.data, at)
            if vr in SHORT_VRS:
                return group << 16 | element, vr, length, pos + 8
            if vr in LONG_VRS:
                if not window.hold(pos, 12):
                    raise UnreadableError("read.truncated")
                (length,) = self._long(window.data, pos - window.base + 8)
                return group << 16 | element, vr, length, pos + 12
            if b"AA" <= vr <= b"ZZ":
                # a VR of the future; pydicom too takes it for a short one
                return group << 16 | element, vr, length, pos + 8
        group, element, length = self._implicit(window.data, at)
        return group << 16 | element, b"", length, pos + 8

    def _item_is_implicit(self, pos: int, *, implicit: bool) -> bool:
        """Tell how an item is encoded: in UN and by some writers implicit (PS3.5 6.2.2)."""
        if implicit or not self.window.hold(pos, 6):
            return implicit
        at = pos - self.window.base
        return not _LETTERS(self.window.data, at + 4)

    # the top of the data set

    def top(self, pos: int, wanted: Mapping[int, Wanted]) -> None:
        """Walk the elements of the data set from here to the end of the file."""
        size = self.window.size
        while size - pos >= 8:
            pos = self.element(pos, wanted)
        if pos < size:
            self._leftover(pos)

    def element(self, pos: int, wanted: Mapping[int, Wanted]) -> int:
        """Walk one element at the top; return where the next one begins."""
        implicit = self.encoding.implicit
        tag, vr, length, value = self.header(pos, implicit=implicit)
        if self.pixels is not None and tag <= self.pixels.tag:
            # what follows the pixels out of order is garbage of a writer
            return self.window.size
        if tag in PIXELS:
            return self._pixel_data(tag, length, value)
        if tag >> 16 == DELIMITERS or tag == 0:
            return self._stray(pos, tag)
        self.tags.add(tag)
        want = wanted.get(tag)
        if tag == EVIDENCE and not is_wanted_evidence(self.values):
            want = None
        return self._value(tag, vr, length, value, want, self.values, implicit)

    def _pixel_data(self, tag: int, length: int, value: int) -> int:
        self.pixels = Pixels(tag, length, value)
        size = self.window.size
        if length == UNDEFINED:
            self._find_sequence_end(value)
            return size
        if value + length > size:
            raise UnreadableError("read.truncated")
        return value + length

    def _find_sequence_end(self, value: int) -> None:
        """Look for the end of encapsulated pixel data in the tail of the file (PS3.5 A.4)."""
        end = b"\xfe\xff\xdd\xe0" if self.encoding.little else b"\xff\xfe\xe0\xdd"
        size = self.window.size
        for span in (512, 65536):
            start = max(value, size - span)
            tail = self.window.source.read_at(start, size - start)
            found = tail.rfind(end)
            if found >= 0 and len(tail) - found >= 8:
                return
        raise UnreadableError("read.truncated")

    def _stray(self, pos: int, tag: int) -> int:
        """Take zeros for padding up to the end; leave a delimiter at the top to pydicom."""
        if tag == 0:
            rest = self.window.take(pos, min(self.window.size - pos, 65536))
            if not rest.strip(b"\0"):
                return self.window.size
        raise DeclinedError

    def _leftover(self, pos: int) -> None:
        """Judge the last bytes, too few for a header: zeros are padding, others a cut header."""
        rest = self.window.take(pos, self.window.size - pos)
        if self.pixels is not None:
            # after the pixels come only padding (FFFC,FFFC) and signatures (FFFA,FFFA)
            if rest[:1] in (b"\xfc", b"\xfa", b"\xff"):
                raise UnreadableError("read.truncated")
        elif rest.strip(b"\0"):
            raise UnreadableError("read.truncated")

    # values

    def _value(  # noqa: PLR0913
        self,
        tag: int,
        vr: bytes,
        length: int,
        value: int,
        want: Wanted | None,
        into: RawItem,
        implicit: bool,
    ) -> int:
        """Keep or step over one value; return where the next element begins."""
        if want is not None and want.items is not None and vr in (b"SQ", b"UN", b""):
            end = None if length == UNDEFINED else value + length
            if end is not None and end > self.window.size:
                raise UnreadableError("read.truncated")
            items, after = self._items(value, end, want.items, tag, implicit=implicit)
            into[tag] = items
            return after
        if length == UNDEFINED:
            into.pop(tag, None)
            return self._skip_items(value, implicit=implicit)
        end = value + length
        if end > self.window.size:
            raise UnreadableError("read.truncated")
        if want is None:
            return end
        if want.items is not None or vr == b"SQ":
            into.pop(tag, None)
        elif length > self.options.max_value:
            into.pop(tag, None)
            self.problems.append(Problem(code="read.value-limit", tag=tag_text(tag)))
        else:
            into[tag] = as_text(want, vr, self.window.take(value, length), self.order)
        return end

    def _items(
        self, pos: int, end: int | None, wanted: Mapping[int, Wanted], tag: int, *, implicit: bool
    ) -> tuple[list[RawItem], int]:
        """Read the items of a sequence that is kept (PS3.5 7.5)."""
        items: list[RawItem] = []
        while end is None or pos < end:
            if not self.window.hold(pos, 8):
                raise UnreadableError("read.truncated")
            group, element, length = self._implicit(self.window.data, pos - self.window.base)
            if group != DELIMITERS:
                raise DeclinedError
            if element == SEQUENCE_END & 0xFFFF:
                return items, pos + 8 if end is None else end
            if element != ITEM & 0xFFFF:
                raise DeclinedError
            self.items += 1
            if self.items > self.options.max_items:
                if self.items == self.options.max_items + 1:
                    self.problems.append(Problem(code="read.items-limit", tag=tag_text(tag)))
                return items, end if end is not None else self._skip_items(pos, implicit=implicit)
            stop = None if length == UNDEFINED else pos + 8 + length
            if stop is not None and stop > (self.window.size if end is None else end):
                raise UnreadableError("read.truncated") if end is None else DeclinedError
            item: RawItem = {}
            pos = self._item(pos + 8, stop, end, wanted, item, implicit=implicit)
            items.append(item)
        return items, pos

    def _item(
        self,
        pos: int,
        stop: int | None,
        limit: int | None,
        wanted: Mapping[int, Wanted],
        item: RawItem,
        *,
        implicit: bool,
    ) -> int:
        """Read the elements of one item; return where it ends."""
        implicit = self._item_is_implicit(pos, implicit=implicit)
        bound = stop if stop is not None else limit if limit is not None else self.window.size
        while pos != stop:
            tag, vr, length, value = self.header(pos, implicit=implicit)
            if tag == ITEM_END:
                return pos + 8
            if tag >> 16 == DELIMITERS:
                raise DeclinedError
            pos = self._value(tag, vr, length, value, wanted.get(tag), item, implicit)
            if pos > bound:
                raise DeclinedError
        return pos

    # stepping over

    def _skip_items(self, pos: int, *, implicit: bool) -> int:
        """Step over a sequence of undefined length that is not kept, without recursion.

        Items and elements of defined length are stepped over whole, so every level on the stack is
        of undefined length: the encoding of its elements, negative where items are expected.
        """
        window, unpack = self.window, self._implicit
        limit = 2 * self.options.max_depth
        stack = [(True, implicit)]
        while stack:
            among_items, implicit = stack[-1]
            if not among_items:
                pos = self._skip_element(pos, stack, implicit)
                continue
            if not window.hold(pos, 8):
                raise UnreadableError("read.truncated")
            group, element, length = unpack(window.data, pos - window.base)
            if group != DELIMITERS or element not in (0xE000, 0xE0DD):
                raise DeclinedError
            pos += 8
            self.stepped += 1
            if element == 0xE0DD:
                stack.pop()
            elif length == UNDEFINED:
                stack.append((False, self._item_is_implicit(pos, implicit=implicit)))
                if len(stack) > limit:
                    raise UnreadableError("read.too-deep")
            else:
                if pos + length > window.size:
                    raise UnreadableError("read.truncated")
                pos += length
        return pos

    def _skip_element(self, pos: int, stack: list[tuple[bool, bool]], implicit: bool) -> int:
        """Step over one element of an item of undefined length."""
        tag, vr, length, value = self.header(pos, implicit=implicit)
        if tag == ITEM_END:
            stack.pop()
            return pos + 8
        if tag >> 16 == DELIMITERS:
            raise DeclinedError
        if length == UNDEFINED:
            stack.append((True, implicit))
            return value
        if value + length > self.window.size:
            raise UnreadableError("read.truncated")
        return value + length
