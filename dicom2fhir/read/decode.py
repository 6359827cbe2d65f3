"""The one decoder: raw bytes by tag, from either lane, to attribute values by keyword.

What decoding gave is remembered for the next files, which share most of it; both stores are bounded
and a result never depends on them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from dicom2fhir.problems import Problem
from dicom2fhir.read.attributes import CONTENT_SEQUENCE, SPECIFIC_CHARACTER_SET, Level
from dicom2fhir.read.charset import decode_text, find_charset
from dicom2fhir.read.wanted import LEVELS, tag_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Sized

    from dicom2fhir.model import Attributes, Value
    from dicom2fhir.read.charset import Charset
    from dicom2fhir.read.wanted import Items, Raw, RawItem, Wanted

NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_CHARACTER_SET = SPECIFIC_CHARACTER_SET.tag
# PS3.5 table 6.2-1: these hold one value, in which a backslash is a character
_ONE_VALUE = frozenset({"LT", "ST", "UT", "UR"})
_MANY_TEXTS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UC", "UI"})
_LONG_TEXT = frozenset({"LT", "ST", "UT"})
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROLS_IN_LONG_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SHARED = (Level.PATIENT, Level.STUDY, Level.SERIES)
_raw_of = {level: itemgetter(*LEVELS[level]) for level in Level}
_raw_of_own = _raw_of[Level.INSTANCE]
_raw_of_shared = itemgetter(*(tag for level in _SHARED for tag in LEVELS[level]))
_MOST_SHARED = 64
_LARGEST_SHARED = 16 * 1024
"""Bytes and items of the values of levels that are remembered."""
_MOST_VALUES = 256
_LONGEST_VALUE = 64

K = TypeVar("K", bound="tuple[Sized, ...]")
V = TypeVar("V")
Decoded: TypeAlias = "tuple[Attributes, tuple[Problem, ...]]"


def numbers(raw: bytes, vr: str, order: str) -> tuple[int | float, ...]:
    """Return the binary numbers of a value (PS3.5 table 6.2-1)."""
    each = Struct(order + NUMBERS[vr])
    whole = len(raw) // each.size * each.size
    return tuple(one for (one,) in each.iter_unpack(raw[:whole]))


@lru_cache(maxsize=8)
def find_decoder(charset: Raw, override: str | None, order: str, max_values: int) -> Decoder:
    """Return the decoder for data sets in this character set and byte order."""
    named = charset if isinstance(charset, bytes) else b""
    return Decoder(find_charset(named, override), override, order, max_values)


class _Own:
    """One attribute of the instance level, and which values it had."""

    __slots__ = ("is_text", "keyword", "known", "number", "tag", "want")

    def __init__(self, tag: int, want: Wanted, order: str) -> None:
        self.tag = tag
        self.want = want
        self.keyword = want.keyword
        self.is_text = want.vr in _MANY_TEXTS
        self.number = Struct(order + NUMBERS[want.vr]) if want.vr in NUMBERS else None
        self.known: dict[Raw, Sequence[Value]] = {}


class Decoder:
    """Decodes the values of data sets in one character set and byte order."""

    def __init__(self, charset: Charset, override: str | None, order: str, max_values: int) -> None:
        self.charset = charset
        self._max_values = max_values
        self._override = override
        self.order = order
        self._shared: dict[tuple[Raw, ...], tuple[Decoded, ...]] = {}
        self._levels: dict[tuple[Level, Raw], Decoded] = {}
        self._codes: dict[Items, Sequence[Value]] | None = None
        self._own = tuple(_Own(tag, want, order) for tag, want in LEVELS[Level.INSTANCE].items())

    def decode_shared(self, raw: RawItem) -> tuple[Decoded, ...]:
        """Return the attributes of patient, study and series, and what was repaired.

        The files of one series share the very same mappings.
        """
        key = _raw_of_shared(raw)
        found = self._shared.get(key)
        if found is None:
            found = tuple(self._decode_level(raw, level) for level in _SHARED)
            _store(self._shared, key, found)
        return found

    def _decode_level(self, raw: RawItem, level: Level) -> Decoded:
        key = (level, *_raw_of[level](raw))
        found = self._levels.get(key)
        if found is None:
            problems: list[Problem] = []
            attributes = self._attributes(raw, LEVELS[level], self.charset, problems)
            found = attributes, tuple(problems)
            _store(self._levels, key, found)
        return found

    def decode_content(
        self, raw: RawItem, wanted: Mapping[int, Wanted]
    ) -> tuple[Attributes, list[Problem]]:
        """Return all attributes that are wanted, and what was repaired."""
        problems: list[Problem] = []
        self._codes = {}
        found = self._attributes(raw, wanted, self.charset, problems)
        self._codes = None
        return found, problems

    def decode_own(self, raw: RawItem) -> tuple[Attributes, list[Problem]]:
        """Return the attributes of the instance alone, and what was repaired."""
        found: dict[str, Sequence[Value]] = {}
        problems: list[Problem] = []
        for value, own in zip(_raw_of_own(raw), self._own, strict=True):
            if not value:
                continue
            values = own.known.get(value)
            if values is None and own.is_text and value.isascii():
                # most of what differs from file to file: one short text, worth no remembering
                text = value.decode("ascii")
                if text.isprintable() and "\\" not in text:
                    text = text.strip()
                    values = (text,) if text else ()
            elif values is None and own.number is not None and isinstance(value, bytes):
                values = own.number.unpack(value) if len(value) == own.number.size else None
            if values is None:
                values = self._remember(value, own, problems)
            if values:
                found[own.keyword] = values
        return found, problems

    def _remember(self, value: Raw, own: _Own, problems: list[Problem]) -> Sequence[Value]:
        before, known = len(problems), own.known
        values = self._any(own.tag, value, own.want, self.charset, problems)
        if len(value) <= _LONGEST_VALUE and len(problems) == before:
            if len(known) >= _MOST_VALUES:
                known.clear()
            known[value] = values
        return values

    def _attributes(
        self,
        raw: RawItem,
        wanted: Mapping[int, Wanted],
        charset: Charset,
        problems: list[Problem],
    ) -> Attributes:
        found: dict[str, Sequence[Value]] = {}
        for tag, value in raw.items():
            want = wanted.get(tag)
            if want is not None and value and tag != _CHARACTER_SET:
                values = self._any(tag, value, want, charset, problems)
                if values:
                    found[want.keyword] = values
        return found

    def _any(
        self,
        tag: int,
        raw: Raw,
        want: Wanted,
        charset: Charset,
        problems: list[Problem],
    ) -> Sequence[Value]:
        if isinstance(raw, bytes):
            return self._values(tag, raw, want, charset, problems)
        codes = self._codes if want.is_code and charset is self.charset else None
        if codes is not None and raw in codes:
            return codes[raw]
        before = len(problems)
        items = (self._item(item, want, charset, problems) for item in raw)
        found = tuple(item for item in items if item or tag == CONTENT_SEQUENCE)
        if codes is not None and len(problems) == before:
            codes[raw] = found
        return found

    def _item(
        self, item: RawItem, want: Wanted, charset: Charset, problems: list[Problem]
    ) -> Attributes:
        """Decode an item, in the character set it names or else in that around it."""
        own = item.get(_CHARACTER_SET)
        if isinstance(own, bytes) and own:
            charset = find_charset(own, self._override)
            if not charset.known:
                problems.append(Problem(code="read.charset-unknown", tag=tag_text(_CHARACTER_SET)))
        return self._attributes(item, want.items or {}, charset, problems)

    def _values(
        self,
        tag: int,
        raw: bytes,
        want: Wanted,
        charset: Charset,
        problems: list[Problem],
    ) -> Sequence[Value]:
        vr = want.vr
        if _count_values(raw, vr) > self._max_values:
            problems.append(Problem(code="read.value-limit", tag=tag_text(tag)))
            return ()
        if vr in NUMBERS:
            return numbers(raw, vr, self.order)
        if raw.isascii() and b"\x1b" not in raw:
            return split_text(raw.decode("ascii"), vr)
        text, repaired = decode_text(raw, charset, name=vr == "PN")
        if repaired:
            problems.append(Problem(code="read.charset", tag=tag_text(tag)))
        return split_text(text, vr)


def _count_values(raw: bytes, vr: str) -> int:
    """Return how many values there may be; some character sets use the byte of a backslash."""
    if vr in NUMBERS:
        return len(raw) // Struct(NUMBERS[vr]).size
    return 1 if vr in _ONE_VALUE else 1 + raw.count(b"\\")


def _store(known: dict[K, V], key: K, found: V) -> None:
    """Remember what was decoded, within bounds of number and size."""
    if sum(map(len, key)) <= _LARGEST_SHARED:
        if len(known) >= _MOST_SHARED:
            known.clear()
        known[key] = found


def split_text(text: str, vr: str) -> tuple[str, ...]:
    """Return the values of a text without padding and control characters; none if all are empty."""
    if not text.isprintable():
        text = (_CONTROLS_IN_LONG_TEXT if vr in _LONG_TEXT else _CONTROLS).sub("", text)
    if vr in _ONE_VALUE:
        text = text.rstrip()
        return (text,) if text else ()
    if "\\" not in text:
        text = text.strip()
        return (text,) if text else ()
    values = tuple(part.strip() for part in text.split("\\"))
    return values if any(values) else ()
