"""One small DICOM file, and ways to run the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from typer.testing import CliRunner

import dicom2fhir
from dicom2fhir.cli.program import app

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

NAME = "DOE^JANE"
STUDY_UID = "1.2.826.0.1.3680043.10.1.1"


class Run(Protocol):
    """Runs `dicom2fhir` in a process of its own."""

    def __call__(
        self, *args: str, stdin: bytes | None = None, **env: str
    ) -> subprocess.CompletedProcess[bytes]: ...


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, without settings of the user who runs the tests."""
    monkeypatch.chdir(tmp_path)
    # the package that is tested, wherever a process of its own is started
    monkeypatch.setenv("PYTHONPATH", str(Path(dicom2fhir.__file__).parent.parent))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    for name in [name for name in os.environ if name.startswith("DICOM2FHIR_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def study(folder: Path) -> Path:
    """Return a folder with one CT file and a file that is no DICOM."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"{STUDY_UID}.1.1"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / "study"
    path.mkdir()
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"{STUDY_UID}.1.1"
    dataset.StudyInstanceUID = STUDY_UID
    dataset.SeriesInstanceUID = f"{STUDY_UID}.1"
    dataset.PatientName = NAME
    dataset.PatientID = "P-1"
    dataset.Modality = "CT"
    dataset.StudyDate = "20200102"
    dataset.Rows = dataset.Columns = 1
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = b"\0\0"
    dataset.save_as(path / "image.dcm")
    (path / "notes.txt").write_text("not DICOM")
    return path


@pytest.fixture
def invoke(folder: Path) -> Callable[..., Result]:
    """Return a function that runs the command in this process; its stderr is no terminal."""
    assert folder.is_dir()
    runner = CliRunner()
    return lambda *args, **more: runner.invoke(app, list(args), **more)


@pytest.fixture
def run(folder: Path) -> Run:
    """Return a function that runs the command in a process of its own."""

    def call(
        *args: str, stdin: bytes | None = None, **env: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "dicom2fhir", *args],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            cwd=folder,
            env={**os.environ, **env},
            check=False,
            timeout=60,
        )

    return call
