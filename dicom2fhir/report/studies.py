"""The studies that `inspect` lists: a table, plain lines, JSON, NDJSON or CSV."""

from __future__ import annotations

import json
import re
from itertools import chain, islice
from typing import TYPE_CHECKING

from dicom2fhir.report.people import plural
from dicom2fhir.report.safe import safe, safe_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

    from dicom2fhir.model import Json
    from dicom2fhir.report.summary import SeriesRow, StudyRow

FORMATS = ("table", "json", "ndjson", "csv")
TABLE_ROWS = 500
"""Studies of one table on a terminal; the next ones start a new table, so memory is flat."""

_STUDY_COLUMNS = ("study_uid", "date", "modalities", "description")
_PATIENT_COLUMNS = ("patient_name", "patient_id")
_SERIES_COLUMNS = ("series_uid", "number", "modality", "series_description", "instances")
_FORMULA = re.compile(r"[=+\-@\t\r\n]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def study_document(row: StudyRow, *, show_patients: bool) -> dict[str, Json]:
    """Return one study as JSON has it."""
    patient = {"name": row.patient_name, "id": row.patient_id}
    return {
        **({"patient": patient} if show_patients else {}),
        "study_uid": row.study_uid,
        "date": row.date,
        "description": row.description,
        "modalities": list(row.modalities),
        "instances": row.instances,
        "series": [
            {
                "uid": series.uid,
                "number": series.number,
                "modality": series.modality,
                "description": series.description,
                "instances": series.instances,
            }
            for series in row.series
        ],
    }


def print_studies(
    rows: Iterable[StudyRow], stream: TextIO, form: str, *, show_patients: bool, color: bool = True
) -> None:
    """Print the studies in this format, as they come."""
    terminal = stream.isatty()
    if form == "table" and terminal:
        _print_tables(rows, stream, show_patients=show_patients, color=color)
        return
    writers = {"table": _plain_lines, "json": _json, "ndjson": _ndjson, "csv": _csv}
    texts = writers[form](rows, show_patients=show_patients)
    stream.writelines(safe_json(text) if terminal else text for text in texts)


def _ndjson(rows: Iterable[StudyRow], *, show_patients: bool) -> Iterator[str]:
    for row in rows:
        yield _dump(study_document(row, show_patients=show_patients)) + "\n"


def _json(rows: Iterable[StudyRow], *, show_patients: bool) -> Iterator[str]:
    separator = "["
    for row in rows:
        yield f"{separator}\n{_dump(study_document(row, show_patients=show_patients))}"
        separator = ","
    yield "[]\n" if separator == "[" else "\n]\n"


def _dump(document: Json) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _csv(rows: Iterable[StudyRow], *, show_patients: bool) -> Iterator[str]:
    patient = _PATIENT_COLUMNS if show_patients else ()
    yield ",".join((*patient, *_STUDY_COLUMNS, *_SERIES_COLUMNS)) + "\n"
    for row in rows:
        of_patient = (row.patient_name, row.patient_id) if show_patients else ()
        of_study = (row.study_uid, row.date, " ".join(row.modalities), row.description)
        for s in row.series:
            of_series = (s.uid, s.number, s.modality, s.description, str(s.instances))
            yield ",".join(_cell(text) for text in (*of_patient, *of_study, *of_series)) + "\n"


def _cell(text: str) -> str:
    """Return one CSV cell that a spreadsheet takes for text, never for a formula."""
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if re.search(r'[",\r\n]', text) else text


def _plain_lines(rows: Iterable[StudyRow], *, show_patients: bool) -> Iterator[str]:
    for row in rows:
        head = [row.date or "no date", " ".join(row.modalities) or "no modality"]
        head += [plural(row.instances, "instance"), row.description, row.study_uid]
        head += [row.patient_name, row.patient_id] if show_patients else []
        yield "  ".join(safe(text) for text in head if text) + "\n"
        for series in row.series:
            yield "    " + "  ".join(safe(text) for text in _series_cells(series) if text) + "\n"


def _series_cells(series: SeriesRow) -> list[str]:
    number = f"series {series.number}" if series.number else "series"
    instances = plural(series.instances, "instance")
    return [number, series.modality, instances, series.description, series.uid]


def _print_tables(
    rows: Iterable[StudyRow], stream: TextIO, *, show_patients: bool, color: bool
) -> None:
    # rich costs 0.05 s and is for terminals only
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    console = Console(
        file=stream, no_color=True if not color else None, highlight=False, markup=False
    )
    remaining = iter(rows)
    for first in remaining:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("Patient", "Patient ID") if show_patients else ():
            table.add_column(name, overflow="fold")
        table.add_column("Date", no_wrap=True)
        table.add_column("Modality")
        table.add_column("Series", justify="right")
        table.add_column("Instances", justify="right")
        table.add_column("Description", overflow="fold")
        table.add_column("UID", overflow="fold", style="dim")
        for row in chain([first], islice(remaining, TABLE_ROWS - 1)):
            patient = (row.patient_name, row.patient_id) if show_patients else ()
            for cells in _table_rows(row):
                table.add_row(*(safe(text) for text in (*patient, *cells)))
                patient = ("", "") if show_patients else ()
        console.print(table)


def _table_rows(row: StudyRow) -> Iterator[tuple[str, ...]]:
    modalities = " ".join(row.modalities)
    count = f"{row.instances:,}"
    yield (row.date, modalities, str(len(row.series)), count, row.description, row.study_uid)
    for s in row.series:
        yield ("", f"  {s.modality}", s.number, f"{s.instances:,}", f"  {s.description}", s.uid)
