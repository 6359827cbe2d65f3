"""Structured reports on their whole way, from files to Bundles."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from corpus import sound_reports
from dicom2fhir import check
from dicom2fhir.check import check_bundle
from dicom2fhir.options import MapOptions, Options, OutputOptions, RenderOptions, ReportOptions
from dicom2fhir.pipeline import convert, explain
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from dicom2fhir.model import Json, Resource
    from dicom2fhir.report.summary import Outcome

REPORTS = sound_reports()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with a few reports."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in sorted(REPORTS)[:6]:
        (folder / f"{name}.dcm").write_bytes(REPORTS[name])
    return folder


def run(source: Path, out: Path, **options: Json) -> tuple[Outcome, list[Resource]]:
    """Convert without bytes and pictures; return the outcome and all resources."""
    told = MapOptions(dicom="none", **options)
    outcome = convert(
        Options(
            sources=(str(source),),
            map=told,
            render=RenderOptions(media="none"),
            output=OutputOptions(path=str(out)),
        )
    )
    bundles = [
        json.loads(path.read_bytes(), parse_float=Decimal) for path in out.glob("[!.]*.json")
    ]
    return outcome, [entry["resource"] for bundle in bundles for entry in bundle["entry"]]


def test_reports_are_read_also_where_no_bytes_travel(source: Path, tmp_path: Path) -> None:
    outcome, resources = run(source, tmp_path / "out")
    kinds = [one["resourceType"] for one in resources]
    assert kinds.count("DiagnosticReport") == outcome.counts.reports == 6
    assert "Observation" in kinds


def test_every_number_is_accounted_for(source: Path, tmp_path: Path) -> None:
    counts = run(source, tmp_path / "out")[0].counts
    assert counts.numbers > 0
    assert counts.numbers == (
        counts.numbers_as_observations + counts.numbers_as_components + counts.numbers_omitted
    )


def test_without_observations_reports_are_files_and_nothing_else(
    source: Path, tmp_path: Path
) -> None:
    outcome, resources = run(source, tmp_path / "out", observations="none")
    assert {"Observation", "DiagnosticReport"}.isdisjoint(one["resourceType"] for one in resources)
    assert outcome.counts.reports == outcome.counts.numbers == 0
    assert outcome.counts.converted == 6


def test_a_report_that_cannot_be_understood_holds_no_study_back(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("dicom2fhir.sr.understand", fail)
    outcome, resources = run(source, tmp_path / "out")
    assert outcome.counts.converted == 6
    assert "ImagingStudy" in {one["resourceType"] for one in resources}
    assert {row.code: row.count for row in outcome.problems}["sr.unreadable"] == 6


def test_a_report_that_makes_bad_fhir_holds_no_study_back(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(bundle: Resource, level: str) -> tuple[Problem, ...]:
        kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
        refused = (Problem(code="check.model"),) if "DiagnosticReport" in kinds else ()
        return (*check_bundle(bundle, level), *refused)

    monkeypatch.setattr(check, "check_bundle", refuse)
    outcome, resources = run(source, tmp_path / "out")
    assert outcome.counts.converted == 6
    assert outcome.counts.reports == 0
    assert {"Observation", "DiagnosticReport"}.isdisjoint(one["resourceType"] for one in resources)
    assert any(row.code == "sr.not-valid" for row in outcome.problems)


def test_limits_of_items_are_the_users(source: Path) -> None:
    file = next(source.iterdir())
    few = explain(str(file), Options(report=ReportOptions(max_items=2)))
    all_of_it = explain(str(file), Options())
    assert len([one for one in few if one.item]) < len([one for one in all_of_it if one.item])


def test_explain_tells_the_path_of_every_number(source: Path) -> None:
    for file in source.iterdir():
        for one in explain(str(file), Options()):
            is_number = one.element.endswith(".valueQuantity")
            assert not is_number or re.fullmatch(r"1(\.[1-9][0-9]*)+", one.item)


def test_provenance_lists_the_units_that_were_respelt(source: Path, tmp_path: Path) -> None:
    options = {"provenance": True, "timestamp": "2024-02-03T10:11:12Z"}
    resources = run(source, tmp_path / "out", **options)[1]
    stated = {
        extension["valueString"]
        for one in resources
        for quantity in (one.get("valueQuantity", {}),)
        for extension in quantity.get("extension", ())
        if extension["url"].endswith("stated-unit") and "code" in quantity
    }
    told = " ".join(
        one.get("activity", {}).get("text", "")
        for one in resources
        if one["resourceType"] == "Provenance"
    )
    assert all(text in told for text in stated)
