from __future__ import annotations

import csv
import io
import json

import pytest

from dicom2fhir.report.studies import FORMATS, TABLE_ROWS, print_studies
from dicom2fhir.report.summary import SeriesRow, StudyRow

ROWS = [
    StudyRow(
        study_uid="1.2.3",
        date="20200102",
        description='=HYPERLINK("x")',
        modalities=("CT", "SR"),
        patient_name="DOE^JANE",
        patient_id="P-1",
        series=(
            SeriesRow(
                uid="1.2.3.1", number="1", modality="CT", description="Axial, 5mm", instances=60
            ),
            SeriesRow(
                uid="1.2.3.2", number="-2", modality="SR", description="\x1b[2J\u202e", instances=1
            ),
        ),
    ),
    StudyRow(study_uid="1.2.4"),
]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(form: str, *, show_patients: bool = False, stream: io.StringIO | None = None) -> str:
    stream = stream if stream is not None else io.StringIO()
    print_studies(ROWS, stream, form, show_patients=show_patients, color=False)
    return stream.getvalue()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("stream", [io.StringIO, Screen])
def test_patients_are_shown_only_when_asked_for(form: str, stream: type[io.StringIO]) -> None:
    without = shown(form, stream=stream())
    assert "1.2.3.1" in without
    assert "DOE" not in without
    assert "P-1" not in without
    assert "DOE^JANE" in shown(form, show_patients=True, stream=stream())


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_on_a_terminal_can_be_obeyed(form: str) -> None:
    text = shown(form, stream=Screen())
    assert "\x1b[2J" not in text
    assert "\u202e" not in text


def test_ndjson_has_a_study_a_line() -> None:
    first, second = (json.loads(line) for line in shown("ndjson").splitlines())
    assert first["study_uid"] == "1.2.3"
    assert first["instances"] == 61
    assert first["series"][0] == {
        "uid": "1.2.3.1",
        "number": "1",
        "modality": "CT",
        "description": "Axial, 5mm",
        "instances": 60,
    }
    assert second["series"] == []
    assert "patient" not in first


def test_json_is_one_list_of_the_same() -> None:
    lines = [json.loads(line) for line in shown("ndjson").splitlines()]
    assert json.loads(shown("json")) == lines


def test_no_studies_are_an_empty_list() -> None:
    stream = io.StringIO()
    print_studies([], stream, "json", show_patients=False)
    assert json.loads(stream.getvalue()) == []


def test_csv_has_a_series_a_row_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(shown("csv", show_patients=True))))
    assert [row["series_uid"] for row in rows] == ["1.2.3.1", "1.2.3.2"]
    assert rows[0]["description"] == '\'=HYPERLINK("x")'
    assert rows[0]["series_description"] == "Axial, 5mm"
    assert rows[0]["modalities"] == "CT SR"
    assert rows[0]["patient_name"] == "DOE^JANE"
    assert rows[1]["number"] == "-2"


def test_plain_lines_are_for_pipes() -> None:
    lines = shown("table").splitlines()
    assert lines[0].startswith("20200102  CT SR  61 instances")
    assert lines[1].strip().startswith("series 1  CT  60 instances  Axial, 5mm")
    assert lines[3].startswith("no date  no modality  0 instances  1.2.4")


def test_a_long_list_is_shown_in_tables_that_do_not_pile_up() -> None:
    stream = Screen()
    many = (StudyRow(study_uid=f"1.{number}") for number in range(TABLE_ROWS + 1))
    print_studies(many, stream, "table", show_patients=False, color=False)
    assert stream.getvalue().count("Instances") == 2
