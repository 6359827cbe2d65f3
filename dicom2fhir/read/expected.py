"""What the pixels and the SOP class ask of an instance, and which transfer syntax it is in."""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from dicom2fhir.problems import Problem
from dicom2fhir.read import attributes
from dicom2fhir.read.decode import numbers
from dicom2fhir.read.meta import JPIP, NATIVE, settle_syntax
from dicom2fhir.read.structure import UNBOUNDED
from dicom2fhir.read.tables import sop_classes
from dicom2fhir.read.wanted import tag_text

if TYPE_CHECKING:
    from dicom2fhir.read.structure import Encoding
    from dicom2fhir.read.wanted import RawItem

_EXPECTED = (
    (sop_classes.CONTENT, (attributes.CONTENT_SEQUENCE,)),
    (sop_classes.DOCUMENT, (attributes.ENCAPSULATED_DOCUMENT,)),
    (sop_classes.WAVEFORM, (attributes.WAVEFORM_SEQUENCE,)),
    (sop_classes.STRUCTURES, (attributes.ROI_OBSERVATIONS_SEQUENCE,)),
    (
        sop_classes.PLAN,
        (
            attributes.BEAM_SEQUENCE,
            attributes.APPLICATION_SETUP_SEQUENCE,
            attributes.ION_BEAM_SEQUENCE,
        ),
    ),
)
_NUMBER_OF_FRAMES = 0x00280008
_LONGEST_IS = 12
Geometry = tuple[bytes, ...]

find_geometry = itemgetter(*(one.tag for one in attributes.PIXEL_GEOMETRY), _NUMBER_OF_FRAMES)


class Verdict(NamedTuple):
    """The transfer syntax of a data set, whether that is declared, and whether pixels are short."""

    syntax: str
    declared: bool
    short: bool


@lru_cache(maxsize=64)
def judge(
    declared: str, encoding: Encoding, pixels: int, geometry: Geometry, *, deflated: bool
) -> Verdict:
    """Judge a data set by what it declares and the length of its pixels: 0 for none at all."""
    needed = native_length(geometry, encoding.order)
    syntax, right = settle_syntax(
        declared,
        encoding,
        deflated=deflated,
        encapsulated=pixels == UNBOUNDED,
        native=0 < pixels == needed,
    )
    return Verdict(syntax, right, syntax in NATIVE and 0 < pixels < needed)


def native_length(geometry: Geometry, order: str) -> int:
    """Return how many bytes native pixels must have (PS3.3 C.7.6.3.1); 0 where nothing tells."""
    rows, columns, samples, bits = (_number(value, order) for value in geometry[:4])
    photometric, frames = geometry[4:]
    # two luminance samples share one pair of chrominance (PS3.3 C.7.6.3.1.2)
    each = 2 if photometric.startswith(b"YBR_FULL_422") else samples or 1
    return (rows * columns * each * bits * _frames(frames) + 7) // 8


def find_missing_content(sop_class: str, syntax: str, raw: RawItem, pixels: int) -> Problem | None:
    """Return the Problem of an object without what its SOP class is for, or None."""
    if sop_class in sop_classes.PIXELS:
        if pixels or syntax in JPIP:
            return None
        return Problem(code="read.no-pixels", detail="pixel data")
    for classes, tags in _EXPECTED:
        if sop_class in classes and not any(tag in raw for tag in tags):
            return Problem(code="read.no-pixels", tag=tag_text(tags[0]))
    return None


def _number(value: bytes, order: str) -> int:
    found = numbers(value, "US", order)
    return int(found[0]) if found else 0


def _frames(value: bytes) -> int:
    text = value.strip(b" \0")
    return max(1, int(text)) if text.isdigit() and len(text) <= _LONGEST_IS else 1
