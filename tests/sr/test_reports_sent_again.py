"""The same report twice, sent again with other bytes, continued, superseded: ids and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import Dataset

from clinical_reports import text_report
from dose_reports import ct_dose
from recovered import CONTENT_ITEM, Conversion, Resource, convert_files, extension_of
from writer import ENHANCED, cited, uid, write

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("reports")

DLP_TOTAL = "113813"


def ids(conversion: Conversion) -> list[str]:
    return sorted(
        f"{kind}/{one['id']}"
        for kind in ("Observation", "DiagnosticReport", "Device")
        for one in conversion.resources(kind)
    )


def totals(conversion: Conversion) -> list[str]:
    """Return the DLP totals as they are written, of all reports, each content item once."""
    found = {
        (sop, extension_of(element, CONTENT_ITEM)): element["valueQuantity"]["value"]
        for sop, report in conversion.reports.items()
        for pairs in report.carriers().values()
        for _, element in pairs
        if DLP_TOTAL in str(element["code"]) and "valueQuantity" in element
    }
    return sorted(map(str, found.values()))


def continued(name: str) -> list[Dataset]:
    """Return three reports of one study that hold 1, 2 and 3 events, each with those before."""
    reports = []
    for events in (1, 2, 3):
        report = ct_dose(name, events, study=uid(name, "study"))
        report.SOPInstanceUID = uid(name, "instance", events)
        reports.append(report)
    return reports


def test_the_same_report_twice_is_one_report(tmp_path: Path) -> None:
    report = ct_dose("twice", 2)
    once = convert_files([write(report, tmp_path / "a" / "1.dcm")], tmp_path / "a.ndjson")
    write(report, tmp_path / "b" / "1.dcm")
    write(report, tmp_path / "b" / "2.dcm")
    twice = convert_files([tmp_path / "b"], tmp_path / "b.ndjson")
    assert ids(twice) == ids(once)
    assert len(ids(once)) > 15
    assert twice.outcome.counts.duplicates == 1


def test_another_run_writes_the_same_bytes(tmp_path: Path) -> None:
    file = write(ct_dose("again", 2), tmp_path / "1.dcm")
    convert_files([file], tmp_path / "first.ndjson")
    convert_files([file], tmp_path / "second.ndjson")
    assert (tmp_path / "first.ndjson").read_bytes() == (tmp_path / "second.ndjson").read_bytes()


def test_a_report_sent_again_with_other_bytes_is_one_of_the_two_and_said(tmp_path: Path) -> None:
    one, other = ct_dose("resent", 1), ct_dose("resent", 2)
    first = write(one, tmp_path / "1.dcm")
    second = write(other, tmp_path / "2.dcm")
    forth = convert_files([first, second], tmp_path / "forth.ndjson")
    back = convert_files([second, first], tmp_path / "back.ndjson")
    alone = [convert_files([file], tmp_path / f"{file.stem}.ndjson") for file in (first, second)]
    assert len(forth.reports) == 1
    assert ids(forth) == ids(back)
    assert ids(forth) in [ids(run) for run in alone]
    assert forth.outcome.counts.conflicts == 1
    assert [one.code for one in forth.problems if "conflict" in one.code]


def test_reports_that_continue_each_other_stay_apart_and_nothing_is_summed(tmp_path: Path) -> None:
    files = [write(one, tmp_path / f"{number}.dcm")
             for number, one in enumerate(continued("continued"))]  # fmt: skip
    conversion = convert_files(files, tmp_path / "out.ndjson")
    assert len(conversion.reports) == 3
    assert totals(conversion) == ["100.50", "226.00", "376.50"]
    every = [one["id"] for one in conversion.resources("Observation")]
    assert len(every) == len(set(every))


def test_each_of_them_says_what_it_accumulates(tmp_path: Path) -> None:
    files = [write(one, tmp_path / f"{number}.dcm")
             for number, one in enumerate(continued("scope"))]  # fmt: skip
    conversion = convert_files(files, tmp_path / "out.ndjson")
    scoped: list[Resource] = [
        one for one in conversion.resources("Observation")
        if any("113705" in str(part["code"]) for part in one.get("component", ()))
    ]  # fmt: skip
    assert len(scoped) == 3


def test_a_report_that_supersedes_another_is_amended_and_the_old_one_stays(tmp_path: Path) -> None:
    old = text_report("old", ENHANCED, VerificationFlag="VERIFIED")
    new = text_report("new", ENHANCED, study=old.StudyInstanceUID, VerificationFlag="VERIFIED")
    series, study = Dataset(), Dataset()
    series.SeriesInstanceUID = old.SeriesInstanceUID
    series.ReferencedSOPSequence = [cited(old.SOPClassUID, old.SOPInstanceUID)]
    study.StudyInstanceUID = old.StudyInstanceUID
    study.ReferencedSeriesSequence = [series]
    new.PredecessorDocumentsSequence = [study]
    files = [write(old, tmp_path / "old.dcm"), write(new, tmp_path / "new.dcm")]
    alone = convert_files(files[:1], tmp_path / "alone.ndjson")
    both = convert_files(files, tmp_path / "both.ndjson")
    before = alone.reports[old.SOPInstanceUID].document
    after = both.reports[old.SOPInstanceUID].document
    assert (after["id"], after["status"]) == (before["id"], "final")
    assert both.reports[new.SOPInstanceUID].document["status"] == "amended"
