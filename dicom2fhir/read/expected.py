"""What an instance should hold by its SOP class: pixels, content, a document or a waveform."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dicom2fhir.problems import Problem
from dicom2fhir.read import attributes
from dicom2fhir.read.decode import numbers
from dicom2fhir.read.meta import JPIP
from dicom2fhir.read.structure import tag_text
from dicom2fhir.read.tables import sop_classes
from dicom2fhir.read.wanted import Items

if TYPE_CHECKING:
    from dicom2fhir.read.wanted import RawItem

_EXPECTED = (
    (sop_classes.CONTENT, attributes.CONTENT_SEQUENCE),
    (sop_classes.DOCUMENT, attributes.ENCAPSULATED_DOCUMENT),
    (sop_classes.WAVEFORM, attributes.WAVEFORM_SEQUENCE),
)
_GEOMETRY = (*(one.tag for one in attributes.PIXEL_GEOMETRY), 0x00280008)
_LONGEST_IS = 12


def find_missing_content(sop_class: str, syntax: str, raw: RawItem, pixels: int) -> Problem | None:
    """Return the Problem of an object without what its SOP class is for, or None."""
    if sop_class in sop_classes.PIXELS:
        return (
            None
            if pixels or syntax in JPIP
            else Problem(code="read.no-pixels", detail="pixel data")
        )
    for classes, tag in _EXPECTED:
        if sop_class in classes and tag not in raw:
            return Problem(code="read.no-pixels", tag=tag_text(tag))
    return None


def native_length(raw: RawItem, order: str) -> int | None:
    """Return how many bytes native pixel data must have (PS3.3 C.7.6.3.1), where that is told."""
    geometry = tuple(raw.get(tag, b"") for tag in _GEOMETRY)
    return None if any(isinstance(one, Items) for one in geometry) else _length(order, *geometry)


@lru_cache(maxsize=64)
def _length(order: str, *geometry: bytes) -> int | None:
    rows, columns, samples, bits = (_number(value, order) for value in geometry[:4])
    photometric, frames = geometry[4:]
    if not rows or not columns or not bits:
        return None
    # two luminance samples share one pair of chrominance (PS3.3 C.7.6.3.1.2)
    each = 2 if photometric.startswith(b"YBR_FULL_422") else samples or 1
    return (rows * columns * each * bits * _frames(frames) + 7) // 8


def _number(value: bytes, order: str) -> int:
    found = numbers(value, "US", order)
    return int(found[0]) if found else 0


def _frames(value: bytes) -> int:
    text = value.strip(b" \0")
    return max(1, int(text)) if text.isdigit() and len(text) <= _LONGEST_IS else 1
