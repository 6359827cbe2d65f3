"""One frame: read or decoded, made grey or coloured, fitted, encoded."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from dicom2fhir.model import Picture
from dicom2fhir.render.codestream import read_codestream
from dicom2fhir.render.colour import add_supplement, apply_palette, has_supplement, to_rgb, to_srgb
from dicom2fhir.render.decode import Decoded, check_size, decode_frame
from dicom2fhir.render.faults import RenderError
from dicom2fhir.render.grey import grey_table, to_grey
from dicom2fhir.render.jpeg import pass_through
from dicom2fhir.render.native import read_frame
from dicom2fhir.render.picture import encode, fit, fitted_size
from dicom2fhir.render.quiet import quietly
from dicom2fhir.render.syntaxes import JPEG_BASELINE
from dicom2fhir.render.values import raw, text

if TYPE_CHECKING:
    from dicom2fhir.model import RenderRequest
    from dicom2fhir.render.dataset import Dataset
    from dicom2fhir.render.instance import ImageFile
    from dicom2fhir.render.native import Array

_TYPES = {"jpeg": "image/jpeg", "png": "image/png"}
# pixels are counted before anything is decoded: Pillow's own limit is lower than ours
Image.MAX_IMAGE_PIXELS = None


class _Drawn(NamedTuple):
    """Greys or colours of one frame, 8 bits each, and how they came about."""

    values: Array
    words: str = ""
    notes: tuple[str, ...] = ()


def render_frame(image: ImageFile, frame: int, request: RenderRequest) -> Picture:
    """Return the picture of one frame, which counts from 1.

    Errors: RenderError of a code pixels.*
    """
    layout, settings = image.layout, image.frame_settings(frame)
    size = fitted_size(layout.columns, layout.rows, settings.aspect, request.size)
    with quietly():
        original = _original(image, frame, request, size)
        if original is not None:
            return original
        decoded = decode(image, frame, request)
        drawn = _draw(image, frame, request, decoded)
    picture = fit(Image.fromarray(drawn.values), size)
    return Picture(
        frame=frame,
        content_type=_TYPES[request.format],
        data=encode(picture, request.format, request.quality),
        width=picture.width,
        height=picture.height,
        window=drawn.words,
        decoder=decoded.decoder,
        notes=drawn.notes,
        thumbnail=_thumbnail(picture, request),
    )


def _thumbnail(picture: Image.Image, request: RenderRequest) -> bytes:
    if not request.thumbnail:
        return b""
    size = fitted_size(picture.width, picture.height, 1.0, request.thumbnail)
    return encode(fit(picture, size), "jpeg", request.quality)


def decode(image: ImageFile, frame: int, request: RenderRequest) -> Decoded:
    """Return the stored values of one frame.

    Errors: RenderError of a code pixels.*
    """
    layout = image.layout
    if image.is_encapsulated:
        return decode_frame(image.compressed(frame), layout, request.transfer_syntax_uid)
    opened = image.opened
    values = read_frame(opened.stream, image.pixels, layout, frame - 1, little=opened.little)
    return Decoded(values, layout, "")


def _draw(image: ImageFile, frame: int, request: RenderRequest, decoded: Decoded) -> _Drawn:
    values, layout, header = decoded.values, decoded.layout, image.header
    little = image.opened.little
    if layout.is_colour:
        colours, notes = to_srgb(to_rgb(values, layout), header)
        return _Drawn(colours, notes=notes)
    if layout.photometric == "PALETTE COLOR":
        colours, notes = to_srgb(apply_palette(values, header, layout, little=little), header)
        return _Drawn(colours, notes=notes)
    if not layout.photometric.startswith("MONOCHROME"):
        raise RenderError("pixels.undecodable", "its photometric interpretation is not supported")
    shown = to_grey(values, image.frame_settings(frame).grey, layout, request.window)
    if has_supplement(header, layout):
        colours = add_supplement(shown.grey, values, header, layout, little=little)
        return _Drawn(colours, shown.words, shown.notes)
    return _Drawn(*shown)


def _original(
    image: ImageFile, frame: int, request: RenderRequest, size: tuple[int, int]
) -> Picture | None:
    """Return the file's own JPEG where it shows what a picture would show."""
    layout = image.layout
    if (
        request.transfer_syntax_uid != JPEG_BASELINE
        or request.format != "jpeg"
        or size != (layout.columns, layout.rows)
        or not _is_plain(image, frame, request)
    ):
        return None
    compressed = image.compressed(frame)
    stream = read_codestream(compressed)
    check_size(stream, layout)
    data = pass_through(compressed, stream, layout)
    if data is None:
        return None
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
        thumbnail = _thumbnail(picture, request)
    return Picture(
        frame=frame,
        content_type="image/jpeg",
        data=data,
        width=layout.columns,
        height=layout.rows,
        unmodified=True,
        thumbnail=thumbnail,
    )


def _is_plain(image: ImageFile, frame: int, request: RenderRequest) -> bool:
    """Tell whether stored values are shown as they are."""
    layout, header = image.layout, image.header
    if layout.is_colour:
        return not _has_profile(header) or text(header, "ColorSpace").upper() == "SRGB"
    if has_supplement(header, layout) or not layout.photometric.startswith("MONOCHROME"):
        return False
    table = grey_table(image.frame_settings(frame).grey, layout, request.window)
    return table is not None and bool(np.array_equal(table, np.arange(256)))


def _has_profile(header: Dataset) -> bool:
    return bool(raw(header, "ICCProfile")) or "OpticalPathSequence" in header
