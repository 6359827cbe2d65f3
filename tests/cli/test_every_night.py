"""The nightly recipe: a list on stdin, a state folder, NDJSON and a report."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

STUDIES = ROOT / "samples" / "studies"
FAULTS = ROOT / "samples" / "faults"


def run_night(archive: Path, work: Path, *more: str) -> tuple[int, list[dict], dict]:
    """Run the recipe over the archive; return the exit code, the Bundles and the report."""
    paths = [os.fsencode(one) for one in archive.rglob("*") if one.is_file()]
    out, report = work / "out.ndjson.gz", work / "report.json"
    arguments = ["convert", "-0", "-", "--state", str(work / "nightly"), "-o", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "dicom2fhir", *arguments, "--report", str(report), *more],
        input=b"\0".join(paths),
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    lines = gzip.decompress(out.read_bytes()).splitlines() if out.exists() else []
    return done.returncode, [json.loads(line) for line in lines], json.loads(report.read_bytes())


def studies_of(bundles: list[dict]) -> dict[str, int]:
    """Return the ImagingStudies of some Bundles by id, with their numbers of instances."""
    return {
        entry["resource"]["id"]: entry["resource"]["numberOfInstances"]
        for bundle in bundles
        for entry in bundle.get("entry", [])
        if entry["resource"]["resourceType"] == "ImagingStudy"
    }


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return an archive of two studies."""
    folder = tmp_path / "archive"
    shutil.copytree(STUDIES / "ct_thorax", folder / "ct")
    shutil.copytree(STUDIES / "dx_chest", folder / "dx")
    return folder


def test_a_second_night_without_news_writes_no_study(archive: Path, tmp_path: Path) -> None:
    code, bundles, report = run_night(archive, tmp_path)
    assert (code, len(studies_of(bundles))) == (0, 2)
    code, bundles, again = run_night(archive, tmp_path)
    assert (code, bundles) == (0, [])
    assert again["counts"]["unchanged"] == report["counts"]["files"]


def test_a_study_touched_by_one_new_file_is_written_whole(archive: Path, tmp_path: Path) -> None:
    held = next((archive / "ct").rglob("IM0003.dcm"))
    shutil.move(held, tmp_path / "later.dcm")
    before = studies_of(run_night(archive, tmp_path)[1])
    shutil.move(tmp_path / "later.dcm", held)
    after = studies_of(run_night(archive, tmp_path)[1])
    assert len(after) == 1
    ((study, instances),) = after.items()
    assert instances == before[study] + 1


def test_a_file_that_changed_is_read_again_and_replaces_what_it_was(
    archive: Path, tmp_path: Path
) -> None:
    whole = studies_of(run_night(archive, tmp_path)[1])
    (changed, *_) = (archive / "dx").rglob("*.dcm")
    changed.write_bytes(changed.read_bytes()[:-400])
    code, bundles, report = run_night(archive, tmp_path)
    assert code == 1
    assert [row["code"] for row in report["problems"] if row["severity"] == "error"] == [
        "read.truncated"
    ]
    ((study, instances),) = studies_of(bundles).items()
    assert instances == whole[study] - 1


def test_a_fault_is_reported_every_night_until_it_is_mended(archive: Path, tmp_path: Path) -> None:
    shutil.copytree(FAULTS / "truncated", archive / "truncated")
    first = run_night(archive, tmp_path)
    second = run_night(archive, tmp_path)
    assert (first[0], second[0]) == (1, 1)
    assert second[2]["counts"]["failed"] == 1


def test_a_rejection_note_that_comes_later_takes_its_image_out(
    archive: Path, tmp_path: Path
) -> None:
    shutil.copytree(FAULTS / "rejected", archive / "rejected")
    note = archive / "rejected" / "KO_rejection_note.dcm"
    shutil.move(note, tmp_path / "note.dcm")
    before = studies_of(run_night(archive, tmp_path)[1])
    shutil.move(tmp_path / "note.dcm", note)
    code, bundles, report = run_night(archive, tmp_path)
    ((study, instances),) = studies_of(bundles).items()
    assert code == 0
    assert report["counts"]["rejected"] == 1
    assert instances == before[study]  # one image less, the note itself more


def test_a_study_that_was_kept_back_is_written_by_a_later_run(
    archive: Path, tmp_path: Path
) -> None:
    arguments = ["convert", str(archive), "-o", "out", "--state", "state", "-q"]

    def run() -> int:
        command = [sys.executable, "-m", "dicom2fhir", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        return done.returncode

    assert run() == 0
    (first, second) = (tmp_path / "out").glob("[!.]*.json")
    shutil.rmtree(tmp_path / "state")
    first.write_text("mine")
    assert run() == 1
    first.unlink()
    assert run() == 0
    assert first.exists()
    shutil.rmtree(tmp_path / "out")
    assert run() == 0
    assert second.exists()


def test_a_night_without_any_file_is_no_fault(archive: Path, tmp_path: Path) -> None:
    run_night(archive, tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    code, bundles, _ = run_night(empty, tmp_path)
    assert (code, bundles) == (0, [])


def test_a_folder_that_moved_is_no_conflict(archive: Path, tmp_path: Path) -> None:
    run_night(archive, tmp_path)
    (archive / "dx").rename(archive / "moved")
    code, bundles, report = run_night(archive, tmp_path)
    assert (code, len(studies_of(bundles))) == (0, 1)
    codes = {row["code"] for row in report["problems"]}
    assert "catalog.copy-gone" in codes
    assert "catalog.conflict" not in codes


def test_another_way_to_the_same_file_is_the_same_file(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for folder, cwd in ((str(archive), "/"), ("archive", tmp_path)):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "dicom2fhir", "convert", folder, "-o", str(tmp_path / "o")),
                *("--state", str(tmp_path / "st"), "--report", str(tmp_path / "r")),
            ],
            cwd=cwd,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    counts = json.loads((tmp_path / "r").read_bytes())["counts"]
    assert counts["unchanged"] == counts["files"]


def test_other_options_write_everything_again(archive: Path, tmp_path: Path) -> None:
    run_night(archive, tmp_path)
    _, bundles, report = run_night(archive, tmp_path, "--timezone", "Europe/Berlin")
    assert len(studies_of(bundles)) == 2
    assert report["counts"]["unchanged"] == report["counts"]["files"]


def test_raw_bytes_that_are_gone_are_written_again(archive: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    options = ["--state", str(tmp_path / "state"), "--raw-dir", str(raw)]
    command = [sys.executable, "-m", "dicom2fhir", "convert", str(archive), *options]
    written = []
    for _ in range(2):
        subprocess.run([*command, "-o", str(tmp_path / "out")], check=True, capture_output=True)
        written.append({path.name: path.read_bytes() for path in raw.rglob("*") if path.is_file()})
        shutil.rmtree(raw)
    assert len(written[0]) > 1
    assert written[0] == written[1]
