"""Who was examined, by whom: found on the server or created there, once and one at a time."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from dicom2fhir.bundle.encoding import encode
from dicom2fhir.deliver.server.entries import (
    by_our_identifier,
    encode_part,
    entry_url,
    is_master,
    key_of,
)
from dicom2fhir.deliver.server.exchange import FHIR_JSON, Request
from dicom2fhir.deliver.server.judging import Action
from dicom2fhir.deliver.server.outbox import Item, State
from dicom2fhir.deliver.server.replies import judge
from dicom2fhir.deliver.server.site import HeldBackError, judge_transaction
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from dicom2fhir.deliver.server.retrying import Outcome
    from dicom2fhir.deliver.server.site import Site
    from dicom2fhir.model import PushEntry, Resource

WRITE = {"Content-Type": FHIR_JSON, "Prefer": "return=minimal"}


class Masters:
    """Resolves Patients and others that studies share to the ids that the server has for them.

    Conditional creates of several writers at one time have made duplicates on real servers, so
    each is searched for first and at most one is created at a time.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._turn = threading.Lock()

    def resolve(self, entry: PushEntry) -> Item:
        """Return the item of this entry with the id that the server has for it.

        Errors: HeldBackError
        """
        key = key_of(entry)
        with self._turn:
            item = self._site.outbox.find(key)
            if item is not None and item.state is State.DONE:
                self._site.tally.add("unchanged")
                return item
            kind = entry.resource["resourceType"]
            query = entry.if_none_exist if is_master(entry) else by_our_identifier(entry)
            if not query:
                raise HeldBackError(Problem(code="push.no-identifier", element=kind))
            found = self._site.find_one(kind, query)
            if found is not None:
                item = Item(key, "", str(found["id"]), State.DONE)
                self._site.tally.add("unchanged")
            else:
                item = self._create(entry, key, query)
            self._site.outbox.put([item])
            return item

    def _create(self, entry: PushEntry, key: str, query: str) -> Item:
        """Create it by a small transaction, so that no value stands in a URL or header."""
        resource = {name: value for name, value in entry.resource.items() if name != "id"}
        kind = resource["resourceType"]
        sent = replace(
            entry,
            full_url=entry_url(key),
            resource=resource,
            method="POST",
            url=kind,
            if_none_exist=query if self._site.is_safe else "",
        )
        digest = self._site.digest_of(entry.resource)
        self._site.outbox.put([Item(key, digest, state=State.INFLIGHT)])
        request = Request(method="POST", body=encode(encode_part([sent], {})), headers=WRITE)
        there: list[Resource] = []

        def look() -> Request | None:
            # Somebody else created it, or our own request did and its reply was lost.
            found = self._site.find_one(kind, query)
            there.extend([found] if found is not None else [])
            return None if there else request

        outcome = self._site.ask(
            request,
            lambda reply: judge_transaction(reply, [sent]),
            look,
            safe=self._site.is_safe,
        )
        if outcome.action is Action.SETTLED:
            return Item(key, "", str(there[0]["id"]), State.DONE)
        return self._created(outcome, sent, Item(key, digest, state=State.DONE))

    def _created(self, outcome: Outcome, sent: PushEntry, item: Item) -> Item:
        """Return the item of what was created.

        Errors: HeldBackError
        """
        kind = sent.url
        if outcome.action is not Action.DONE or outcome.reply is None:
            raise self._site.refusal(outcome, kind)
        verdict = judge(outcome.reply, [sent])
        place = verdict.results[0].place if verdict.accepted else None
        if place is None:
            said = verdict.fault or f"{verdict.results[0].status} {verdict.results[0].said}"
            raise HeldBackError(Problem(code="push.refused", detail=f"{kind}: {said}".strip()))
        self._site.tally.add("sent")
        return replace(item, server_id=place.id)
