"""What kind of object an instance is, told by its SOP class and attributes (PS3.4 B.5)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dicom2fhir.render.syntaxes import VIDEO_TYPES

if TYPE_CHECKING:
    from dicom2fhir.model import SeriesInstance

_ROOT = "1.2.840.10008.5.1.4.1.1"
WHOLE_SLIDE = f"{_ROOT}.77.1.6"
_US = frozenset(f"{_ROOT}.{last}" for last in ("3", "3.1", "6", "6.1", "6.2"))
_CAPTURES = frozenset(f"{_ROOT}.{last}" for last in ("7", "7.1", "7.2", "7.3", "7.4"))
_DOCUMENTS = f"{_ROOT}.104."
_SHOWN_RT = frozenset(f"{_ROOT}.481.{last}" for last in ("1", "23", "24"))
_NO_IMAGE = tuple(
    f"{_ROOT}.{family}"
    for family in (
        "4.2",  # spectroscopy
        "9.",  # waveforms
        "11.",  # presentation states
        "66",  # raw data, registrations, segmentations
        "67",  # real world values
        "68.",  # surface scans
        "78.",  # refraction and lens measurements
        "79.",  # ophthalmic maps as reports
        "80.",
        "88.",  # SR and key objects
        "91.",  # annotations
        "104.",  # encapsulated documents
        "200.",  # content assessment
        "201.",  # storage management
        "481.",  # radiotherapy, but for its images
    )
)


def is_image(instance: SeriesInstance) -> bool:
    """Tell whether an instance is an image that is shown by itself.

    Doses and segmentations have pixels too, but mean nothing without the images beneath.
    """
    uid = instance.sop_class_uid
    if uid.startswith(_NO_IMAGE) and uid not in _SHOWN_RT:
        return False
    return area(instance) > 0


def is_document(instance: SeriesInstance) -> bool:
    """Tell whether an instance encapsulates a document (PS3.3 A.45)."""
    return instance.sop_class_uid.startswith(_DOCUMENTS)


def is_video(instance: SeriesInstance) -> bool:
    """Tell whether the pixels of an instance are one stream of a video."""
    return instance.transfer_syntax_uid in VIDEO_TYPES


def is_burned_in(instance: SeriesInstance) -> bool:
    """Tell whether the pixels hold what identifies the patient (PS3.3 C.7.6.1.1)."""
    return _own(instance, "BurnedInAnnotation").upper() == "YES"


def may_show_names(instance: SeriesInstance) -> bool:
    """Tell whether the pixels hold names, or are of a kind that often does and nobody denies it."""
    if is_burned_in(instance) or slide_part(instance) == "LABEL":
        return True
    often = instance.sop_class_uid in _US or instance.sop_class_uid in _CAPTURES
    return often and _own(instance, "BurnedInAnnotation").upper() != "NO"


def slide_part(instance: SeriesInstance) -> str:
    """Return what part of a slide is shown: VOLUME, THUMBNAIL, LABEL or OVERVIEW.

    DICOM: Image Type value 3 (PS3.3 C.8.12.4.1.1); Specimen Label in Image
    """
    kind = instance.attributes.get("ImageType", ())
    part = str(kind[2]).upper() if len(kind) > 2 else ""  # noqa: PLR2004 - the third value
    if part != "VOLUME" and _own(instance, "SpecimenLabelInImage").upper() == "YES":
        return "LABEL"
    return part


def frame_count(instance: SeriesInstance) -> int:
    """Return how many frames an instance says it has; what cannot be is one."""
    try:
        return max(1, int(_own(instance, "NumberOfFrames")))
    except ValueError:
        return 1


def area(instance: SeriesInstance) -> int:
    """Return how many pixels a frame says it has; 0 where it does not say."""
    sides = (_own(instance, "Rows"), _own(instance, "Columns"))
    return math.prod(int(side) if side.isdigit() else 0 for side in sides)


def _own(instance: SeriesInstance, keyword: str) -> str:
    values = instance.attributes.get(keyword, ())
    return str(values[0]).strip() if values else ""
