"""A frame as a file that a browser shows: square pixels, at most so long, JPEG or PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from dicom2fhir.render.values import items, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.render.dataset import Dataset
    from dicom2fhir.render.native import Array

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_SQUARE = 0.01
"""Pixels that differ by less are square: nobody sees it, and each value stays as it is."""
_LONGEST = 20.0
"""What is longer than this is a slip of the header."""
_GAP = 3.0


def pixel_aspect(dataset: Dataset, groups: Sequence[Dataset]) -> float:
    """Return the height of a pixel divided by its width (PS3.3 C.7.6.3.1.7)."""
    measures = [item for group in groups for item in items(group, "PixelMeasuresSequence")[:1]]
    pairs = [numbers(item, "PixelSpacing") for item in measures]
    pairs += [numbers(dataset, keyword) for keyword in _SPACINGS]
    # PixelAspectRatio is vertical and horizontal, as spacing is that of rows and of columns
    pairs.append(numbers(dataset, "PixelAspectRatio"))
    for pair in pairs:
        if len(pair) == 2 and min(pair) > 0:  # noqa: PLR2004 - of rows and of columns
            aspect = pair[0] / pair[1]
            usable = 1 / _LONGEST <= aspect <= _LONGEST and abs(aspect - 1) >= _SQUARE
            return aspect if usable else 1.0
    return 1.0


def fitted_size(columns: int, rows: int, aspect: float, longest: int) -> tuple[int, int]:
    """Return width and height of the picture: the finer spacing is kept, nothing is enlarged."""
    width, height = columns / min(aspect, 1.0), rows * max(aspect, 1.0)
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def make_picture(values: Array, size: tuple[int, int]) -> Image.Image:
    """Return the values as a Pillow image of that size."""
    picture = Image.fromarray(values)
    return fit(picture, size)


def fit(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a picture of that size."""
    if picture.size == size:
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=_GAP)


def encode(picture: Image.Image, kind: str, quality: int) -> bytes:
    """Return the bytes of a JPEG or PNG, without any metadata."""
    out = io.BytesIO()
    if kind == "png":
        picture.save(out, "PNG", compress_level=1)
    else:
        picture.save(out, "JPEG", quality=quality)
    return out.getvalue()
