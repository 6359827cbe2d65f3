"""One image in several transfer syntaxes is one picture: what dcmtk cannot read is held to this."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.encaps import encapsulate

from render_cases import image, pixels, read_images, shown

if TYPE_CHECKING:
    from pathlib import Path

LOSSLESS = {
    "MR_small.dcm": (
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_RLE.dcm",
    ),
    "693_UNCR.dcm": ("693_J2KR.dcm",),
    "MR2_UNCR.dcm": ("MR2_J2KR.dcm",),
    "RG1_UNCR.dcm": ("RG1_J2KR.dcm",),
    "RG3_UNCR.dcm": ("RG3_J2KR.dcm",),
    "US1_UNCR.dcm": ("US1_J2KR.dcm", "examples_jpeg2k.dcm"),
    "emri_small.dcm": (
        "emri_small_jpeg_2k_lossless.dcm",
        "emri_small_jpeg_ls_lossless.dcm",
        "emri_small_RLE.dcm",
        "emri_small_big_endian.dcm",
    ),
    "rtdose.dcm": ("rtdose_expb.dcm", "rtdose_rle.dcm"),
    "SC_rgb.dcm": ("SC_rgb_rle.dcm", "SC_rgb_gdcm_KY.dcm", "SC_rgb_expb.dcm", "SC_rgb_32bit.dcm"),
}
LOSSY = {
    "693_UNCI.dcm": "693_J2KI.dcm",
    "MR2_UNCI.dcm": "MR2_J2KI.dcm",
    "RG1_UNCI.dcm": "RG1_J2KI.dcm",
    "RG3_UNCI.dcm": "RG3_J2KI.dcm",
    "US1_UNCI.dcm": "US1_J2KI.dcm",
}


@pytest.fixture(scope="module")
def by_name(packaged: list[Path]) -> dict[str, Path]:
    return {path.name: path for path in packaged}


def drawn(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    (one,) = read_images([path])
    return pixels(one.picture())


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_syntaxes_give_the_same_picture(name: str, by_name: dict[str, Path]) -> None:
    expected = drawn(by_name[name])
    for other in LOSSLESS[name]:
        assert np.array_equal(drawn(by_name[other]), expected), other


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_syntaxes_give_nearly_the_same_picture(name: str, by_name: dict[str, Path]) -> None:
    difference = drawn(by_name[name]).astype(int) - drawn(by_name[LOSSY[name]])
    assert np.abs(difference).mean() < 2


def test_nine_syntaxes_of_one_mr_give_the_same_picture(real_data: Path) -> None:
    paths = sorted((real_data / "mr-nine-transfer-syntaxes").glob("*.dcm"))
    assert len(paths) == 9
    first, *others = [drawn(path).astype(int) for path in paths]
    # the ninth and one of JPEG-LS are lossless too: all nine agree
    assert [int(np.abs(other - first).max()) for other in others] == [0] * 8


def test_htj2k_is_decoded() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    if not getattr(imagecodecs.HTJ2K, "available", False):
        pytest.skip("this imagecodecs cannot write HTJ2K")
    values = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    one = image(values, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
    expected = shown(one)
    one.PixelData = encapsulate([imagecodecs.htj2k_encode(values)])
    assert shown(one, "1.2.840.10008.1.2.4.201") == expected
