"""Bringing studies to a server: each resource once, whatever happens on the way."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dicom2fhir.bundle.encoding import encode_pieces
from dicom2fhir.deliver.blocks import SourceChangedError, blocks_of
from dicom2fhir.deliver.server.binaries import BinarySender, length_of
from dicom2fhir.deliver.server.capability import WriteMode
from dicom2fhir.deliver.server.entries import (
    digest_of,
    encode_part,
    in_order,
    is_master,
    key_of,
    name_of,
    rename,
    targets_of,
)
from dicom2fhir.deliver.server.exchange import Request
from dicom2fhir.deliver.server.masters import WRITE, Masters
from dicom2fhir.deliver.server.outbox import Item, State
from dicom2fhir.deliver.server.replies import EntryResult, judge
from dicom2fhir.deliver.server.retrying import REPLIES, RETRY_AFTER_CAP, Action, judge_reply
from dicom2fhir.deliver.server.site import HeldBackError, is_unknown, told
from dicom2fhir.deliver.server.studies import Stored, Studies, stored_item
from dicom2fhir.deliver.server.writing import Ready, Writer
from dicom2fhir.model import size_of
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dicom2fhir.deliver.server.exchange import Reply
    from dicom2fhir.deliver.server.retrying import Outcome
    from dicom2fhir.deliver.server.site import Site
    from dicom2fhir.model import Piece, PushEntry, Resource

MAX_ENTRIES = 500
MAX_BYTES = 20_000_000
"""Of one transaction, as most servers take them; what they refuse is halved."""
CONFLICTS = 3
"""Times that what was changed meanwhile is read and worked out again."""


@dataclass(frozen=True, slots=True)
class _Loose:
    """One Binary of a study; without a fullUrl it stands in no Bundle."""

    key: str
    full_url: str
    resource: Resource


@dataclass(slots=True)
class Passage:
    """One study on its way: what stands for each address in it, and what was wrong.

    `names` has the server's reference by fullUrl and by `Type/<our id>`.
    """

    names: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    held_back: bool = False

    def note(self, problem: Problem) -> None:
        """Remember a Problem."""
        self.problems.append(problem)

    def learn(self, entry: PushEntry, reference: str) -> None:
        """Remember where the resource of an entry is."""
        self.names |= {entry.full_url: reference, name_of(entry): reference}


class Limits:
    """What the server has refused as too many or too large, learned for the run."""

    def __init__(self) -> None:
        self.entries = MAX_ENTRIES
        self.bytes = MAX_BYTES
        self._lock = threading.Lock()

    def cut(self, entries: Sequence[PushEntry]) -> Iterator[list[PushEntry]]:
        """Yield the entries in runs within what was learned."""
        run: list[PushEntry] = []
        size = 0
        for entry in entries:
            more = size_of(encode_pieces(entry.resource))
            if run and (len(run) >= self.entries or size + more > self.bytes):
                yield run
                run, size = [], 0
            run.append(entry)
            size += more
        if run:
            yield run

    def learn(self, entries: int, size: int, *, bytes_: bool) -> None:
        """Remember half of what was refused."""
        with self._lock:
            if bytes_:
                self.bytes = min(self.bytes, size // 2)
            else:
                self.entries = max(1, min(self.entries, entries // 2))


class Claims:
    """Which resources are being written: no two threads write one of them at a time."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, keys: Iterable[str]) -> Iterator[None]:
        """Wait until all of these are free, and hold them."""
        wanted = set(keys)
        with self._changed:
            self._changed.wait_for(lambda: not wanted & self._held)
            self._held |= wanted
        try:
            yield
        finally:
            with self._changed:
                self._held -= wanted
                self._changed.notify_all()


class Pusher:
    """Brings studies to one server; threads may share it, a study each."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._masters = Masters(site)
        self._binaries = BinarySender(site)
        self._studies = Studies(site)
        self._writer = Writer(site, self._studies)
        self._limits = Limits()
        self._claims = Claims()

    def push_study(
        self, parts: Sequence[Sequence[PushEntry]], binaries: Sequence[Resource] = ()
    ) -> tuple[list[Problem], bool]:
        """Bring the parts of one study to the server, in order, Binaries before what names them.

        Returns the Problems, and whether all of it is there.
        Errors: those that end a run; what was delivered until then is remembered
        """
        passage = Passage()
        try:
            self._resolve_masters(parts, passage)
            self._send_binaries(parts, binaries, passage)
            for part in parts:
                self._send_part(part, passage)
        except HeldBackError as held:
            passage.note(held.problem)
            passage.held_back = True
        return passage.problems, not passage.held_back

    def _resolve_masters(self, parts: Sequence[Sequence[PushEntry]], passage: Passage) -> None:
        """Resolve who was examined before anything else: all that follows names them."""
        chooses = self._site.mode.chooses_ids
        seen: set[str] = set()
        for entry in (entry for part in parts for entry in in_order(part)):
            own = chooses and entry.resource["resourceType"] == "Patient"
            if not (is_master(entry) or own):
                continue
            if key_of(entry) not in seen:
                seen.add(key_of(entry))
                self._site.tally.add("resources")
            resolved = replace(entry, resource=rename(entry.resource, passage.names))
            passage.learn(entry, self._masters.resolve(resolved).reference)

    def _send_binaries(
        self,
        parts: Sequence[Sequence[PushEntry]],
        binaries: Sequence[Resource],
        passage: Passage,
    ) -> None:
        """Send by themselves the Binaries that no transaction should hold."""
        entries = [entry for part in parts for entry in part]
        loose = [_Loose(f"Binary/{one['id']}", "", one) for one in binaries]
        bound = [
            _Loose(key_of(entry), entry.full_url, entry.resource)
            for entry in entries
            if entry.resource["resourceType"] == "Binary"
        ]
        if all(self._is_stored(one) for one in (*loose, *bound)):
            stored = Stored()
        else:
            stored = self._studies.look_up(entries, passage.note)
        for one in (*loose, *bound):
            if one.key in stored.other:
                # the study keeps naming what is there
                self._site.tally.add("resources")
                self._site.tally.add("kept")
                passage.names |= {one.full_url: one.key, one.key: one.key}
                continue
            binary = rename(one.resource, passage.names)
            if one.key in stored.same:
                self._site.outbox.put([stored_item(one.key, one.resource, stored.same[one.key])])
            if one.full_url and not self._goes_alone(one.resource):
                continue
            self._site.tally.add("resources")
            with self._claims.hold([one.key]):
                item = self._binaries.send(binary, one.key, passage.note)
            passage.names |= {one.key: item.reference, one.full_url: item.reference}
        passage.names.pop("", None)

    def _goes_alone(self, binary: Resource) -> bool:
        chooses = self._site.mode.chooses_ids
        return chooses or length_of(binary) > self._site.options.binary_raw_above

    def _is_stored(self, one: _Loose) -> bool:
        item = self._site.outbox.find(one.key)
        if item is None or item.state is not State.DONE:
            return False
        return item.digest == digest_of(one.resource)

    def _send_part(self, part: Sequence[PushEntry], passage: Passage) -> None:
        waiting = [entry for entry in in_order(part) if entry.full_url not in passage.names]
        with self._claims.hold(self._unsettled(waiting)):
            left = [entry for entry in waiting if not self._is_settled(entry, passage)]
            self._site.tally.add("resources", len(waiting))
            runs = deque(self._limits.cut(left))
            while runs:
                run = runs.popleft()
                halves = self._send_run(run, passage)
                runs.extendleft(reversed(halves))

    def _unsettled(self, entries: Iterable[PushEntry]) -> Iterator[str]:
        for entry in entries:
            item = self._site.outbox.find(key_of(entry))
            if item is None or item.state is not State.DONE:
                yield key_of(entry)

    def _is_settled(self, entry: PushEntry, passage: Passage) -> bool:
        """Tell whether the server has this very resource already.

        Errors: HeldBackError for what it has refused
        """
        item = self._site.outbox.find(key_of(entry))
        if item is None or item.digest != digest_of(entry.resource):
            return False
        if item.state is State.DEAD:
            raise HeldBackError(Problem(code="push.dead", detail=item.code))
        if item.state is not State.DONE:
            wait = min(item.not_before - time.time(), RETRY_AFTER_CAP)
            if wait > 0:  # as an earlier run was told
                self._site.pause(wait)
            return False
        passage.learn(entry, item.reference)
        self._site.tally.add("unchanged")
        return True

    def _send_run(self, run: list[PushEntry], passage: Passage) -> list[list[PushEntry]]:
        """Send one transaction; return its halves where it is too large for the server.

        Errors: HeldBackError
        """
        before = {key_of(entry): self._site.outbox.find(key_of(entry)) for entry in run}
        items = {
            key: Item(
                key,
                digest_of(entry.resource),
                found.server_id if (found := before[key]) else "",
                State.INFLIGHT,
                1 + (found.tries if found else 0),
            )
            for entry in run
            for key in (key_of(entry),)
        }
        self._learn_earlier(run, passage)
        outcome: Outcome | None = None
        ready = Ready()
        for attempt in range(self._tries()):
            ready = self._writer.prepare(run, passage.names, passage.note)
            self._settle(ready.unchanged, items, passage)
            if not ready.entries:
                return []
            self._site.outbox.put(items[key_of(entry)] for entry in ready.sources)
            pieces = encode_pieces(encode_part(ready.entries, ready.versions))
            outcome = self._ask(ready.entries, pieces, items.values())
            if outcome.action is Action.HALVE:
                return self._halve(run, pieces, outcome, items)
            if not self._is_to_repeat(outcome, attempt):
                break
        assert outcome is not None  # noqa: S101 - one attempt at least
        if outcome.action is not Action.DONE:
            self._give_up(outcome, items)
        assert outcome.reply is not None  # noqa: S101 - what is done has a reply
        results = judge(outcome.reply, ready.entries).results
        self._record(list(zip(ready.sources, results, strict=True)), items, passage)
        return []

    def _tries(self) -> int:
        once = self._site.mode is WriteMode.SEARCH_FIRST
        return max(CONFLICTS, self._site.options.server.retry_tries) if once else CONFLICTS

    def _is_to_repeat(self, outcome: Outcome, attempt: int) -> bool:
        """Tell whether what the server has is to be read again before the next try."""
        if outcome.action is Action.CONFLICT:
            return attempt < CONFLICTS
        if self._site.mode is WriteMode.SEARCH_FIRST and outcome.action is not Action.HALVE:
            if not is_unknown(outcome):
                return False
            self._site.pause(max(outcome.not_before, min(2.0**attempt, 30.0) / 2))
            return True
        return False

    def _ask(
        self, entries: Sequence[PushEntry], pieces: Sequence[Piece], items: Iterable[Item]
    ) -> Outcome:
        """Send a transaction.

        Errors: HeldBackError where a file in it is not what was found
        """
        request = Request(
            method="POST",
            body=pieces[0]
            if len(pieces) == 1 and isinstance(pieces[0], bytes)
            else lambda: blocks_of(pieces, self._site.read_bytes),
            headers=WRITE,
            length=size_of(pieces),
        )

        def judge_whole(reply: Reply) -> Action:
            action = judge_reply(reply)
            odd = action is Action.DONE and judge(reply, entries).fault
            return Action.ONCE if odd else action

        safe = self._site.mode is not WriteMode.SEARCH_FIRST
        try:
            return self._site.ask(request, judge_whole, safe=safe)
        except SourceChangedError:
            self._site.outbox.put(replace(item, state=State.PENDING) for item in items)
            problem = Problem(code="deliver.source-changed")
            raise HeldBackError(problem, State.PENDING) from None

    def _halve(
        self,
        run: list[PushEntry],
        pieces: Sequence[Piece],
        outcome: Outcome,
        items: dict[str, Item],
    ) -> list[list[PushEntry]]:
        if len(run) == 1:
            code = told(outcome.reply, outcome.code)
            self._site.outbox.put(
                replace(item, state=State.DEAD, code=code) for item in items.values()
            )
            kind = run[0].resource["resourceType"]
            raise HeldBackError(Problem(code="push.too-large", element=kind, detail=code))
        too_large = outcome.reply is not None and outcome.reply.status == 413  # noqa: PLR2004
        self._limits.learn(len(run), size_of(pieces), bytes_=too_large)
        self._site.outbox.put(replace(item, state=State.PENDING) for item in items.values())
        middle = len(run) // 2
        return [run[:middle], run[middle:]]

    def _give_up(self, outcome: Outcome, items: dict[str, Item]) -> None:
        held = self._site.refusal(outcome, "Bundle")
        if outcome.action is Action.DONE or outcome.action is Action.CONFLICT:
            held.state = State.RETRY
        not_before = time.time() + held.not_before if held.not_before else 0.0
        self._site.outbox.put(
            replace(item, state=held.state, code=held.problem.detail, not_before=not_before)
            for item in items.values()
        )
        raise held

    def _settle(
        self, unchanged: Sequence[tuple[PushEntry, str]], items: dict[str, Item], passage: Passage
    ) -> None:
        """Note what the server has already as we would write it."""
        for entry, server_id in unchanged:
            item = replace(items[key_of(entry)], server_id=server_id, state=State.DONE)
            self._site.outbox.put([item])
            passage.learn(entry, item.reference)
            self._site.tally.add("unchanged")

    def _record(
        self,
        results: Sequence[tuple[PushEntry, EntryResult]],
        items: dict[str, Item],
        passage: Passage,
    ) -> None:
        """Note what became of each entry: a 200 for the whole proves nothing.

        Errors: HeldBackError where some were refused
        """
        refused: list[str] = []
        settled: list[Item] = []
        for entry, result in results:
            item = items[key_of(entry)]
            if result.accepted:
                place = result.place
                server_id = place.id if place else item.server_id or key_of(entry).split("/")[1]
                done = replace(item, server_id=server_id, state=State.DONE)
                settled.append(done)
                passage.learn(entry, done.reference)
                continue
            kind = entry.resource["resourceType"]
            said = f"{result.status} {result.said}".strip()
            dead = REPLIES.get(result.status, Action.DEAD) in {Action.DEAD, Action.HALVE}
            settled.append(replace(item, state=State.DEAD if dead else State.RETRY, code=said))
            refused.append(f"{kind}: {said}")
        self._site.outbox.put(settled)
        self._site.tally.add("sent", len(settled) - len(refused))
        if refused:
            for said in refused[1:]:
                passage.note(Problem(code="push.refused", detail=said))
            raise HeldBackError(Problem(code="push.refused", detail=refused[0]))

    def _learn_earlier(self, run: Sequence[PushEntry], passage: Passage) -> None:
        """Find the server's ids of what earlier parts and runs have delivered."""
        if not self._site.mode.chooses_ids:
            return
        inside = {entry.full_url for entry in run} | {name_of(entry) for entry in run}
        for entry in run:
            for target in targets_of(entry.resource):
                if target in inside or target in passage.names or "/" not in target:
                    continue
                item = self._site.outbox.find(target)
                if item is not None and item.server_id:
                    passage.names[target] = item.reference
