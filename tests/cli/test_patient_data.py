"""Patient data appears in FHIR bodies and in what a command exists to show, and nowhere else."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import urllib.parse
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pydicom = pytest.importorskip("pydicom")

TEXT = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
MARK = "ZQCANARY"
DATE, TIME = "18610203", "235958.123456"
UID_ROOT = "2.25.987654321987654321"


def fill_every_attribute(dataset: pydicom.Dataset) -> None:
    """Give every text, date, time and UID attribute of the dictionary a value to look for."""
    from pydicom.datadict import DicomDictionary, dictionary_VR, keyword_for_tag

    for tag in sorted(DicomDictionary):
        if tag < 0x00080006 or keyword_for_tag(tag) == "" or dictionary_VR(tag) == "":
            continue
        vr = dictionary_VR(tag)
        if vr in TEXT:
            value = f"{MARK}-{tag:08X}"[: 16 if vr in {"AE", "CS", "SH"} else 64]
        elif vr == "DA":
            value = DATE
        elif vr == "TM":
            value = TIME
        elif vr == "UI":
            value = f"{UID_ROOT}.{tag}"
        else:
            continue
        dataset.add_new(tag, vr, value)


def make_file(path: Path, **changes: object) -> None:
    """Write a CT image with a canary in every attribute; changes spoil it."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"{UID_ROOT}.1"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    fill_every_attribute(dataset)
    dataset.SOPClassUID = CTImageStorage
    dataset.Modality = "CT"
    dataset.PatientSex = "CANARYSEX"
    dataset.Rows = dataset.Columns = 2
    dataset.SamplesPerPixel, dataset.BitsAllocated, dataset.BitsStored = 1, 16, 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = b"\0" * 8
    for keyword, value in changes.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose name, file names and files all hold patient data."""
    from pydicom import config

    folder = tmp_path_factory.mktemp("plain") / f"{MARK}-FOLDER"
    folder.mkdir()
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_files(folder)
    monkeypatch.undo()
    return folder


def write_files(folder: Path) -> None:
    """Write good and spoilt files."""
    good = folder / f"{MARK}-good.dcm"
    make_file(good)
    make_file(folder / f"{MARK}-date.dcm", StudyDate="1861023X", SOPInstanceUID=f"{UID_ROOT}.2")
    make_file(folder / f"{MARK}-uid.dcm", SOPInstanceUID=f"{MARK}{'9' * 80}")
    make_file(folder / f"{MARK}-charset.dcm", SpecificCharacterSet=f"{MARK}-SET")
    make_file(folder / f"{MARK}-nouid.dcm", SeriesInstanceUID=None)
    make_file(folder / f"{MARK}-conflict.dcm", InstanceNumber="77")
    data = good.read_bytes()
    (folder / f"{MARK}-cut.dcm").write_bytes(data[: len(data) // 2])
    (folder / f"{MARK}-meta.dcm").write_bytes(data[:300])
    (folder / f"{MARK}-text.dcm").write_text(f"{MARK} is not DICOM")
    (folder / f"{MARK}-bad.zip").write_bytes(b"PK\x03\x04" + MARK.encode())
    (folder / f"{MARK}-endian.dcm").write_bytes(
        data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0")
    )


def forms(value: str) -> set[bytes]:
    """Return a value in every form that a careless channel may give it."""
    raw = value.encode()
    return {
        raw,
        value.lower().encode(),
        raw.hex().encode(),
        base64.b64encode(raw).rstrip(b"=")[:-1],
        urllib.parse.quote(value, safe="").encode(),
        value.encode("utf-16-le"),
    }


def leaks(output: bytes) -> list[bytes]:
    """Return which canaries an output holds."""
    canaries = [MARK, "CANARYSEX", DATE, "1861-02-03", TIME, UID_ROOT]
    return [form for canary in canaries for form in forms(canary) if form in output]


COMMANDS = [
    ["convert", "{in}", "-o", "{tmp}/out", "-vv"],
    ["convert", "{in}", "-o", "{tmp}/out2", "-vv", "--log-format", "json"],
    ["convert", "{in}", "-o", "{tmp}/out3", "-vv", "--log-file", "{tmp}/log"],
    ["convert", "{in}", "-o", "{tmp}/x.ndjson", "--state", "{tmp}/state", "--check", "fast"],
    ["convert", "{in}", "--dry-run", "--timezone", "Europe/Berlin", "--fail-on", "warning"],
    ["inspect", "{in}", "-vv"],
    ["explain", "{in}/" + f"{MARK}-good.dcm", "-vv"],
    ["explain", "{in}/" + f"{MARK}-cut.dcm", "-vv"],
    ["explain", "{in}/" + f"{MARK}-none.dcm"],
    ["validate", "{in}"],
    ["convert", "{in}/missing", "-o", "{tmp}/out4"],
    ["convert", "{in}", "-o", "{in}/out"],
]


@pytest.mark.parametrize(
    "command", COMMANDS, ids=lambda command: " ".join(command[:1] + command[-1:])
)
def test_no_canary_reaches_stderr_or_a_log(
    command: list[str], hostile_folder: Path, tmp_path: Path
) -> None:
    arguments = [
        part.replace("{in}", str(hostile_folder)).replace("{tmp}", str(tmp_path))
        for part in command
    ]
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "dicom2fhir", *arguments],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert leaks(done.stderr) == []
    assert b"Traceback" not in done.stderr
    log = tmp_path / "log"
    if log.exists():
        assert leaks(log.read_bytes()) == []


def test_the_report_holds_paths_and_no_other_patient_data(
    hostile_folder: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    arguments = ["convert", str(hostile_folder), "-o", str(tmp_path / "out")]
    subprocess.run(
        [sys.executable, "-m", "dicom2fhir", *arguments, "--report", str(report)],
        capture_output=True,
        check=False,
    )
    text = report.read_bytes()
    assert report.stat().st_mode & 0o077 == 0
    assert b"read.truncated" in text
    without_paths = text
    for path in [*hostile_folder.iterdir(), hostile_folder]:
        without_paths = without_paths.replace(str(path).encode(), b"")
    assert leaks(without_paths) == []


def test_a_planted_leak_is_found() -> None:
    for form in forms(MARK):
        assert leaks(b"some text " + form + b" more")
