"""The page as a browser draws it: headless Chromium opens it from disk."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

import launching
from dicom2fhir.problems import Problem
from dicom2fhir.report.page import encode_page
from dicom2fhir.report.summary import Counts, Outcome, ProblemTally, Timing
from report_cases import made_up_card, make_jpeg, make_series

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

RED, GREEN, MAGENTA = (250, 20, 20), (10, 200, 60), (240, 10, 240)
DESKTOP, PHONE = (1280, 2000), (390, 3000)
LEAST_PIXELS = 60 * 60
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@pytest.fixture(scope="module")
def chromium() -> str:
    try:
        return launching.chromium()
    except launching.UnavailableError as missing:
        pytest.skip(f"LEFT OUT, the page was not looked at: {missing}")


def write_page(path: Path, *, show_names: bool) -> None:
    tally = ProblemTally()
    tally.add(Problem(code="read.truncated", detail="pixel data"), "a/" * 60 + "b.dcm")
    series = [
        make_series(thumbnail=make_jpeg(RED)),
        make_series(thumbnail=make_jpeg(GREEN), body_part="", modality="MR"),
        make_series(thumbnail=make_jpeg(MAGENTA), may_show_names=True, modality="US"),
        make_series(thumbnail=None, left_out="pixels.no-image", modality="SR"),
    ]
    outcome = Outcome(
        counts=Counts(files=9, dicom=9, converted=8, failed=1, studies=1, series=4, patients=1),
        problems=tally.rows(),
        timings=(Timing(stage="read", seconds=1.0),),
        exit_code=1,
    )
    with path.open("wb") as file:
        file.writelines(
            encode_page(outcome, "convert", [made_up_card(*series)], show_names=show_names)
        )


def take_picture(
    chromium: str, folder: Path, size: tuple[int, int], *more: str, show_names: bool = False
) -> Image:
    from PIL import Image

    write_page(folder / "report.html", show_names=show_names)
    shot = folder / "shot.png"
    subprocess.run(
        [
            chromium,
            *FLAGS,
            *more,
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={size[0]},{size[1]}",
            f"--screenshot={shot}",
            (folder / "report.html").as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with Image.open(shot) as image:
        assert image.size == size
        return image.convert("RGB")


def count_pixels(image: Image, color: tuple[int, int, int]) -> int:
    counts = image.getcolors(image.width * image.height) or []
    return sum(
        count
        for count, seen in counts
        if isinstance(seen, tuple)
        and max(abs(a - b) for a, b in zip(seen, color, strict=True)) <= 6
    )


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_images_are_drawn_and_those_that_may_show_names_are_not(
    chromium: str, tmp_path: Path, size: tuple[int, int]
) -> None:
    image = take_picture(chromium, tmp_path, size)
    assert count_pixels(image, RED) > LEAST_PIXELS
    assert count_pixels(image, GREEN) > LEAST_PIXELS
    assert count_pixels(image, MAGENTA) == 0


def test_with_names_every_image_is_drawn(chromium: str, tmp_path: Path) -> None:
    image = take_picture(chromium, tmp_path, DESKTOP, show_names=True)
    assert count_pixels(image, MAGENTA) > LEAST_PIXELS


@pytest.mark.parametrize("show_names", [False, True])
def test_nothing_runs_off_the_side_of_a_phone(
    chromium: str,
    tmp_path: Path,
    show_names: bool,  # noqa: FBT001 - a case of the table
) -> None:
    image = take_picture(chromium, tmp_path, PHONE, show_names=show_names)
    margin = image.crop((PHONE[0] - 8, 0, *PHONE))
    assert len(margin.getcolors() or []) == 1


def test_the_page_is_dark_where_dark_is_preferred(chromium: str, tmp_path: Path) -> None:
    light = take_picture(chromium, tmp_path, DESKTOP).getpixel((0, 0))
    dark = take_picture(
        chromium, tmp_path, DESKTOP, "--blink-settings=preferredColorScheme=0"
    ).getpixel((0, 0))
    assert isinstance(light, tuple)
    assert isinstance(dark, tuple)
    assert min(light) > 200
    assert max(dark) < 60
