"""inspect, explain, validate and doctor."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

import dicom2fhir
from dicom2fhir.cli.doctor import NEEDED
from places import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

UID = "1.2.826.0.1.3680043.10.1.1"


def test_inspect_lists_studies_and_series_and_writes_nothing(
    invoke: Callable[..., Result], study: Path
) -> None:
    before = sorted(study.parent.rglob("*"))
    result = invoke("inspect", str(study))
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.startswith("20200102  CT  1 instance")
    assert f"{UID}.1" in second
    assert result.stderr.splitlines()[-1].startswith("2 files: 1 listed, 1 not DICOM")
    assert sorted(study.parent.rglob("*")) == before


@pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv"])
def test_inspect_names_patients_only_when_asked(
    invoke: Callable[..., Result], study: Path, form: str
) -> None:
    assert "DOE" not in invoke("inspect", str(study), "--format", form).output
    asked = invoke("inspect", str(study), "--format", form, "--show-patients")
    assert "DOE^JANE" in asked.stdout
    assert "DOE" not in asked.stderr


def test_inspect_counts_as_convert_does(invoke: Callable[..., Result], folder: Path) -> None:
    counts = {}
    for command in (["inspect"], ["convert", "--dry-run"]):
        invoke(*command, str(ROOT / "samples"), "--report", "report.json", "-q")
        counts[command[0]] = json.loads((folder / "report.json").read_text())["counts"]
    of_reports = {name for name in counts["convert"] if name.startswith(("reports", "numbers"))}
    assert counts["convert"]["numbers"] > 0
    for name in counts["convert"].keys() - of_reports:
        assert counts["inspect"][name] == counts["convert"][name]


def test_inspect_without_a_list_on_stdin_says_so(study: Path) -> None:
    line = f'"{sys.executable}" -m dicom2fhir inspect - <&-'
    done = subprocess.run(["sh", "-c", line], cwd=study, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Standard input is closed" in done.stderr


def test_inspect_speaks_to_programs(invoke: Callable[..., Result], study: Path) -> None:
    (one,) = json.loads(invoke("inspect", str(study), "--format", "json").stdout)
    assert one["study_uid"] == UID
    line = json.loads(invoke("inspect", str(study), "--format", "ndjson").stdout)
    assert line == one
    text = invoke("inspect", str(study), "--format", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["series_uid"] == f"{UID}.1"


def test_inspect_without_dicom_ends_with_3(invoke: Callable[..., Result], study: Path) -> None:
    result = invoke("inspect", str(study / "notes.txt"))
    assert (result.exit_code, result.stdout) == (3, "")
    assert "No DICOM was found" in result.stderr


def test_explain_shows_where_each_element_comes_from(
    invoke: Callable[..., Result], study: Path
) -> None:
    result = invoke("explain", str(study / "image.dcm"))
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert 'ImagingStudy.status = "available"' in lines
    (index,) = [n for n, line in enumerate(lines) if line.startswith("ImagingStudy.started")]
    assert "StudyDate (0008,0020)" in lines[index + 1]


def test_explain_hides_who_it_is_unless_asked(invoke: Callable[..., Result], study: Path) -> None:
    for form in ("text", "json"):
        args = ["explain", str(study / "image.dcm"), "--format", form]
        hidden = invoke(*args).output
        assert "PatientName" in hidden
        assert "DOE" not in hidden
        assert "JANE" not in hidden
        assert "P-1" not in hidden
        shown = invoke(*args, "--show-patients").stdout
        assert "DOE" in shown
        assert "P-1" in shown


def test_explain_hides_the_names_of_physicians_too(
    invoke: Callable[..., Result], study: Path
) -> None:
    dataset = dcmread(study / "image.dcm")
    names = ("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName")
    for keyword in (*names, "NameOfPhysiciansReadingStudy"):
        setattr(dataset, keyword, f"{keyword.upper()}^X")
    dataset.save_as(study / "image.dcm")

    hidden = invoke("explain", str(study / "image.dcm")).stdout
    assert "OperatorsName (0008,1070)" in hidden
    assert "NAME" not in hidden
    shown = invoke("explain", str(study / "image.dcm"), "--show-patients").stdout
    assert all(f"X {keyword.upper()}" in shown for keyword in names)


def test_explain_speaks_to_programs(invoke: Callable[..., Result], study: Path) -> None:
    rows = json.loads(invoke("explain", str(study / "image.dcm"), "--format", "json").stdout)
    assert all(row.keys() == {"element", "value", "attributes", "source"} for row in rows)


def test_explain_of_something_else_ends_with_3(invoke: Callable[..., Result], study: Path) -> None:
    result = invoke("explain", str(study / "notes.txt"))
    assert (result.exit_code, result.stdout) == (3, "")
    assert "The file is not DICOM." in result.stderr
    cut = invoke("explain", str(ROOT / "samples" / "faults" / "truncated" / "IM0002_cut.dcm"))
    assert (cut.exit_code, cut.stdout) == (3, "")
    assert "--allow-truncated" in cut.stderr


def test_validate_finds_our_bundles_valid(
    invoke: Callable[..., Result], study: Path, folder: Path
) -> None:
    assert invoke("convert", str(study), "-o", "out").exit_code == 0
    result = invoke("validate", str(folder / "out"), "--check", "fast")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[-1] == "1 Bundle in 1 file: valid."


def test_validate_takes_lines_of_no_bundle_for_a_night_without_news(
    invoke: Callable[..., Result], folder: Path
) -> None:
    (folder / "out.ndjson.gz").write_bytes(gzip.compress(b""))
    (folder / "out.json").write_bytes(b"")
    assert invoke("validate", "out.ndjson.gz").exit_code == 0
    assert invoke("validate", "out.json").exit_code == 1


def test_validate_of_a_folder_passes_over_a_report(
    invoke: Callable[..., Result], study: Path
) -> None:
    (study.parent / "out").mkdir()
    invoke("convert", str(study), "-o", "out", "--report", "out/report.json")
    result = invoke("validate", "out")
    assert (result.exit_code, result.stderr) == (0, "1 Bundle in 1 file: valid.\n")


def test_validate_of_a_folder_passes_over_the_list_of_a_raw_folder_in_it(
    invoke: Callable[..., Result], study: Path
) -> None:
    invoke("convert", str(study), "-o", "out", "--raw-dir", "out/raw")
    result = invoke("validate", "out", "--check", "fast")
    assert (result.exit_code, result.stderr) == (0, "1 Bundle in 1 file: valid.\n")


def test_validate_ends_with_1_for_what_is_wrong(
    invoke: Callable[..., Result], folder: Path
) -> None:
    bad = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": {}}]}
    (folder / "bad.json").write_text(json.dumps(bad))
    result = invoke("validate", "bad.json", "--check", "fast", "--report", "report.json")
    assert result.exit_code == 1
    assert "check." in result.stderr
    report = json.loads((folder / "report.json").read_text())
    assert report["command"] == "validate"
    assert report["counts"]["bundles"] == 1
    assert report["problems"]


def test_doctor_tells_versions_and_the_machine(invoke: Callable[..., Result]) -> None:
    result = invoke("doctor")
    assert result.exit_code == 0
    for word in ("Python", "platform", "cores", "temporary files", *NEEDED):
        assert word in result.stdout
    facts = json.loads(invoke("doctor", "--format", "json").stdout)
    assert facts["dicom2fhir"] == dicom2fhir.__version__
    assert facts["cores"] >= 1
    assert all(facts["needed"].values())
    decoders = {row["transfer_syntax"]: row["decoders"] for row in facts["decoders"].values()}
    assert decoders["1.2.840.10008.1.2.4.90"][0] == "pylibjpeg"
    assert decoders["1.2.840.10008.1.2.4.80"][0] == "pyjpegls"
    assert decoders["1.2.840.10008.1.2.4.70"][0] == "gdcm"
    assert "JPEG 2000 Lossless" in result.stdout


def test_doctor_says_how_to_get_a_decoder(
    invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "dicom2fhir.render.decoders.available_plugins", lambda _: ("pillow", "gdcm")
    )
    lines = invoke("doctor").stdout.splitlines()
    (row,) = [line for line in lines if line.startswith("JPEG Extended, 12 bits")]
    assert "dicom2fhir-cli[codecs]" in row


def test_doctor_fails_where_something_is_missing(
    invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom2fhir.cli.doctor.NEEDED", ("no-such-package-at-all",))
    result = invoke("doctor")
    assert result.exit_code == 1
    assert "MISSING" in result.stdout


def test_validate_neither_waits_for_a_fifo_nor_reads_a_device(
    invoke: Callable[..., Result], folder: Path
) -> None:
    os.mkfifo(folder / "fifo.json")
    (folder / "zero.json").symlink_to("/dev/zero")
    for name in ("fifo.json", "zero.json", "/dev/zero"):
        assert invoke("validate", name).exit_code == 1


def test_validate_does_not_unpack_without_end(
    invoke: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom2fhir.pipeline.validation.MAX_DOCUMENT", 1000)
    for name in ("bomb.json.gz", "bomb.ndjson.gz"):
        (folder / name).write_bytes(gzip.compress(b" " * 5000))
        result = invoke("validate", name)
        assert result.exit_code == 1
        assert "larger than" in result.stderr
