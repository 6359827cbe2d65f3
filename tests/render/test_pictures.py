"""The finished picture: its shape, its size, its bytes, and what is loaded to make it."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicom2fhir.render.picture import fitted_size
from render_cases import draw, image


@given(st.integers(1, 70_000), st.integers(1, 70_000), st.floats(0.05, 20.0), st.integers(1, 5000))
def test_a_picture_is_never_longer_than_asked_and_keeps_its_shape(
    columns: int, rows: int, aspect: float, longest: int
) -> None:
    width, height = fitted_size(columns, rows, aspect, longest)
    assert 1 <= width <= longest
    assert 1 <= height <= longest
    if min(width, height) > 50:
        assert height / width == pytest.approx(rows * aspect / columns, rel=0.03)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 5000))
def test_square_pixels_are_never_made_more(columns: int, rows: int, longest: int) -> None:
    width, height = fitted_size(columns, rows, 1.0, longest)
    assert (width, height) == (columns, rows) or max(width, height) == longest < max(columns, rows)


def measures(spacing: list[float]) -> Sequence:
    group = Dataset()
    group.PixelMeasuresSequence = Sequence([Dataset()])
    group.PixelMeasuresSequence[0].PixelSpacing = spacing
    return Sequence([group])


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, (30, 20)),
        # PS3.3 C.7.6.3.1.7: vertical, then horizontal
        ({"PixelAspectRatio": [2, 1]}, (30, 40)),
        ({"PixelAspectRatio": [1, 2]}, (60, 20)),
        ({"PixelSpacing": [0.8, 0.4]}, (30, 40)),
        ({"ImagerPixelSpacing": [0.1, 0.2]}, (60, 20)),
        ({"NominalScannedPixelSpacing": [0.1, 0.2]}, (60, 20)),
        ({"PixelSpacing": [0.5, 0.5], "PixelAspectRatio": [2, 1]}, (30, 20)),
        ({"SharedFunctionalGroupsSequence": measures([2.0, 1.0])}, (30, 40)),
        ({"PerFrameFunctionalGroupsSequence": measures([1.0, 2.0])}, (60, 20)),
        # nobody sees this, and each value stays as it is
        ({"PixelSpacing": [0.5, 0.5001]}, (30, 20)),
        # a slip of the header
        ({"PixelSpacing": [0.001, 100]}, (30, 20)),
        ({"PixelSpacing": [0, 1]}, (30, 20)),
    ],
)
def test_pixels_become_square(changes: dict[str, Any], size: tuple[int, int]) -> None:
    picture = draw(image(np.zeros((20, 30), np.uint8), **changes))
    assert (picture.width, picture.height) == size
    assert Image.open(io.BytesIO(picture.data)).size == size


def test_a_large_image_is_made_smaller_by_the_mean_of_its_pixels() -> None:
    stored = np.tile(np.array([[0, 200], [200, 0]], np.uint8), (64, 64))
    picture = draw(image(stored), size=32)
    assert (picture.width, picture.height) == (32, 32)
    shown = np.asarray(Image.open(io.BytesIO(picture.data)))
    assert np.abs(shown.astype(int) - 100).max() <= 2


@pytest.mark.parametrize(("kind", "start"), [("jpeg", b"\xff\xd8"), ("png", b"\x89PNG")])
def test_a_picture_is_of_the_kind_asked_for_and_holds_nothing_else(kind: str, start: bytes) -> None:
    picture = draw(image(np.zeros((9, 9), np.uint8), PatientName="Doe^Jane"), format=kind)
    assert picture.content_type == f"image/{kind}"
    assert picture.data.startswith(start)
    assert set(Image.open(io.BytesIO(picture.data)).info) <= {
        "jfif", "jfif_version", "jfif_unit", "jfif_density"
    }  # fmt: skip


def test_the_same_image_gives_the_same_bytes() -> None:
    rng = np.random.default_rng(1)
    one = image(rng.integers(0, 4000, (64, 64)).astype(np.uint16))
    assert len({draw(one, format="jpeg", size=50, thumbnail=20).data for _ in range(3)}) == 1


def test_quality_is_that_asked_for() -> None:
    rng = np.random.default_rng(1)
    one = image(rng.integers(0, 255, (64, 64)).astype(np.uint8))
    sizes = [len(draw(one, format="jpeg", quality=quality).data) for quality in (20, 90)]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_thumbnail_is_a_small_jpeg_beside_the_picture(kind: str) -> None:
    picture = draw(image(np.zeros((100, 200), np.uint8)), format=kind, thumbnail=50)
    with Image.open(io.BytesIO(picture.thumbnail)) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (50, 25))
    assert (picture.width, picture.height) == (200, 100)
    assert draw(image(np.zeros((100, 200), np.uint8))).thumbnail == b""


def loaded_by(code: str) -> set[str]:
    code = f"import sys\n{code}\nprint(*sys.modules)"
    command = [sys.executable, "-c", code]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_choosing_and_naming_load_neither_numpy_nor_pillow_nor_pydicom() -> None:
    loaded = loaded_by("import dicom2fhir.render")
    assert not loaded & {"numpy", "PIL", "pydicom", "gdcm"}
