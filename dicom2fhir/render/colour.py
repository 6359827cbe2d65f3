"""Colours: any photometric interpretation to 8-bit RGB (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms

from dicom2fhir.render.faults import RenderError
from dicom2fhir.render.lookup import read_lookup
from dicom2fhir.render.values import items, numbers, raw, text

if TYPE_CHECKING:
    from dicom2fhir.render.dataset import Dataset
    from dicom2fhir.render.layout import Layout
    from dicom2fhir.render.native import Array

_COLOURS = ("Red", "Green", "Blue")
_EIGHT = 8
_FULL = ("YBR_FULL", "YBR_FULL_422")
_PARTIAL = ("YBR_PARTIAL_420", "YBR_PARTIAL_422")
_FULL_RANGE = (0.0, 1.0, 1.0)
_PARTIAL_RANGE = (16.0, 255 / 219, 255 / 224)
_ROWS = 256
_READY = ("RGB", "YBR_ICT", "YBR_RCT")
"""Decoders of JPEG 2000 undo its own two transformations."""


def to_rgb(values: Array, layout: Layout) -> Array:
    """Return three samples a pixel as RGB.

    Shape: rows, columns, 3; uint8
    Errors: RenderError pixels.undecodable
    """
    eight = _to_eight(values, layout)
    if layout.photometric in _READY:
        return eight
    if layout.photometric in _FULL:
        return _from_ybr(eight, _FULL_RANGE)
    if layout.photometric in _PARTIAL:
        return _from_ybr(eight, _PARTIAL_RANGE)
    raise RenderError("pixels.undecodable", "its photometric interpretation is not supported")


def _to_eight(values: Array, layout: Layout) -> Array:
    if values.dtype == np.uint8 and layout.stored == _EIGHT:
        return np.ascontiguousarray(values)
    greatest = (1 << layout.stored) - 1
    shown = np.empty(values.shape, "u1")
    for start in range(0, len(values), _ROWS):
        band = values[start : start + _ROWS].astype("f8") * (255.0 / greatest)
        shown[start : start + _ROWS] = np.rint(band.clip(0, 255))
    return shown


def _from_ybr(values: Array, span: tuple[float, float, float]) -> Array:
    """Return RGB of Y, CB and CR; `span` is black's Y and the factors of Y and of CB, CR."""
    black, of_y, of_c = span
    rgb = np.empty(values.shape, "u1")
    for start in range(0, len(values), _ROWS):
        band = values[start : start + _ROWS].astype("f4")
        y, cb, cr = (band[..., 0] - black) * of_y, (band[..., 1] - 128), (band[..., 2] - 128)
        cb, cr = cb * of_c, cr * of_c
        # ITU-R BT.601 with the figures of JFIF and PS3.3 C.7.6.3.1.2
        colours = (y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb)
        for sample, colour in enumerate(colours):
            rgb[start : start + _ROWS, :, sample] = np.rint(colour.clip(0, 255))
    return rgb


def apply_palette(values: Array, dataset: Dataset, layout: Layout, *, little: bool) -> Array:
    """Return the colours of an image of palette indexes (PS3.3 C.7.6.3.1.5, C.7.9.2).

    Shape: rows, columns, 3; uint8
    Errors: RenderError pixels.undecodable
    """
    first, colours = _palette(dataset, layout, little=little)
    shown = np.empty((*values.shape, 3), "u1")
    for start in range(0, len(values), _ROWS):
        index = values[start : start + _ROWS].astype("i8") - first
        shown[start : start + _ROWS] = colours[index.clip(0, len(colours) - 1)]
    return shown


def add_supplement(
    grey: Array, values: Array, dataset: Dataset, layout: Layout, *, little: bool
) -> Array:
    """Return greys, with colours where stored values lie in the palette (PS3.3 C.7.6.19)."""
    first, colours = _palette(dataset, layout, little=little)
    shown = np.repeat(grey[..., None], 3, axis=2)
    for start in range(0, len(values), _ROWS):
        index = values[start : start + _ROWS].astype("i8") - first
        inside = (index >= 0) & (index < len(colours))
        shown[start : start + _ROWS][inside] = colours[index[inside]]
    return shown


def has_supplement(dataset: Dataset, layout: Layout) -> bool:
    """Tell whether a palette colours some of the stored values."""
    return (
        layout.photometric == "MONOCHROME2"
        and text(dataset, "PixelPresentation").upper() in ("COLOR", "MIXED")
        and "RedPaletteColorLookupTableDescriptor" in dataset
    )


def _palette(dataset: Dataset, layout: Layout, *, little: bool) -> tuple[int, Array]:
    """Return the first value that the palette maps, and its colours."""
    if "SegmentedRedPaletteColorLookupTableData" in dataset:
        return _segmented(dataset, layout)
    tables = [
        read_lookup(
            dataset,
            f"{colour}PaletteColorLookupTableDescriptor",
            f"{colour}PaletteColorLookupTableData",
            signed=layout.signed,
            little=little,
        )
        for colour in _COLOURS
    ]
    known = [table for table in tables if table is not None]
    if len(known) < len(_COLOURS):
        raise RenderError("pixels.undecodable", "the palette is missing or damaged")
    shortest = min(len(table.entries) // 2 for table in known)
    entries = np.stack([np.frombuffer(table.entries, "u2")[:shortest] for table in known], axis=-1)
    return known[0].first, _entry_bytes(entries, known[0].bits)


def _entry_bytes(entries: Array, bits: int) -> Array:
    """Return entries of 8 bits; some writers put 8 bits into entries said to have 16."""
    shift = bits - _EIGHT
    if shift > 0 and entries.max() > 0xFF:  # noqa: PLR2004 - the most that 8 bits hold
        entries = entries >> shift
    return (entries & 0xFF).astype("u1")


def _segmented(dataset: Dataset, layout: Layout) -> tuple[int, Array]:
    from pydicom.pixels.processing import apply_color_lut  # noqa: PLC0415 - imports every plug-in

    shape = numbers(dataset, "RedPaletteColorLookupTableDescriptor")
    if len(shape) != 3:  # noqa: PLR2004 - entries, first value, bits
        raise RenderError("pixels.undecodable", "the palette is missing or damaged")
    count = (int(shape[0]) & 0xFFFF) or 0x10000
    first = int(shape[1])
    every = np.arange(first, first + count).astype("i4" if layout.signed else "u4")
    colours = apply_color_lut(every.reshape(1, -1), dataset)[0]
    return first, _entry_bytes(colours.astype("u2"), int(shape[2]))


def to_srgb(rgb: Array, dataset: Dataset) -> tuple[Array, tuple[str, ...]]:
    """Return colours as sRGB by the image's ICC profile (PS3.3 C.11.15), and notes."""
    profile = raw(dataset, "ICCProfile")
    for item in items(dataset, "OpticalPathSequence")[:1]:
        profile = profile or raw(item, "ICCProfile")
    if not profile or text(dataset, "ColorSpace").upper() == "SRGB":
        return rgb, ()
    transform = _transform(profile)
    if transform is None:
        return rgb, ("pixels.bad-profile",)
    return np.asarray(transform.apply(Image.fromarray(rgb, "RGB"))), ()


@lru_cache(maxsize=4)
def _transform(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    try:
        return ImageCms.buildTransform(
            io.BytesIO(profile), ImageCms.createProfile("sRGB"), "RGB", "RGB"
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
