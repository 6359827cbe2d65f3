"""The walk over the elements of a data set: lengths, depth, items and where the file ends.

Runs before either lane and knows both byte orders. It follows lengths (PS3.5 7.1), never calls
itself for a sequence it does not keep, and raises UnreadableError with the code of a Problem;
DeclinedError leaves the data set to pydicom. What it kept by then stays in `values`.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from dicom2fhir.problems import Problem
from dicom2fhir.read.attributes import CONTENT_SEQUENCE
from dicom2fhir.read.budget import Budget
from dicom2fhir.read.wanted import (
    NOTHING,
    PRESENT,
    REJECTED,
    Items,
    Raw,
    RawItem,
    Wanted,
    is_wanted_evidence,
    tag_text,
)
from dicom2fhir.read.window import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.window import Window

Header: TypeAlias = tuple[int, bytes, int, int]
"""Tag, VR (empty when implicit), length, and where the value begins."""

UNDEFINED = 0xFFFFFFFF
UNBOUNDED = -1
"""The end of what has no defined length."""
HEADER = 8
"""Bytes of a header, of an item's and of a delimiter's; 12 with a long VR."""
LONG_HEADER = 12
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
_ITEM_ELEMENT = 0xE000
SEQUENCE_END = 0xFFFEE0DD
DELIMITERS = 0xFFFE
PIXEL_DATA = 0x7FE00010
PIXELS = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})
# PS3.5 table 7.1-1: these have a 32-bit length after two reserved bytes; the others 16 bits
LONG_VRS = frozenset(
    {
        b"OB",
        b"OD",
        b"OF",
        b"OL",
        b"OV",
        b"OW",
        b"SQ",
        b"SV",
        b"UC",
        b"UN",
        b"UR",
        b"UT",
        b"UV",
    }
)
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
SEQUENCE_VRS = frozenset({b"SQ", b"UN", b""})
_TRAILERS = (b"\xfc", b"\xfa", b"\xff")
_TAILS = (512, 65536)
"""Bytes from the end in which the end of the pixels is looked for: what follows is short."""
_HEADERS = {
    little: (
        Struct(order + "HHL").unpack_from,
        Struct(order + "HH2sH").unpack_from,
        Struct(order + "L").unpack_from,
    )
    for little, order in ((True, "<"), (False, ">"))
}
_BINARY = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d"}
_NUMBERS_AS_TEXT = frozenset({"IS", "DS"})
_LETTERS = re.compile(rb"[A-Z]{2}").match


class DeclinedError(Exception):
    """The data set breaks the rules of PS3.5 7 where pydicom may know better."""


class Encoding(NamedTuple):
    """How the elements of a data set are encoded (PS3.5 A.1 to A.3)."""

    implicit: bool
    little: bool = True

    @property
    def order(self) -> str:
        """Return the byte order as `struct` writes it."""
        return "<" if self.little else ">"


def as_text(want: Wanted, vr: bytes, raw: bytes, order: str) -> bytes:
    """Return the bytes of a value, with binary numbers as text where the table has IS or DS."""
    code = _BINARY.get(vr)
    if code is None or want.vr not in _NUMBERS_AS_TEXT:
        return raw
    each = Struct(order + code)
    whole = len(raw) // each.size * each.size
    return b"\\".join(str(one[0]).encode() for one in each.iter_unpack(raw[:whole]))


class Walk:
    """One walk: the values it kept and the Problems it met.

    `pixels` is the length of the pixels that it came upon, 0 for none, UNBOUNDED for undefined;
    they lie at `pixels_at`.
    """

    def __init__(self, window: Window, encoding: Encoding, options: ReadOptions) -> None:
        self.window = window
        self.encoding = encoding
        self.options = options
        self.values = NOTHING.copy()
        self.problems: list[Problem] = []
        self.pixels = 0
        self.pixels_at = 0
        self.items = 0
        self.stepped = 0
        self.past = 0
        self.budget = Budget(options.max_kept, self.problems)
        self.implicit, self.explicit, self.long = _HEADERS[encoding.little]

    # headers

    def header(self, pos: int, *, implicit: bool) -> Header:
        """Return tag, VR (empty when implicit), length and where the value begins."""
        window = self.window
        if not window.hold(pos, HEADER):
            raise UnreadableError("read.truncated")
        at = pos - window.base
        if not implicit:
            group, element, vr, length = self.explicit(window.data, at)
            if vr in SHORT_VRS:
                return group << 16 | element, vr, length, pos + 8
            if vr in LONG_VRS:
                if not window.hold(pos, LONG_HEADER):
                    raise UnreadableError("read.truncated")
                (length,) = self.long(window.data, pos - window.base + 8)
                return group << 16 | element, vr, length, pos + 12
            if b"AA" <= vr <= b"ZZ":
                # a VR of the future; pydicom too takes it for a short one
                return group << 16 | element, vr, length, pos + 8
        group, element, length = self.implicit(window.data, at)
        return group << 16 | element, b"", length, pos + 8

    def _item_is_implicit(self, pos: int, *, implicit: bool) -> bool:
        """Tell how an item is encoded: in UN and by some writers implicit (PS3.5 6.2.2)."""
        if implicit or not self.window.hold(pos, 6):
            return implicit
        return not _LETTERS(self.window.data, pos - self.window.base + 4)

    # the top of the data set

    def top(self, pos: int, wanted: Mapping[int, Wanted]) -> None:
        """Walk the elements of the data set from here to the end of the file."""
        size = self.window.size
        while size - pos >= HEADER:
            pos = self.element(pos, wanted, self.values)
        self.leftover(pos)

    def element(self, pos: int, wanted: Mapping[int, Wanted], into: RawItem) -> int:
        """Walk one element at the top; return where the next one begins."""
        implicit = self.encoding.implicit
        header = self.header(pos, implicit=implicit)
        tag = header[0]
        if self.past and (tag <= self.past or not (implicit or header[1])):
            # what follows the pixels and is no element behind them is garbage of a writer
            return self.window.size
        if tag in PIXELS:
            return self._pixel_data(header)
        if tag >> 16 == DELIMITERS or tag == 0:
            return self._stray(pos, tag)
        want = wanted.get(tag)
        if want is REJECTED and not is_wanted_evidence(self.values):
            want = None
        self.budget.begin()
        return self._value(header, want, into, implicit=implicit)

    def _pixel_data(self, header: Header) -> int:
        tag, _vr, length, value = header
        self.past = tag
        self.pixels = UNBOUNDED if length == UNDEFINED else length
        self.pixels_at = value
        size = self.window.size
        if length == UNDEFINED:
            return self._find_sequence_end(value)
        if value + length > size:
            raise UnreadableError("read.truncated")
        return value + length

    def _find_sequence_end(self, value: int) -> int:
        """Look for the end of encapsulated pixel data in the tail of the file (PS3.5 A.4)."""
        end = b"\xfe\xff\xdd\xe0" if self.encoding.little else b"\xff\xfe\xe0\xdd"
        size = self.window.size
        for span in _TAILS:
            start = max(value, size - span)
            tail = self.window.source.read_at(start, size - start)
            found = tail.rfind(end)
            if 0 <= found <= len(tail) - HEADER:
                return start + found + HEADER
        raise UnreadableError("read.truncated")

    def _stray(self, pos: int, tag: int) -> int:
        """Take zeros for padding up to the end; leave a delimiter at the top to pydicom."""
        if tag == 0:
            rest = self.window.take(pos, min(self.window.size - pos, _TAILS[-1]))
            if not rest.strip(b"\0"):
                return self.window.size
        raise DeclinedError

    def leftover(self, pos: int) -> None:
        """Judge the last bytes, too few for a header: zeros are padding, others a cut header."""
        if pos >= self.window.size:
            return
        rest = self.window.take(pos, self.window.size - pos)
        # after the pixels come only padding (FFFC,FFFC) and signatures (FFFA,FFFA)
        if rest.startswith(_TRAILERS) if self.past else rest.strip(b"\0"):
            raise UnreadableError("read.truncated")

    # values

    def _value(self, header: Header, want: Wanted | None, into: RawItem, *, implicit: bool) -> int:
        """Keep or step over one value; return where the next element begins.

        A value that is left out leaves an empty one, so that the last of two elements counts.
        """
        tag, vr, length, value = header
        end = value + length
        if length == UNDEFINED:
            end = UNBOUNDED
        elif end > self.window.size:
            raise UnreadableError("read.truncated")
        if want is None:
            return end if end >= 0 else self._skip_items(value, implicit=implicit)
        into[tag] = b""
        if want.items is not None and vr in SEQUENCE_VRS:
            into[tag], after = self._sequence((value, end), want, tag, implicit=implicit)
            return after
        if end == UNBOUNDED:
            return self._skip_items(value, implicit=implicit)
        if want.items is None and want.vr != PRESENT and vr != b"SQ":
            into[tag] = self._bytes(header, want)
        return end

    def _bytes(self, header: Header, want: Wanted) -> bytes:
        tag, vr, length, value = header
        if length > self.options.max_value:
            self.problems.append(Problem(code="read.value-limit", tag=tag_text(tag)))
            return b""
        if not self.budget.admits(tag, length):
            return b""
        return as_text(want, vr, self.window.take(value, length), self.encoding.order)

    def _sequence(
        self, span: tuple[int, int], want: Wanted, tag: int, *, implicit: bool
    ) -> tuple[Raw, int]:
        """Read a sequence that is kept; return its items and where it ends."""
        return self._items(span, want.items or {}, tag, implicit=implicit)

    def _items(
        self,
        span: tuple[int, int],
        wanted: Mapping[int, Wanted],
        tag: int,
        *,
        implicit: bool,
    ) -> tuple[Items, int]:
        """Read the items of a sequence that is kept (PS3.5 7.5); return where it ends too."""
        pos, end = span
        items: list[RawItem] = []
        while end == UNBOUNDED or pos < end:
            length = self._item_length(pos)
            if length is None:
                return Items(items), pos + HEADER if end == UNBOUNDED else end
            self.items += 1
            if self.items > self.options.max_items:
                if self.items == self.options.max_items + 1:
                    self.problems.append(Problem(code="read.items-limit", tag=tag_text(tag)))
                after = self._skip_items(pos, implicit=implicit) if end == UNBOUNDED else end
                return Items(items), after
            if length == 0:
                if tag == CONTENT_SEQUENCE:
                    # content items are referred to by their position (PS3.3 C.17.3.2.5)
                    items.append({})
                pos += HEADER
                continue
            item: RawItem = {}
            stop = UNBOUNDED if length == UNDEFINED else pos + HEADER + length
            if end != UNBOUNDED and stop > end:
                raise DeclinedError
            bounds = (stop, end if stop == UNBOUNDED else stop)
            pos = self._item(pos + HEADER, bounds, wanted, item, implicit=implicit)
            items.append(item)
        return Items(items), pos

    def _item_length(self, pos: int) -> int | None:
        """Return the length of the item that begins here, or None where the sequence ends."""
        if not self.window.hold(pos, HEADER):
            raise UnreadableError("read.truncated")
        length: int
        group, element, length = self.implicit(self.window.data, pos - self.window.base)
        tag = group << 16 | element
        if tag == SEQUENCE_END:
            return None
        if tag != ITEM:
            raise DeclinedError
        if length != UNDEFINED and pos + HEADER + length > self.window.size:
            raise UnreadableError("read.truncated")
        return length

    def _item(
        self,
        pos: int,
        bounds: tuple[int, int],
        wanted: Mapping[int, Wanted],
        item: RawItem,
        *,
        implicit: bool,
    ) -> int:
        """Read the elements of one item up to its end, within the bounds of what holds it."""
        implicit = self._item_is_implicit(pos, implicit=implicit)
        stop, limit = bounds
        while pos != stop:
            header = self.header(pos, implicit=implicit)
            tag = header[0]
            if tag == ITEM_END:
                return pos + HEADER
            if tag >> 16 == DELIMITERS:
                raise DeclinedError
            pos = self._value(header, wanted.get(tag), item, implicit=implicit)
            if limit != UNBOUNDED and pos > limit:
                raise DeclinedError
        return pos

    # stepping over

    def _skip_items(self, pos: int, *, implicit: bool) -> int:
        """Step over a sequence of undefined length that is not kept, without recursion.

        Items and elements of defined length are stepped over whole, so every level on the stack is
        of undefined length: whether items are expected there, and how its elements are encoded.
        """
        limit = 2 * self.options.max_depth
        stack = [(True, implicit)]
        while stack:
            among_items, implicit = stack[-1]
            if not among_items:
                pos = self._skip_element(pos, stack)
                continue
            pos = self._skip_defined_items(pos)
            length = self._item_length(pos)
            pos += HEADER
            self.stepped += 1
            if length is None:
                stack.pop()
            elif length == UNDEFINED:
                stack.append((False, self._item_is_implicit(pos, implicit=implicit)))
                if len(stack) > limit:
                    raise UnreadableError("read.too-deep")
            else:
                pos += length
        return pos

    def _skip_defined_items(self, pos: int) -> int:
        """Step over the items of defined length that the window holds; there may be many."""
        data, base, unpack = self.window.data, self.window.base, self.implicit
        at, last, stepped = pos - base, len(data) - HEADER, 0
        while 0 <= at <= last:
            group, element, length = unpack(data, at)
            if element != _ITEM_ELEMENT or length == UNDEFINED or group != DELIMITERS:
                break
            at += HEADER + length
            stepped += 1
        self.stepped += stepped
        return base + at

    def _skip_element(self, pos: int, stack: list[tuple[bool, bool]]) -> int:
        """Step over one element of an item of undefined length."""
        implicit = stack[-1][1]
        tag, _vr, length, value = self.header(pos, implicit=implicit)
        if tag == ITEM_END:
            stack.pop()
            return pos + HEADER
        if tag >> 16 == DELIMITERS:
            raise DeclinedError
        if length == UNDEFINED:
            stack.append((True, implicit))
            return value
        if value + length > self.window.size:
            raise UnreadableError("read.truncated")
        return value + length
