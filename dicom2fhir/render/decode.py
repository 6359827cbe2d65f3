"""One frame of compressed pixel data as an array, by pydicom's decoders in our order."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from dicom2fhir.render.codestream import read_codestream, unboxed
from dicom2fhir.render.decoders import able_plugins, available_plugins
from dicom2fhir.render.faults import RAISES, RenderError
from dicom2fhir.render.jpeg import decode_jpeg
from dicom2fhir.render.layout import MOST_BYTES
from dicom2fhir.render.native import Array, shape_frame
from dicom2fhir.render.syntaxes import (
    DEFLATED_FRAMES,
    ENCAPSULATED_NATIVE,
    JPEG,
    JPEG_LOSSLESS,
    RLE,
    VIDEO_TYPES,
)

if TYPE_CHECKING:
    from dicom2fhir.render.codestream import CodeStream
    from dicom2fhir.render.layout import Layout

_JPEG_8_BIT = 8
_LOSSY = (0xC0, 0xC1, 0xC2)
_LOSSLESS = 0xC3
"""Frame headers of the processes 1, 2 and 4, progressive, and 14 (ISO/IEC 10918-1 table B.1)."""
_RUST = "pyo3_runtime"
"""Where the panics of decoders in Rust come from; they are no Exceptions."""


class Decoded(NamedTuple):
    """The stored values of one frame, how to take them, and who decoded them."""

    values: Array
    layout: Layout
    decoder: str


def decode_frame(data: bytes, layout: Layout, transfer_syntax_uid: str) -> Decoded:
    """Return one frame decoded.

    Errors: RenderError pixels.no-decoder, pixels.undecodable, pixels.too-large
    """
    if transfer_syntax_uid == ENCAPSULATED_NATIVE:
        return Decoded(_native(data, layout), layout, "")
    if transfer_syntax_uid == DEFLATED_FRAMES:
        return Decoded(_native(_inflated(data, layout), layout), layout, "zlib")
    if transfer_syntax_uid in VIDEO_TYPES:
        raise RenderError("pixels.video")
    if transfer_syntax_uid == RLE:
        return _by_plugin(data, layout, transfer_syntax_uid)
    return _decode_stream(data, layout, transfer_syntax_uid)


def _decode_stream(data: bytes, layout: Layout, transfer_syntax_uid: str) -> Decoded:
    """Decode what says of itself what it is; a JPEG in the wrong transfer syntax of JPEG is one."""
    if not available_plugins(transfer_syntax_uid):
        raise RenderError("pixels.no-decoder", transfer_syntax_uid)
    data = unboxed(data)
    stream = read_codestream(data)
    check_size(stream, layout)
    if transfer_syntax_uid in JPEG:
        if stream.process in _LOSSY and stream.precision == _JPEG_8_BIT:
            return Decoded(*decode_jpeg(data, stream, layout), "pillow")
        _check_process(stream, is_lossless=transfer_syntax_uid in JPEG_LOSSLESS)
    return _by_plugin(data, layout, transfer_syntax_uid)


def _check_process(stream: CodeStream, *, is_lossless: bool) -> None:
    """Refuse what GDCM ends the process for.

    Errors: RenderError pixels.undecodable
    """
    if stream.process not in ((_LOSSLESS,) if is_lossless else _LOSSY):
        raise RenderError("pixels.undecodable", "another JPEG process than its transfer syntax has")
    if stream.adobe not in (None, 0, 1, 2):
        raise RenderError("pixels.undecodable", "an Adobe segment of no known kind")


def _native(data: bytes, layout: Layout) -> Array:
    wanted = -(-layout.frame_bits // 8)
    if len(data) < wanted:
        raise RenderError("pixels.undecodable", "the frame ends early")
    return shape_frame(data[:wanted], layout)


def _inflated(data: bytes, layout: Layout) -> bytes:
    """Return as much as a frame holds; what comes behind is padding, or a bomb."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, -(-layout.frame_bits // 8))


def check_size(stream: CodeStream, layout: Layout) -> None:
    """Refuse a stream that is not of the size that the header states, before it is decoded.

    Errors: RenderError pixels.undecodable, pixels.too-large
    """
    if (stream.columns, stream.rows, stream.components) != (
        layout.columns,
        layout.rows,
        layout.samples,
    ):
        raise RenderError(
            "pixels.undecodable", "the compressed image is not of the size that the header states"
        )
    if not 0 < stream.precision <= layout.allocated:
        raise RenderError("pixels.undecodable", "the compressed image has more bits than allocated")
    if layout.pixels * layout.samples * -(-stream.precision // 8) > MOST_BYTES:
        raise RenderError("pixels.too-large", f"{layout.columns} x {layout.rows} pixels")


def _by_plugin(data: bytes, layout: Layout, transfer_syntax_uid: str) -> Decoded:
    from pydicom.encaps import encapsulate  # noqa: PLC0415 - takes half a second
    from pydicom.pixels.decoders.base import get_decoder  # noqa: PLC0415 - imports every plug-in

    plugins = able_plugins(transfer_syntax_uid, layout.stored)
    if not plugins:
        raise RenderError("pixels.no-decoder", transfer_syntax_uid)
    decoder = get_decoder(transfer_syntax_uid)
    options: dict[str, Any] = {
        "rows": layout.rows,
        "columns": layout.columns,
        "samples_per_pixel": layout.samples,
        "photometric_interpretation": layout.photometric,
        "bits_allocated": layout.allocated,
        "bits_stored": layout.stored,
        "pixel_representation": int(layout.signed),
        "planar_configuration": int(layout.planar),
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
    }
    whole = encapsulate([data], has_bot=False)
    for plugin in plugins:
        try:
            values, made = decoder.as_array(
                whole, index=0, raw=True, decoding_plugin=plugin, **options
            )
        except RAISES:
            continue
        except BaseException as error:
            if type(error).__module__ != _RUST:
                raise
            continue
        changed = replace(
            layout,
            photometric=str(made["photometric_interpretation"]),
            planar=False,
        )
        return Decoded(values, changed, plugin)
    raise RenderError("pixels.undecodable", f"by {', '.join(plugins)}")
