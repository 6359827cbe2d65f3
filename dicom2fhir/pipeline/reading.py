"""From sources to a filled catalog: find, read, store."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

from dicom2fhir.catalog import Batch, RowEncoder
from dicom2fhir.find import open_candidate
from dicom2fhir.model import Candidate
from dicom2fhir.problems import Problem, Severity
from dicom2fhir.read import read_instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dicom2fhir.catalog import Catalog
    from dicom2fhir.find import Finding
    from dicom2fhir.model import ByteSource, Instance
    from dicom2fhir.options import Options, ReadOptions
    from dicom2fhir.pipeline.watching import Watch
    from dicom2fhir.pipeline.workers import Workers

T = TypeVar("T")

CHUNK = 256
"""Candidates of one job: enough to make sending it cheap, few enough to keep memory flat."""
PAYS_FOR_WORKERS = 2048
"""Files from which starting processes costs less than it saves."""
ATTEMPTS = 3
"""Reads of a file that changes while it is read."""

NOT_DICOM = "read.not-dicom"
OTHER = {NOT_DICOM, "read.dicomdir", "read.non-patient", "filtered"}
"""What is accounted for without being an instance or a fault."""

HINTS = {"find.dicomdir-missing", "find.dicomdir-outside"}
"""What is told of a file besides the file itself."""

Where = tuple[tuple[str, str], ...]
Numbered = tuple[int, Candidate]


@dataclass(slots=True)
class ReadCounts:
    """What became of the files of this run while they were read."""

    files: int = 0
    unchanged: int = 0
    instances: int = 0
    not_dicom: int = 0
    other: int = 0
    filtered: int = 0
    failed: int = 0
    broken: int = 0


@dataclass(slots=True)
class ChunkJob:
    """Some candidates to read, and how."""

    candidates: list[Numbered]
    options: ReadOptions
    where: Where


@dataclass(slots=True)
class ChunkResult:
    """What reading some candidates gave."""

    batch: Batch = field(default_factory=Batch)
    problems: list[Problem] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)


def read_sources(
    findings: Iterable[Finding], catalog: Catalog, options: Options, workers: Workers, watch: Watch
) -> ReadCounts:
    """Read everything that was found into the catalog."""
    counts = ReadCounts()
    numbered = _number(findings, catalog, counts)
    first = list(islice(numbered, PAYS_FOR_WORKERS))
    if len(first) == PAYS_FOR_WORKERS:
        workers.start()
    chunks = _chunks(chain(first, numbered))
    sent: deque[list[Numbered]] = deque()

    def jobs() -> Iterator[ChunkJob]:
        for chunk in chunks:
            sent.append(chunk)
            yield ChunkJob(chunk, options.read, options.where)

    for result in workers.run(read_chunk, jobs()):
        chunk = sent.popleft()
        catalog.add_sources(
            (*one, outcome) for one, outcome in zip(chunk, result.outcomes, strict=True)
        )
        catalog.add(result.batch)
        catalog.add_problems(result.problems)
        catalog.commit_now_and_then()
        _count(result.outcomes, counts)
        watch.read(counts.files)
    catalog.finish_reading()
    return counts


def _number(
    findings: Iterable[Finding], catalog: Catalog, counts: ReadCounts
) -> Iterator[Numbered]:
    """Give each candidate its number; leave out what an earlier run has read unchanged."""
    number = 0
    for finding in findings:
        candidate, problem = (finding, None) if isinstance(finding, Candidate) else finding
        if problem is not None and problem.code in HINTS:
            # What a DICOMDIR names is a hint beside the file itself, which came just before.
            if number:
                catalog.add_problems([replace(problem, source=number)])
            continue
        counts.files += 1
        if catalog.kept and _is_unchanged(candidate, catalog):
            counts.unchanged += 1
            number = 0
            continue
        number = catalog.number_source()
        if problem is None:
            yield number, candidate
            continue
        catalog.add_problems([replace(problem, source=number)])
        catalog.add_sources([(number, candidate, problem.code)])
        if problem.severity is Severity.INFO:
            counts.other += 1
        else:
            counts.failed += 1


def _is_unchanged(candidate: Candidate, catalog: Catalog) -> bool:
    """Tell whether an earlier run has settled this place; forget what it read if not."""
    known = catalog.find_source(candidate)
    if known is None:
        return False
    number, unchanged = known
    if not unchanged:
        catalog.forget_source(number)
    return unchanged


def _chunks(numbered: Iterator[Numbered]) -> Iterator[list[Numbered]]:
    while chunk := list(islice(numbered, CHUNK)):
        yield chunk


def _count(outcomes: Sequence[str], counts: ReadCounts) -> None:
    for outcome in outcomes:
        if outcome == "instance":
            counts.instances += 1
        elif outcome == NOT_DICOM:
            counts.not_dicom += 1
        elif outcome == "filtered":
            counts.filtered += 1
        elif outcome in OTHER:
            counts.other += 1
        else:
            counts.failed += 1
            # A broken file is still DICOM: a folder of such is no folder without DICOM.
            counts.broken += outcome.startswith("read.")


def read_chunk(job: ChunkJob) -> ChunkResult:
    """Read some candidates; a fault of one file is a Problem of that file."""
    result = ChunkResult()
    encoder = RowEncoder(result.batch)
    for number, candidate in job.candidates:
        instance, problems = read_candidate(candidate, job.options)
        outcome = _outcome(instance, problems)
        if instance is not None and job.where and not matches(instance, job.where):
            outcome = "filtered"
        elif instance is not None:
            encoder.add(instance, number)
        if problems and outcome != "filtered":
            result.problems.extend(replace(problem, source=number) for problem in problems)
        result.outcomes.append(outcome)
    return result


def _outcome(instance: Instance | None, problems: Sequence[Problem]) -> str:
    if instance is not None:
        return "instance"
    codes = [problem.code for problem in problems]
    settled = [code for code in codes if code in OTHER]
    return settled[0] if settled else (codes[0] if codes else "read.failed")


def read_candidate(
    candidate: Candidate, options: ReadOptions
) -> tuple[Instance | None, tuple[Problem, ...]]:
    """Read one candidate; whatever goes wrong is a Problem."""
    result, problems = read_steadily(candidate, lambda source: read_instance(source, options))
    return (None, problems) if result is None else (result.instance, result.problems)


def read_steadily(
    candidate: Candidate, read: Callable[[ByteSource], T]
) -> tuple[T | None, tuple[Problem, ...]]:
    """Return what reading a candidate gives, again where it changes meanwhile.

    Whatever goes wrong is a Problem, and then there is no result.
    """
    try:
        for _ in range(ATTEMPTS):
            source = open_candidate(candidate)
            try:
                result = read(source)
                if not source.changed():
                    return result, ()
            finally:
                source.close()
    except FileNotFoundError:
        return None, (Problem(code="find.vanished"),)
    except OSError as error:
        # What an archive's own bytes make impossible comes without a number of the system.
        code = "find.archive-bad" if error.errno is None else "find.unreadable"
        return None, (Problem(code=code),)
    except Exception as error:  # noqa: BLE001 - one file must not end the run
        return None, (Problem(code="read.failed", detail=place_of(error)),)
    return None, (Problem(code="read.unstable"),)


def place_of(error: BaseException) -> str:
    """Return an error's type and where in our code it arose; its text may quote a patient."""
    place = "?"
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get("__name__", "").startswith("dicom2fhir"):
            place = f"{frame.f_globals['__name__']}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return f"{type(error).__name__} at {place}"


def matches(instance: Instance, where: Where) -> bool:
    """Tell whether an instance has all the values that `--where` asks for."""
    return all(value in _values(instance, keyword) for keyword, value in where)


def _values(instance: Instance, keyword: str) -> Sequence[object]:
    own = {
        "SOPClassUID": instance.sop_class_uid,
        "SOPInstanceUID": instance.sop_instance_uid,
        "StudyInstanceUID": instance.study_uid,
        "SeriesInstanceUID": instance.series_uid,
        "TransferSyntaxUID": instance.transfer_syntax_uid,
    }
    if keyword in own:
        return [own[keyword]]
    for level in (instance.patient, instance.study, instance.series, instance.attributes):
        if keyword in level:
            return [str(value) for value in level[keyword]]
    return []
