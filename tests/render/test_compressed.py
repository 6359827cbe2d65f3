"""Compressed frames: where they lie, who decodes them, and when a JPEG is passed on as it is."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate, encapsulate_extended

from dicom2fhir.model import RenderRequest
from dicom2fhir.render import render_frames
from dicom2fhir.render.codestream import APPS, COMMENT, segments
from render_cases import (
    JPEG,
    LOSSLESS,
    RLE,
    SIDE,
    draw,
    file_of,
    image,
    jpeg_image,
    pixels,
    refusal,
    stream,
)

JPEG_12 = "1.2.840.10008.1.2.4.51"
NATIVE_IN_FRAGMENTS = "1.2.840.10008.1.2.1.98"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"


GREYS = (10, 100, 200)


@pytest.mark.parametrize("per_fragment", [1, 2, 5])
@pytest.mark.parametrize("bot", [False, True])
def test_each_frame_is_found_whatever_its_fragments_and_table(
    per_fragment: int, *, bot: bool
) -> None:
    three = jpeg_image(*map(stream, GREYS), per_fragment=per_fragment, bot=bot)
    found = [int(pixels(draw(three, JPEG, frames=(number,)))[0, 0]) for number in (1, 2, 3)]
    assert found == list(GREYS)


def test_an_extended_offset_table_is_followed() -> None:
    three = jpeg_image(*map(stream, GREYS))
    data, offsets, lengths = encapsulate_extended([stream(grey) for grey in GREYS])
    # an empty item behind the frames, so that fragments alone do not tell
    three.PixelData = data + struct.pack("<HHL", 0xFFFE, 0xE000, 0)
    three.ExtendedOffsetTable, three.ExtendedOffsetTableLengths = offsets, lengths
    found = [int(pixels(draw(three, JPEG, frames=(number,)))[0, 0]) for number in (1, 2, 3)]
    assert found == list(GREYS)


def test_a_table_that_is_wrong_is_not_believed() -> None:
    three = jpeg_image(*map(stream, GREYS), per_fragment=2)
    data = bytearray(three.PixelData)
    data[12:16] = struct.pack("<L", 6)
    three.PixelData = bytes(data)
    assert pixels(draw(three, JPEG, frames=(2,)))[0, 0] == GREYS[1]


@pytest.mark.parametrize("frame", [0, 4, 2**31 - 1])
def test_a_frame_that_is_not_there_is_refused(frame: int) -> None:
    three = jpeg_image(*map(stream, GREYS))
    assert refusal(three, JPEG, frames=(frame,)) == "pixels.undecodable"


class CountingStream(io.BytesIO):
    """A file that counts what is read of it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


@pytest.mark.parametrize("syntax", [JPEG, "1.2.840.10008.1.2.1"])
def test_of_a_thousand_frames_one_is_read(syntax: str) -> None:
    if syntax == JPEG:
        many = jpeg_image(*[stream(7)] * 1000)
    else:
        many = image(np.zeros((SIDE, SIDE), np.uint8), NumberOfFrames=1000)
        many.PixelData = bytes(SIDE * SIDE * 1000)
    file = CountingStream(file_of(many, syntax).getvalue())
    request = RenderRequest(transfer_syntax_uid=syntax, frames=(500,))
    assert len(list(render_frames(file, request))) == 1
    assert file.taken < 30_000


@pytest.mark.parametrize("syntax", [RLE, JPEG, LOSSLESS])
def test_fragments_that_are_cut_are_refused(syntax: str) -> None:
    one = jpeg_image(stream(7))
    file = file_of(one, syntax).getvalue()
    request = RenderRequest(transfer_syntax_uid=syntax, frames=(1,), format="png")
    with pytest.raises(Exception, match=r"pixels\.undecodable"):
        list(render_frames(io.BytesIO(file[:-300]), request))


def test_native_frames_in_fragments_are_taken_as_they_are() -> None:
    one = image(np.arange(6, dtype=np.uint8).reshape(2, 3))
    one.PixelData = encapsulate([bytes(range(6))])
    assert pixels(draw(one, NATIVE_IN_FRAGMENTS)).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_deflated_frames_are_inflated() -> None:
    import zlib

    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    one = image(np.arange(6, dtype=np.uint8).reshape(2, 3))
    one.PixelData = encapsulate([deflater.compress(bytes(range(6))) + deflater.flush()])
    assert pixels(draw(one, JPEG, transfer_syntax_uid=DEFLATED_FRAMES)).tolist() == [
        [0, 1, 2],
        [3, 4, 5],
    ]


def test_twelve_bits_are_decoded_with_the_codecs_extra() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    values = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE) * 4
    data = imagecodecs.jpeg8_encode(values, level=98, bitspersample=12)
    one = image(values, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
    one.PixelData = encapsulate([data])
    picture = draw(one, JPEG_12)
    assert picture.decoder == "imagecodecs"
    expected = np.rint(values * 255.0 / 4095)
    assert np.abs(pixels(picture) - expected).mean() < 1


def test_twelve_bits_without_the_extra_have_no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom2fhir.render.decoders.available_plugins", lambda _: ("gdcm",))
    data = bytearray(stream(7))
    frame_header = data.index(b"\xff\xc0")
    data[frame_header + 1], data[frame_header + 4] = 0xC1, 12
    one = jpeg_image(bytes(data), BitsAllocated=16, BitsStored=12, HighBit=11)
    assert refusal(one, JPEG_12) == "pixels.no-decoder"


def test_an_unknown_transfer_syntax_has_no_decoder() -> None:
    unknown = "1.2.840.10008.1.2.4.110"
    one = jpeg_image(b"not a JPEG at all")
    assert refusal(one, JPEG, transfer_syntax_uid=unknown) == "pixels.no-decoder"


def test_a_jpeg_in_another_transfer_syntax_of_jpeg_is_decoded_as_what_it_is() -> None:
    picture = draw(jpeg_image(stream(90)), LOSSLESS)
    assert (pixels(picture)[0, 0], picture.decoder) == (90, "pillow")


# passing on


def markers(data: bytes) -> set[int]:
    return {marker for marker, _, _ in segments(data)}


def commented(data: bytes) -> bytes:
    segment = b"\xff\xfe\0\x0aDoe^Jane" + b"\xff\xe5\0\x0aDoe^Jane"
    return data[:2] + segment + data[2:]


@pytest.mark.parametrize("colour", [90, (200, 50, 20)])
def test_a_jpeg_is_passed_on_without_what_may_hold_names(colour: Any) -> None:  # noqa: ANN401
    original = stream(colour)
    picture = draw(jpeg_image(commented(original)), JPEG, format="jpeg")
    assert picture.unmodified
    assert b"Doe" not in picture.data
    assert not markers(picture.data) & {*APPS, COMMENT}
    shown = np.asarray(Image.open(io.BytesIO(picture.data)))
    assert np.array_equal(shown, np.asarray(Image.open(io.BytesIO(original))))
    kept = [original[start:stop] for marker, start, stop in segments(original) if marker < 0xE0]
    assert b"".join(kept) in picture.data


@pytest.mark.parametrize(
    ("changes", "request_", "why"),
    [
        ({}, {"size": SIDE - 1}, "longer than asked for"),
        ({}, {"format": "png"}, "another format"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, {}, "white is black"),
        ({"WindowCenter": 40, "WindowWidth": 80}, {}, "a window"),
        ({"RescaleSlope": 2, "RescaleIntercept": 0}, {}, "rescaling"),
        ({}, {"window": "auto"}, "a window by its values"),
        ({"PixelAspectRatio": [2, 1]}, {}, "pixels that are not square"),
    ],
)
def test_a_jpeg_that_is_not_shown_as_it_is_is_made_anew(
    changes: dict[str, Any], request_: dict[str, Any], why: str
) -> None:
    picture = draw(jpeg_image(stream(90), **changes), JPEG, **{"format": "jpeg", **request_})
    assert not picture.unmodified, why


def test_a_window_that_changes_nothing_is_no_reason_to_make_it_anew() -> None:
    one = jpeg_image(stream(90), WindowCenter=128, WindowWidth=256)
    assert draw(one, JPEG, format="jpeg").unmodified


def test_colours_with_a_profile_are_made_anew() -> None:
    one = jpeg_image(stream((200, 50, 20)), ICCProfile=b"none")
    assert not draw(one, JPEG, format="jpeg").unmodified


def test_a_progressive_jpeg_is_made_anew() -> None:
    assert not draw(jpeg_image(stream(90, progressive=True)), JPEG, format="jpeg").unmodified


RED = (200, 50, 20)


def rgb_stream(*, adobe: bool) -> bytes:
    """Return a JPEG whose three components are red, green and blue."""
    data = stream(RED, keep_rgb=True, subsampling=0)
    assert data[6:11] == b"Adobe" or b"Adobe" in data[:60]
    if adobe:
        return data
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


@pytest.mark.parametrize("adobe", [False, True])
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_components_of_red_green_and_blue_stay_so(*, adobe: bool, kind: str) -> None:
    data = rgb_stream(adobe=adobe)
    if not adobe:
        # only the header knows: 1, 2 and 3 are the names of its components
        data = data.replace(b"R\x11\0G\x11\0B\x11\0", b"\1\x11\0\2\x11\0\3\x11\0")
        data = data.replace(b"\x03R\0G\0B\0", b"\x03\1\0\2\0\3\0")
    one = jpeg_image(data, PhotometricInterpretation="RGB")
    picture = draw(one, JPEG, format=kind)
    assert not picture.unmodified
    assert np.abs(pixels(picture)[8, 8].astype(int) - RED).max() <= 3


def test_a_stream_that_knows_better_than_the_header_is_believed() -> None:
    one = jpeg_image(stream(RED), PhotometricInterpretation="RGB")
    assert np.abs(pixels(draw(one, JPEG))[8, 8].astype(int) - RED).max() <= 3


@pytest.mark.parametrize("fragment", [b"", b"\xff\xd8", stream(90)[:-2], stream(90)[:200]])
def test_a_jpeg_that_is_damaged_is_refused(fragment: bytes) -> None:
    one = jpeg_image(stream(90))
    one.PixelData = encapsulate([fragment]) if fragment else one.PixelData[:8]
    assert refusal(one, JPEG, format="jpeg") == "pixels.undecodable"
