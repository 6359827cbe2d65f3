"""A transaction or batch on a Store, by R4 http.html#transaction."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fhir_store import RefusedError, Store, Stored, rewrite, rewrite_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_store import Resource

ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "GET": 3}


@dataclass(slots=True)
class Planned:
    """An entry with what it will write to: a match, or an id that the server chose."""

    entry: dict[str, Any]
    method: str
    kind: str
    identity: str = ""
    matched: Stored | None = None
    new_id: bool = False


def run_bundle(store: Store, bundle: Resource, base: str, size: int) -> Resource:
    """Do what the Bundle asks and return the answer.

    Errors: RefusedError when a transaction fails; nothing of it stays.
    """
    entries = bundle.get("entry", [])
    if bundle.get("type") not in {"transaction", "batch"}:
        raise RefusedError(400, "invalid", "neither transaction nor batch")
    if bundle["type"] == "transaction" and not store.switches.transaction:
        raise RefusedError(501, "not-supported", "no transactions")
    _limit(store, entries, size)
    if bundle["type"] == "batch" or store.switches.batch_as_transaction:
        answers = _one_by_one(store, entries, base)
    else:
        answers = _all_or_nothing(store, entries, base)
    return {"resourceType": "Bundle", "type": f"{bundle['type']}-response", "entry": answers}


def _limit(store: Store, entries: Sequence[dict[str, Any]], size: int) -> None:
    switches = store.switches
    requests = [entry["request"] for entry in entries]
    conditional = [one for one in requests if "ifNoneExist" in one or "?" in one["url"]]
    updates = sum(one["method"] == "PUT" for one in requests)
    if switches.max_bytes and size > switches.max_bytes:
        raise RefusedError(413, "too-long", "Payload too large")
    if switches.max_entries and len(entries) > switches.max_entries:
        raise RefusedError(400, "too-costly", "too many entries")
    if not switches.batch_as_transaction:
        most = switches.max_conditional_entries
        if most and conditional and len(entries) > most:
            text = "Transaction requires strict isolation but has too many entries"
            raise RefusedError(400, "invalid", text)
        if switches.max_updates and updates > switches.max_updates:
            text = "Transaction contains more update operations than allowed"
            raise RefusedError(400, "invalid", text)
    if conditional and switches.races:
        switches.races -= 1
        raise RefusedError(409, "conflict", "HAPI-0550: another wrote it at the same time")


def _all_or_nothing(
    store: Store, entries: Sequence[dict[str, Any]], base: str
) -> list[dict[str, Any]]:
    before = store.snapshot()
    try:
        kept = _merge(entries) if store.switches.merges_entries else list(entries)
        plans = [_plan(store, entry) for entry in kept]
        names = _names(entries, kept, plans)
        answers: dict[int, dict[str, Any]] = {}
        for number in sorted(range(len(plans)), key=lambda one: ORDER[plans[one].method]):
            answers[number] = _write(store, plans[number], names, base)
    except RefusedError:
        store.restore(before)
        raise
    return [answers[number] for number in range(len(plans))]


def _one_by_one(store: Store, entries: Sequence[dict[str, Any]], base: str) -> list[dict[str, Any]]:
    answers, names = [], {}
    for entry in entries:
        before = store.snapshot()
        try:
            plan = _plan(store, entry)
            if "fullUrl" in entry:
                names[entry["fullUrl"]] = f"{plan.kind}/{plan.identity}"
            answers.append(_write(store, plan, names, base))
        except RefusedError as refused:
            store.restore(before)
            names.pop(entry.get("fullUrl", ""), None)
            outcome = outcome_of(refused)
            answers.append({"response": {"status": f"{refused.status}", "outcome": outcome}})
    return answers


def _condition(entry: dict[str, Any]) -> tuple[str, ...]:
    request = entry["request"]
    return (request["method"], request["url"], request.get("ifNoneExist", ""))


def _merge(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: dict[object, dict[str, Any]] = {}
    for number, entry in enumerate(entries):
        conditional = "?" in entry["request"]["url"] or "ifNoneExist" in entry["request"]
        kept.setdefault(_condition(entry) if conditional else number, entry)
    return list(kept.values())


def _names(
    entries: Sequence[dict[str, Any]], kept: Sequence[dict[str, Any]], plans: Sequence[Planned]
) -> dict[str, str]:
    """Return what each fullUrl becomes; a merged entry becomes what its like became."""
    by_condition = {
        _condition(entry): f"{plan.kind}/{plan.identity}"
        for entry, plan in zip(kept, plans, strict=True)
    }
    names = {
        entry["fullUrl"]: by_condition[_condition(entry)]
        for entry in entries
        if "fullUrl" in entry and _condition(entry) in by_condition
    }
    own = {
        entry["fullUrl"]: f"{plan.kind}/{plan.identity}"
        for entry, plan in zip(kept, plans, strict=True)
        if "fullUrl" in entry
    }
    return names | own


def _plan(store: Store, entry: dict[str, Any]) -> Planned:
    request = entry["request"]
    kind, _, query = request["url"].partition("?")
    kind, _, identity = kind.partition("/")
    plan = Planned(entry=entry, method=request["method"], kind=kind, identity=identity)
    if plan.method not in ORDER:
        raise RefusedError(405, "not-supported")
    if plan.method == "POST":
        _plan_create(store, plan, request.get("ifNoneExist", ""))
    elif plan.method == "PUT" and not identity:
        _plan_update(store, plan, query)
    return plan


def _plan_create(store: Store, plan: Planned, condition: str) -> None:
    if condition and not store.switches.conditional_create:
        raise RefusedError(412, "not-supported", "no conditional create")
    plan.matched = store.find_one(plan.kind, condition) if condition else None
    plan.identity = plan.matched.resource["id"] if plan.matched else str(uuid.uuid4())


def _plan_update(store: Store, plan: Planned, query: str) -> None:
    if not store.switches.conditional_update:
        raise RefusedError(412, "not-supported", "no conditional update")
    plan.matched = store.find_one(plan.kind, query)
    given = plan.entry["resource"].get("id")
    if plan.matched is None:
        plan.new_id = True
        plan.identity = given or str(uuid.uuid4())
    else:
        plan.identity = plan.matched.resource["id"]
        if given not in {None, plan.identity}:
            raise RefusedError(400, "invalid", "HAPI-2279: the match has another id")


def _write(store: Store, plan: Planned, names: dict[str, str], base: str) -> dict[str, Any]:
    name = f"{plan.kind}/{plan.identity}"
    if plan.method == "GET":
        return {"resource": shown(store, store.read(name)), "response": {"status": "200"}}
    if plan.method == "DELETE":
        store.resources.pop(name, None)
        return {"response": {"status": "204"}}
    if plan.method == "POST" and plan.matched is not None:
        return _answer(store, plan.matched, HTTPStatus.OK, base)
    resource = plan.entry["resource"]
    if store.switches.rewrites_all:
        resource = rewrite_all(resource, names)
    resource = rewrite(resource, names, uris=store.switches.rewrites_uris)
    resource, content = split_binary(store, resource)
    if plan.method == "POST" or plan.new_id:
        if plan.method == "PUT":
            _hold_condition(store, plan, resource)
        stored = store._write({**resource, "id": plan.identity}, content)  # noqa: SLF001
        return _answer(store, stored, HTTPStatus.CREATED, base)
    match = plan.entry["request"].get("ifMatch", "")
    body = {**resource, "id": plan.identity} if plan.matched else resource
    stored, new = store.update(name, body, content, match)
    return _answer(store, stored, HTTPStatus.CREATED if new else HTTPStatus.OK, base)


def _hold_condition(store: Store, plan: Planned, resource: Resource) -> None:
    """Refuse a body that its own condition would not find (HAPI-0539)."""
    query = plan.entry["request"]["url"].partition("?")[2]
    alone = Store(store.switches)
    alone.resources["x"] = Stored(resource={**resource, "id": plan.identity}, version=1)
    if alone.find_one(plan.kind, query) is None:
        raise RefusedError(412, "invalid", "the body does not match its URL")


def _answer(store: Store, stored: Stored, status: HTTPStatus, base: str) -> dict[str, Any]:
    switches = store.switches
    said = f"{status.value} {status.phrase}" if switches.phrases else str(status.value)
    answer: dict[str, Any] = {
        "response": {
            "status": said,
            "location": location(store, stored, base),
            "etag": f'W/"{stored.version}"',
        }
    }
    if switches.echoes:
        answer["resource"] = shown(store, stored)
    return answer


def location(store: Store, stored: Stored, base: str) -> str:
    """Return where a resource lies, as this server writes it."""
    prefix = f"{base}/" if store.switches.absolute_locations else ""
    version = "" if store.switches.bare_locations else f"/_history/{stored.version}"
    return f"{prefix}{stored.name}{version}"


def split_binary(store: Store, resource: Resource) -> tuple[Resource, bytes | None]:
    """Return the resource without its bytes, and the bytes."""
    if resource.get("resourceType") != "Binary":
        return resource, None
    data = resource.get("data", "")
    if store.switches.max_base64 and len(data) > store.switches.max_base64:
        raise RefusedError(400, "invalid", "String cannot be larger than 1 MB")
    rest = {key: value for key, value in resource.items() if key != "data"}
    return rest, base64.b64decode(data, validate=True)


def shown(store: Store, stored: Stored) -> Resource:
    """Return a resource as it is read: with its version, and with data where it is a Binary."""
    meta = {**stored.resource.get("meta", {}), "versionId": str(stored.version)}
    resource = {**stored.resource, "meta": meta}
    limit = store.switches.inflate_below
    if stored.content is not None and not (limit and len(stored.content) > limit):
        resource["data"] = base64.b64encode(stored.content).decode()
    return resource


def outcome_of(refused: RefusedError) -> Resource:
    """Return the OperationOutcome; diagnostics hold values, as real servers' do."""
    issue = {"severity": "error", "code": refused.code, "diagnostics": refused.text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
