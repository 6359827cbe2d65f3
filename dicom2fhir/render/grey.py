"""Grey values: stored values to 0 to 255 by PS3.3 C.11, in our own arithmetic.

Everything is computed in float64 and rounded once. Values of up to 16 bits go through a table of
all of them. A frame is taken in bands, so that no copy in wider numbers is as large as it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dicom2fhir.render.grey_values import LINEAR, LINEAR_EXACT, SIGMOID, Window
from dicom2fhir.render.lookup import Lookup

if TYPE_CHECKING:
    from dicom2fhir.render.grey_values import GreyValues
    from dicom2fhir.render.layout import Layout
    from dicom2fhir.render.native import Array

_WHITE = 255.0
_TABLE_BYTES = 2
_BAND = 1 << 20
_CENTRAL = (0.5, 99.5)
"""Percent of the values that an automatic window leaves out below and above."""


@dataclass(frozen=True, slots=True)
class Extent:
    """From the least value, which becomes black, to the greatest, which becomes white."""

    low: float
    high: float
    word: str = "least to greatest value"

    def __str__(self) -> str:
        """Return it as people say it."""
        return f"{self.word}, {self.low:g} to {self.high:g}" if self.word else ""


class Shown(NamedTuple):
    """One frame in greys: what chose them in words, and codes of Problems."""

    grey: Array
    words: str
    notes: tuple[str, ...]


def to_grey(stored: Array, values: GreyValues, layout: Layout, window: str) -> Shown:
    """Return one frame as it is shown.

    Shape: rows, columns; uint8
    """
    voi, notes = choose_voi(values, layout, window)
    if voi is None:
        voi = find_extent(stored, values, central=window == "auto")
    words = "VOI LUT" if isinstance(voi, Lookup) else str(voi)
    return Shown(_apply(stored, values, voi), words, notes)


def grey_table(values: GreyValues, layout: Layout, window: str) -> Array | None:
    """Return what each value of 8 bits is shown as; None where the frame itself decides that."""
    voi, _ = choose_voi(values, layout, window)
    if voi is None or layout.allocated != 8 or layout.signed:  # noqa: PLR2004 - bits
        return None
    return _table(values, voi, "|u1")


def _as_it_is(layout: Layout) -> Extent:
    return Extent(0.0, float((1 << layout.stored) - 1), "")


def choose_voi(
    values: GreyValues, layout: Layout, window: str
) -> tuple[Window | Lookup | Extent | None, tuple[str, ...]]:
    """Return how values of interest are chosen, and notes; None: by the values themselves.

    A VOI LUT goes before the windows, since it is what the manufacturer made for display.
    """
    if window == "auto":
        return None, ()
    asked = _asked_window(values, window)
    if asked is not None:
        return asked, ()
    notes: tuple[str, ...] = ("pixels.bad-window",) if window.isdigit() else ()
    if values.voi:
        return values.voi[0], notes
    if values.windows:
        return values.windows[0], notes
    if _is_ready(values, layout):
        return _as_it_is(layout), notes
    return None, (*notes, "pixels.no-window")


def _asked_window(values: GreyValues, window: str) -> Window | None:
    if "," in window:
        center, _, width = window.partition(",")
        return Window(float(center), float(width))
    if window.isdigit() and 1 <= int(window) <= len(values.windows):
        return values.windows[int(window) - 1]
    return None


def _is_ready(values: GreyValues, layout: Layout) -> bool:
    """Tell whether values without window are for display already.

    Viewers and dcmtk show 8-bit images as they are: captures, ultrasound, photographs, bitmaps.
    """
    plain = values.modality is None and (values.slope, values.intercept) == (1.0, 0.0)
    return plain and not layout.signed and not layout.floating and layout.stored in (1, 8)


def _apply(stored: Array, values: GreyValues, voi: Window | Lookup | Extent) -> Array:
    shown = np.empty(stored.shape, "u1")
    flat, out = stored.reshape(-1), shown.reshape(-1)
    width = stored.dtype.itemsize
    table = None
    if stored.dtype.kind != "f" and width <= _TABLE_BYTES:
        table = _table(values, voi, stored.dtype.str)
    for start in range(0, flat.size, _BAND):
        band, shown_band = flat[start : start + _BAND], out[start : start + _BAND]
        if table is None:
            shown_band[:] = _compute(band, values, voi)
        else:
            np.take(table, band.view(f"u{width}"), out=shown_band, mode="clip")
    return shown


@lru_cache(maxsize=16)
def _table(values: GreyValues, voi: Window | Lookup | Extent, kind: str) -> Array:
    """Return the grey of every stored value, in the order of their bits."""
    dtype = np.dtype(kind)
    every = np.arange(1 << (8 * dtype.itemsize), dtype=f"u{dtype.itemsize}").view(dtype)
    return _compute(every, values, voi)


def _compute(stored: Array, values: GreyValues, voi: Window | Lookup | Extent) -> Array:
    modality = _modality(stored, values)
    if isinstance(voi, Lookup):
        level = _look_up(voi, modality) * _WHITE / ((1 << voi.bits) - 1)
    elif isinstance(voi, Window):
        level = apply_window(modality, voi)
    else:
        level = _stretch(modality, voi)
    if values.inverse:
        level = _WHITE - level
    return np.rint(np.clip(level, 0.0, _WHITE)).astype("u1")


def _modality(stored: Array, values: GreyValues) -> Array:
    """Return modality values (PS3.3 C.11.1); what is no number becomes 0."""
    if values.modality is not None:
        return _look_up(values.modality, stored.astype("f8"))
    numbers = stored.astype("f8")
    if stored.dtype.kind == "f":
        np.nan_to_num(numbers, copy=False, nan=0.0)
    return numbers * values.slope + values.intercept


def _look_up(table: Lookup, values: Array) -> Array:
    entries = np.frombuffer(table.entries, "u2")
    index = np.clip(np.rint(values) - table.first, 0, len(entries) - 1)
    found: Array = np.take(entries, index.astype("i8"))
    return found.astype("f8")


def apply_window(values: Array, window: Window) -> Array:
    """Return 0 to 255 for modality values (PS3.3 C.11.2.1.2.1, C.11.2.1.3)."""
    center, width = window.center, window.width
    if window.function == SIGMOID:
        exponent = np.clip(-4.0 * (values - center) / width, -700.0, 700.0)
        return _WHITE / (1.0 + np.exp(exponent))
    if window.function == LINEAR:
        center, width = center - 0.5, width - 1.0
    elif window.function != LINEAR_EXACT:
        raise ValueError(window.function)
    if width == 0:
        return np.where(values > center, _WHITE, 0.0)
    return np.clip(((values - center) / width + 0.5) * _WHITE, 0.0, _WHITE)


def _stretch(values: Array, extent: Extent) -> Array:
    if extent.high <= extent.low:
        return np.zeros(values.shape)
    return (values - extent.low) * _WHITE / (extent.high - extent.low)


def find_extent(stored: Array, values: GreyValues, *, central: bool = False) -> Extent:
    """Return between which modality values a frame lies, padding left out."""
    image = stored
    if values.padding is not None:
        low, high = values.padding
        image = stored[(stored < low) | (stored > high)]
    if stored.dtype.kind == "f":
        image = image[np.isfinite(image)]
    if image.size == 0:
        return Extent(0.0, 0.0)
    if central:
        ends = np.percentile(image, _CENTRAL, method="nearest")
        found = _modality(ends, values)
        return Extent(float(found.min()), float(found.max()), "the middle 99 % of the values")
    ends = np.array([image.min(), image.max()], image.dtype)
    found = _modality(image if values.modality is not None else ends, values)
    return Extent(float(found.min()), float(found.max()))
