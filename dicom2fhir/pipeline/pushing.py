"""`push`, and what `convert --to` shares with it: Bundles to a FHIR server, a study at a time."""

from __future__ import annotations

import re
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dicom2fhir import __version__
from dicom2fhir.deliver import SourceChangedError
from dicom2fhir.deliver.server.capability import EXPLAINED, choose_mode, read_capability
from dicom2fhir.deliver.server.entries import (
    NotATransactionError,
    is_master,
    name_of,
    read_encoded,
    read_entries,
    targets_of,
)
from dicom2fhir.deliver.server.judging import Action
from dicom2fhir.deliver.server.measuring import MeasuredClient
from dicom2fhir.deliver.server.outbox import Outbox, State
from dicom2fhir.deliver.server.retrying import Retrier
from dicom2fhir.deliver.server.sending import Pusher
from dicom2fhir.deliver.server.site import Site, Tally
from dicom2fhir.errors import Dicom2FhirError, NothingFoundError, ServerUnreachableError
from dicom2fhir.pipeline.binary_list import BinaryList
from dicom2fhir.pipeline.documents import DocumentError, read_documents
from dicom2fhir.pipeline.lanes import run_lanes
from dicom2fhir.pipeline.payload import Contents
from dicom2fhir.pipeline.validation import FORMS, STDIN, find_bundle_files
from dicom2fhir.pipeline.watching import Unwatched
from dicom2fhir.problems import Problem
from dicom2fhir.report.summary import (
    Counts,
    Delivery,
    Outcome,
    ProblemTally,
    decide_exit,
    push_exit,
    severest,
)
from dicom2fhir.temporary import PrivateFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from dicom2fhir.deliver.server.entries import Hash
    from dicom2fhir.deliver.server.exchange import Reply, Request
    from dicom2fhir.deliver.server.outbox import Item
    from dicom2fhir.deliver.server.retrying import Wait
    from dicom2fhir.model import EncodedBundle, PushEntry, Resource
    from dicom2fhir.options import PushOptions
    from dicom2fhir.pipeline.watching import Watch

SHARED: Final = {"Patient", "Practitioner", "Organization", "Endpoint", "Device"}
"""Types that Bundles of different studies may hold alike."""
_PART: Final = re.compile(r"(?P<study>.+)\.part-\d{3,}\.json(\.gz)?")


@dataclass(slots=True)
class Group:
    """The Bundles of one study, in order, and where they were read."""

    parts: list[list[PushEntry]] = field(default_factory=list)
    binaries: list[Resource] = field(default_factory=list)
    problems: list[tuple[Problem, str]] = field(default_factory=list)
    label: str = ""
    file: str = ""
    is_open: bool = True
    """Until something beside Binaries and what studies share is in it."""
    urls: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def add(self, part: list[PushEntry]) -> None:
        """Append a part."""
        self.parts.append(part)
        for entry in part:
            kind = entry.resource["resourceType"]
            if kind not in SHARED:
                self.urls.add(entry.full_url)
                self.is_open = self.is_open and kind == "Binary"
            if not is_master(entry):
                self.names.add(name_of(entry))

    def goes_on_with(self, part: Sequence[PushEntry], file: str) -> bool:
        """Tell whether a part belongs to the study of the parts so far."""
        if not self.parts:
            return True
        if file and file == self.file:
            return True
        if self.is_open or any(entry.full_url in self.urls for entry in part):
            return True
        own = {name_of(entry) for entry in part}
        named = (target for entry in part for target in targets_of(entry.resource))
        return any(target in self.names and target not in own for target in named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of one study."""

    label: str
    problems: tuple[Problem, ...] = ()
    whole: bool = True


class Sender:
    """The way to one server for the time of a run; threads may share it."""

    def __init__(self, site: Site, client: MeasuredClient) -> None:
        self.site = site
        self._client = client
        self._pusher = Pusher(site)
        self._lock = threading.Lock()
        self.studies = self.done = 0
        self.problems: list[Problem] = []
        """What is wrong with what we remember of the server."""
        self.stopped_by: Dicom2FhirError | None = None

    def send_bundles(self, bundles: Sequence[EncodedBundle], binaries: Sequence[Resource]) -> Sent:
        """Bring the Bundles of one Study Instance UID to the server, none where there are none."""
        if not bundles:
            return Sent(label="")
        parts = [read_encoded(bundle) for bundle in bundles]
        problems, whole = self.send(parts, binaries)
        return Sent(label="", problems=tuple(problems), whole=whole)

    def send(
        self, parts: Sequence[Sequence[PushEntry]], binaries: Sequence[Resource] = ()
    ) -> tuple[list[Problem], bool]:
        """Bring one study to the server; return its Problems, and whether all of it is there."""
        with self._lock:
            self.studies += 1
        problems, whole = self._pusher.push_study(parts, binaries)
        with self._lock:
            self.done += whole
        return problems, whole

    def stop(self) -> None:
        """Let the requests that are under way be the last."""
        self.site.stopping = True

    def abort(self) -> None:
        """End what the threads wait for."""
        self.site.retrier.abort()

    def delivery(self) -> Delivery:
        """Return what went to the server so far, and what stopped the run."""
        stop = self.stopped_by
        counts = self.site.tally.counts
        settled = counts["sent"] + counts["unchanged"] + counts["kept"]
        return Delivery(
            mode=EXPLAINED[self.site.mode],
            studies=self.studies,
            studies_done=self.done,
            resources=max(counts["resources"], settled),
            sent=counts["sent"],
            unchanged=counts["unchanged"] + counts["kept"],
            left=max(0, counts["resources"] - settled),
            binaries=counts["binaries"],
            verified=counts["verified"],
            requests=self._client.statuses.total(),
            bytes=self._client.bytes,
            latency=self._client.latency(),
            statuses=dict(sorted(self._client.statuses.items())),
            stopped=stop.exit_code if stop is not None else 0,
            reason=str(stop) if stop is not None else "",
            hint=stop.hint if stop is not None else "",
        )


@contextmanager
def open_sender(
    options: PushOptions, on_wait: Callable[[Wait], None] = lambda _: None
) -> Iterator[Sender]:
    """Connect to the server, ask what it can do, and open the outbox.

    Errors: StateLockedError, OutputError; ServerRefusedError, ServerUnreachableError, ConfigError
    """
    with ExitStack() as stack:
        outbox = stack.enter_context(Outbox(options.state, options.server.base))
        client = stack.enter_context(MeasuredClient(options.server))
        retrier = Retrier(client, options.server, on_wait=on_wait)
        capability = read_capability(lambda request: _ask(retrier, request))
        if options.retry_dead:
            outbox.revive()
        site = Site(
            client=client,
            retrier=retrier,
            outbox=outbox,
            options=options,
            capability=capability,
            mode=choose_mode(capability, options.ids),
            contents=Contents(),
            pause=retrier.pause,
            tally=Tally(),
        )
        sender = Sender(site, client)
        if outbox.set_aside:
            sender.problems.append(Problem(code="push.state-damaged"))
        if site.has_lost_all():
            outbox.doubt()
            sender.problems.append(Problem(code="push.emptied"))
        yield sender


def _ask(retrier: Retrier, request: Request) -> Reply:
    outcome = retrier.send(request)
    if outcome.reply is not None and outcome.action is not Action.LATER:
        return outcome.reply
    if outcome.error is not None:
        raise outcome.error
    raise ServerUnreachableError(
        f"The server cannot answer now ({outcome.code}).", hint="Run again later."
    )


def push(
    options: PushOptions,
    watch: Watch | None = None,
    on_wait: Callable[[Wait], None] = lambda _: None,
) -> Outcome:
    """Send Bundles made earlier to a server.

    Errors: UsageError, NothingFoundError; those of `open_sender`. What ends the run later is told
            in the outcome, beside what was delivered until then
    """
    watch = watch or Unwatched()
    tally = ProblemTally()
    with ExitStack() as stack:
        spools = PrivateFolder(options.temp_dir)
        stack.callback(spools.remove)
        listed = stack.enter_context(BinaryList(options.binaries))
        sender = stack.enter_context(open_sender(options, on_wait))
        tally.extend(sender.problems)
        watch.stage("push")
        reading = _Reading(options, spools, listed, sender.site.contents.sha256)

        def send(group: Group) -> Sent:
            problems, whole = [problem for problem, _ in group.problems], not group.problems
            if whole:
                problems, whole = sender.send(group.parts, group.binaries)
            return Sent(label=group.label, problems=tuple(problems), whole=whole)

        try:
            for number, sent in enumerate(
                run_lanes(send, reading.groups(), options.jobs, sender), start=1
            ):
                tally.extend(sent.problems, sent.label)
                watch.written(number, number)
        except Dicom2FhirError as error:
            sender.stopped_by = error
        if not reading.files:
            raise NothingFoundError(
                "No Bundle was found.",
                hint=f"Bundles are files that end in {', '.join(FORMS)}, or come by a pipe.",
            )
        rows = tally.rows()
        delivery = sender.delivery()
    counts = Counts(files=reading.files, bundles=reading.bundles, entries=reading.entries)
    return Outcome(
        counts=counts,
        problems=rows,
        version=__version__,
        delivery=delivery,
        exit_code=severest(
            decide_exit(counts, rows, options.fail_on, expects_dicom=False),
            push_exit(delivery, rows),
        ),
    )


def list_dead(options: PushOptions) -> list[Item]:
    """Return what the server has refused in earlier runs.

    Errors: StateLockedError, OutputError
    """
    with Outbox(options.state, options.server.base) as outbox:
        return outbox.items(State.DEAD)


class _Reading:
    """Reads Bundles and puts together those of one study."""

    def __init__(
        self, options: PushOptions, spools: PrivateFolder, listed: BinaryList, sha256: Hash
    ) -> None:
        self.files = self.bundles = self.entries = 0
        self._options = options
        self._spools = spools
        self._listed = listed
        self._sha256 = sha256

    def groups(self) -> Iterator[Group]:
        """Yield the Bundles study by study, with the listed Binaries that each names."""
        group = Group()
        for path in find_bundle_files(self._options.sources):
            self.files += 1
            named = _PART.fullmatch(path.name)
            file = str(path.with_name(named["study"])) if named is not None else ""
            for label, part in self._parts(path):
                if isinstance(part, Problem):
                    yield Group(problems=[(part, label)], label=label)
                    continue
                if not group.goes_on_with(part, file):
                    yield self._with_binaries(group)
                    group = Group()
                group.label = group.label or label
                group.file = file
                group.add(part)
        if group.parts:
            yield self._with_binaries(group)
        for binary, same in self._listed.rest():
            self.files += 1
            yield self._alone(binary, same=same)

    def _parts(self, path: Path) -> Iterator[tuple[str, list[PushEntry] | Problem]]:
        number = 0
        try:
            for number, document in enumerate(read_documents(path, self._spools), start=1):
                self.bundles += 1
                label = f"{path}, Bundle {number}"
                try:
                    part = read_entries(document, self._sha256)
                    self.entries += len(part)
                    yield label, part
                except NotATransactionError:
                    yield label, Problem(code="push.not-a-transaction")
                except SourceChangedError as changed:
                    yield label, Problem(code=changed.code)
            if path == STDIN and not number:
                self.files -= 1  # whoever writes into the pipe has failed, or had nothing
        except DocumentError as fault:
            yield f"{path}, Bundle {number + 1}", Problem(code=str(fault))

    def _with_binaries(self, group: Group) -> Group:
        """Add the Binaries that the Bundles name and do not hold."""
        wanted = dict.fromkeys(
            target.removeprefix("Binary/")
            for part in group.parts
            for entry in part
            for target in targets_of(entry.resource)
            if target.startswith("Binary/") and target not in group.names
        )
        for binary, same in self._listed.take(wanted):
            if same:
                group.binaries.append(binary)
            else:
                group.problems.append((Problem(code="push.hash-mismatch"), group.label))
        return group

    @staticmethod
    def _alone(binary: Resource, *, same: bool) -> Group:
        label = "a listed Binary that no Bundle names"
        if same:
            return Group(binaries=[binary], label=label)
        return Group(problems=[(Problem(code="push.hash-mismatch"), label)], label=label)
