from __future__ import annotations

import io
import re

import pytest
from PIL import Image, ImageChops

from dicom2fhir.render.terminal import png_of, sixels_of


def gradient(width: int, height: int) -> Image.Image:
    return Image.merge(
        "RGB",
        [
            Image.linear_gradient("L").resize((width, height)),
            Image.linear_gradient("L").rotate(90).resize((width, height)),
            Image.new("L", (width, height), 90),
        ],
    )


def jpeg_of(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95)
    return stream.getvalue()


def decode_sixels(text: str) -> Image.Image:
    """Return what a terminal draws; every pixel must be drawn once."""
    head = re.match(r'\x1bP0;1q"1;1;(\d+);(\d+)', text)
    assert head is not None
    assert text.endswith("\x1b\\")
    width, height = int(head[1]), int(head[2])
    image = Image.new("RGB", (width, height))
    drawn = set()
    body = re.sub(r"!(\d+)([?-~])", lambda m: m[2] * int(m[1]), text[head.end() : -2])
    definitions = re.compile(r"#(\d+);2;(\d+);(\d+);(\d+)")
    palette = {
        number: tuple(round(int(share) * 2.55) for share in shares)
        for number, *shares in definitions.findall(body)
    }
    for line, band in enumerate(definitions.sub("", body).split("-")):
        for one in band.split("$"):
            colour, columns = re.fullmatch(r"#(\d+)([?-~]+)", one).groups()  # type: ignore[union-attr]
            for column, character in enumerate(columns):
                for row in range(6):
                    if (ord(character) - 63) >> row & 1:
                        place = (column, 6 * line + row)
                        assert place not in drawn
                        drawn.add(place)
                        image.putpixel(place, palette[colour])
    assert len(drawn) == width * height
    return image


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 5), (64, 36), (50, 61)])
def test_sixels_draw_the_picture(width: int, height: int) -> None:
    picture = jpeg_of(gradient(width, height))
    drawn = decode_sixels(sixels_of(picture, 160))
    expected = Image.open(io.BytesIO(picture)).convert("RGB")
    assert drawn.size == expected.size
    difference = ImageChops.difference(drawn, expected).convert("L")
    assert max(n for n, count in enumerate(difference.histogram()) if count) <= 24


def test_sixels_are_no_larger_than_asked_and_never_enlarged() -> None:
    assert decode_sixels(sixels_of(jpeg_of(gradient(300, 150)), 60)).size == (60, 30)
    assert decode_sixels(sixels_of(jpeg_of(gradient(30, 15)), 60)).size == (30, 15)


def test_equal_columns_are_written_once() -> None:
    flat = jpeg_of(Image.new("L", (160, 160), 128))
    assert len(sixels_of(flat, 160)) < 1000


def test_a_png_holds_the_same_pixels() -> None:
    picture = jpeg_of(gradient(40, 30))
    with Image.open(io.BytesIO(png_of(picture))) as png:
        assert png.format == "PNG"
        expected = Image.open(io.BytesIO(picture)).convert("RGB")
        assert png.tobytes() == expected.tobytes()
