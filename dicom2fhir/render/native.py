"""One frame of native pixel data (PS3.5 8.1.1, 8.2) as an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np

from dicom2fhir.render.faults import RenderError

if TYPE_CHECKING:
    from typing import Any

    from dicom2fhir.render.dataset import Element
    from dicom2fhir.render.layout import Layout

Array: TypeAlias = "np.ndarray[Any, Any]"

_SUBSAMPLED = ("YBR_FULL_422", "YBR_PARTIAL_422")
_KINDS = {(False, False): "u", (False, True): "i", (True, False): "f", (True, True): "f"}


def is_subsampled(layout: Layout, length: int) -> bool:
    """Tell whether chroma is there for every second pixel only.

    Many writers say so and store it for each: the length of the data tells.
    """
    if layout.photometric not in _SUBSAMPLED:
        return False
    return length < layout.frames * layout.frame_bits // 8


def read_frame(
    stream: BinaryIO, element: Element, layout: Layout, index: int, *, little: bool
) -> Array:
    """Return the stored values of one frame, which counts from 0.

    Shape: rows, columns, and samples where there are three
    Errors: RenderError pixels.undecodable
    """
    subsampled = is_subsampled(layout, element.length)
    bits = layout.frame_bits * 2 // 3 if subsampled else layout.frame_bits
    start, stop = index * bits, (index + 1) * bits
    if stop > 8 * element.length:
        raise RenderError("pixels.undecodable", "the pixel data ends before the frame")
    first, last = start // 8, -(-stop // 8)
    swapped = not little and layout.allocated <= 8 and element.vr == "OW"  # noqa: PLR2004
    if swapped:
        first, last = first - first % 2, last + last % 2
    stream.seek(element.pos + first)
    data = stream.read(last - first)
    if len(data) < -(-stop // 8) - first:
        raise RenderError("pixels.undecodable", "the file ends within the frame")
    if swapped:
        data = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()
    if layout.allocated == 1:
        bools = np.unpackbits(np.frombuffer(data, "u1"), bitorder="little")
        return _shape(bools[start - 8 * first :][: stop - start], layout)
    data = data[start // 8 - first :][: (stop - start) // 8]
    if subsampled:
        return _spread(np.frombuffer(data, "u1"), layout)
    return shape_frame(data, layout, little=little)


def shape_frame(data: bytes, layout: Layout, *, little: bool = True) -> Array:
    """Return the values of a whole native frame; the bits above and below them are cut off."""
    kind = _KINDS[layout.floating, layout.signed]
    values = np.frombuffer(data, f"{'<' if little else '>'}{kind}{layout.allocated // 8}")
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    return _shape(_cut(values, layout), layout)


def _cut(values: Array, layout: Layout) -> Array:
    """Return values of the stored bits alone: overlays and garbage may lie around them."""
    above = layout.allocated - 1 - layout.high_bit
    below = layout.high_bit + 1 - layout.stored
    if layout.floating or above == below == 0:
        return values
    return (values << above) >> (above + below)


def _shape(values: Array, layout: Layout) -> Array:
    if layout.samples == 1:
        return values.reshape(layout.rows, layout.columns)
    if layout.planar:
        planes = values.reshape(layout.samples, layout.rows, layout.columns)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))
    return values.reshape(layout.rows, layout.columns, layout.samples)


def _spread(values: Array, layout: Layout) -> Array:
    """Return three samples for each pixel of Y1 Y2 CB CR (PS3.3 C.7.6.3.1.2)."""
    pairs = values.reshape(-1, 4)
    pixels = np.empty((len(pairs), 2, 3), "u1")
    pixels[:, 0, 0] = pairs[:, 0]
    pixels[:, 1, 0] = pairs[:, 1]
    pixels[:, :, 1:] = pairs[:, None, 2:]
    return pixels.reshape(layout.rows, layout.columns, 3)
