"""Replies judged: a 200 proves nothing, each entry of a transaction has its own status."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dicom2fhir.deliver.server.exchange import Reply
    from dicom2fhir.model import Json, PushEntry

# What may be repeated of an OperationOutcome: codes and element paths. Its texts quote values.
_CODE = re.compile(r"[a-z][a-z-]{1,40}")
_ELEMENT = re.compile(r"[A-Za-z]{1,40}(\[\d{1,6}\])?(\.[A-Za-z]{1,40}(\[\d{1,6}\])?){0,12}")
_LOCATION = re.compile(
    r"(?:.*/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.-]{1,64})"
    r"(?:/_history/(?P<version>[A-Za-z0-9.-]{1,64}))?"
)
_STATUS = re.compile(r"(\d{3})\b")
_ISSUES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server has put a resource."""

    type: str
    id: str
    version: str = ""

    @property
    def reference(self) -> str:
        """Return the relative reference to it."""
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class EntryResult:
    """What became of one entry; `said` are codes and elements of its outcome."""

    status: int
    place: Place | None = None
    said: str = ""

    @property
    def accepted(self) -> bool:
        """Tell whether the server has what was sent."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110 15.3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a transaction: a result for each entry sent, or none where `fault` says why.

    `accepted` is true only where every entry was.
    """

    results: tuple[EntryResult, ...] = ()
    fault: str = ""

    @property
    def accepted(self) -> bool:
        """Tell whether all of it is on the server."""
        return not self.fault and all(result.accepted for result in self.results)


def judge(reply: Reply, entries: Sequence[PushEntry]) -> Verdict:
    """Judge the reply to a transaction of these entries.

    FHIR: Bundle of type transaction-response with an entry for each of the request, in its order
          (R4 http.html#transaction-response). HAPI leaves out those that it merged into another.
    """
    if not reply.is_success:
        return Verdict(fault=" ".join(filter(None, (str(reply.status), outline(reply)))))
    bundle = reply.json()
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        return Verdict(fault=f"{reply.status} without a Bundle")
    if bundle.get("type") not in {"transaction-response", "batch-response"}:
        return Verdict(fault=f"{reply.status} with a Bundle of another type")
    answers = bundle.get("entry")
    results = [_result(answer) for answer in answers] if isinstance(answers, list) else []
    if len(results) != len(entries):
        results = _match(results, entries)
    if len(results) != len(entries):
        return Verdict(fault=f"{reply.status} with {len(answers or ())} of {len(entries)} answers")
    return Verdict(results=tuple(results))


def outline(reply: Reply) -> str:
    """Return what an OperationOutcome says in codes and elements, without its texts."""
    return outline_of(reply.json() if reply.body else None)


def told(reply: Reply | None, code: str) -> str:
    """Return what the server said: a status, codes and elements."""
    said = outline(reply) if reply is not None else ""
    return f"{code} {said}".strip()


def outline_of(outcome: Json) -> str:
    """Return codes and elements of this OperationOutcome: `invalid Patient.birthDate`."""
    shown: dict[str, None] = {}
    for issue in _issues(outcome):
        if issue.get("severity") in {"information", "warning"}:
            continue
        code = issue.get("code")
        places = issue.get("expression") or issue.get("location")
        place = places[0] if isinstance(places, list) and places else ""
        words = [code] if isinstance(code, str) and _CODE.fullmatch(code) else []
        words += [place] if isinstance(place, str) and _ELEMENT.fullmatch(place) else []
        shown.setdefault(" ".join(words))
    return ", ".join([words for words in shown if words][:_ISSUES_SHOWN])


def is_ambiguous(reply: Reply) -> bool:
    """Tell whether a condition matched several resources: sending it again changes nothing."""
    return any(
        issue.get("code") == "multiple-matches"
        or any(
            "multiple" in text.casefold() and "match" in text.casefold() for text in _texts(issue)
        )
        for issue in _issues(reply.json())
    )


def place_of(location: object) -> Place | None:
    """Return the place that a Location names, whether relative or absolute."""
    found = _LOCATION.fullmatch(location) if isinstance(location, str) else None
    return Place(found["type"], found["id"], found["version"] or "") if found else None


def version_of(resource: Mapping[str, Json]) -> str:
    """Return the version of a resource as the server numbers it."""
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""


def _result(answer: Json) -> EntryResult:
    response = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(response, dict):
        return EntryResult(0)
    found = _STATUS.match(str(response.get("status", "")))
    place = place_of(response.get("location")) or _place_in(answer.get("resource"))
    return EntryResult(int(found[1]) if found else 0, place, outline_of(response.get("outcome")))


def _place_in(resource: Json) -> Place | None:
    if not isinstance(resource, dict):
        return None
    place = place_of(f"{resource.get('resourceType')}/{resource.get('id')}")
    return place and Place(place.type, place.id, version_of(resource))


def _match(results: list[EntryResult], entries: Sequence[PushEntry]) -> list[EntryResult]:
    """Give each entry its result where the server has merged some; none where that fails.

    An entry that asks for what an earlier one asked for shares its result; the others keep their
    order.
    """
    distinct: dict[tuple[str, str], int] = {}
    for entry in entries:
        distinct.setdefault(_identity(entry), len(distinct))
    if len(distinct) != len(results):
        return []
    return [results[distinct[_identity(entry)]] for entry in entries]


def _identity(entry: PushEntry) -> tuple[str, str]:
    return entry.url, entry.if_none_exist or ("" if entry.method == "PUT" else entry.full_url)


def _issues(outcome: Json) -> Iterator[dict[str, Json]]:
    if isinstance(outcome, dict) and outcome.get("resourceType") == "OperationOutcome":
        issues = outcome.get("issue")
        if isinstance(issues, list):
            yield from (issue for issue in issues if isinstance(issue, dict))


def _texts(issue: Mapping[str, Json]) -> Iterator[str]:
    details = issue.get("details")
    texts = (details.get("text") if isinstance(details, dict) else None, issue.get("diagnostics"))
    yield from (text for text in texts if isinstance(text, str))
