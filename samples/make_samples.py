"""Write the samples: small synthetic DICOM files of invented patients.

    python samples/make_samples.py [FOLDER]

FOLDER (this one unless named) gets `studies/`, which converts without a fault, and `faults/`.
Needs pydicom and numpy; the same version of pydicom writes the same bytes.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from _ct import ct_series, ct_slice, quality_control
from _dataset import Sample, code, save
from _documents import contours, key_objects, letter, measurements
from _mr import mr_classic, mr_enhanced
from _people import CT_STUDY, faulty_study
from _radiography import dog, hands, mammograms, radiographs
from _slide import slide_thumbnail
from _ultrasound import ultrasound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

OF_INTEREST = code("113000", "DCM", "Of Interest")
REJECTED = code("113001", "DCM", "Rejected for Quality Reasons")


def ct_study() -> Iterator[Sample]:
    """Give the CT study: two series of images, and what was made from them."""
    series = ct_series()
    for folder, slices in series.items():
        for number, ds in enumerate(slices, 1):
            yield Sample(f"ct_thorax/{folder}/IM{number:04d}.dcm", ds)
    soft, lung = series.values()
    keys = key_objects(CT_STUDY, [soft[2], lung[2]], OF_INTEREST, "Nodule, right upper lobe")
    yield Sample("ct_thorax/S0004_KONTUREN/RS0001.dcm", contours(soft))
    yield Sample("ct_thorax/S0900_MESSUNGEN/SR0001.dcm", measurements(soft))
    yield Sample("ct_thorax/S0901_KEY_IMAGES/KO0001.dcm", keys)


def studies() -> Iterator[Sample]:
    """Give everything that converts without a fault."""
    yield from ct_study()
    yield from mr_classic()
    yield from mr_enhanced()
    yield from ultrasound()
    yield Sample("us_heart/REPORT.dcm", letter())
    yield from radiographs()
    yield from mammograms()
    yield from hands()
    yield from dog()
    yield from quality_control()
    yield from slide_thumbnail()


def _slices(key: str, count: int) -> list[Dataset]:
    series = {"SeriesNumber": 1, "Manufacturer": "Example Imaging"}
    return [ct_slice(faulty_study(key), series, number) for number in range(1, count + 1)]


def write_faults(folder: Path) -> None:
    """Write what a run must name instead of convert, each kind in its folder."""
    duplicate, _ = _slices("duplicate", 2)
    save(Sample("duplicate/IM0001.dcm", duplicate), folder)
    save(Sample("duplicate/IM0001_copy.dcm", duplicate), folder)
    first, second = _slices("conflict", 2)
    save(Sample("conflict/IM0001.dcm", first), folder)
    second.SOPInstanceUID, second.InstanceNumber = first.SOPInstanceUID, first.InstanceNumber
    save(Sample("conflict/IM0001_other.dcm", second), folder)
    whole, cut = _slices("truncated", 2)
    save(Sample("truncated/IM0001.dcm", whole), folder)
    path = save(Sample("truncated/IM0002_cut.dcm", cut), folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    kept, rejected = _slices("rejected", 2)
    note = key_objects(faulty_study("rejected"), [rejected], REJECTED, "Motion")
    save(Sample("rejected/IM0001.dcm", kept), folder)
    save(Sample("rejected/IM0002.dcm", rejected), folder)
    save(Sample("rejected/KO_rejection_note.dcm", note), folder)
    strange = folder / "not_dicom"
    strange.mkdir()
    (strange / "notes.dcm").write_bytes(b"This is a text file with a misleading name.\n")
    (strange / "empty.dcm").write_bytes(b"")


def write_samples(folder: Path) -> None:
    """Write `studies` and `faults` anew; nothing else in the folder is touched."""
    for name in ("studies", "faults"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for sample in studies():
        save(sample, folder / "studies")
    (folder / "faults").mkdir(parents=True)
    write_faults(folder / "faults")


def main() -> None:
    folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parent
    write_samples(folder)
    paths = [path for name in ("studies", "faults") for path in (folder / name).rglob("*")]
    print(f"{sum(path.is_file() for path in paths)} files below {folder}")


if __name__ == "__main__":
    main()
