"""The attribute table as the lanes look it up: by tag, with what items may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from dicom2fhir.read import attributes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Raw: TypeAlias = "bytes | Items"
"""One value as the file holds it: bytes, or the items of a sequence."""

RawItem: TypeAlias = "dict[int, Raw]"
"""The kept elements of a data set or item by tag."""


PRESENT = "present"
"""In place of a VR: only that the element is there is kept."""


class Items(list["RawItem"]):
    """The items of one sequence; two are the same only if they are one, so that it can be a key."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__


def tag_text(tag: int) -> str:
    """Return the tag as people write it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One attribute to keep: its keyword, VR and, for a sequence, what to keep of its items."""

    keyword: str
    vr: str
    items: Mapping[int, Wanted] | None = None
    plain: bool = False
    """Text, not a sequence: its bytes are kept as they are."""
    binary: bytes = b"--"
    """The VR of a number whose bytes are kept as they are; no VR at all for anything else."""
    is_code: bool = False
    """A code sequence (PS3.3 8.8), the same each time that the same bytes come."""


KEY_OBJECTS = b"1.2.840.10008.5.1.4.1.1.88.59"
_TEXT = frozenset(
    (
        "AE",
        "AS",
        "CS",
        "DA",
        "DS",
        "DT",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "ST",
        "TM",
        "UC",
        "UI",
    )
) | {"UR", "UT"}
_BINARY = frozenset({"US", "SS", "UL", "SL", "FL", "FD"})
_CHARACTER_SET = attributes.SPECIFIC_CHARACTER_SET


def make_wanted(kept: Iterable[attributes.Attribute]) -> dict[int, Wanted]:
    """Return what is to be kept, by tag."""
    # an item may have a character set of its own (PS3.3 C.12.1.1.2)
    return {
        one.tag: Wanted(
            one.keyword,
            one.vr,
            make_wanted(one.items) if one.items else None,
            plain=one.vr in _TEXT,
            binary=one.vr.encode() if one.vr in _BINARY else b"--",
            is_code=one.items is attributes.CODE,
        )
        for one in (*kept, _CHARACTER_SET)
    }


TOP = make_wanted(
    (
        *(row.attribute for row in attributes.TABLE),
        *attributes.IDENTITY,
        *attributes.PIXEL_GEOMETRY,
        attributes.EVIDENCE,
        *(attributes.Attribute(tag, "", PRESENT) for tag in attributes.PRESENCE),
    )
)

REJECTED = TOP[attributes.EVIDENCE.tag]
"""The evidence sequence as the header keeps it: of rejection notes only."""

LEVELS = {
    level: {
        row.attribute.tag: TOP[row.attribute.tag] for row in attributes.TABLE if row.level is level
    }
    for level in attributes.Level
}

NOTHING: RawItem = dict.fromkeys(
    (
        *(row.attribute.tag for row in attributes.TABLE),
        *(one.tag for one in attributes.IDENTITY),
        *(one.tag for one in attributes.PIXEL_GEOMETRY),
    ),
    b"",
)
"""Each attribute of one value or level, absent: what reading begins with."""


def is_wanted_evidence(values: RawItem) -> bool:
    """Tell whether the evidence sequence is kept: only key objects may withdraw (IHE IOCM)."""
    sop_class = values.get(attributes.SOP_CLASS_UID.tag)
    return isinstance(sop_class, bytes) and sop_class.rstrip(b" \0") == KEY_OBJECTS
