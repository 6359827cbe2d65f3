"""NUM items in = Observations + components + listed omissions, in FHIR and in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom.filereader import dcmread

from clinical_reports import HIDDEN
from content_walk import code_of, items_with_paths
from dicom2fhir.options import ReportOptions
from dose_reports import dose_reports
from judged import judge
from recovered import ReportFound, convert_files
from writer import NO_UNITS, container, document, num, write

if TYPE_CHECKING:
    from pathlib import Path

    from judged import Judged

pytestmark = [
    pytest.mark.xdist_group("reports"),
    pytest.mark.filterwarnings("ignore:Failed to decode byte string"),
]

IMAGE_LIBRARY = "111028"
NOTHING = ReportFound(document={})


def lost(judged: Judged) -> dict[str, list[str]]:
    """Return, by file, the paths of NUM items that no element carries."""
    found = {}
    for uid, stated in judged.stated.items():
        carried = judged.conversion.reports.get(uid, NOTHING).carriers()
        paths = [one.path for one in stated if one.path not in carried]
        if paths:
            found[uid] = paths
    return found


def may_be_omitted(file: Path) -> set[str]:
    """Return the paths of what no reader is shown: pixel sizes of the library, hidden findings."""
    found: set[str] = set()
    for path, item in items_with_paths(dcmread(file, force=True)):
        name = code_of(item, "ConceptNameCodeSequence")
        intents = [code_of(one, "ConceptCodeSequence") for one in item.get("ContentSequence") or ()]
        library = name is not None and name.value == IMAGE_LIBRARY
        hidden = any(one is not None and one.value == HIDDEN[0] for one in intents)
        if library or hidden or path.rpartition(".")[0] in found:
            found.add(path)
    return found


def unexplained(judged: Judged) -> dict[str, list[str]]:
    """Return the paths that are lost and need not be, by file."""
    found = {}
    for uid, paths in lost(judged).items():
        file = judged.files[uid]
        wrong = sorted(set(paths) - may_be_omitted(file))
        if wrong:
            found[f"{file.parent.name}/{file.name}"] = wrong
    return found


def keeps_the_law(judged: Judged) -> None:
    counts = judged.conversion.outcome.counts
    assert counts.numbers == sum(map(len, judged.stated.values()))
    assert counts.numbers_omitted == sum(map(len, lost(judged).values()))
    assert counts.numbers == (
        counts.numbers_as_observations + counts.numbers_as_components + counts.numbers_omitted
    )
    assert unexplained(judged) == {}


def test_every_number_of_the_corpus_is_carried_or_counted_as_omitted(corpus: Judged) -> None:
    keeps_the_law(corpus)
    assert corpus.conversion.outcome.counts.numbers > 3_000


def test_every_number_of_the_real_reports_is_carried_or_counted_as_omitted(
    real_reports: Judged,
) -> None:
    keeps_the_law(real_reports)
    assert real_reports.conversion.outcome.counts.numbers > 430


@pytest.mark.parametrize("dose", ["all", "events", "summary"])
def test_the_law_holds_whatever_is_wanted_of_dose_reports(dose: str, tmp_path: Path) -> None:
    files = [write(one, tmp_path / f"{name}.dcm") for name, one in dose_reports().items()]
    judged = judge(files, tmp_path / "out.ndjson", report=ReportOptions(dose=dose))
    counts = judged.conversion.outcome.counts
    missing = sum(map(len, lost(judged).values()))
    assert counts.numbers == sum(map(len, judged.stated.values()))
    assert (counts.numbers_omitted, missing > 0) == (missing, dose != "all")
    assert counts.numbers == (
        counts.numbers_as_observations + counts.numbers_as_components + counts.numbers_omitted
    )


def test_numbers_beyond_the_limits_are_said_to_be_missing(tmp_path: Path) -> None:
    item = num(("X", "99TEST", "Number"), "1", NO_UNITS)
    for _ in range(20):
        item = container(("Y", "99TEST", "Group"), item)
    file = write(document("deep", container(("Z", "99TEST", "Root"), item)), tmp_path / "1.dcm")
    options = ReportOptions(max_depth=10)
    conversion = convert_files([file], tmp_path / "out.ndjson", report=options)
    assert "sr.too-deep" in {one.code for one in conversion.problems}
    assert conversion.outcome.counts.numbers == 0


def test_what_is_omitted_is_said(corpus: Judged) -> None:
    codes = {one.code for one in corpus.conversion.problems}
    assert codes >= {"sr.number-omitted", "sr.not-presented"}


def test_every_report_of_the_corpus_becomes_a_diagnostic_report(corpus: Judged) -> None:
    assert set(corpus.conversion.reports) == set(corpus.files)


def test_every_observation_is_reached_from_its_report(corpus: Judged, real_reports: Judged) -> None:
    for judged in (corpus, real_reports):
        reached = [one["id"] for report in judged.conversion.reports.values()
                   for one in report.observations]  # fmt: skip
        written = [one["id"] for one in judged.conversion.resources("Observation")]
        assert sorted(reached) == sorted(written)
