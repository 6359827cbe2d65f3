"""Everything made of reports is valid FHIR: by our check, and by HL7's own validator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from corpus import cells, faulty_report, sound_reports
from dicom2fhir.problems import CODES, Severity
from hl7_validator import missing_tool, validate_files
from recovered import convert_files
from writer import write

if TYPE_CHECKING:
    from pathlib import Path

    from judged import Judged

pytestmark = pytest.mark.xdist_group("reports")


def test_our_check_finds_nothing_in_what_reports_become(
    corpus: Judged, real_reports: Judged
) -> None:
    for judged in (corpus, real_reports):
        said = [one for one in judged.conversion.problems if one.code.startswith("check.")]
        assert said == []


def test_no_report_of_the_corpus_makes_the_run_fail(corpus: Judged) -> None:
    errors = {one.code for one in corpus.conversion.problems
              if CODES[one.code].severity is Severity.ERROR}  # fmt: skip
    assert errors == set()
    assert corpus.conversion.outcome.counts.failed == 0


@pytest.mark.java
@pytest.mark.slow
@pytest.mark.skipif(bool(missing_tool()), reason=missing_tool() or "-")
def test_hl7s_validator_finds_no_error_in_a_sample_of_the_corpus(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    share = 1 if request.config.getoption("--soak") else 3
    files = []
    for name, sound in list(sound_reports().items())[::share]:
        files.append(tmp_path / "in" / f"{name}.dcm")
        files[-1].parent.mkdir(exist_ok=True)
        files[-1].write_bytes(sound)
    files += [
        write(faulty_report(name, defect), tmp_path / "in" / f"{name}-{defect}.dcm")
        for name, defect in cells(share=20 * share)
    ]
    convert_files(files, tmp_path / "out.ndjson")
    written = tmp_path / "out"
    written.mkdir()
    for number, line in enumerate((tmp_path / "out.ndjson").read_bytes().splitlines()):
        kinds = {one["resource"]["resourceType"] for one in json.loads(line)["entry"]}
        assert "DiagnosticReport" in kinds
        (written / f"{number}.json").write_bytes(line)
    found = validate_files(sorted(written.glob("*.json")))
    assert [(one.file, one.location, one.message) for one in found] == []
