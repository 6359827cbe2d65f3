"""Whether a file is DICOM, told by its content and never by its name."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from dicom2fhir.read.structure import HEADER, LONG_VRS, SHORT_VRS, Encoding

PREFIX_AT = 128
PREFIX = b"DICM"
_IMPLICIT = Struct("<HHL").unpack_from
_FIRST_GROUPS = (0x0002, 0x0004, 0x0008)
_LONGEST_FIRST = 1024
"""Bytes of a first value: Specific Character Set, UIDs and group lengths are all far below."""


class Start(NamedTuple):
    """Where a file's elements begin; `part10` tells that the prefix was there (PS3.10 7.1)."""

    pos: int
    part10: bool


def recognise(head: bytes, size: int) -> Start | None:
    """Return where the elements of a DICOM file begin, or None for anything else.

    A file without preamble must begin with two believable elements (group 0002, 0004 or 0008).
    """
    if head[PREFIX_AT : PREFIX_AT + 4] == PREFIX:
        return Start(PREFIX_AT + 4, part10=True)
    pos = 4 if head[:4] == PREFIX else 0
    if guess_encoding(head[pos : pos + 64], size - pos) is None:
        return None
    return Start(pos, part10=False)


def guess_encoding(head: bytes, size: int) -> Encoding | None:
    """Return the encoding of a data set that begins with these bytes, if it looks like one."""
    first = head[:8]
    if len(first) < HEADER:
        return None
    vr = first[4:6]
    if vr in SHORT_VRS or vr in LONG_VRS:
        if int.from_bytes(first[:2], "little") in _FIRST_GROUPS:
            return Encoding(implicit=False)
        big = int.from_bytes(first[:2], "big") in _FIRST_GROUPS
        return Encoding(implicit=False, little=False) if big else None
    group, element, length = _IMPLICIT(head, 0)
    if group not in _FIRST_GROUPS or length > min(_LONGEST_FIRST, size - 8):
        return None
    return Encoding(implicit=True) if _goes_on(head, size, (group, element), 8 + length) else None


def _goes_on(head: bytes, size: int, tag: tuple[int, int], pos: int) -> bool:
    """Tell whether the next implicit element could follow this one in the order of tags."""
    if pos == size:
        return True
    if pos + 8 > len(head):
        return pos + 8 <= size
    group, element, length = _IMPLICIT(head, pos)
    return tag < (group, element) < (tag[0] + 0x20, 0xFFFF) and length <= size - pos - 8
