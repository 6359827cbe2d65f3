"""`fetch`: the way back, from the studies of a server to DICOM files and renders."""

from __future__ import annotations

from base64 import b64decode
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dicom2fhir import __version__
from dicom2fhir.deliver.server.dicomweb import DamagedReplyError, StatusError
from dicom2fhir.deliver.server.exchange import Fault, NoReplyError, Reply
from dicom2fhir.deliver.server.fetching import Fetcher, NowhereError
from dicom2fhir.deliver.server.listing import list_instances
from dicom2fhir.deliver.server.media import find_media
from dicom2fhir.deliver.server.retrying import Action, judge_reply
from dicom2fhir.deliver.server.searching import find_study_ids, read_resource
from dicom2fhir.deliver.tree import Tree, safe_name
from dicom2fhir.errors import NothingFoundError, ServerUnreachableError
from dicom2fhir.model import Candidate
from dicom2fhir.options import ReadOptions
from dicom2fhir.pipeline.reading import read_candidate
from dicom2fhir.pipeline.watching import Unwatched, Watch
from dicom2fhir.problems import Problem
from dicom2fhir.report.summary import Counts, Outcome, ProblemTally, decide_exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from dicom2fhir.deliver.server.dicomweb import Place
    from dicom2fhir.deliver.server.listing import ListedInstance, ListedStudy
    from dicom2fhir.deliver.server.media import Render
    from dicom2fhir.deliver.server.retrying import Wait
    from dicom2fhir.deliver.tree import NewFile
    from dicom2fhir.options import FetchOptions, Wanted

AS_IT_IS: Final = ReadOptions(allow_truncated=True)
"""What was stored comes back as it was, truncated or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRow:
    """One file as `--dry-run` lists it: where it would be, and the first way to its bytes."""

    path: str
    way: str
    sha256: str = ""
    is_there: bool = False


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
    written: dict[str, str] = field(default_factory=dict)
    """Digest by path, of studies that may overlap."""


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
        except ServerUnreachableError as fault:
            raise _tell_how_far(fault, fetching.done) from None
        return fetching.outcome()


def _tell_how_far(fault: ServerUnreachableError, done: _Run) -> ServerUnreachableError:
    there = done.fetched + done.unchanged
    return ServerUnreachableError(
        f"{fault} {there} of the {done.listed} files listed so far are in their place.",
        hint="Run the same command again: it goes on from there.",
    )


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
        self._tree = tree
        self._show = show

    def run(self, watch: Watch) -> None:
        """Fetch study by study, instance by instance."""
        watch.stage("fetch")
        for study in self._studies():
            self.done.studies += 1
            self.done.series += study.series
            for instance in self._instances(study):
                self.done.listed += 1
                self._fetch(instance, study)
                watch.read(self.done.listed)
            for render in find_media(self._fetcher.fhir, study) if self._options.renders else ():
                self.done.listed += 1
                self._fetch_render(render)
                watch.read(self.done.listed)

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
        if done.interrupted:
            code = ServerUnreachableError.exit_code
        return Outcome(counts=counts, problems=rows, version=__version__, exit_code=code)

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
            try:
                found = self._fetcher.list_series(series, study)
            except StatusError:
                found = []
            more = [one for one in found if one.place not in listed]
            self._note("fetch.unlisted", max(0, series.count - before - len(more)))
            yield from more

    def _fetch(self, instance: ListedInstance, study: ListedStudy) -> None:
        path = path_of(instance.place, study)
        if self._tree is None:
            self._list(path, instance, study)
        elif self._is_there(path, instance):
            self.done.unchanged += 1
        else:
            self._bring(path, instance, study)

    def _list(self, path: str, instance: ListedInstance, study: ListedStudy) -> None:
        ways = self._fetcher.ways(instance, study)
        if not ways:
            self._fail(Problem(code="fetch.nowhere"))
        if self._show is not None:
            self._show(FetchRow(path=path, way=(ways or ["nowhere"])[0], sha256=instance.sha256))

    def _is_there(self, path: str, instance: ListedInstance) -> bool:
        """Tell whether an earlier run has brought this very file."""
        assert self._tree is not None  # noqa: S101 - for mypy
        digest = self._tree.digest(path)
        if digest is None:
            return False
        if instance.sha256:
            same = digest == instance.sha256
        else:
            # A file takes its place only whole: what it holds tells which it is.
            same = not self._options.verify and _is_instance(self._tree.path(path), instance.place)
        if same:
            self.done.written[path] = digest
        return same

    def _bring(self, path: str, instance: ListedInstance, study: ListedStudy) -> None:
        assert self._tree is not None  # noqa: S101 - for mypy
        if self._tree.is_blocked(path):
            self._fail(Problem(code="deliver.foreign"))
            return
        received = self._receive(path, lambda: self._fetcher.open(instance, study))
        with received as file:
            if file is not None and self._accept(path, file, instance):
                self._keep(path, file)

    @contextmanager
    def _receive(
        self,
        path: str,
        opened: Callable[[], AbstractContextManager[Iterator[bytes]]],
        algorithm: str = "sha256",
    ) -> Iterator[NewFile | None]:
        """Give the file that came, trying more than once; None, with a Problem, where none did."""
        assert self._tree is not None  # noqa: S101 - for mypy
        with self._tree.open(path, algorithm) as file:
            attempt = _Attempt(file, opened)
            try:
                reply = self._fetcher.repeat(attempt)
            except NoReplyError as fault:
                if fault.fault in {Fault.CONNECT, Fault.ABORTED}:
                    raise
                attempt.problem = Problem(code="fetch.refused", detail=fault.fault.value)
                self.done.interrupted = True
            else:
                self.done.interrupted |= judge_reply(reply) is Action.RETRY
            if attempt.problem is None:
                yield file
                return
        self._fail(attempt.problem)
        yield None

    def _accept(self, path: str, file: NewFile, instance: ListedInstance) -> bool:
        """Tell whether what came is what was asked for, and no other study's."""
        proven = bool(instance.sha256)
        if proven and file.digest != instance.sha256:
            return self._fail(Problem(code="fetch.differs"))
        look = not proven or self._options.verify
        if look and not _is_instance(file.path, instance.place):
            return self._fail(Problem(code="fetch.wrong-instance"))
        if self.done.written.get(path, file.digest) != file.digest:
            return self._fail(Problem(code="fetch.name-taken"))
        if not proven:
            self._note("fetch.unproven")
        return True

    def _keep(self, path: str, file: NewFile, algorithm: str = "sha256") -> None:
        assert self._tree is not None  # noqa: S101 - for mypy
        digest, size = file.digest, file.size
        file.keep()
        if self._options.verify and self._tree.digest(path, algorithm) != digest:
            self._fail(Problem(code="fetch.damaged"))
            return
        self.done.written[path] = digest
        self.done.fetched += 1
        self.done.bytes += size

    def _fetch_render(self, render: Render) -> None:
        if self._tree is None:
            if self._show is not None:
                self._show(FetchRow(path=render.path, way="media"))
            return
        if self._tree.is_blocked(render.path):
            self._fail(Problem(code="deliver.foreign"))
            return
        expected = b64decode(render.sha1).hex() if render.sha1 else ""
        if expected and self._tree.digest(render.path, "sha1") == expected:
            self.done.unchanged += 1
            return
        received = self._receive(
            render.path, lambda: self._fetcher.open_attachment(render.attachment), "sha1"
        )
        with received as file:
            if file is None:
                return
            if expected and file.digest != expected:
                self._fail(Problem(code="fetch.differs"))
            else:
                self._keep(render.path, file, "sha1")

    def _fail(self, problem: Problem) -> bool:
        """Count a file that is not where it belongs; return False."""
        self.done.failed += 1
        self.done.tally.add(problem)
        return False

    def _note(self, code: str, count: int = 1) -> None:
        if count:
            self.done.tally.add(Problem(code=code, count=count))


class _Attempt:
    """One way to a file, tried from its beginning each time."""

    def __init__(
        self, file: NewFile, opened: Callable[[], AbstractContextManager[Iterator[bytes]]]
    ) -> None:
        self.problem: Problem | None = None
        self._file = file
        self._opened = opened

    def __call__(self) -> Reply:
        self.problem = None
        self._file.restart()
        try:
            with self._opened() as chunks:
                for chunk in chunks:
                    self._file.write(chunk)
        except NowhereError:
            self.problem = Problem(code="fetch.nowhere")
        except DamagedReplyError:
            self.problem = Problem(code="fetch.damaged")
        except StatusError as fault:
            self.problem = Problem(code="fetch.refused", detail=f"HTTP {fault.status}")
            return fault.reply
        return Reply(status=200)


def path_of(place: Place, study: ListedStudy) -> str:
    """Return where the file of an instance goes, below the folder."""
    folder = safe_name(place.study_uid or study.id)
    return f"{folder}/{safe_name(place.series_uid)}/{safe_name(place.sop_instance_uid)}.dcm"


def _is_instance(path: str, place: Place) -> bool:
    instance, _ = read_candidate(Candidate(path=path), AS_IT_IS)
    if instance is None:
        return False
    found = (instance.study_uid, instance.series_uid, instance.sop_instance_uid)
    return found == tuple(place)
