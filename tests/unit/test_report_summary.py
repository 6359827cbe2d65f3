from __future__ import annotations

import pytest

from dicom2fhir.problems import Problem, Severity
from dicom2fhir.report.summary import EXAMPLES, Counts, ProblemRow, ProblemTally, decide_exit

ERROR, WARNING, INFO = "read.truncated", "read.charset", "read.not-dicom"


def rows_of(*codes: str) -> tuple[ProblemRow, ...]:
    tally = ProblemTally()
    tally.extend(Problem(code=code) for code in codes)
    return tally.rows()


def test_problems_of_one_code_become_one_row_with_errors_first() -> None:
    rows = rows_of(INFO, ERROR, WARNING, INFO)
    assert [(row.code, row.count) for row in rows] == [(ERROR, 1), (WARNING, 1), (INFO, 2)]
    assert rows[0].severity is Severity.ERROR
    assert rows[0].stage == "read"
    assert "--allow-truncated" in rows[0].advice


def test_only_a_few_places_are_kept_for_each_code() -> None:
    tally = ProblemTally()
    for number in range(1000):
        tally.add(Problem(code=ERROR), path=f"file{number}")
    (row,) = tally.rows()
    assert row.count == 1000
    assert [place.path for place in row.examples] == [f"file{n}" for n in range(EXAMPLES)]


def test_a_place_is_kept_once() -> None:
    tally = ProblemTally()
    tally.extend([Problem(code=ERROR), Problem(code=ERROR)], path="a.dcm")
    assert [place.path for place in tally.rows()[0].examples] == ["a.dcm"]


def test_a_problem_seen_many_times_counts_as_often() -> None:
    tally = ProblemTally()
    tally.add(Problem(code=WARNING, count=7))
    assert tally.count(WARNING) == 7
    assert tally.count(ERROR) == 0


@pytest.mark.parametrize(
    ("counts", "codes", "fail_on", "code"),
    [
        (Counts(dicom=1, converted=1), (), "error", 0),
        (Counts(dicom=1, converted=1), (INFO,), "warning", 0),
        (Counts(dicom=1, converted=1), (WARNING,), "error", 0),
        (Counts(dicom=1, converted=1), (WARNING,), "warning", 1),
        (Counts(dicom=1, converted=1), (ERROR,), "error", 1),
        (Counts(dicom=1, converted=1), (ERROR,), "warning", 1),
        (Counts(dicom=1, converted=1), (ERROR,), "never", 0),
        (Counts(dicom=1, failed=1), (), "error", 1),
        (Counts(dicom=1, failed=1), (), "never", 0),
        (Counts(files=3, not_dicom=3), (INFO,), "error", 3),
        (Counts(files=3, not_dicom=3), (INFO,), "never", 3),
        (Counts(), (), "error", 3),
        (Counts(files=3, unchanged=3), (), "error", 0),
    ],
)
def test_the_exit_code_follows_counts_problems_and_fail_on(
    counts: Counts, codes: tuple[str, ...], fail_on: str, code: int
) -> None:
    assert decide_exit(counts, rows_of(*codes), fail_on) == code


def test_a_command_that_reads_no_dicom_does_not_miss_it() -> None:
    assert decide_exit(Counts(bundles=2), (), "error", expects_dicom=False) == 0
