"""`convert`: the whole way from sources to delivered Bundles."""

from __future__ import annotations

import hashlib
import time
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dicom2fhir import __version__
from dicom2fhir.catalog import Catalog, find_patient_conflicts, open_catalog
from dicom2fhir.errors import UsageError
from dicom2fhir.find import Finder
from dicom2fhir.mapping import issuer_key
from dicom2fhir.pipeline.delivery import EmissionCounts, Outlets, deliver_studies
from dicom2fhir.pipeline.payload import PayloadReader
from dicom2fhir.pipeline.reading import ReadCounts, read_sources
from dicom2fhir.pipeline.watching import Unwatched, Watch
from dicom2fhir.pipeline.workers import Workers
from dicom2fhir.problems import Problem
from dicom2fhir.report.summary import (
    Counts,
    Outcome,
    Place,
    ProblemRow,
    Timing,
    decide_exit,
    order_rows,
    push_exit,
    row_of,
    severest,
)
from dicom2fhir.temporary import PrivateFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dicom2fhir.deliver import RawFolder, Sink
    from dicom2fhir.deliver.server.retrying import Wait
    from dicom2fhir.deliver.server.steady import SteadyClient
    from dicom2fhir.options import Options
    from dicom2fhir.pipeline.pushing import Sender
    from dicom2fhir.problems import PlacedProblem
    from dicom2fhir.report.pictures import StudyCard
    from dicom2fhir.report.summary import Delivery

    Report = Callable[[Outcome, Iterator[PlacedProblem], Iterator[StudyCard]], None]

EXAMPLES = 5

CONTRADICTIONS: tuple[tuple[Callable[[Options], bool], str, str], ...] = (
    (
        lambda options: options.map.provenance and options.map.timestamp is None,
        "--provenance needs a time that does not change from run to run.",
        "Give --timestamp or set SOURCE_DATE_EPOCH.",
    ),
    (
        lambda options: options.map.provenance and options.bundle.ids == "server",
        "--provenance cannot go with --ids server: a Provenance has no identifier to match on.",
        "Use --ids client.",
    ),
    (
        lambda options: options.map.dicom == "link" and options.map.dicomweb is None,
        "--dicom link needs the address to link to.",
        "Give --dicomweb URL.",
    ),
    (
        lambda options: options.map.dicom != "link" and options.map.dicomweb is not None,
        "--dicomweb says that its server has the images; it goes with --dicom link alone.",
        "Leave out one of them; --dicomweb alone means --dicom link.",
    ),
    (
        lambda options: (
            options.map.dicom == "binary"
            and options.bundle.ids == "server"
            and options.raw_dir is None
        ),
        "--dicom binary cannot go with --ids server: a Binary has no identifier to match on.",
        "Use --raw-dir DIR to have the bytes beside the Bundles, or --dicom link or none.",
    ),
    (
        lambda options: (
            options.raw_dir is not None
            and options.map.dicom != "binary"
            and options.render.media == "none"
        ),
        "--raw-dir has nothing to hold: no files, pictures or documents become Binaries.",
        "Leave it out, or use --dicom binary or another --media.",
    ),
)
"""What cannot be done as asked: when, why, and what to use instead."""


@dataclass(slots=True)
class Stopwatch:
    """Measures how long the stages of a run take."""

    timings: list[Timing] = field(default_factory=list)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Record the wall time of one stage."""
        start = time.perf_counter()
        yield
        self.timings.append(Timing(stage=stage, seconds=round(time.perf_counter() - start, 3)))

    def add_to(self, outcome: Outcome) -> Outcome:
        """Return the outcome with the times that were measured."""
        return replace(outcome, timings=tuple(self.timings))


def convert(
    options: Options,
    watch: Watch | None = None,
    listing: BinaryIO | None = None,
    report: Report | None = None,
    on_wait: Callable[[Wait], None] = lambda _: None,
) -> Outcome:
    """Convert the sources and deliver the Bundles.

    `report` is called with the outcome and every single Problem, while those can still be read.
    Errors: Dicom2FhirError of every kind; nothing half-written stays behind.
    """
    watch = watch or Unwatched()
    _refuse_contradictions(options)
    stopwatch = Stopwatch()
    anew = _is_output_gone(options)
    reader = PayloadReader()
    with ExitStack() as stack:
        sink = None if options.dry_run else stack.enter_context(_sink(options, reader))
        finder = stack.enter_context(Finder(options.find, _places_of_output(options)))
        catalog = stack.enter_context(
            open_catalog(options.state, _reading_rules(options), options.find.temp_dir)
        )
        workers = stack.enter_context(Workers(options.workers))
        sender = stack.enter_context(_sender(options, on_wait))
        stow = stack.enter_context(_stow(options, on_wait))
        outlets = stack.enter_context(_outlets(options, workers, reader))
        outlets = replace(outlets, push=sender, stow=stow)
        with stopwatch.measure("read"):
            watch.stage("read")
            findings = finder.find(
                options.sources, listing=listing, null_separated=options.null_separated
            )
            read = read_sources(findings, catalog, options, workers, watch)
            if finder.met_out():
                raise UsageError(
                    "OUT or the raw folder lies where the input is.",
                    hint="Choose a place outside the input.",
                )
            catalog.add_problems(_conflicts_between_studies(catalog, options))
        with stopwatch.measure("write"):
            watch.stage("write")
            if not read.instances + read.unchanged and sink is not None and not catalog.kept:
                # An empty Bundle would look like a run that found something.
                sink.abort()
                sink = None
            outlets = replace(outlets, sink=sink)
            emitted = _emit(catalog, options, workers, watch, outlets, anew=anew)
        outcome = stopwatch.add_to(summarise(read, emitted, catalog, sink, options))
        if sender is not None:
            outcome = _with_delivery(outcome, sender.delivery())
        if report is not None:
            report(outcome, catalog.problem_items(), _cards(outlets))
    return outcome


def wants_bytes(options: Options) -> bool:
    """Tell whether anything travels with a study besides its attributes."""
    render = options.render
    return (
        options.map.dicom in {"binary", "attachment"}
        or options.stow is not None
        or render.media != "none"
        or render.thumbnails
    )


@contextmanager
def _outlets(options: Options, workers: Workers, reader: PayloadReader) -> Iterator[Outlets]:
    """Open what takes bytes and cards; what was begun is removed unless the run ends well."""
    if not wants_bytes(options):
        yield Outlets(reader=reader)
        return
    from dicom2fhir.pipeline.rendering import shared_renderer  # noqa: PLC0415 - only for bytes

    with ExitStack() as stack:
        folder = PrivateFolder(options.find.temp_dir)
        stack.callback(folder.remove)
        stack.callback(lambda: shared_renderer(workers.unused).close())
        raw = stack.enter_context(_raw_folder(options, reader))
        cards = None
        if options.render.thumbnails:
            cards = folder.path / "cards"
            cards.touch()
        yield Outlets(reader=reader, raw=raw, cards=cards, spools=folder.path)


@contextmanager
def _sender(options: Options, on_wait: Callable[[Wait], None]) -> Iterator[Sender | None]:
    """Connect to the server before anything is read: what it lacks is said at once."""
    if options.push is None or options.dry_run:
        yield None
        return
    from dicom2fhir.pipeline.pushing import open_sender  # noqa: PLC0415 - only with --to

    with open_sender(options.push, on_wait) as sender:
        yield sender


@contextmanager
def _stow(options: Options, on_wait: Callable[[Wait], None]) -> Iterator[SteadyClient | None]:
    """Make ready to send to the DICOMweb server."""
    if options.stow is None or options.dry_run:
        yield None
        return
    from dicom2fhir.deliver.server.steady import SteadyClient  # noqa: PLC0415 - only with --stow

    with SteadyClient(options.stow, on_wait) as client:
        yield client


def _with_delivery(outcome: Outcome, delivery: Delivery) -> Outcome:
    code = severest(outcome.exit_code, push_exit(delivery, outcome.problems))
    return replace(outcome, delivery=delivery, exit_code=code)


@contextmanager
def _raw_folder(options: Options, reader: PayloadReader) -> Iterator[RawFolder | None]:
    if options.raw_dir is None or options.dry_run:
        yield None
        return
    from dicom2fhir.deliver import open_raw  # noqa: PLC0415 - asked for seldom

    raw = open_raw(options.raw_dir, options.sources, options.output.overwrite, reader)
    try:
        yield raw
    except BaseException:
        raw.abort()
        raise


def _cards(outlets: Outlets) -> Iterator[StudyCard]:
    if outlets.cards is None:
        return
    from dicom2fhir.report.pictures import StudyCard  # noqa: PLC0415 - asked for seldom

    with outlets.cards.open("rb") as lines:
        for line in lines:
            yield StudyCard.from_json(line)


def _refuse_contradictions(options: Options) -> None:
    for applies, sentence, hint in CONTRADICTIONS:
        if applies(options):
            raise UsageError(sentence, hint=hint)


@contextmanager
def _sink(options: Options, reader: PayloadReader) -> Iterator[Sink | None]:
    """Open the sink; what was begun is removed unless the run comes to its end."""
    if options.output.path is None:
        yield None
        return
    from dicom2fhir.deliver import open_sink  # noqa: PLC0415 - a dry run needs none

    sink = open_sink(options.output, options.sources, reader)
    try:
        yield sink
    except BaseException:
        sink.abort()
        raise


def _reading_rules(options: Options) -> str:
    """Name how files are read: what other rules have read is read again."""
    rules = (__version__, astuple(options.read), options.where)
    return hashlib.sha256(repr(rules).encode()).hexdigest()


def _writing_rules(options: Options) -> str:
    """Name how studies are written: what other rules have written is written again."""
    rules = (
        __version__,
        repr(options.map),
        repr(options.bundle),
        options.output.path,
        options.keep_rejected,
        repr(options.render),
        repr(options.report),
        options.zero_preamble,
        options.raw_dir,
        options.push.server.base if options.push is not None else None,
    )
    return hashlib.sha256(repr(rules).encode()).hexdigest()


def _conflicts_between_studies(catalog: Catalog, options: Options) -> list[Problem]:
    problems = find_patient_conflicts(catalog, partial(issuer_key, options=options.map))
    problems.extend(
        Problem(code="catalog.series-in-two-studies", source=source, count=studies)
        for source, studies in catalog.series_in_two_studies()
    )
    return problems


def _places_of_output(options: Options) -> tuple[str, ...]:
    """Return the folders and files that output goes to; none for a stream and a dry run."""
    if options.dry_run:
        return ()
    path, beside = options.output.path, options.raw_dir
    if path == "-" or (path is not None and path.startswith(("/dev/", "/proc/"))):
        path = None
    return tuple(place for place in (path, beside) if place is not None)


def _is_output_gone(options: Options) -> bool:
    """Tell whether OUT is a folder and not there, or not what lies beside it.

    What was written into it is gone then.
    """
    path = options.output.path
    if path is None or path == "-" or path.casefold().endswith((".json", ".ndjson", ".gz")):
        return False
    beside = options.raw_dir if options.map.dicom == "binary" else None
    return not all(Path(place).exists() for place in (path, beside) if place is not None)


def _emit(
    catalog: Catalog,
    options: Options,
    workers: Workers,
    watch: Watch,
    outlets: Outlets,
    *,
    anew: bool,
) -> EmissionCounts:
    rules = _writing_rules(options)
    study_uids = catalog.study_uids(emitted_as=rules if catalog.kept and not anew else None)
    emitted = deliver_studies(catalog, study_uids, options, workers, watch, outlets)
    if outlets.raw is not None:
        # What the Bundles point at is in its place before they are.
        catalog.add_problems(outlets.raw.finish())
    if outlets.sink is not None:
        catalog.add_problems(outlets.sink.finish())
    if catalog.kept and (outlets.sink is not None or outlets.push is not None):
        catalog.mark_emitted(emitted.study_uids, rules)
    return emitted


def summarise(
    read: ReadCounts,
    emitted: EmissionCounts,
    catalog: Catalog,
    sink: Sink | None,
    options: Options,
) -> Outcome:
    """Return all that a run has to say for itself."""
    counts = Counts(
        files=read.files,
        dicom=read.instances + read.filtered + read.broken,
        not_dicom=read.not_dicom,
        other=read.other,
        converted=emitted.converted,
        duplicates=emitted.duplicates,
        conflicts=emitted.conflicts,
        rejected=emitted.rejected,
        stored=emitted.stored,
        unchanged=read.unchanged,
        filtered=read.filtered,
        failed=read.failed + emitted.failed,
        studies=emitted.studies,
        series=emitted.series,
        patients=len(emitted.patients),
        bundles=sink.bundles if sink else 0,
        entries=sink.entries if sink else 0,
        bytes=sink.bytes if sink else 0,
        output_files=sink.files if sink else 0,
        reports=emitted.numbers.reports,
        numbers=emitted.numbers.found,
        numbers_as_observations=emitted.numbers.observations,
        numbers_as_components=emitted.numbers.components,
        numbers_omitted=emitted.numbers.omitted,
    )
    problems = order_rows(
        _problem_row(catalog, code, seen) for code, seen in catalog.problem_counts()
    )
    return Outcome(
        counts=counts,
        problems=problems,
        version=__version__,
        # A night without a new file is no night without DICOM.
        exit_code=decide_exit(
            counts, problems, options.fail_on, expects_dicom=not (catalog.kept and not read.files)
        ),
    )


def _problem_row(catalog: Catalog, code: str, seen: int) -> ProblemRow:
    places = tuple(
        Place(path=item.label or "", tag=item.tag, element=item.element, detail=item.detail)
        for item in catalog.problem_items(code, EXAMPLES)
    )
    return row_of(code, seen, places)
