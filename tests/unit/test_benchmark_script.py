from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest

if TYPE_CHECKING:
    from types import ModuleType

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def make_archive(folder: Path, *, files: int, studies: int) -> list[Path]:
    command = [sys.executable, BENCHMARKS / "make_archive.py", folder]
    command += ["--files", str(files), "--studies", str(studies)]
    subprocess.run(command, check=True, capture_output=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("_figures")


def test_the_archive_holds_the_files_asked_for_with_headers_as_scanners_write(
    tmp_path: Path,
) -> None:
    paths = make_archive(tmp_path, files=11, studies=2)
    datasets = [pydicom.dcmread(path) for path in paths]
    assert len(datasets) == 11
    assert len({d.StudyInstanceUID for d in datasets}) == 2
    assert len({d.SeriesInstanceUID for d in datasets}) == 8
    assert len({d.SOPInstanceUID for d in datasets}) == 11
    assert all(d.SOPInstanceUID == d.file_meta.MediaStorageSOPInstanceUID for d in datasets)
    elements = list(datasets[0].iterall())
    assert 250 <= len(elements) <= 280
    assert len({e.tag.group for e in elements if e.tag.is_private}) >= 4
    assert len({len(str(d.SliceLocation.original_string)) for d in datasets}) > 1
    assert len(datasets[0].PixelData) == 2 * datasets[0].Rows * datasets[0].Columns


def test_the_same_arguments_give_the_same_archive(tmp_path: Path) -> None:
    first, second = (make_archive(tmp_path / name, files=5, studies=1) for name in "ab")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    assert [p.relative_to(tmp_path / "a") for p in first] == [
        p.relative_to(tmp_path / "b") for p in second
    ]


def test_the_benchmark_measures_a_tiny_archive(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, BENCHMARKS / "run.py", "--files", "5", "--repeats", "1"]
    command += ["--skip-peer", "--only", "fast, one worker", "--only", "bare"]
    command += ["--work", tmp_path / "work", "--json", report]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    document = json.loads(report.read_text(encoding="utf-8"))
    assert document["version"] == 1
    assert [timing["name"] for timing in document["timings"]] == [
        "dicom2fhir fast, one worker",
        "bare read",
    ]
    assert all(timing["files"] == 5 for timing in document["timings"])
    assert set(document["start_up_seconds"]) == {"empty Python", "--help", "convert one file"}
    assert "seconds to convert one small file" in [bar["what"] for bar in document["bars"]]
    assert "dicom2fhir fast, one worker" in done.stdout


def test_a_rate_leaves_start_up_out(figures: ModuleType) -> None:
    timing = figures.Timing("x", 101, all_files=[2.5, 3.0, 9.0], one_file=[1.0, 2.0, 0.5])
    assert timing.per_file == pytest.approx(0.02)
    assert timing.rate == pytest.approx(50)


def test_a_bar_is_met_from_its_own_side(figures: ModuleType) -> None:
    assert figures.Bar("ratio", 100, 100, at_least=True).met
    assert not figures.Bar("ratio", 99, 100, at_least=True).met
    assert figures.Bar("seconds", 0.3, 0.3).met
    assert not figures.Bar("seconds", 0.31, 0.3).met


def test_the_bars_compare_with_the_peer_and_the_bare_read(figures: ModuleType) -> None:
    seconds = {figures.ONE_FAST: 0.2, figures.ONE_FULL: 0.3, figures.PEER: 26, figures.BARE: 0.02}
    timings = {
        name: figures.Timing(name, 1001, all_files=[value + 1], one_file=[1.0])
        for name, value in seconds.items()
    }
    bars = figures.rate_bars(timings)
    assert [round(bar.value) for bar in bars] == [130, 87, 10]
    assert all(bar.met for bar in bars)


def test_memory_that_grows_with_the_archive_misses_its_bar(figures: ModuleType) -> None:
    archives = [
        [figures.Timing(figures.ONE_FAST, files, peak_mib=peak)]
        for files, peak in ((1000, 60), (100_000, 150), (300_000, 290))
    ]
    missed = [bar.what for bar in figures.memory_bars(archives) if not bar.met]
    assert missed == ["times the peak at 100,000 files, 300,000 files"]


def test_what_is_sent_is_held_against_curl(figures: ModuleType) -> None:
    ours = figures.Timing("push Bundles, 1", 1, all_files=[2.0], one_file=[1.0], peak_mib=40)
    curl = figures.Timing("curl Bundles, 1", 1, all_files=[0.9], one_file=[0.0])
    rate, memory = figures.push_bars({one.name: one for one in (ours, curl)})
    assert (rate.value, rate.met) == (pytest.approx(0.9), True)
    assert memory.met
