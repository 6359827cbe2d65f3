"""Binaries by themselves: as they are where the server takes that, else as base64; read back."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from pybase64 import b64decode

from dicom2fhir.bundle.encoding import encode_pieces
from dicom2fhir.deliver.blocks import SourceChangedError, blocks_of
from dicom2fhir.deliver.server.exchange import FHIR_JSON, PAGES, Request, media_type_of
from dicom2fhir.deliver.server.judging import Action, judge_reply
from dicom2fhir.deliver.server.outbox import Item, State
from dicom2fhir.deliver.server.readback import Reader
from dicom2fhir.deliver.server.replies import Place, place_of
from dicom2fhir.deliver.server.site import HeldBackError
from dicom2fhir.model import Bytes, size_of
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dicom2fhir.deliver.server.exchange import Reply
    from dicom2fhir.deliver.server.retrying import Outcome
    from dicom2fhir.deliver.server.site import Site
    from dicom2fhir.model import Resource

    Note: TypeAlias = Callable[[Problem], None]

CONFLICTS = 3
"""Times that the same bytes are sent where another writer was at the same Binary."""
SAMPLED_FIRST = 3
SAMPLED_EACH = 16
"""Of all Binaries of a run the first ones are read back, and then each sixteenth."""

_JSON = re.compile(r"[/+]json\b|[/+]xml\b", re.IGNORECASE)
"""Types under which a server takes the bytes for a resource."""
_CONTEXT = re.compile(r"Patient/[A-Za-z0-9.-]{1,64}")
_PASSING = {502, 503, 504}
_NO_WAY = {400, 404, 405, 406, 411, 415, 422, 500, 501}
"""What servers answer to bytes that are not JSON where they do not know that form."""


@dataclass(frozen=True, slots=True)
class _Content:
    """The bytes of a Binary, wherever they are."""

    length: int
    sha256: Callable[[], str]
    chunks: Callable[[], Iterable[bytes]]


class BinarySender:
    """Sends Binaries one at a time; threads may share it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.raw = True
        """Whether the server takes bytes as they are, as far as we know."""
        self._reader = Reader(site.client, site.options.server, site.pause)
        self._proven = False
        self._seen = 0

    def send(self, binary: Resource, key: str, note: Note) -> Item:
        """Bring the Binary to the server and return its item.

        Errors: HeldBackError; deliver.source-changed where its file is not what was found
        """
        outbox = self._site.outbox
        before = outbox.find(key)
        compared = before is not None and before.digest
        digest = self._site.digest_of(binary) if compared else self._site.known_digest(binary)
        if before is not None and before.digest in {"", digest}:
            if before.state is State.DONE:
                self._site.tally.add("unchanged")
                return before
            if before.state in {State.INFLIGHT, State.RETRY} and not (
                before.server_id or not self._site.mode.chooses_ids
            ):
                note(Problem(code="push.orphan"))
        server_id = before.server_id if before is not None else ""
        if not server_id and not self._site.mode.chooses_ids:
            server_id = key.partition("/")[2]
        item = Item(key, digest, server_id, State.INFLIGHT, 1 + (before.tries if before else 0))
        outbox.put([item])
        try:
            done = self._deliver(binary, item, note)
        except SourceChangedError as changed:
            outbox.put([replace(item, state=State.PENDING)])
            raise HeldBackError(Problem(code=changed.code), State.PENDING) from None
        except HeldBackError as held:
            known = outbox.find(key) or item
            told = self._site.known_digest(binary)
            outbox.put([replace(known, digest=told, state=held.state, code=held.problem.detail)])
            raise
        done = replace(done, digest=self._site.digest_of(binary))
        outbox.put([done])
        self._site.tally.add("sent")
        self._site.tally.add("binaries")
        return done

    def _deliver(self, binary: Resource, item: Item, note: Note) -> Item:
        content = content_of_binary(self._site, binary)
        if self.raw and not _JSON.search(binary.get("contentType", "")):
            item = self._send_raw(binary, content, item, note)
            if item.state is State.DONE:
                return item
        outcome = self._ask(item, _json_request(self._site, binary, item), note)
        if outcome.action is not Action.DONE:
            raise self._site.refusal(outcome, "Binary")
        done = _done(item, outcome)
        if not self._is_equal(done, binary, content):
            raise HeldBackError(Problem(code="push.not-equal", detail=content_type(binary)))
        return done

    def _send_raw(self, binary: Resource, content: _Content, item: Item, note: Note) -> Item:
        """Send the bytes as they are; INFLIGHT where the server does not take or keep them so."""
        context = binary.get("securityContext", {}).get("reference", "")
        headers = {"Content-Type": content_type(binary), "Prefer": "return=minimal"}
        if _CONTEXT.fullmatch(context):
            headers["X-Security-Context"] = context
        request = Request(
            method="PUT" if item.server_id else "POST",
            path=f"Binary/{item.server_id}" if item.server_id else "Binary",
            body=content.chunks,
            headers=headers,
            length=content.length,
        )
        outcome = self._ask(item, request, note, raw=True)
        if outcome.action is Action.DONE:
            done = _done(item, outcome)
            if self._is_equal(done, binary, content):
                self._proven = True
                return done
            item = replace(done, state=State.INFLIGHT)
        elif outcome.reply is None or outcome.reply.status not in _NO_WAY:
            raise self._site.refusal(outcome, "Binary")
        if not self._proven:
            self.raw = False
            note(Problem(code="push.no-raw-binary"))
        return item

    def _ask(self, item: Item, request: Request, note: Note, *, raw: bool = False) -> Outcome:
        judge = self._judge_raw if raw else _judge
        outcome = self._site.ask(request, judge)
        for _ in range(CONFLICTS):
            if outcome.action is Action.CONFLICT:
                outcome = self._site.ask(request, judge)
        if outcome.tries > 1 and not item.server_id:
            # Each try whose reply was lost may have left a Binary that nothing names.
            note(Problem(code="push.orphan"))
        return outcome

    def _judge_raw(self, reply: Reply) -> Action:
        """Judge a raw upload: until one went well, a 500 may be all that this server has for it."""
        action = _judge(reply)
        if action is Action.RETRY and not self._proven and reply.status not in _PASSING:
            return Action.ONCE if reply.status in _NO_WAY else action
        return action

    def _is_equal(self, item: Item, binary: Resource, content: _Content) -> bool:
        """Read the Binary back where `verify` asks for it, and compare."""
        verify = self._site.options.verify
        self._seen += 1
        sampled = self._seen <= SAMPLED_FIRST or self._seen % SAMPLED_EACH == 0
        if verify == "none" or (verify == "sample" and not sampled):
            return True
        # Whatever the server reads back, later tries go to the Binary that it has made.
        self._site.outbox.put([replace(item, state=State.INFLIGHT)])
        found = self._reader.digest(item.server_id, content_type(binary))
        if found is None:
            problem = Problem(code="push.later", detail="Binary read")
            raise HeldBackError(problem, State.RETRY)
        same = found == content.sha256()
        self._site.tally.add("verified", same)
        return same


def _judge(reply: Reply) -> Action:
    """Judge the reply to an upload: a page for people is none of a FHIR server."""
    action = judge_reply(reply)
    return Action.ONCE if action is Action.DONE and reply.content_type in PAGES else action


def content_type(binary: Resource) -> str:
    """Return the media type of a Binary, where it states one."""
    return media_type_of(binary.get("contentType"), "application/octet-stream")


def length_of(binary: Resource) -> int:
    """Return how many bytes a Binary holds."""
    data = binary.get("data", "")
    return data.length if isinstance(data, Bytes) else len(data) * 3 // 4


def content_of_binary(site: Site, binary: Resource) -> _Content:
    """Return the bytes of a Binary.

    Errors: HeldBackError where what stands in it is no base64
    """
    data = binary.get("data", "")
    if isinstance(data, Bytes):
        return _Content(
            data.length, lambda: site.contents.sha256(data), lambda: site.read_bytes(data)
        )
    try:
        plain = b64decode(data, validate=True)
    except ValueError:
        raise HeldBackError(Problem(code="check.json", element="Binary.data")) from None
    return _Content(len(plain), lambda: hashlib.sha256(plain).hexdigest(), lambda: (plain,))


def _json_request(site: Site, binary: Resource, item: Item) -> Request:
    body = {name: value for name, value in binary.items() if name not in {"id", "meta"}}
    if item.server_id:
        body["id"] = item.server_id
    pieces = encode_pieces(body)
    return Request(
        method="PUT" if item.server_id else "POST",
        path=f"Binary/{item.server_id}" if item.server_id else "Binary",
        body=lambda: blocks_of(pieces, site.read_bytes),
        headers={"Content-Type": FHIR_JSON, "Prefer": "return=minimal"},
        length=size_of(pieces),
    )


def _done(item: Item, outcome: Outcome) -> Item:
    if item.server_id:
        return replace(item, state=State.DONE)
    reply = outcome.reply
    place = place_of(reply.headers.get("location")) if reply is not None else None
    body = reply.json() if reply is not None and place is None else None
    if place is None and isinstance(body, dict) and body.get("id"):
        place = Place("Binary", str(body["id"]))
    if place is None or place.type != "Binary":
        raise HeldBackError(Problem(code="push.refused", detail="Binary: a reply without an id"))
    return replace(item, server_id=place.id, state=State.DONE)
