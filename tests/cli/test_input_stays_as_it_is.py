"""Nothing that is written, Bundles, report, log or state, touches the input."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CT = ROOT / "samples" / "studies" / "ct_thorax" / "S0002_THORAX_B30F"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder of images, two of them named like output."""
    folder = tmp_path / "s"
    shutil.copytree(CT, folder)
    shutil.copy(folder / "IM0001.dcm", folder / "x.json")
    shutil.copy(folder / "IM0002.dcm", tmp_path / "y.json")
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "link").symlink_to(folder)
    return folder


@pytest.mark.parametrize(
    ("arguments", "listed"),
    [
        (["s", "-o", "out", "--report", "s/IM0001.dcm"], b""),
        (["s", "-o", "out", "--report", "y.json"], b""),
        (["s", "-o", "out", "--log-file", "s/IM0002.dcm"], b""),
        (["s", "-o", "out", "--log-file", "y.json"], b""),
        (["s", "-o", "out", "--state", "s/state"], b""),
        (["-", "-o", "out", "--raw-dir", "s/raw"], b"s\n"),
        (["s", "-o", "z.json", "--report", "z.json"], b""),
        (["-", "-o", "s/x.json"], b"s/x.json\n"),
        (["-", "-o", "s/x.json"], b"s\n"),
        (["-", "-o", "s/out"], b"s\n"),
        (["-", "-o", "s"], b"s/IM0001.dcm\ns/IM0002.dcm\n"),
        (["s/*.dcm", "-o", "s/x.json"], b""),
        (["s/*.dcm", "-o", "s"], b""),
        (["s/IM0001.dcm", "-o", "s"], b""),
        (["t", "--follow", "-o", "s/out"], b""),
        (["s", "-o", "y.json"], b""),
    ],
    ids=str,
)
def test_a_place_in_the_input_is_refused_and_nothing_changes(
    arguments: list[str], listed: bytes, source: Path, tmp_path: Path
) -> None:
    images = [*source.iterdir(), tmp_path / "y.json"]
    before = {path: path.read_bytes() for path in images}
    done = subprocess.run(
        [sys.executable, "-m", "dicom2fhir", "convert", *arguments, "-q", "--check", "fast"],
        cwd=tmp_path,
        input=listed,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode in {2, 7}, done.stderr
    assert {path: path.read_bytes() for path in images} == before
    assert sorted(source.iterdir()) == sorted(images[:-1])


def test_an_older_report_and_an_older_bundle_are_replaced(source: Path, tmp_path: Path) -> None:
    for _ in range(2):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "dicom2fhir", "convert", "s", "-o", "b.json.gz"),
                *("--report", "r.json", "--log-file", "log", "-q", "--check", "fast"),
            ],
            cwd=tmp_path,
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
    assert source.is_dir()
