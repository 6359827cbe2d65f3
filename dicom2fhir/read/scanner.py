"""The fast lane: little endian, explicit or implicit, over one read of the head of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.read.structure import DeclinedError, Walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.structure import Encoding
    from dicom2fhir.read.wanted import Wanted
    from dicom2fhir.read.window import Window


def scan_elements(
    window: Window,
    pos: int,
    encoding: Encoding,
    wanted: Mapping[int, Wanted],
    options: ReadOptions,
) -> Walk:
    """Return what the scanner keeps of the data set that begins here.

    Errors: UnreadableError; DeclinedError for what pydicom shall read
    """
    if not encoding.little:
        raise DeclinedError
    walk = Walk(window, encoding, options)
    walk.top(pos, wanted)
    return walk
