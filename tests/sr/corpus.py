"""Forty invented reports, and each of them with every defect, as files below a folder."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom.filereader import dcmread

from clinical_reports import clinical_reports
from defects import DEFECTS
from dose_reports import dose_reports
from highdicom_reports import measurement_reports
from writer import encode, uid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset


@cache
def sound_reports() -> dict[str, bytes]:
    """Return the files without defects, by name."""
    reports = {**measurement_reports(), **dose_reports(), **clinical_reports()}
    return {name: encode(report) for name, report in reports.items()}


def faulty_report(name: str, defect: str) -> Dataset:
    """Return a report with a defect, under UIDs and a study of its own."""
    report = dcmread(BytesIO(sound_reports()[name]))
    DEFECTS[defect](report)
    report.SOPInstanceUID = uid(name, defect, "instance")
    report.StudyInstanceUID = uid(name, defect, "study")
    report.SeriesInstanceUID = uid(name, defect, "series")
    return report


def cells(share: int) -> Iterator[tuple[str, str]]:
    """Yield name and defect of every `share`-th report of the corpus, all reports and defects."""
    for row, name in enumerate(sound_reports()):
        for column, defect in enumerate(DEFECTS):
            if (row + column) % share == 0:
                yield name, defect


def write_corpus(folder: Path, share: int = 1) -> list[Path]:
    """Write all sound reports and every `share`-th faulty one."""
    written = []
    for name, report in sound_reports().items():
        written.append(folder / "sound" / f"{name}.dcm")
        written[-1].parent.mkdir(parents=True, exist_ok=True)
        written[-1].write_bytes(report)
    for name, defect in cells(share):
        written.append(folder / defect / f"{name}.dcm")
        written[-1].parent.mkdir(exist_ok=True)
        written[-1].write_bytes(encode(faulty_report(name, defect)))
    return written
