"""Replies to transactions: a 200 proves nothing, and what HAPI merges is found again."""

from __future__ import annotations

import orjson
import pytest

from dicom2fhir.deliver.server.exchange import Reply
from dicom2fhir.deliver.server.replies import Place, judge, outline_of, place_of
from dicom2fhir.model import PushEntry


def entry(number: int, *, url: str = "", if_none_exist: str = "") -> PushEntry:
    kind = url.partition("/")[0].partition("?")[0] or "Patient"
    return PushEntry(
        full_url=f"urn:uuid:{number}",
        resource={"resourceType": kind},
        method="POST" if if_none_exist else "PUT",
        url=url or f"{kind}/{number}",
        if_none_exist=if_none_exist,
    )


def answer(*statuses: str, kind: str = "transaction-response") -> Reply:
    entries = [
        {"response": {"status": status, "location": f"Patient/{number}/_history/1"}}
        for number, status in enumerate(statuses)
    ]
    body = {"resourceType": "Bundle", "type": kind, "entry": entries}
    return Reply(status=200, body=orjson.dumps(body))


def test_every_entry_with_a_2_is_accepted() -> None:
    verdict = judge(answer("201 Created", "200"), [entry(0), entry(1)])
    assert verdict.accepted
    assert [result.place for result in verdict.results] == [
        Place("Patient", "0", "1"),
        Place("Patient", "1", "1"),
    ]


def test_a_200_for_a_transaction_that_half_failed_is_not_accepted() -> None:
    verdict = judge(answer("201", "400"), [entry(0), entry(1)])
    assert not verdict.accepted
    assert [result.accepted for result in verdict.results] == [True, False]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=200),
        Reply(status=200, body=b"<html>"),
        Reply(status=200, body=b"[]"),
        Reply(status=200, body=b'{"resourceType":"Bundle","type":"searchset"}'),
        answer("201"),
        answer("201", "201", "201"),
    ],
)
def test_a_200_without_an_answer_for_each_entry_is_a_fault(reply: Reply) -> None:
    verdict = judge(reply, [entry(0), entry(1)])
    assert verdict.fault
    assert not verdict.accepted


def test_entries_that_the_server_merged_share_an_answer() -> None:
    condition = "identifier=a%7Cb"
    entries = [
        entry(0, url="Patient", if_none_exist=condition),
        entry(1, url="Patient", if_none_exist=condition),
        entry(2, url="Media?identifier=c"),
    ]
    verdict = judge(answer("201", "200"), entries)
    places = [result.place and result.place.id for result in verdict.results]
    assert places == ["0", "0", "1"]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("Patient/a", Place("Patient", "a")),
        ("Patient/a/_history/2", Place("Patient", "a", "2")),
        ("https://fhir.example/r4/Patient/a/_history/2", Place("Patient", "a", "2")),
        ("urn:uuid:a", None),
        (None, None),
    ],
)
def test_a_location_may_be_relative_or_absolute(location: str | None, expected: Place) -> None:
    assert place_of(location) == expected


def test_of_an_outcome_codes_and_elements_are_told_and_no_text() -> None:
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "invalid",
                "diagnostics": "CANARY",
                "details": {"text": "CANARY"},
                "expression": ["Bundle.entry[3].resource.birthDate"],
            },
            {"severity": "error", "code": "CANARY 1", "expression": ["Patient.name='CANARY'"]},
            {"severity": "warning", "code": "value"},
        ],
    }
    assert outline_of(outcome) == "invalid Bundle.entry[3].resource.birthDate"
