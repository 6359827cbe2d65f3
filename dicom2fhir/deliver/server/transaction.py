"""Transactions on their way to a server: prepared, sent, judged entry by entry, halved."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dicom2fhir.bundle.encoding import encode_pieces
from dicom2fhir.deliver.blocks import SourceChangedError, blocks_of
from dicom2fhir.deliver.server.entries import (
    encode_part,
    is_bare,
    key_of,
    name_of,
    targets_of,
)
from dicom2fhir.deliver.server.exchange import Request
from dicom2fhir.deliver.server.judging import REPLIES, Action, proves_undone
from dicom2fhir.deliver.server.masters import WRITE
from dicom2fhir.deliver.server.outbox import UNKNOWN, Item, State
from dicom2fhir.deliver.server.replies import EntryResult, judge, told
from dicom2fhir.deliver.server.site import HeldBackError, judge_transaction
from dicom2fhir.deliver.server.writing import Ready, Writer
from dicom2fhir.model import size_of
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from dicom2fhir.deliver.server.limits import Limits
    from dicom2fhir.deliver.server.passage import Passage
    from dicom2fhir.deliver.server.retrying import Outcome
    from dicom2fhir.deliver.server.site import Site
    from dicom2fhir.deliver.server.studies import Studies
    from dicom2fhir.model import Piece, PushEntry


TELLING_WRITE = {**WRITE, "Prefer": "return=OperationOutcome"}


def _is_mute(outcome: Outcome) -> bool:
    """Tell whether a refusal has no reason: a minimal reply may be empty then too (Medplum)."""
    reply = outcome.reply
    return outcome.action is Action.DEAD and reply is not None and not reply.body.strip()


@dataclass(slots=True)
class _Transaction:
    """One run of entries, those that are left of it, and how it is sent now."""

    left: list[PushEntry]
    items: dict[str, Item]
    ready: Ready = field(default_factory=Ready)
    pieces: Sequence[Piece] = ()
    notes: list[Problem] = field(default_factory=list)


class TransactionSender:
    """Sends runs of entries of one study, each as a transaction; threads may share it."""

    def __init__(self, site: Site, studies: Studies, limits: Limits) -> None:
        self._site = site
        self._writer = Writer(site, studies)
        self._limits = limits

    def send(self, run: Sequence[PushEntry], passage: Passage) -> list[list[PushEntry]]:
        """Send one run; return its halves where it is too large for the server.

        Errors: HeldBackError
        """
        self._learn_earlier(run, passage)
        sent = _Transaction(left=list(run), items=self._items(run))
        try:
            outcome = self._ask(sent, passage)
        finally:
            passage.problems += sent.notes
        if outcome is None or outcome.action is Action.SETTLED:
            return []
        if outcome.action is Action.HALVE:
            return self._halve(sent, outcome)
        if outcome.action is not Action.DONE or outcome.reply is None:
            self._give_up(sent, outcome)
        self._hash(sent)
        results = judge(outcome.reply, sent.ready.entries).results
        self._record(list(zip(sent.ready.sources, results, strict=True)), sent.items, passage)
        return []

    def _items(self, run: Sequence[PushEntry]) -> dict[str, Item]:
        items = {}
        for entry in run:
            key = key_of(entry)
            found = self._site.outbox.find(key)
            server_id, tries = (found.server_id, found.tries) if found is not None else ("", 0)
            digest = self._site.known_digest(entry.resource)
            items[key] = Item(key, digest, server_id, State.INFLIGHT, 1 + tries)
        return items

    def _ask(self, sent: _Transaction, passage: Passage) -> Outcome | None:
        """Send what is left to send; None where nothing is.

        Errors: HeldBackError, also where a file in it is not what was found
        """
        request = self._prepare(sent, passage)
        if request is None:
            return None
        try:
            outcome = self._send(request, sent, passage)
            if _is_mute(outcome):
                self._put(sent, State.INFLIGHT)
                request = replace(request, headers=TELLING_WRITE)
                outcome = self._send(request, sent, passage)
        except SourceChangedError as changed:
            self._put(sent, State.PENDING)
            raise HeldBackError(Problem(code=changed.code), State.PENDING) from None
        return outcome

    def _send(self, request: Request, sent: _Transaction, passage: Passage) -> Outcome:
        """Send it until its outcome is known, what is bare only while nothing can be done.

        Errors: HeldBackError where the server may have what nothing tells from its copy
        """
        bare = any(map(is_bare, sent.left))
        outcome = self._site.ask(
            request,
            lambda reply: judge_transaction(reply, sent.ready.entries),
            lambda: self._prepare(sent, passage),
            safe=self._site.is_safe and not bare,  # each try is INFLIGHT anew
            undone=(lambda: self._put(sent, State.PENDING)) if bare else None,
        )
        if bare and outcome.action is not Action.DONE and outcome.may_be_done:
            self._leave_open(sent, outcome)
        return outcome

    def _leave_open(self, sent: _Transaction, outcome: Outcome) -> NoReturn:
        """Let only what can be recognised be sent again by itself."""
        self._hash(sent)
        bare = sum(map(is_bare, sent.left))
        self._site.outbox.put(
            replace(sent.items[key_of(entry)], state=State.DEAD, code=UNKNOWN)
            if is_bare(entry)
            else replace(sent.items[key_of(entry)], state=State.RETRY, code=outcome.code)
            for entry in sent.left
        )
        raise HeldBackError(Problem(code="push.unknown", detail=outcome.code, count=bare))

    def _prepare(self, sent: _Transaction, passage: Passage) -> Request | None:
        """Return how what is left is written, by what the server has now; None: nothing is left.

        Errors: HeldBackError
        """
        sent.notes = []
        sent.ready = ready = self._writer.prepare(sent.left, passage.names, sent.notes.append)
        for entry, server_id in ready.unchanged:
            item = replace(sent.items[key_of(entry)], server_id=server_id, state=State.DONE)
            self._site.outbox.put([item])
            passage.learn(entry, item.reference)
            self._site.tally.add("unchanged")
        sent.left = ready.sources
        if not ready.entries:
            return None
        self._put(sent, State.INFLIGHT)
        sent.pieces = pieces = encode_pieces(encode_part(ready.entries, ready.versions))
        return Request(
            method="POST",
            body=pieces[0]
            if len(pieces) == 1 and isinstance(pieces[0], bytes)
            else lambda: blocks_of(pieces, self._site.read_bytes),
            headers=WRITE,
            length=size_of(pieces),
        )

    def _put(
        self, sent: _Transaction, state: State, code: str = "", not_before: float = 0.0
    ) -> None:
        """Note the state of all that is left."""
        self._site.outbox.put(
            replace(sent.items[key_of(entry)], state=state, code=code, not_before=not_before)
            for entry in sent.left
        )

    def _hash(self, sent: _Transaction) -> None:
        """Let the items have the digests of what was read only while it was sent."""
        for entry in sent.left:
            item = sent.items[key_of(entry)]
            if not item.digest:
                digest = self._site.digest_of(entry.resource)
                sent.items[item.key] = replace(item, digest=digest)

    def _halve(self, sent: _Transaction, outcome: Outcome) -> list[list[PushEntry]]:
        run = sent.left
        if len(run) == 1:
            code = told(outcome.reply, outcome.code)
            self._hash(sent)
            self._put(sent, State.DEAD, code)
            kind = run[0].resource["resourceType"]
            raise HeldBackError(Problem(code="push.too-large", element=kind, detail=code))
        too_large = outcome.reply is not None and outcome.reply.status == 413  # noqa: PLR2004
        self._limits.learn(len(run), size_of(sent.pieces), bytes_=too_large)
        self._put(sent, State.PENDING)
        middle = len(run) // 2
        return [run[:middle], run[middle:]]

    def _give_up(self, sent: _Transaction, outcome: Outcome) -> NoReturn:
        held = self._site.refusal(outcome, "Bundle")
        if outcome.action is Action.CONFLICT:
            held.state = State.RETRY
        self._hash(sent)
        not_before = time.time() + held.not_before if held.not_before else 0.0
        self._put(sent, held.state, held.problem.detail, not_before)
        raise held

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
            dead |= is_bare(entry) and not proves_undone(result.status)
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
