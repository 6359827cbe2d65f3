"""Bringing studies to a server: each resource once, whatever happens on the way."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from dicom2fhir.deliver.server.binaries import BinarySender, length_of
from dicom2fhir.deliver.server.claims import Claims
from dicom2fhir.deliver.server.entries import (
    in_order,
    is_bare,
    is_master,
    key_of,
    name_of,
    rename,
    targets_of,
)
from dicom2fhir.deliver.server.limits import Limits
from dicom2fhir.deliver.server.masters import Masters
from dicom2fhir.deliver.server.outbox import UNKNOWN, Item, State
from dicom2fhir.deliver.server.passage import Passage
from dicom2fhir.deliver.server.retrying import RETRY_AFTER_CAP
from dicom2fhir.deliver.server.site import HeldBackError
from dicom2fhir.deliver.server.studies import Stored, Studies
from dicom2fhir.deliver.server.transaction import TransactionSender
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dicom2fhir.deliver.server.site import Site
    from dicom2fhir.model import PushEntry, Resource


@dataclass(frozen=True, slots=True)
class _Loose:
    """One Binary of a study; without a fullUrl it stands in no Bundle."""

    key: str
    full_url: str
    resource: Resource


@dataclass(slots=True)
class _Sent:
    """What became of one Binary: where it is, what was wrong, why it was held back."""

    reference: str = ""
    notes: list[Problem] = field(default_factory=list)
    held: HeldBackError | None = None


class Pusher:
    """Brings studies to one server; threads may share it, a study each."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._masters = Masters(site)
        self._binaries = BinarySender(site)
        self._studies = Studies(site)
        self._limits = Limits()
        self._transactions = TransactionSender(site, self._studies, self._limits)
        self._claims = Claims()
        self._slots = BoundedSemaphore(max(site.options.jobs, 1))

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
            self._send_patients(parts, binaries, passage)
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

    def _send_patients(
        self,
        parts: Sequence[Sequence[PushEntry]],
        binaries: Sequence[Resource],
        passage: Passage,
    ) -> None:
        """Send the Patients before the Binaries that go alone: who may see those is told by them.

        FHIR: Binary.securityContext (R4 binary.html#security-context)
        """
        entries = [entry for part in parts for entry in part]
        held = [entry.resource for entry in entries if entry.resource["resourceType"] == "Binary"]
        alone = [*binaries, *filter(self._goes_alone, held)]
        named = {target for binary in alone for target in targets_of(binary)}
        patients = [
            entry
            for entry in entries
            if entry.resource["resourceType"] == "Patient"
            and named & {entry.full_url, name_of(entry)}
        ]
        self._send_part(patients, passage)

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
        alone: list[_Loose] = []
        for one in (*loose, *bound):
            if one.key in stored.other:
                # the study keeps naming what is there
                self._site.tally.add("resources")
                self._site.tally.add("kept")
                passage.names |= {one.full_url: one.key, one.key: one.key}
                continue
            binary = rename(one.resource, passage.names)
            if one.key in stored.same:
                digest = self._site.digest_of(one.resource)
                done = Item(one.key, digest, stored.same[one.key], State.DONE)
                self._site.outbox.put([done])
            if one.full_url and not self._goes_alone(one.resource):
                continue
            self._site.tally.add("resources")
            alone.append(replace(one, resource=binary))
        self._send_alone(alone, passage)
        passage.names.pop("", None)

    def _send_alone(self, alone: Sequence[_Loose], passage: Passage) -> None:
        """Send Binaries by themselves, several at a time: none of them names another.

        Errors: HeldBackError of the first that has one; those on their way come to their end
        """
        jobs = self._site.options.jobs
        if jobs < 2 or len(alone) < 2:  # noqa: PLR2004 - one at a time is this thread
            for one in alone:
                self._settle(one, self._send_one(one), passage)
            return
        waiting: deque[tuple[_Loose, Future[_Sent]]] = deque()
        try:
            with ThreadPoolExecutor(jobs, thread_name_prefix="binary") as senders:
                try:
                    for one in alone:
                        waiting.append((one, senders.submit(self._send_one, one)))
                        if len(waiting) > jobs:
                            self._settle_first(waiting, passage)
                    while waiting:
                        self._settle_first(waiting, passage)
                finally:
                    senders.shutdown(wait=False, cancel_futures=True)
        finally:
            # what ended beside the first fault has its say too
            for _, sent in waiting:
                if not sent.cancelled() and sent.exception() is None:
                    self._tell(sent.result(), passage)

    def _settle_first(self, waiting: deque[tuple[_Loose, Future[_Sent]]], passage: Passage) -> None:
        one, sent = waiting.popleft()
        self._settle(one, sent.result(), passage)

    @staticmethod
    def _tell(sent: _Sent, passage: Passage) -> None:
        passage.problems += sent.notes
        if sent.held is not None:
            passage.note(sent.held.problem)

    def _send_one(self, one: _Loose) -> _Sent:
        sent = _Sent()
        try:
            with self._slots, self._claims.hold([one.key]):
                item = self._binaries.send(one.resource, one.key, sent.notes.append)
            sent.reference = item.reference
        except HeldBackError as held:
            sent.held = held
        return sent

    @staticmethod
    def _settle(one: _Loose, sent: _Sent, passage: Passage) -> None:
        passage.problems += sent.notes
        if sent.held is not None:
            raise sent.held
        passage.names |= {one.key: sent.reference, one.full_url: sent.reference}

    def _goes_alone(self, binary: Resource) -> bool:
        chooses = self._site.mode.chooses_ids
        return chooses or length_of(binary) > self._site.options.binary_raw_above

    def _is_stored(self, one: _Loose) -> bool:
        item = self._site.outbox.find(one.key)
        if item is None or item.state is not State.DONE:
            return False
        return item.digest == self._site.digest_of(one.resource)

    def _send_part(self, part: Sequence[PushEntry], passage: Passage) -> None:
        waiting = [entry for entry in in_order(part) if entry.full_url not in passage.names]
        with self._claims.hold(self._unsettled(waiting)):
            self._hold_what_is_open(waiting)
            left = [entry for entry in waiting if not self._is_settled(entry, passage)]
            self._site.tally.add("resources", len(waiting))
            bare = sum(map(is_bare, left))
            if bare:
                passage.note(Problem(code="push.unconditional", count=bare))
            self._wait_as_told(left)
            runs = deque(self._limits.cut(left))
            while runs:
                halves = self._transactions.send(runs.popleft(), passage)
                runs.extendleft(reversed(halves))

    def _wait_as_told(self, entries: Iterable[PushEntry]) -> None:
        """Leave the server alone as an earlier run was told to, but no longer than one waits."""
        items = [self._site.outbox.find(key_of(entry)) for entry in entries]
        until = max((item.not_before for item in items if item is not None), default=0.0)
        wait = min(until - time.time(), RETRY_AFTER_CAP)
        if wait > 0:
            self._site.pause(wait)

    def _unsettled(self, entries: Iterable[PushEntry]) -> Iterator[str]:
        for entry in entries:
            item = self._site.outbox.find(key_of(entry))
            if item is None or item.state is not State.DONE:
                yield key_of(entry)

    def _hold_what_is_open(self, entries: Iterable[PushEntry]) -> None:
        """Hold what a killed run may have brought there, and what nothing tells from its copy.

        Errors: HeldBackError
        """
        found: list[Item] = []
        for entry in filter(is_bare, entries):
            item = self._site.outbox.find(key_of(entry))
            if item is None or item.state is not State.INFLIGHT:
                continue
            digest = self._site.digest_of(entry.resource)
            if item.digest in {"", digest}:
                found.append(replace(item, digest=digest, state=State.DEAD, code=UNKNOWN))
        if found:
            self._site.outbox.put(found)
            raise HeldBackError(Problem(code="push.unknown", count=len(found)))

    def _is_settled(self, entry: PushEntry, passage: Passage) -> bool:
        """Tell whether the server has this very resource already.

        Errors: HeldBackError for what it has refused, or may have
        """
        item = self._site.outbox.find(key_of(entry))
        if item is None or item.digest != self._site.digest_of(entry.resource):
            return False
        if item.state is State.DEAD and item.code == UNKNOWN:
            raise HeldBackError(Problem(code="push.unknown"))
        if item.state is State.DEAD:
            raise HeldBackError(Problem(code="push.dead", detail=item.code))
        if item.state is not State.DONE:
            return False
        passage.learn(entry, item.reference)
        self._site.tally.add("unchanged")
        return True
