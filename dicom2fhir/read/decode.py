"""The one decoder: raw bytes by tag, from either lane, to attribute values by keyword."""

from __future__ import annotations

import re
from struct import Struct
from typing import TYPE_CHECKING

from dicom2fhir.problems import Problem
from dicom2fhir.read.attributes import SPECIFIC_CHARACTER_SET
from dicom2fhir.read.charset import Charset, decode_text, find_charset
from dicom2fhir.read.structure import tag_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicom2fhir.model import Attributes, Value
    from dicom2fhir.read.wanted import Raw, RawItem, Wanted

# PS3.5 table 6.2-1: these hold one value, in which a backslash is a character
_ONE_VALUE = frozenset({"LT", "ST", "UT", "UR"})
_LONG_TEXT = frozenset({"LT", "ST", "UT"})
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROLS_IN_LONG_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}


def numbers(raw: bytes, vr: str, order: str) -> tuple[int | float, ...]:
    """Return the binary numbers of a value (PS3.5 table 6.2-1)."""
    each = Struct(order + NUMBERS[vr])
    whole = len(raw) // each.size * each.size
    return tuple(one for (one,) in each.iter_unpack(raw[:whole]))


class Decoder:
    """Decodes the values of one data set; `problems` says what was repaired."""

    def __init__(self, charset: Charset, order: str, override: str | None = None) -> None:
        self.charset = charset
        self.order = order
        self.override = override
        self.problems: list[Problem] = []
        if not charset.known:
            self._note("read.charset-unknown", SPECIFIC_CHARACTER_SET.tag)

    def decode(self, raw: RawItem, wanted: Mapping[int, Wanted]) -> Attributes:
        """Return the attributes that are there and not empty, in the order of the table."""
        found: dict[str, Sequence[Value]] = {}
        for tag, want in wanted.items():
            value = raw.get(tag)
            if value and tag != SPECIFIC_CHARACTER_SET.tag:
                values = self._values(tag, value, want)
                if values:
                    found[want.keyword] = values
        return found

    def _values(self, tag: int, value: Raw, want: Wanted) -> Sequence[Value]:
        if isinstance(value, bytes):
            if want.vr in NUMBERS:
                return numbers(value, want.vr, self.order)
            return self._texts(tag, value, want.vr)
        items = (self._item(item, want) for item in value)
        return tuple(item for item in items if item)

    def _item(self, item: RawItem, want: Wanted) -> Attributes:
        """Decode an item, in the character set it names or else in that around it."""
        own = item.get(SPECIFIC_CHARACTER_SET.tag)
        outer = self.charset
        if isinstance(own, bytes) and own:
            self.charset = find_charset(own, self.override)
            if not self.charset.known:
                self._note("read.charset-unknown", SPECIFIC_CHARACTER_SET.tag)
        found = self.decode(item, want.items or {})
        self.charset = outer
        return found

    def _texts(self, tag: int, raw: bytes, vr: str) -> tuple[str, ...]:
        text, repaired = decode_text(raw, self.charset, name=vr == "PN")
        if repaired:
            self._note("read.charset", tag)
        if not text.isprintable():
            text = (_CONTROLS_IN_LONG_TEXT if vr in _LONG_TEXT else _CONTROLS).sub("", text)
        if vr in _ONE_VALUE:
            text = text.rstrip()
            return (text,) if text else ()
        values = tuple(part.strip() for part in text.split("\\"))
        return values if any(values) else ()

    def _note(self, code: str, tag: int) -> None:
        self.problems.append(Problem(code=code, tag=tag_text(tag)))
