"""`fetch`: the way back, from the studies of a server to DICOM files and renders."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from dicom2fhir import __version__
from dicom2fhir.deliver.server.dicomweb import StatusError
from dicom2fhir.deliver.server.exchange import NoReplyError
from dicom2fhir.deliver.server.fetching import Fetcher
from dicom2fhir.deliver.server.listing import list_instances
from dicom2fhir.deliver.server.media import find_media
from dicom2fhir.deliver.server.searching import find_study_ids, read_resource
from dicom2fhir.deliver.server.sources import GivenUpError
from dicom2fhir.deliver.tree import Tree, safe_name
from dicom2fhir.errors import (
    ConfigError,
    NothingFoundError,
    ServerRefusedError,
    ServerUnreachableError,
)
from dicom2fhir.pipeline.bringing import Arrival, Bringer, FetchRow, nowhere
from dicom2fhir.pipeline.lanes import run_lanes
from dicom2fhir.pipeline.watching import Unwatched, Watch
from dicom2fhir.problems import Problem
from dicom2fhir.report.summary import Counts, Outcome, ProblemTally, decide_exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dicom2fhir.deliver.server.dicomweb import Place
    from dicom2fhir.deliver.server.listing import ListedInstance, ListedStudy
    from dicom2fhir.deliver.server.media import Render
    from dicom2fhir.deliver.server.retrying import Wait
    from dicom2fhir.errors import Dicom2FhirError
    from dicom2fhir.options import FetchOptions, Wanted

_ENDS = (ServerUnreachableError, ServerRefusedError, ConfigError)
"""What a server does that ends a run."""


@dataclass(slots=True)
class _Run:
    """What has been done so far."""

    tally: ProblemTally = field(default_factory=ProblemTally)
    studies: int = 0
    series: int = 0
    listed: int = 0
    fetched: int = 0
    unchanged: int = 0
    failed: int = 0
    bytes: int = 0
    interrupted: bool = False
    """A file was given up that may come another time."""
    denied: list[int] = field(default_factory=list)
    """The statuses with which the FHIR server refused us files."""

    def add(self, arrival: Arrival) -> None:
        """Count what became of one file."""
        self.fetched += arrival.fetched
        self.unchanged += arrival.unchanged
        self.failed += arrival.failed
        self.bytes += arrival.bytes
        self.interrupted |= arrival.interrupted
        self.denied += [arrival.denied] if arrival.denied else []
        self.tally.extend(arrival.problems)

    def decide_exit(self, code: int) -> int:
        """Return the exit code, this one unless the FHIR server itself was of no use."""
        if self.interrupted:
            return ServerUnreachableError.exit_code
        if self.denied and len(self.denied) == self.listed:
            is_redirect = self.denied[0] < 400  # noqa: PLR2004 - 3xx
            return (ServerRefusedError if is_redirect else ConfigError).exit_code
        return code


def fetch(
    options: FetchOptions,
    watch: Watch | None = None,
    show: Callable[[FetchRow], None] | None = None,
    on_wait: Callable[[Wait], None] = lambda _: None,
) -> Outcome:
    """Bring the files of studies into a folder; with `dry_run` only `show` them.

    `on_wait` is told of each wait for a server.

    Errors: NothingFoundError where no study fits, or none lists anything; ServerRefusedError,
            ServerUnreachableError, ConfigError, OutputError, StateLockedError
    """
    with ExitStack() as stack:
        fetcher = stack.enter_context(closing(Fetcher(options, on_wait)))
        tree = None
        if options.path is not None and not options.dry_run:
            tree = stack.enter_context(closing(Tree(options.path)))
        fetching = _Fetching(options, fetcher, tree, show)
        try:
            fetching.run(watch or Unwatched())
        except _ENDS as fault:
            raise fetching.tell_how_far(fault) from None
        return fetching.outcome()


class _Fetching:
    def __init__(
        self,
        options: FetchOptions,
        fetcher: Fetcher,
        tree: Tree | None,
        show: Callable[[FetchRow], None] | None,
    ) -> None:
        self.done = _Run()
        self._options = options
        self._fetcher = fetcher
        self._bringer = Bringer(fetcher, tree, verify=options.verify) if tree is not None else None
        self._show = show
        self._busy: dict[str, Event] = {}
        """What tells that a file is done with, by its path, until that was counted."""
        self._stopped = False

    def run(self, watch: Watch) -> None:
        """Fetch study by study, several files at a time."""
        watch.stage("fetch")
        arrivals = run_lanes(lambda work: work(), self._jobs(), self._options.jobs, self)
        for number, arrival in enumerate(arrivals, start=1):
            self._count(arrival)
            watch.read(number)

    def stop(self) -> None:
        """Let what is under way be the last."""
        self._stopped = True

    def abort(self) -> None:
        """End what is under way."""
        self._fetcher.abort()

    def tell_how_far(self, fault: Dicom2FhirError) -> Dicom2FhirError:
        """Return the error with what is there; files under way may have come after it."""
        there = self._bringer.there if self._bringer is not None else 0
        kind = next(kind for kind in _ENDS if isinstance(fault, kind))
        if kind is not ServerUnreachableError and not self.done.listed:
            return fault
        again = "Run the same command again: it goes on from there."
        return kind(
            f"{fault} {there} of the {self.done.listed} files listed so far are in their place.",
            hint=again if kind is ServerUnreachableError else f"{fault.hint} {again}".lstrip(),
        )

    def outcome(self) -> Outcome:
        """Return what the run has to say for itself.

        Errors: NothingFoundError
        """
        done = self.done
        if not done.studies:
            raise NothingFoundError(
                "The server has no such ImagingStudy.",
                hint="Check the references, and that you may read these studies.",
            )
        self._note("fetch.other-server", self._fetcher.strangers)
        self._note("fetch.bad-endpoint", self._fetcher.refused)
        counts = Counts(
            files=done.listed,
            dicom=done.listed,
            converted=done.fetched,
            unchanged=done.unchanged,
            failed=done.failed,
            studies=done.studies,
            series=done.series,
            bytes=done.bytes,
            output_files=done.fetched + done.unchanged,
        )
        rows = done.tally.rows()
        if not done.listed and not rows:
            raise NothingFoundError("These studies list no instances.")
        code = decide_exit(counts, rows, self._options.fail_on, expects_dicom=False)
        return Outcome(
            counts=counts, problems=rows, version=__version__, exit_code=done.decide_exit(code)
        )

    def _studies(self) -> Iterator[ListedStudy]:
        seen: set[str] = set()
        for wanted in self._options.wanted:
            found = False
            for study in self._find(wanted, seen):
                found = True
                if study is not None:
                    yield study
            if not found:
                self._note("fetch.not-found")

    def _find(self, wanted: Wanted, seen: set[str]) -> Iterator[ListedStudy | None]:
        """Yield the studies of one reference; None for one that another has named before."""
        for identity in find_study_ids(self._fetcher.fhir, wanted):
            if identity in seen:
                yield None
                continue
            resource = read_resource(self._fetcher.fhir, "ImagingStudy", identity)
            if resource is not None:
                seen.add(identity)
                yield list_instances(resource)

    def _instances(self, study: ListedStudy) -> Iterator[ListedInstance]:
        """Yield what the study lists, and what a DICOMweb server has of what it only counts."""
        yield from study.instances
        listed = {instance.place for instance in study.instances}
        for series in study.uncounted:
            before = sum(place.series_uid == series.series_uid for place in listed)
            detail = ""
            try:
                found = self._fetcher.list_series(series, study)
            except (StatusError, GivenUpError, NoReplyError) as fault:
                found, detail = [], _told(fault)
            more = [one for one in found if one.place not in listed]
            self._note("fetch.unlisted", max(0, series.count - before - len(more)), detail)
            yield from more

    def _jobs(self) -> Iterator[Callable[[], Arrival]]:
        """Yield the work on every file, in the order of what is asked for."""
        for study in self._studies():
            self.done.studies += 1
            self.done.series += study.series
            for instance in self._instances(study):
                path = path_of(instance.place, study)
                yield self._in_turn(path, partial(self._fetch, path, instance, study))
            for render in find_media(self._fetcher.fhir, study) if self._options.renders else ():
                yield self._in_turn(render.path, partial(self._fetch_render, render))

    def _in_turn(self, path: str, work: Callable[[], Arrival]) -> Callable[[], Arrival]:
        """Let the work begin only when an earlier one on the same file has ended."""
        self.done.listed += 1
        before, ended = self._busy.get(path), Event()
        self._busy[path] = ended

        def work_in_turn() -> Arrival:
            try:
                if before is not None:
                    before.wait()
                return Arrival(path=path) if self._stopped else work()
            finally:
                ended.set()

        return work_in_turn

    def _fetch(self, path: str, instance: ListedInstance, study: ListedStudy) -> Arrival:
        if self._bringer is not None:
            return self._bringer.bring(path, instance, study)
        ways = self._fetcher.ways(instance, study)
        listed = Arrival(
            path=path,
            row=FetchRow(
                path=path, way=ways[0].name if ways else "nowhere", sha256=instance.sha256
            ),
        )
        if not ways:
            listed.fail(nowhere(self._fetcher, instance, study))
        return listed

    def _fetch_render(self, render: Render) -> Arrival:
        if self._bringer is not None:
            return self._bringer.bring_render(render)
        return Arrival(path=render.path, row=FetchRow(path=render.path, way="media"))

    def _count(self, arrival: Arrival) -> None:
        self.done.add(arrival)
        ended = self._busy.get(arrival.path)
        if ended is not None and ended.is_set():
            del self._busy[arrival.path]
        if arrival.row is not None and self._show is not None:
            self._show(arrival.row)

    def _note(self, code: str, count: int = 1, detail: str = "") -> None:
        if count:
            self.done.tally.add(Problem(code=code, count=count, detail=detail))


def _told(fault: StatusError | GivenUpError | NoReplyError) -> str:
    if isinstance(fault, StatusError):
        return f"HTTP {fault.status}"
    return fault.code if isinstance(fault, GivenUpError) else fault.fault.value


def path_of(place: Place, study: ListedStudy) -> str:
    """Return where the file of an instance goes, below the folder."""
    folder = safe_name(place.study_uid or study.id)
    return f"{folder}/{safe_name(place.series_uid)}/{safe_name(place.sop_instance_uid)}.dcm"
