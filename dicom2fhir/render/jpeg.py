"""Baseline JPEG: decoded by Pillow, or passed on as it is."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dicom2fhir.render.codestream import APPS, BASELINE, COMMENT, segments
from dicom2fhir.render.faults import RenderError

if TYPE_CHECKING:
    from dicom2fhir.render.codestream import CodeStream
    from dicom2fhir.render.layout import Layout
    from dicom2fhir.render.native import Array

_DROPPED = frozenset({*APPS, COMMENT})


def is_rgb(stream: CodeStream, layout: Layout) -> bool:
    """Tell whether three components are red, green and blue.

    The stream knows best; without Adobe's or JFIF's word the header is believed.
    """
    if stream.is_rgb:
        return True
    if stream.adobe is not None or stream.jfif:
        return False
    return layout.photometric == "RGB"


def decode_jpeg(data: bytes, stream: CodeStream, layout: Layout) -> tuple[Array, Layout]:
    """Return the values of one 8-bit JPEG, colours as RGB."""
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
        if stream.components == 1:
            return np.asarray(picture), layout
        if is_rgb(stream, layout) and not stream.is_rgb:
            # libjpeg would take them for Y, CB and CR: ask for them untransformed
            picture.draft("YCbCr", picture.size)
            values = np.asarray(picture)
        else:
            values = np.asarray(picture.convert("RGB"))
    return values, replace(layout, photometric="RGB", planar=False)


def pass_through(data: bytes, stream: CodeStream, layout: Layout) -> bytes | None:
    """Return a JPEG stream without its APPn and COM segments, or None where it must be made anew.

    Without these segments a browser takes three components for Y, CB and CR, unless they are
    named R, G and B: what that would show in wrong colours is not passed on.
    """
    if stream.process != BASELINE or (stream.components == 3 and is_rgb(stream, layout)):  # noqa: PLR2004
        return None
    pieces = [b"\xff\xd8"]
    try:
        for marker, start, stop in segments(data):
            if marker not in _DROPPED:
                pieces.append(data[start:stop])
    except RenderError:
        return None
    kept = b"".join(pieces)
    with Image.open(io.BytesIO(kept), formats=("JPEG",)) as picture:
        picture.load()  # what cannot be decoded is not passed on
    return kept
