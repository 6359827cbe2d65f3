"""Grey values by hand: what PS3.3 C.11 says, value by value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicom2fhir.render.grey import apply_window
from dicom2fhir.render.grey_values import LINEAR, LINEAR_EXACT, SIGMOID, Window
from render_cases import draw, image, shown

RAMP = np.arange(-1024, 3072, dtype=np.int16).reshape(64, 64)


def linear(x: float, center: float, width: float) -> float:
    """PS3.3 C.11.2.1.2.1, word for word."""
    if x <= center - 0.5 - (width - 1) / 2:
        return 0
    if x > center - 0.5 + (width - 1) / 2:
        return 255
    return ((x - (center - 0.5)) / (width - 1) + 0.5) * 255


def linear_exact(x: float, center: float, width: float) -> float:
    """PS3.3 C.11.2.1.3.2."""
    if x <= center - width / 2:
        return 0
    if x > center + width / 2:
        return 255
    return ((x - center) / width + 0.5) * 255


def sigmoid(x: float, center: float, width: float) -> float:
    """PS3.3 C.11.2.1.3.1."""
    return 255 / (1 + math.exp(min(700, -4 * (x - center) / width)))


FUNCTIONS = {LINEAR: linear, LINEAR_EXACT: linear_exact, SIGMOID: sigmoid}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("center", "width"), [(40, 400), (0, 1), (-600, 1500), (300.5, 99.25)])
def test_a_ramp_is_windowed_as_the_clause_says(function: str, center: float, width: float) -> None:
    changes: dict[str, Any] = {"VOILUTFunction": function}
    ramp = image(RAMP, WindowCenter=center, WindowWidth=width, **changes)
    expected = [[round(FUNCTIONS[function](x, center, width)) for x in row] for row in RAMP]
    assert shown(ramp) == expected


@given(
    st.floats(-1e5, 1e5),
    st.floats(-1e4, 1e4),
    st.floats(1, 1e5),
    st.sampled_from(sorted(FUNCTIONS)),
)
def test_any_value_is_windowed_as_the_clause_says(
    x: float, center: float, width: float, function: str
) -> None:
    found = apply_window(np.array([x]), Window(center, width, function))[0]
    # where a step is infinitely steep, the last digit decides on which side of it a value lies
    steep = function == LINEAR and width < 1.001
    near = abs(x - (center - 0.5)) < 1
    assert (steep and near) or abs(found - FUNCTIONS[function](x, center, width)) < 0.01


def test_rescaling_goes_before_the_window() -> None:
    stored = np.array([[0, 100, 200, 300]], np.uint16)
    one = image(stored, RescaleSlope=2, RescaleIntercept=-100, WindowCenter=100, WindowWidth=401)
    assert shown(one) == [[round(linear(2 * x - 100, 100, 401)) for x in (0, 100, 200, 300)]]


def test_a_slope_below_zero_turns_values_around() -> None:
    stored = np.array([[0, 50, 100]], np.uint16)
    assert shown(image(stored, RescaleSlope=-1, RescaleIntercept=0)) == [[255, 128, 0]]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"PhotometricInterpretation": "MONOCHROME1"}, [[255, 128, 0]]),
        ({"PresentationLUTShape": "INVERSE"}, [[255, 128, 0]]),
        # C.11.6.1.2: INVERSE is what MONOCHROME1 means, not a second turn
        (
            {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
            [[255, 128, 0]],
        ),
        ({"PresentationLUTShape": "IDENTITY"}, [[0, 127, 255]]),
    ],
)
def test_black_and_white_change_places_once(
    changes: dict[str, Any], expected: list[list[int]]
) -> None:
    stored = np.array([[0, 500, 1003]], np.uint16)
    found = shown(image(stored, WindowCenter=502, WindowWidth=1004, **changes))
    assert np.abs(np.array(found) - expected).max() <= 1
    assert [found[0][0], found[0][2]] == [expected[0][0], expected[0][2]]


def lookup(first: int, bits: int, *entries: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries), first, bits])
    item.add_new("LUTData", "OW", np.array(entries, np.uint16).tobytes())
    return item


def test_a_modality_table_maps_stored_values_and_holds_its_ends() -> None:
    stored = np.array([[0, 10, 11, 12, 13]], np.uint16)
    item = lookup(10, 16, 1000, 500, 0)
    one = image(stored, ModalityLUTSequence=Sequence([item]), WindowCenter=500.5, WindowWidth=1001)
    assert shown(one) == [[255, 255, 128, 0, 0]]


def test_a_voi_table_maps_modality_values_and_fills_its_bits() -> None:
    stored = np.array([[-3, -2, -1, 0, 1]], np.int16)
    one = image(stored, VOILUTSequence=Sequence([lookup(-2, 12, 0, 2048, 4095)]))
    assert shown(one) == [[0, 0, 128, 255, 255]]
    assert draw(one).window == "VOI LUT"


def test_a_voi_table_of_bytes_may_have_two_entries_in_a_word() -> None:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4, 0, 8])
    item.add_new("LUTData", "OW", bytes([0, 100, 200, 255]))
    stored = np.array([[0, 1, 2, 3, 9]], np.uint16)
    assert shown(image(stored, VOILUTSequence=Sequence([item]))) == [[0, 100, 200, 255, 255]]


def test_a_table_of_no_entries_has_65536() -> None:
    entries = np.arange(65536, dtype=np.uint16)
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [0, 0, 16])
    item.add_new("LUTData", "OW", entries.tobytes())
    stored = np.array([[0, 257, 65535]], np.uint16)
    assert shown(image(stored, VOILUTSequence=Sequence([item]))) == [[0, 1, 255]]


def test_without_a_window_the_least_is_black_and_the_greatest_white() -> None:
    stored = np.array([[100, 200, 300]], np.uint16)
    picture = draw(image(stored))
    assert shown(image(stored)) == [[0, 128, 255]]
    assert picture.notes == ("pixels.no-window",)
    assert picture.window == "least to greatest value, 100 to 300"


@pytest.mark.parametrize(
    "padding",
    [
        {"PixelPaddingValue": -2000},
        {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1500},
    ],
)
def test_padding_has_no_part_in_least_and_greatest(padding: dict[str, int]) -> None:
    values = [-2000, -1500, 0, 100] if len(padding) == 2 else [-2000, 0, 0, 100]
    stored = np.array([values], np.int16)
    assert shown(image(stored, **padding)) == [[0, 0, 0, 255]]


def test_an_image_of_padding_alone_is_black() -> None:
    stored = np.full((1, 3), 7, np.uint16)
    assert shown(image(stored, PixelPaddingValue=7)) == [[0, 0, 0]]


def test_an_image_of_one_value_is_black() -> None:
    assert shown(image(np.full((1, 2), 9, np.int16))) == [[0, 0]]


def test_eight_bits_without_a_window_are_taken_as_they_are() -> None:
    stored = np.array([[10, 20, 200]], np.uint8)
    picture = draw(image(stored))
    assert shown(image(stored)) == [[10, 20, 200]]
    assert (picture.window, picture.notes) == ("", ())


def test_eight_bits_with_rescaling_are_stretched() -> None:
    stored = np.array([[10, 20, 30]], np.uint8)
    assert shown(image(stored, RescaleSlope=2, RescaleIntercept=0)) == [[0, 128, 255]]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("file", "window 10/20"),
        ("2", "window 100/200"),
        ("5,50", "window 5/50"),
        ("auto", "the middle 99 % of the values, 0 to 300"),
    ],
)
def test_the_window_asked_for_is_taken(window: str, expected: str) -> None:
    stored = np.array([[0, 100, 300]], np.uint16)
    two = image(stored, WindowCenter=[10, 100], WindowWidth=[20, 200])
    picture = draw(two, window=window)
    assert picture.window == expected
    assert picture.notes == ()


def test_a_window_that_is_not_there_is_told_of() -> None:
    stored = np.array([[0, 100, 300]], np.uint16)
    picture = draw(image(stored, WindowCenter=10, WindowWidth=20), window="3")
    assert picture.window == "window 10/20"
    assert picture.notes == ("pixels.bad-window",)


@pytest.mark.parametrize(
    ("center", "width"), [("10", "0"), ("10", "-5"), ("", "5"), ("x", "y"), ("1\\2", "0\\nan")]
)
def test_a_window_that_cannot_be_is_none(center: str, width: str) -> None:
    one = image(np.array([[0, 50, 100]], np.uint16))
    one.add_new("WindowCenter", "LO", center)  # of another VR, so that pydicom writes it
    one.add_new("WindowWidth", "LO", width)
    assert draw(one).notes == ("pixels.no-window",)


def test_what_lies_above_and_below_the_stored_bits_is_cut_off() -> None:
    # 12 bits from bit 13 on down; an overlay above and noise below
    stored = np.array([[0 << 2, 2048 << 2, 4095 << 2]], np.uint16) | 0xC003
    one = image(stored, BitsStored=12, HighBit=13, WindowCenter=2048, WindowWidth=4096)
    assert shown(one) == [[0, 128, 255]]


def test_signed_values_of_fewer_bits_keep_their_sign() -> None:
    stored = (np.array([[-2048, 0, 2047]], np.int16) & 0x0FFF).astype(np.int16)
    one = image(stored, BitsStored=12, HighBit=11, WindowCenter=0, WindowWidth=4096)
    assert shown(one) == [[0, 128, 255]]


@pytest.mark.parametrize("kind", [np.uint32, np.int32])
def test_values_of_32_bits_are_exact(kind: type) -> None:
    stored = np.array([[0, 2**30, 2**30 + 100, 2**31 - 1]], kind)
    one = image(stored, WindowCenter=2**30 + 50.5, WindowWidth=101)
    assert shown(one) == [[0, 0, 255, 255]]


@pytest.mark.parametrize(
    ("keyword", "kind"), [("FloatPixelData", np.float32), ("DoubleFloatPixelData", np.float64)]
)
def test_floats_are_shown_and_what_is_no_number_is_black(keyword: str, kind: type) -> None:
    one = image(np.zeros((1, 4), np.uint16))
    del one.PixelData
    setattr(one, keyword, np.array([0.0, 0.25, 0.5, math.nan], kind).tobytes())
    one.BitsAllocated = 8 * np.dtype(kind).itemsize
    assert shown(one) == [[0, 128, 255, 0]]


def test_padding_of_floats_has_no_part_in_least_and_greatest() -> None:
    one = image(np.zeros((1, 3), np.uint16), BitsAllocated=32, FloatPixelPaddingValue=-1e30)
    del one.PixelData
    one.FloatPixelData = np.array([-1e30, 0, 5], np.float32).tobytes()
    one.FloatPixelPaddingValue = float(np.float32(-1e30))
    assert shown(one) == [[0, 0, 255]]


def test_bits_are_black_and_white() -> None:
    one = image(bytes([0b00000101]), Rows=1, Columns=3, BitsAllocated=1, BitsStored=1, HighBit=0)
    one.PixelRepresentation = 0
    assert shown(one) == [[255, 0, 255]]


def functional_group(center: float, slope: float, spacing: list[float] | None = None) -> Dataset:
    group, voi, values = Dataset(), Dataset(), Dataset()
    voi.WindowCenter, voi.WindowWidth = center, 101
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = slope, 0, "US"
    group.FrameVOILUTSequence = Sequence([voi])
    group.PixelValueTransformationSequence = Sequence([values])
    if spacing:
        group.PixelMeasuresSequence = Sequence([Dataset()])
        group.PixelMeasuresSequence[0].PixelSpacing = spacing
    return group


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_each_frame_has_its_own_window_and_rescaling(*, undefined: bool, shared: bool) -> None:
    stored = np.array([[[0, 50, 100]], [[0, 50, 100]]], np.uint16)
    two = image(stored.tobytes(), Rows=1, Columns=3, BitsAllocated=16, BitsStored=16, HighBit=15)
    two.PixelRepresentation, two.NumberOfFrames = 0, 2
    if shared:
        two.SharedFunctionalGroupsSequence = Sequence([functional_group(50.5, 1)])
        two.PerFrameFunctionalGroupsSequence = Sequence([Dataset(), functional_group(100.5, 2)])
    else:
        groups = [functional_group(50.5, 1), functional_group(100.5, 2)]
        two.PerFrameFunctionalGroupsSequence = Sequence(groups)
    two["PerFrameFunctionalGroupsSequence"].is_undefined_length = undefined
    for item in two.PerFrameFunctionalGroupsSequence:
        item.is_undefined_length_sequence_item = undefined
    assert shown(two, frames=(1,)) == [[0, 128, 255]]
    # values of 0, 100 and 200 in a window from 50 to 150
    assert shown(two, frames=(2,)) == [[0, 128, 255]]
    assert draw(two, frames=(2,)).window == "window 100.5/101"


@pytest.mark.parametrize(("relation", "applied"), [("LOG", False), ("LIN", True)])
def test_x_rays_for_display_are_not_led_back_to_intensity(relation: str, *, applied: bool) -> None:
    stored = np.array([[0, 1, 2]], np.uint16)
    one = image(stored, ModalityLUTSequence=Sequence([lookup(0, 16, 9, 5, 1)]))
    one.SOPClassUID = "1.2.840.10008.5.1.4.1.1.12.1"
    one.PixelIntensityRelationship = relation
    assert shown(one) == ([[255, 128, 0]] if applied else [[0, 128, 255]])
