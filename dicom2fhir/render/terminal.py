"""Thumbnails in the forms that terminals take: PNG, and sixels (DEC STD 070, chapter 9)."""

from __future__ import annotations

import io
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

BAND = 6
"""Rows of pixels in one line of sixels; each character holds a column of them."""
COLOURS = 128
"""Colours of one picture: fewer than the 256 registers that terminals have."""
_ZERO = ord("?")
"""The character of a column without a pixel."""
_SHORT = 3
"""Equal characters in a row that are not worth a repeat introducer."""


def png_of(picture: bytes) -> bytes:
    """Return a thumbnail as PNG."""
    stream = io.BytesIO()
    _open(picture).save(stream, "PNG")
    return stream.getvalue()


def sixels_of(picture: bytes, size: int) -> str:
    """Return a thumbnail as sixels, its longest side no more than `size` pixels."""
    image = _open(picture)
    image.thumbnail((size, size))
    image = image.quantize(COLOURS)
    width, height = image.size
    bands = (
        _band(image.crop((0, top, width, min(top + BAND, height))))
        for top in range(0, height, BAND)
    )
    return f'\x1bP0;1q"1;1;{width};{height}{"".join(_palette(image))}{"-".join(bands)}\x1b\\'


def _open(picture: bytes) -> Image:
    from PIL import Image  # noqa: PLC0415 - only a run that shows pictures pays for it

    with Image.open(io.BytesIO(picture)) as image:
        return image.convert("RGB")


def _palette(image: Image) -> Iterator[str]:
    palette = image.getpalette() or []
    for number in range(len(palette) // 3):
        red, green, blue = (round(one / 2.55) for one in palette[3 * number : 3 * number + 3])
        yield f"#{number};2;{red};{green};{blue}"


def _band(image: Image) -> str:
    """Return one line of sixels: a pass for each colour in it."""
    passes: dict[int, list[int]] = {}
    for place, colour in enumerate(image.tobytes()):
        row, column = divmod(place, image.width)
        passes.setdefault(colour, [0] * image.width)[column] |= 1 << row
    return "$".join(f"#{colour}{_repeated(passes[colour])}" for colour in sorted(passes))


def _repeated(columns: list[int]) -> str:
    text = ""
    for bits, group in groupby(columns):
        count = len(list(group))
        character = chr(_ZERO + bits)
        text += character * count if count <= _SHORT else f"!{count}{character}"
    return text
