"""What an instance should hold by its SOP class: pixels, content, a document or a waveform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.problems import Problem
from dicom2fhir.read import attributes
from dicom2fhir.read.decode import numbers
from dicom2fhir.read.meta import JPIP
from dicom2fhir.read.structure import PIXELS as PIXEL_TAGS
from dicom2fhir.read.structure import UNDEFINED
from dicom2fhir.read.tables import sop_classes

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from dicom2fhir.read.structure import Pixels
    from dicom2fhir.read.wanted import RawItem

_EXPECTED = (
    (sop_classes.CONTENT, 0x0040A730),
    (sop_classes.DOCUMENT, 0x00420011),
    (sop_classes.WAVEFORM, 0x54000100),
)
_NUMBER_OF_FRAMES = 0x00280008


def find_missing_content(
    sop_class: str, syntax: str, tags: AbstractSet[int], pixels: Pixels | None
) -> Problem | None:
    """Return the Problem of an object without what its SOP class is for, or None."""
    if sop_class in sop_classes.PIXELS:
        there = (pixels is not None and pixels.length > 0) or syntax in JPIP
        return None if there else Problem(code="read.no-pixels", detail="pixel data")
    for classes, tag in _EXPECTED:
        if sop_class in classes and tag not in tags:
            return Problem(code="read.no-pixels", tag=f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
    return None


def native_length(raw: RawItem, order: str) -> int | None:
    """Return how many bytes native pixel data must have (PS3.3 C.7.6.3.1), where that is told."""
    rows, columns, samples, bits = (
        _number(raw, one.tag, order)
        for one in (
            attributes.ROWS,
            attributes.COLUMNS,
            attributes.SAMPLES_PER_PIXEL,
            attributes.BITS_ALLOCATED,
        )
    )
    if not rows or not columns or not bits:
        return None
    photometric = raw.get(attributes.PHOTOMETRIC_INTERPRETATION.tag, b"")
    samples = samples or 1
    if isinstance(photometric, bytes) and photometric.startswith(b"YBR_FULL_422"):
        # two luminance samples share one pair of chrominance (PS3.3 C.7.6.3.1.2)
        samples = 2
    return (rows * columns * samples * bits * _frames(raw) + 7) // 8


def is_short(pixels: Pixels, raw: RawItem, order: str) -> bool:
    """Tell whether native pixel data holds less than its own attributes say."""
    if pixels.tag not in PIXEL_TAGS or pixels.length in (0, UNDEFINED):
        return False
    needed = native_length(raw, order)
    return needed is not None and pixels.length < needed


def _number(raw: RawItem, tag: int, order: str) -> int:
    value = raw.get(tag, b"")
    found = numbers(value, "US", order) if isinstance(value, bytes) else ()
    return int(found[0]) if found else 0


def _frames(raw: RawItem) -> int:
    value = raw.get(_NUMBER_OF_FRAMES, b"")
    text = value.strip(b" \0") if isinstance(value, bytes) else b""
    return max(1, int(text)) if text.isdigit() and len(text) < 12 else 1
