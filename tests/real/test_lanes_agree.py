"""pydicom is the oracle: on every file at hand both lanes give equal Instances and content."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
from read_cases import MemorySource

from dicom2fhir.options import ReadOptions
from dicom2fhir.read import read_content, read_instance, reading
from dicom2fhir.read.scanner import scan_elements
from dicom2fhir.read.slow import load_elements
from dicom2fhir.read.structure import DeclinedError

if TYPE_CHECKING:
    import pytest

OPTIONS = ReadOptions()
FAULTS = {"corrupt", "bad-meta"}
"""Sets of files that are broken on purpose."""


def packaged_files() -> list[Path]:
    """Return every file that pydicom and pydicom-data bring for tests."""
    spec = find_spec("data_store")
    folders = [Path(pydicom.__file__).parent / "data"]
    if spec is not None and spec.origin is not None:
        folders.append(Path(spec.origin).parent)
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def shared_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def disagreements(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], int]:
    """Return the files that the lanes read differently, and how many both have read."""
    differing, compared = [], 0
    for path in files:
        source = MemorySource(path.read_bytes())
        with monkeypatch.context() as patch:
            patch.setattr(
                reading.Reading,  # the one place where a lane is chosen
                "elements",
                lambda self, window, pos, encoding, _runs: scan_elements(
                    window, pos, encoding, self.wanted, self.options
                ),
            )
            try:
                fast = read_instance(source, OPTIONS)
            except DeclinedError:
                continue
            patch.setattr(
                reading.Reading,
                "elements",
                lambda self, window, pos, encoding, _runs: load_elements(
                    window, pos, encoding, self.wanted, self.options
                ),
            )
            slow = read_instance(source, OPTIONS)
            slow_content = read_content(source, OPTIONS)
        if fast.instance is None:
            continue
        compared += 1
        same = (fast.instance, fast.problems) == (slow.instance, slow.problems)
        if not same or read_content(source, OPTIONS) != slow_content:
            differing.append(path.name)
    return differing, compared


def test_the_lanes_agree_on_every_file_of_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    differing, compared = disagreements(packaged_files(), monkeypatch)
    assert differing == []
    assert compared > 190


def test_the_lanes_agree_on_every_shared_file(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    differing, compared = disagreements(shared_files(real_data), monkeypatch)
    assert differing == []
    assert compared > 580


def test_ordinary_files_seldom_need_the_slow_lane(real_data: Path) -> None:
    files = [path for path in shared_files(real_data) if not FAULTS & set(path.parts)]
    lanes = [read_instance(MemorySource(path.read_bytes()), OPTIONS).lane for path in files]
    assert lanes.count("slow") < 0.03 * lanes.count("fast")


CUT_ON_PURPOSE = ("truncated", "too_short")


def test_no_whole_file_of_pydicom_is_taken_for_a_truncated_one() -> None:
    truncated = [
        path.name
        for path in packaged_files()
        if any(
            problem.code == "read.truncated"
            for problem in read_instance(MemorySource(path.read_bytes()), OPTIONS).problems
        )
    ]
    assert len(truncated) == 3
    assert all(any(word in name for word in CUT_ON_PURPOSE) for name in truncated)
