from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

SAMPLES = Path(__file__).parents[2] / "samples"
WRITTEN_WITH = "3.0.2"
LIMIT = 3_000_000
INVENTED = {
    "Example^Rex",
    "Exemple^Hélène^Zoé",
    "Faulty^Fred",
    "Mihon^Hanako=見本^花子=みほん^はなこ",
    "Müßiggang^Jürgen^Maria^Dr.",
    "Placeholder^Pia",
    "Specimen^Jane^Q^Ms.",
    "Twin^Alice",
    "Twin^Robert",
    "Water Phantom",
    "Δείγμα^Ελένη",
}
KINDS = {
    ("CR", "1.2.840.10008.5.1.4.1.1.1"),
    ("CT", "1.2.840.10008.5.1.4.1.1.2"),
    ("DOC", "1.2.840.10008.5.1.4.1.1.104.1"),
    ("DX", "1.2.840.10008.5.1.4.1.1.1.1"),
    ("KO", "1.2.840.10008.5.1.4.1.1.88.59"),
    ("MG", "1.2.840.10008.5.1.4.1.1.1.2"),
    ("MR", "1.2.840.10008.5.1.4.1.1.4"),
    ("MR", "1.2.840.10008.5.1.4.1.1.4.1"),
    ("RTSTRUCT", "1.2.840.10008.5.1.4.1.1.481.3"),
    ("SM", "1.2.840.10008.5.1.4.1.1.77.1.6"),
    ("SR", "1.2.840.10008.5.1.4.1.1.88.34"),
    ("US", "1.2.840.10008.5.1.4.1.1.3.1"),
    ("US", "1.2.840.10008.5.1.4.1.1.6.1"),
}


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def comparable(path: Path) -> bytes:
    """Give a file's bytes, inflated where deflated: each zlib deflates in its own way."""
    raw = path.read_bytes()
    if DeflatedExplicitVRLittleEndian.encode() not in raw[:1024]:
        return raw
    # (0002,0000) is the first element: its value tells where the meta group ends (PS3.10 7.1)
    end = 144 + int.from_bytes(raw[140:144], "little")
    return raw[:end] + zlib.decompress(raw[end:], -zlib.MAX_WBITS)


@pytest.fixture(scope="module")
def study_datasets() -> list[pydicom.FileDataset]:
    return [pydicom.dcmread(path) for path in files_below(SAMPLES / "studies")]


@pytest.mark.skipif(pydicom.__version__ != WRITTEN_WITH, reason="another pydicom may write others")
def test_the_script_writes_exactly_the_committed_files(tmp_path: Path) -> None:
    script = SAMPLES / "make_samples.py"
    subprocess.run(
        [sys.executable, "-W", "error", script, tmp_path], check=True, capture_output=True
    )
    for part in ("studies", "faults"):
        made = {
            path.relative_to(tmp_path): comparable(path) for path in files_below(tmp_path / part)
        }
        kept = {path.relative_to(SAMPLES): comparable(path) for path in files_below(SAMPLES / part)}
        assert made.keys() == kept.keys()
        assert [str(name) for name in made if made[name] != kept[name]] == []


def test_the_samples_stay_small() -> None:
    sizes = [
        path.stat().st_size
        for part in ("studies", "faults")
        for path in files_below(SAMPLES / part)
    ]
    assert 35 <= len(sizes) <= 60
    assert max(sizes) < 100_000
    assert sum(sizes) <= LIMIT


def test_every_patient_is_an_invented_one(study_datasets: list[pydicom.FileDataset]) -> None:
    names = {str(dataset.PatientName) for dataset in study_datasets}
    for path in files_below(SAMPLES / "faults"):
        if path.parent.name not in {"not_dicom", "truncated"}:
            names.add(str(pydicom.dcmread(path).PatientName))
    assert names == INVENTED


def test_the_studies_hold_every_promised_kind(study_datasets: list[pydicom.FileDataset]) -> None:
    assert {(str(d.Modality), str(d.SOPClassUID)) for d in study_datasets} == KINDS
    assert {str(d.file_meta.TransferSyntaxUID) for d in study_datasets} == {
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.99",
    }


def test_no_instance_of_the_studies_comes_twice(study_datasets: list[pydicom.FileDataset]) -> None:
    uids = [str(dataset.SOPInstanceUID) for dataset in study_datasets]
    assert len(uids) == len(set(uids))


def test_every_picture_is_as_large_as_its_header_says(
    study_datasets: list[pydicom.FileDataset],
) -> None:
    pictures = [dataset for dataset in study_datasets if "PixelData" in dataset]
    assert len(pictures) >= 25
    for dataset in pictures:
        frames = int(dataset.get("NumberOfFrames", 1))
        samples = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * frames
        assert len(dataset.PixelData) == samples * dataset.BitsAllocated // 8


def test_references_between_samples_lead_somewhere(
    study_datasets: list[pydicom.FileDataset],
) -> None:
    known = {str(dataset.SOPInstanceUID) for dataset in study_datasets}
    for dataset in study_datasets:
        if dataset.Modality in {"KO", "SR"}:
            named = {
                str(element.value)
                for element in dataset.iterall()
                if element.keyword == "ReferencedSOPInstanceUID"
            }
            assert named
            assert named <= known


def test_every_place_in_the_pdf_is_where_its_table_says(
    study_datasets: list[pydicom.FileDataset],
) -> None:
    document = next(dataset for dataset in study_datasets if dataset.Modality == "DOC")
    pdf = document.EncapsulatedDocument[: document.EncapsulatedDocumentLength]
    assert pdf.startswith(b"%PDF-1.4\n")
    assert pdf.endswith(b"%%EOF\n")
    table = int(pdf.split(b"startxref\n")[1].split(b"\n")[0])
    rows = pdf[table:].split(b"\n")[3:8]
    for number, row in enumerate(rows, 1):
        assert pdf[int(row[:10]) :].startswith(b"%d 0 obj" % number)


def test_two_files_of_the_faults_have_one_uid_and_other_bytes() -> None:
    first, second = files_below(SAMPLES / "faults" / "conflict")
    assert pydicom.dcmread(first).SOPInstanceUID == pydicom.dcmread(second).SOPInstanceUID
    assert first.read_bytes() != second.read_bytes()


def test_the_rejection_note_names_an_image_beside_it() -> None:
    folder = SAMPLES / "faults" / "rejected"
    note = pydicom.dcmread(folder / "KO_rejection_note.dcm")
    series = note.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    rejected = pydicom.dcmread(folder / "IM0002.dcm").SOPInstanceUID
    assert note.ConceptNameCodeSequence[0].CodeValue == "113001"
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == rejected
