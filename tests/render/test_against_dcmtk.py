"""dcmtk is the oracle: the same frame with the same window is the same picture."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from dicom2fhir.render import RenderError, rendering
from dicom2fhir.render.grey import Extent, choose_voi, find_extent
from dicom2fhir.render.grey_values import LINEAR, Window
from dicom2fhir.render.instance import ImageFile, open_image
from dicom2fhir.render.lookup import Lookup
from render_cases import RealImage, pixels, read_images

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dcmtk")]

LOSSY = {f"1.2.840.10008.1.2.4.{last}" for last in ("50", "51", "81", "91")}
DCMTK_IS_WRONG = {
    "rtdose_expb.dcm": "reads big endian values of 32 bits in another order than their bytes",
    "rtdose_expb_1frame.dcm": "the same",
    "example-mg.dcm": "believes a header that says RGB of a JFIF stream, which is YCbCr",
    "example.dcm": "the same",
    "example2.dcm": "the same",
    "SC_ybr_full_uncompressed.dcm": "takes 127.5 for the middle of CB and CR: 2 grey levels",
}


@pytest.fixture(scope="session")
def dcmtk() -> None:
    """Find dcmtk, or install it where a machine lets us."""
    if shutil.which("dcmj2pnm"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["update"], ["install", "-y", "--no-install-recommends", "dcmtk"]):
            subprocess.run(["apt-get", *command], check=False, capture_output=True, timeout=300)
    if not shutil.which("dcmj2pnm"):
        pytest.skip("dcmtk is not installed: no picture is compared with its pictures")


class Compared(NamedTuple):
    """One image beside dcmtk's; `theirs` is None where dcmtk makes none."""

    name: str
    syntax: str
    largest: int = 0
    mean: float = 0.0
    by_dcmtk: bool = False


def same_grey(image: RealImage) -> list[str]:
    """Return the options with which dcmtk shows grey values as we do."""
    syntax = image.instance.transfer_syntax_uid
    with closing(open_image(image.stream(), syntax, (image.frame,))) as opened:
        return options_of(opened, image)


def options_of(opened: ImageFile, image: RealImage) -> list[str]:
    layout, grey = opened.layout, opened.frame_settings(image.frame).grey
    if not layout.photometric.startswith("MONOCHROME"):
        return []
    voi, _ = choose_voi(grey, layout, "file")
    if isinstance(voi, Lookup):
        return ["+Wl", "1"]
    if voi is None:
        request = image.request()
        decoded = rendering.decode(opened, image.frame, request)
        voi = find_extent(decoded.values, grey)
    elif isinstance(voi, Extent) and layout.stored == 8:
        return []  # as it is: dcmtk's choice too
    if isinstance(voi, Window):
        assert voi.function == LINEAR
        low, high = voi.center - 0.5 - (voi.width - 1) / 2, voi.center - 0.5 + (voi.width - 1) / 2
    else:
        low, high = voi.low, voi.high
    options = []
    if grey.modality is None:
        # dcmtk knows no functional groups and rounds what a small slope gives: stored values
        options = ["-M"]
        low, high = (low - grey.intercept) / grey.slope, (high - grey.intercept) / grey.slope
    return [*options, "+Ww", repr((low + high) / 2 + 0.5), repr(high - low + 1)]


def by_dcmtk(image: RealImage, options: list[str], out: Path) -> np.ndarray[Any, Any] | None:
    for tool in ("dcmj2pnm", "dcml2pnm"):
        command = [tool, "-q", "-O", "+on", "+F", str(image.frame), *options]
        subprocess.run([*command, str(image.path), str(out)], check=False, capture_output=True)
        if out.exists():
            return np.asarray(Image.open(out))
    return None


def compare(image: RealImage, out: Path) -> Compared | None:
    syntax = image.instance.transfer_syntax_uid
    try:
        ours = pixels(image.picture())
    except RenderError:
        return None
    theirs = by_dcmtk(image, same_grey(image), out)
    if theirs is None:
        return Compared(image.path.name, syntax)
    depth = max(ours.ndim, theirs.ndim)
    pair = [np.repeat(one[..., None], 3, 2) if one.ndim < depth else one for one in (ours, theirs)]
    difference = np.abs(pair[0].astype(int) - pair[1])
    largest, mean = int(difference.max()), float(difference.mean())
    return Compared(image.path.name, syntax, largest, mean, by_dcmtk=True)


def compare_all(paths: list[Path], folder: Path) -> Iterator[Compared]:
    images = read_images(paths)
    with ThreadPoolExecutor(2) as pool:
        outs = [folder / f"{number}.png" for number in range(len(images))]
        yield from (one for one in pool.map(compare, images, outs) if one is not None)


@pytest.fixture
def as_dcmtk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what dcmtk does not do: square pixels, supplemental palettes, ICC profiles."""
    monkeypatch.setattr(rendering, "fitted_size", lambda columns, rows, *_: (columns, rows))
    monkeypatch.setattr(rendering, "has_supplement", lambda *_: False)
    monkeypatch.setattr(rendering, "to_srgb", lambda colours, _: (colours, ()))


def differing(compared: list[Compared]) -> list[Compared]:
    return [
        one
        for one in compared
        if one.by_dcmtk
        and one.name not in DCMTK_IS_WRONG
        and (one.mean > 2 if one.syntax in LOSSY else one.largest > 1)
    ]


@pytest.mark.usefixtures("dcmtk", "as_dcmtk")
def test_images_of_pydicom_are_shown_as_dcmtk_shows_them(
    packaged: list[Path], tmp_path: Path
) -> None:
    compared = list(compare_all(packaged, tmp_path))
    assert differing(compared) == []
    assert sum(one.by_dcmtk for one in compared) > 100


@pytest.mark.usefixtures("dcmtk", "as_dcmtk")
def test_shared_images_are_shown_as_dcmtk_shows_them(real_data: Path, tmp_path: Path) -> None:
    paths = [path for path in sorted(real_data.rglob("*")) if path.is_file()]
    compared = list(compare_all(paths, tmp_path))
    assert differing(compared) == []
    assert sum(one.by_dcmtk for one in compared) > 500
