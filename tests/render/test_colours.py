"""Colours: every photometric interpretation, by hand and by the libraries' own encoders."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from dicom2fhir.model import RenderRequest
from dicom2fhir.render import render_frames
from render_cases import draw, file_of, image, pixels, refusal, shown

RGB = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[0, 0, 0], [255, 255, 255], [9, 8, 7]]])
RGB8 = RGB.astype(np.uint8)


def ybr(rgb: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """PS3.3 C.7.6.3.1.2, YBR_FULL."""
    red, green, blue = (rgb[..., one].astype(float) for one in range(3))
    parts = (
        0.2990 * red + 0.5870 * green + 0.1140 * blue,
        -0.1687 * red - 0.3313 * green + 0.5000 * blue + 128,
        0.5000 * red - 0.4187 * green - 0.0813 * blue + 128,
    )
    return np.stack([np.rint(one).clip(0, 255).astype(np.uint8) for one in parts], axis=-1)


def partial(rgb: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """PS3.3 C.7.6.3.1.2, YBR_PARTIAL_422, at full resolution."""
    red, green, blue = (rgb[..., one].astype(float) for one in range(3))
    parts = (
        0.2568 * red + 0.5041 * green + 0.0979 * blue + 16,
        -0.1482 * red - 0.2910 * green + 0.4392 * blue + 128,
        0.4392 * red - 0.3678 * green - 0.0714 * blue + 128,
    )
    return np.stack([np.rint(one).astype(np.uint8) for one in parts], axis=-1)


def near(found: list[Any], expected: np.ndarray[Any, Any]) -> bool:
    return bool(np.abs(np.array(found) - expected.astype(int)).max() <= 2)


@pytest.mark.parametrize("planar", [0, 1])
def test_colours_by_pixel_and_by_plane_are_the_same(planar: int) -> None:
    stored = RGB8.transpose(2, 0, 1) if planar else RGB8
    one = image(RGB8, PlanarConfiguration=planar)
    one.PixelData = np.ascontiguousarray(stored).tobytes()
    assert shown(one) == RGB.tolist()


def test_colours_have_no_sign() -> None:
    assert shown(image(RGB8, PixelRepresentation=1)) == RGB.tolist()


def test_colours_of_16_bits_keep_their_upper_half() -> None:
    assert shown(image((RGB * 257).astype(np.uint16))) == RGB.tolist()


@pytest.mark.parametrize(
    ("name", "stored"), [("YBR_FULL", ybr(RGB8)), ("YBR_PARTIAL_422", partial(RGB8))]
)
def test_luminance_and_chrominance_become_colours(name: str, stored: np.ndarray[Any, Any]) -> None:
    assert near(shown(image(stored, PhotometricInterpretation=name)), RGB)


def test_chroma_of_every_second_pixel_is_shared() -> None:
    colours = np.repeat(ybr(RGB8[:, :2]), 2, axis=1)
    packed = colours.reshape(-1, 2, 3)
    stored = np.stack([packed[:, 0, 0], packed[:, 1, 0], packed[:, 0, 1], packed[:, 0, 2]], axis=-1)
    one = image(colours, PhotometricInterpretation="YBR_FULL_422")
    one.PixelData = stored.tobytes()
    assert near(shown(one), np.repeat(RGB[:, :2], 2, axis=1))


def test_chroma_of_every_pixel_is_seen_by_the_length_whatever_the_header_says() -> None:
    assert near(shown(image(ybr(RGB8), PhotometricInterpretation="YBR_FULL_422")), RGB)


@pytest.mark.parametrize("name", ["HSV", "CMYK", "", "YBR_UNKNOWN"])
def test_other_colour_spaces_are_refused(name: str) -> None:
    assert refusal(image(RGB8, PhotometricInterpretation=name)) == "pixels.undecodable"


def palette(first: int, bits: int, *colours: tuple[int, int, int], packed: bool = False) -> Any:  # noqa: ANN401
    table = Dataset()
    for place, colour in enumerate(("Red", "Green", "Blue")):
        entries = [one[place] for one in colours]
        data = bytes(entries) if packed else np.array(entries, np.uint16).tobytes()
        vr = "SS" if first < 0 else "US"
        table.add_new(f"{colour}PaletteColorLookupTableDescriptor", vr, [len(colours), first, bits])
        table.add_new(f"{colour}PaletteColorLookupTableData", "OW", data + bytes(len(data) % 2))
    return table


THREE = ((255, 0, 0), (0, 255, 0), (1, 2, 3))


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (palette(10, 16, *((r * 257, g * 257, b * 257) for r, g, b in THREE)), "16 bits"),
        (palette(10, 16, *THREE), "8 bits that are said to be 16"),
        (palette(10, 8, *THREE), "8 bits, each in a word"),
        (palette(10, 8, *THREE, packed=True), "8 bits, two in a word"),
    ],
)
def test_a_palette_gives_each_index_its_colour(table: Dataset, why: str) -> None:
    one = image(np.array([[0, 10, 11, 12, 99]], np.uint8))
    one.update(table)
    one.PhotometricInterpretation = "PALETTE COLOR"
    red, green, last = (list(colour) for colour in THREE)
    assert shown(one) == [[red, red, green, last, last]], why


def test_a_segmented_palette_is_drawn_out() -> None:
    one = image(np.array([[0, 1, 2, 3, 4]], np.uint8))
    one.PhotometricInterpretation = "PALETTE COLOR"
    # PS3.3 C.7.9.2: one discrete entry of 0, then four that lead to 0xFF00
    data = np.array([0, 1, 0, 1, 4, 0xFF00], np.uint16).tobytes()
    for colour in ("Red", "Green", "Blue"):
        setattr(one, f"{colour}PaletteColorLookupTableDescriptor", [5, 0, 16])
        setattr(one, f"Segmented{colour}PaletteColorLookupTableData", data)
    found = [pixel[0] for pixel in shown(one)[0]]
    assert found[0] == 0
    assert found[-1] == 255
    assert found == sorted(found)


def test_a_palette_that_is_missing_is_refused() -> None:
    one = image(np.zeros((1, 2), np.uint8), PhotometricInterpretation="PALETTE COLOR")
    assert refusal(one) == "pixels.undecodable"


def test_a_supplemental_palette_colours_what_lies_in_it_alone() -> None:
    one = image(np.array([[0, 50, 100, 200, 201]], np.uint16), WindowCenter=50.5, WindowWidth=101)
    one.PixelPresentation = "COLOR"
    one.update(palette(200, 16, *((r * 257, g * 257, b * 257) for r, g, b in THREE[:2])))
    greys = [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
    assert shown(one) == [[*greys, [255, 0, 0], [0, 255, 0]]]


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_a_profile_of_srgb_changes_nothing() -> None:
    grey = np.full((2, 2, 3), 128, np.uint8)
    picture = draw(image(grey, ICCProfile=srgb_profile()))
    assert np.abs(pixels(picture).astype(int) - 128).max() <= 1
    assert picture.notes == ()


def test_a_profile_that_is_none_is_told_of_and_left_out() -> None:
    picture = draw(image(RGB8, ICCProfile=b"no profile at all"))
    assert pixels(picture).tolist() == RGB.tolist()
    assert picture.notes == ("pixels.bad-profile",)


def test_the_profile_of_a_slide_stands_in_its_optical_path() -> None:
    one = image(RGB8)
    one.OpticalPathSequence = Sequence([Dataset()])
    one.OpticalPathSequence[0].ICCProfile = b"no profile at all "
    assert draw(one).notes == ("pixels.bad-profile",)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_bytes_in_words_of_either_order_come_out_the_same(syntax: str, vr: str) -> None:
    one = image(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint8), NumberOfFrames=2)
    stored = bytes([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19])
    big_words = syntax == ExplicitVRBigEndian and vr == "OW"
    one.PixelData = np.frombuffer(stored, "<u2").astype(">u2").tobytes() if big_words else stored
    one["PixelData"].VR = vr
    if big_words:
        # pydicom takes OW for bytes already in their order
        assert one["PixelData"].value[:2] == bytes([2, 1])
    assert shown(one, syntax, frames=(1,)) == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert shown(one, syntax, frames=(2,)) == [[11, 12, 13], [14, 15, 16], [17, 18, 19]]


def test_numbers_of_big_endian_are_read_as_such() -> None:
    one = image(np.array([[0, 256, 511]], ">u2"), BitsAllocated=16)
    one.PixelData = np.array([[0, 256, 511]], ">u2").tobytes()
    assert shown(one, ExplicitVRBigEndian) == [[0, 128, 255]]


def test_frames_of_bits_need_not_begin_at_a_byte() -> None:
    one = image(bytes([0b01101001, 0b1]), Rows=1, Columns=3, BitsAllocated=1, BitsStored=1)
    one.HighBit, one.PixelRepresentation, one.NumberOfFrames = 0, 0, 3
    frames = [shown(one, frames=(number,))[0] for number in (1, 2, 3)]
    assert frames == [[255, 0, 0], [255, 0, 255], [255, 0, 255]]


def test_every_frame_is_drawn_once_and_in_the_order_asked_for() -> None:
    one = image(np.arange(12, dtype=np.uint8).reshape(3, 2, 2)[0], NumberOfFrames=3)
    one.PixelData = bytes(range(12))
    request = RenderRequest(transfer_syntax_uid="1.2.840.10008.1.2.1", frames=(3, 1), format="png")
    found = list(render_frames(file_of(one), request))
    assert [picture.frame for picture in found] == [3, 1]
    assert [np.asarray(Image.open(io.BytesIO(one.data)))[0, 0] for one in found] == [8, 0]
