"""What a run did: the values that `pipeline` gives and that the report and the terminal show."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import add
from typing import TYPE_CHECKING, NamedTuple

from dicom2fhir.problems import CODES, Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EXAMPLES = 5
"""Places that are kept for each code: enough to look into it, and flat in memory."""

FINISHED = 0
SOME_FAILED = 1
NO_DICOM = 3
REFUSED = 4
UNREACHABLE = 5

SEVEREST_FIRST = (6, 8, 7, 2, UNREACHABLE, REFUSED, NO_DICOM, SOME_FAILED, FINISHED)
"""Exit codes: where several apply the first of them is given."""


class NumberCounts(NamedTuple):
    """What became of the numbers in structured reports.

    found = observations + components + omitted; a Problem tells why a number was left out.
    """

    reports: int = 0
    found: int = 0
    observations: int = 0
    components: int = 0
    omitted: int = 0

    def plus(self, other: NumberCounts) -> NumberCounts:
        """Return the sums."""
        return NumberCounts(*map(add, self, other))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many of what; without a state folder every file is in exactly one of these counts.

    files = not_dicom + other + converted + duplicates + conflicts + rejected + unchanged
    + filtered + failed. `other` are links, devices, DICOMDIRs and objects without a patient.
    `dicom` are the files recognised as DICOM; `bytes` and `output_files` are what was written,
    `stored` the files that the server of `--stow` has. Of the `reports`, numbers = as observations
    + as components + omitted.
    """

    files: int = 0
    dicom: int = 0
    not_dicom: int = 0
    other: int = 0
    converted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0
    unchanged: int = 0
    filtered: int = 0
    failed: int = 0
    studies: int = 0
    series: int = 0
    patients: int = 0
    bundles: int = 0
    entries: int = 0
    bytes: int = 0
    output_files: int = 0
    stored: int = 0
    reports: int = 0
    numbers: int = 0
    numbers_as_observations: int = 0
    numbers_as_components: int = 0
    numbers_omitted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One example of where a Problem was seen. `path` is shown only where paths may be."""

    path: str = ""
    tag: str = ""
    element: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRow:
    """All Problems of one code."""

    code: str
    severity: Severity
    stage: str
    message: str
    advice: str
    count: int
    examples: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Wall time of one stage, in seconds."""

    stage: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What went to a server: resources = sent + unchanged + left, of them `binaries` were bytes.

    `mode` is how resources were written, in words. `latency` is in seconds, what 50, 95 and 99 of
    100 replies took at the most. `stopped` is the exit code of a run that could not go on.
    """

    mode: str = ""
    studies: int = 0
    studies_done: int = 0
    resources: int = 0
    sent: int = 0
    unchanged: int = 0
    left: int = 0
    binaries: int = 0
    verified: int = 0
    requests: int = 0
    bytes: int = 0
    latency: tuple[float, ...] = ()
    statuses: Mapping[str, int] = field(default_factory=dict)
    stopped: int = 0
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that one run has to say for itself."""

    counts: Counts = field(default_factory=Counts)
    problems: tuple[ProblemRow, ...] = ()
    timings: tuple[Timing, ...] = ()
    version: str = ""
    exit_code: int = FINISHED
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One series as `inspect` lists it."""

    uid: str
    number: str = ""
    modality: str = ""
    description: str = ""
    instances: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One study as `inspect` lists it; the patient is shown only with `--show-patients`."""

    study_uid: str
    date: str = ""
    description: str = ""
    modalities: tuple[str, ...] = ()
    patient_name: str = ""
    patient_id: str = ""
    series: tuple[SeriesRow, ...] = ()

    @property
    def instances(self) -> int:
        """Return how many instances the study lists."""
        return sum(series.instances for series in self.series)


class ProblemTally:
    """Adds Problems up by code, with a few example places each; flat in memory."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[Place]] = {}

    def add(self, problem: Problem, path: str = "", count: int | None = None) -> None:
        """Count one Problem, seen in the file at this path (`Candidate.label`)."""
        times = problem.count if count is None else count
        self._counts[problem.code] = self._counts.get(problem.code, 0) + times
        examples = self._examples.setdefault(problem.code, [])
        if len(examples) < EXAMPLES:
            place = Place(
                path=path, tag=problem.tag, element=problem.element, detail=problem.detail
            )
            if place not in examples:
                examples.append(place)

    def extend(self, problems: Iterable[Problem], path: str = "") -> None:
        """Count several Problems of one place."""
        for problem in problems:
            self.add(problem, path)

    def count(self, code: str) -> int:
        """Return how often this code was seen."""
        return self._counts.get(code, 0)

    def rows(self) -> tuple[ProblemRow, ...]:
        """Return one row a code: errors first, then by code."""
        return order_rows(
            row_of(code, count, tuple(self._examples[code])) for code, count in self._counts.items()
        )


def row_of(code: str, count: int, examples: tuple[Place, ...]) -> ProblemRow:
    """Return the row of one code, with what the table says of it."""
    return ProblemRow(
        code=code,
        severity=CODES[code].severity,
        stage=code.partition(".")[0],
        message=CODES[code].message,
        advice=CODES[code].advice,
        count=count,
        examples=examples,
    )


def order_rows(rows: Iterable[ProblemRow]) -> tuple[ProblemRow, ...]:
    """Return the rows with errors first, then by code."""
    order = list(Severity)
    return tuple(sorted(rows, key=lambda row: (-order.index(row.severity), row.code)))


def decide_exit(
    counts: Counts,
    problems: Sequence[ProblemRow],
    fail_on: str,
    *,
    expects_dicom: bool = True,
) -> int:
    """Return the exit code of a run that went through to its end.

    `fail_on` is error, warning or never. `validate` expects no DICOM.
    """
    if expects_dicom and not counts.dicom and not counts.unchanged:
        return NO_DICOM
    if fail_on == "never":
        return FINISHED
    faults = {Severity.ERROR} if fail_on == "error" else {Severity.ERROR, Severity.WARNING}
    if counts.failed or any(row.severity in faults for row in problems):
        return SOME_FAILED
    return FINISHED


def severest(*codes: int) -> int:
    """Return the exit code that wins.

    >>> severest(0, 1, 5)
    5
    """
    return min(codes, key=SEVEREST_FIRST.index)


def push_exit(delivery: Delivery, problems: Sequence[ProblemRow]) -> int:
    """Return the exit code of what went to a server: refused as a whole, to be run again, or fine.

    4 where no study arrived and all were refused; 5 where the server could not take them now.
    """
    if delivery.stopped:
        return delivery.stopped
    if any(row.code == "push.later" for row in problems):
        return UNREACHABLE
    refused = delivery.studies and not delivery.studies_done
    if refused and any(
        row.code in {"push.refused", "push.dead", "push.too-large"} for row in problems
    ):
        return REFUSED
    return FINISHED
