from __future__ import annotations

import io

import pytest

from dicom2fhir.problems import Problem
from dicom2fhir.report.people import (
    SHOWN_EXAMPLES,
    headline,
    print_problems,
    problem_lines,
    size,
    validation_line,
)
from dicom2fhir.report.summary import Counts, Outcome, ProblemRow, ProblemTally


def rows() -> tuple[ProblemRow, ...]:
    tally = ProblemTally()
    for number in range(1200):
        tally.add(Problem(code="read.truncated"), path=f"DOE^JOHN/{number}\x1b[2J.dcm")
    tally.add(Problem(code="read.charset", tag="(0010,0010)"), path="DOE^JOHN/x.dcm")
    tally.add(Problem(code="read.not-dicom"), path="DOE^JOHN/notes.txt")
    return tally.rows()


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (Counts(), "0 files: 0 converted"),
        (Counts(files=1, converted=1), "1 file: 1 converted"),
        (
            Counts(files=1500, converted=1490, failed=4, duplicates=6, studies=2, patients=1),
            "1,500 files: 1,490 converted, 4 failed, 6 duplicate; 2 studies of 1 patient",
        ),
        (
            Counts(files=2, converted=2, studies=1, patients=1, bundles=3, bytes=2500),
            "2 files: 2 converted; 1 study of 1 patient in 3 Bundles (2.5 kB)",
        ),
    ],
)
def test_the_headline_accounts_for_every_file(counts: Counts, line: str) -> None:
    assert headline(counts) == line


@pytest.mark.parametrize(
    "field",
    [
        *("failed", "conflicts", "duplicates", "rejected"),
        *("unchanged", "filtered", "not_dicom", "other"),
    ],
)
def test_no_fate_of_a_file_is_left_out_of_the_headline(field: str) -> None:
    assert ", 7 " in headline(Counts(files=7, **{field: 7}))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (20_000_000, "20.0 MB"),
        (10**15, "1000.0 TB"),
    ],
)
def test_sizes_are_in_powers_of_a_thousand(count: int, text: str) -> None:
    assert size(count) == text


def test_plain_lines_say_code_count_and_advice_without_paths() -> None:
    lines = list(problem_lines(rows(), show_paths=False))
    assert lines[0].split() == [*("error", "read.truncated", "1,200", "The"), *lines[0].split()[4:]]
    assert any("--allow-truncated" in line for line in lines)
    assert "DOE" not in "\n".join(lines)
    assert any("(0010,0010)" in line for line in lines)


def test_paths_appear_where_they_may_a_few_and_harmless() -> None:
    text = "\n".join(problem_lines(rows(), show_paths=True))
    assert text.count("DOE^JOHN/") == SHOWN_EXAMPLES + 1
    assert "\x1b" not in text
    assert "\\x1b[2J" in text


def test_places_are_named_for_faults_only() -> None:
    assert "notes.txt" not in "\n".join(problem_lines(rows(), show_paths=True))


def test_the_table_says_the_same_without_obeying_what_it_shows() -> None:
    stream = io.StringIO()
    print_problems(rows(), stream, show_paths=True, color=False)
    text = stream.getvalue()
    assert "read.truncated" in text
    assert "1,200" in text
    assert "DOE^JOHN/0" in text
    assert "\x1b" not in text


def test_a_valid_bundle_is_called_so() -> None:
    assert (
        validation_line(Outcome(counts=Counts(files=1, bundles=1))) == "1 Bundle in 1 file: valid"
    )


def test_faults_of_bundles_are_counted_by_severity() -> None:
    outcome = Outcome(counts=Counts(files=2, bundles=3), problems=rows())
    assert validation_line(outcome) == "3 Bundles in 2 files: 1,200 errors, 1 warning"
