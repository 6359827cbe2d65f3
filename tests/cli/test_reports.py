"""`--report`: JSON for programs, a page for people, by the ending of the name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.report.document import PAGE_BEGINNING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result


def test_one_run_writes_a_page_and_json(study: Path, invoke: Callable[..., Result]) -> None:
    reports = ("--report", "r.html", "--report", "r.json")
    assert invoke("convert", str(study), "-o", "out", *reports).exit_code == 0
    page = (study.parent / "r.html").read_bytes()
    assert page.startswith(PAGE_BEGINNING)
    assert b"All done" in page
    assert b"DOE" not in page
    assert json.loads((study.parent / "r.json").read_bytes())["counts"]["converted"] == 1


@pytest.mark.parametrize("command", ["inspect", "convert"])
def test_the_page_is_for_its_owner_only(
    study: Path, invoke: Callable[..., Result], command: str
) -> None:
    more = ("-o", "out") if command == "convert" else ()
    assert invoke(command, str(study), *more, "--report", "r.html").exit_code == 0
    assert (study.parent / "r.html").stat().st_mode & 0o777 == 0o600


def test_two_reports_of_one_kind_are_refused(study: Path, invoke: Callable[..., Result]) -> None:
    result = invoke("inspect", str(study), "--report", "a.html", "--report", "b.htm")
    assert result.exit_code == 2
    assert "At most one JSON file and one page" in result.stderr


def test_a_page_is_never_written_over_a_strangers(
    study: Path, invoke: Callable[..., Result]
) -> None:
    page = study.parent / "mine.html"
    page.write_text("<!DOCTYPE html>\n<title>Mine</title>")
    assert invoke("inspect", str(study), "--report", "mine.html").exit_code == 7
    assert page.read_text().endswith("<title>Mine</title>")


def test_the_environment_may_name_a_report_with_a_blank(
    study: Path, invoke: Callable[..., Result]
) -> None:
    result = invoke("inspect", str(study), env={"DICOM2FHIR_REPORT": "my report.json:a.html"})
    assert result.exit_code == 0
    assert (study.parent / "my report.json").exists()
    assert (study.parent / "a.html").exists()


def test_a_page_without_paths_is_not_called_one_that_names_files(
    study: Path, invoke: Callable[..., Result]
) -> None:
    (study / "cut.dcm").write_bytes((study / "image.dcm").read_bytes()[:-1])
    arguments = ("convert", str(study), "-o", "out", "--report")
    assert "--report report.json names the files" in invoke(*arguments, "a.html").stderr
    assert "names the files" not in invoke(*arguments, "a.json").stderr
