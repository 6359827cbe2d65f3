"""What all steps of one push share: the server, how it is written to, what was counted."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dicom2fhir.deliver.blocks import SourceChangedError
from dicom2fhir.deliver.server.capability import WriteMode
from dicom2fhir.deliver.server.entries import digest_of, is_met
from dicom2fhir.deliver.server.exchange import Fault, NoReplyError, Request
from dicom2fhir.deliver.server.judging import Action, judge_reply
from dicom2fhir.deliver.server.outbox import State
from dicom2fhir.deliver.server.replies import is_ambiguous, judge, told
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dicom2fhir.deliver.server.capability import Capability
    from dicom2fhir.deliver.server.client import Client
    from dicom2fhir.deliver.server.exchange import Reply
    from dicom2fhir.deliver.server.outbox import Item, Outbox
    from dicom2fhir.deliver.server.retrying import Again, Judge, Outcome, Retrier
    from dicom2fhir.model import Bytes, PushEntry, Resource
    from dicom2fhir.options import PushOptions

_FORM = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Cache-Control": "no-cache",  # HAPI answers from what it found up to a minute ago
}
_ABSENT = {404, 410}
_UNKNOWN = 404


class HeldBackError(Exception):
    """A step that cannot go on: its Problem, and the state of what it was to send."""

    def __init__(
        self, problem: Problem, state: State = State.DEAD, not_before: float = 0.0
    ) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.state = state
        self.not_before = not_before


class Contents(Protocol):
    """The bytes that stand in resources, hashed at the latest while they are read."""

    def read(self, payload: Bytes) -> Iterator[bytes]:
        """Yield the bytes; the last ones only where all are what was found or claimed."""

    def known(self, payload: Bytes) -> str:
        """Return the SHA-256 in hex, "" where nobody has read the bytes yet."""

    def sha256(self, payload: Bytes) -> str:
        """Return the SHA-256 in hex, for which the bytes may have to be read."""


class Tally:
    """Counts by name, from several threads."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str, count: int = 1) -> None:
        """Count."""
        with self._lock:
            self.counts[name] += count


@dataclass(slots=True, kw_only=True)
class Site:
    """One server during one push."""

    client: Client
    retrier: Retrier
    outbox: Outbox
    options: PushOptions
    capability: Capability
    mode: WriteMode
    contents: Contents
    pause: Callable[[float], bool]
    tally: Tally = field(default_factory=Tally)
    stopping: bool = False
    """The run is to end: what is under way is finished, nothing new is begun."""

    def read_bytes(self, payload: Bytes) -> Iterator[bytes]:
        """Yield the bytes.

        Errors: SourceChangedError
        """
        return self.contents.read(payload)

    def known_digest(self, resource: Resource) -> str:
        """Return the digest of a resource, "" where bytes in it were not read yet."""
        return digest_of(resource, self.contents.known)

    def digest_of(self, resource: Resource) -> str:
        """Return the digest of a resource.

        Errors: HeldBackError where bytes in it are not what was found
        """
        try:
            return digest_of(resource, self.contents.sha256)
        except SourceChangedError as changed:
            raise HeldBackError(Problem(code=changed.code), State.PENDING) from None

    def ask(
        self,
        request: Request,
        judge: Judge = judge_reply,
        again: Again | None = None,
        *,
        safe: bool = True,
        undone: Callable[[], None] | None = None,
    ) -> Outcome:
        """Send a request until its outcome is known; what is not `safe` after a look only.

        What has an `undone` is sent again only after that was called.
        Errors: those of Retrier.send, all of which end the run; those of `again`
        """
        if self.stopping:
            if undone is not None:
                undone()
            raise NoReplyError(Fault.ABORTED, sent=False)
        return self.retrier.send(request, judge, again, safe=safe, undone=undone)

    @property
    def is_safe(self) -> bool:
        """Tell whether a transaction may be sent twice: it is written by an id or a condition."""
        return self.mode is not WriteMode.SEARCH_FIRST

    def find(self, kind: str, query: str) -> list[Resource]:
        """Return the resources that have the identifier of this search, whose values no URL holds.

        FHIR:   POST Type/_search (R4 http.html#search)
        Errors: HeldBackError
        """
        path = f"{kind}/_search"
        request = Request(method="POST", path=path, body=query.encode(), headers=_FORM)
        outcome = self.ask(request, _judge_resource)
        bundle = outcome.reply.json() if outcome.reply is not None else None
        if outcome.action is not Action.DONE or not isinstance(bundle, dict):
            raise self.refusal(outcome, f"{kind} search")
        found = [
            entry.get("resource") for entry in bundle.get("entry", ()) if isinstance(entry, dict)
        ]
        return [
            one
            for one in found
            if isinstance(one, dict) and one.get("resourceType") == kind and is_met(one, query)
        ]

    def find_one(self, kind: str, query: str) -> Resource | None:
        """Return the one resource that has this identifier, None where there is none.

        Errors: HeldBackError, also where several have it
        """
        found = self.find(kind, query)
        if len(found) > 1:
            raise HeldBackError(Problem(code="push.ambiguous", element=kind))
        return found[0] if found else None

    def read(self, reference: str) -> Resource | None:
        """Return the resource under an id of ours or of the server, None where there is none.

        Errors: HeldBackError
        """
        headers = {"Cache-Control": "no-cache"}
        outcome = self.ask(Request(method="GET", path=reference, headers=headers), _judge_resource)
        if outcome.reply is not None and outcome.reply.status in _ABSENT:
            return None
        found = outcome.reply.json() if outcome.reply is not None else None
        kind = reference.partition("/")[0]
        if outcome.action is Action.DONE and isinstance(found, dict):
            return found if found.get("resourceType") == kind else None
        raise self.refusal(outcome, f"{kind} read")

    def has_lost_all(self) -> bool:
        """Tell whether the server knows nothing of what it has confirmed: somebody emptied it.

        What was deleted on purpose is gone (410), and stays so.
        """
        witnesses = self.outbox.witnesses()
        return bool(witnesses) and all(map(self._is_unknown, witnesses))

    def _is_unknown(self, item: Item) -> bool:
        outcome = self.ask(Request(method="GET", path=item.reference))
        return outcome.reply is not None and outcome.reply.status == _UNKNOWN

    @staticmethod
    def refusal(outcome: Outcome, what: str) -> HeldBackError:
        """Return why a step cannot go on, in what the server said as codes and elements."""
        if outcome.action is Action.LATER:
            problem = Problem(code="push.later", detail=f"{what}: {outcome.code}")
            return HeldBackError(problem, State.RETRY, outcome.not_before)
        reply = outcome.reply
        code = "push.refused"
        if reply is not None and is_ambiguous(reply):
            code = "push.ambiguous"
        return HeldBackError(Problem(code=code, detail=f"{what}: {told(reply, outcome.code)}"))


def judge_transaction(reply: Reply, entries: Sequence[PushEntry]) -> Action:
    """Return what follows from the reply to a transaction, of which 200 proves nothing."""
    action = judge_reply(reply)
    if action is Action.DONE and judge(reply, entries).fault:
        return Action.ONCE
    if action is Action.CONFLICT and is_ambiguous(reply):
        return Action.DEAD
    return action


def _judge_resource(reply: Reply) -> Action:
    """Return what follows from the reply to a read or a search: it is a resource, if anything."""
    action = judge_reply(reply)
    odd = action is Action.DONE and not isinstance(reply.json(), dict)
    return Action.ONCE if odd else action
