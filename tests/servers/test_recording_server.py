from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from calling import call, call_json, search
from recording_server import RecordingServer, Switches

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENT = "urn:uuid:11111111-1111-4111-8111-111111111111"
STUDY = "urn:uuid:22222222-2222-4222-8222-222222222222"
BINARY = "urn:uuid:33333333-3333-4333-8333-333333333333"
OWN = "44444444-4444-4444-8444-444444444444"


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as running:
        yield running


def patient(value: str = "1", **more: object) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:test", "value": value}],
        **more,
    }


def study(subject: str, uid: str = "2.25.1") -> dict[str, Any]:
    return {
        "resourceType": "ImagingStudy",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}],
        "status": "available",
        "subject": {"reference": subject},
    }


def entry(resource: dict[str, Any], full_url: str = "", **request: str) -> dict[str, Any]:
    method = {"method": "POST", "url": resource["resourceType"], **request}
    return {"resource": resource, "request": method} | ({"fullUrl": full_url} if full_url else {})


def transaction(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


CREATE_PATIENT = {"ifNoneExist": "identifier=urn:test%7C1"}
OWN_ID = {"method": "PUT", "url": f"Patient/{OWN}"}
BYTES = {"resourceType": "Binary", "contentType": "a/b", "data": "AAAA"}
PUT_STUDY = {"method": "PUT", "url": "ImagingStudy?identifier=urn:dicom:uid%7Curn:oid:2.25.1"}


def statuses(bundle: dict[str, Any]) -> list[str]:
    return [one["response"]["status"] for one in bundle["entry"]]


def test_the_same_conditional_transaction_twice_makes_nothing_twice(
    server: RecordingServer,
) -> None:
    bundle = transaction(
        entry(study(PATIENT), STUDY, **PUT_STUDY), entry(patient(), PATIENT, **CREATE_PATIENT)
    )
    first = call_json(server.base, "POST", "", bundle)
    assert (first[0], statuses(first[1])) == (200, ["201 Created", "201 Created"])
    second = call_json(server.base, "POST", "", bundle)
    assert statuses(second[1]) == ["200 OK", "200 OK"]
    assert server.store.counts() == {"ImagingStudy": 1, "Patient": 1}
    assert server.store.dangling() == []
    assert [one.version for one in server.store.resources.values()] == [1, 1]


def test_a_failed_entry_undoes_the_whole_transaction(server: RecordingServer) -> None:
    wrong = entry(patient("2"), method="PUT", url="Patient/other")
    assert call(server.base, "POST", "", transaction(entry(patient()), wrong))[0] == 400
    assert (server.store.resources, server.store.writes) == ({}, [])


def test_a_transaction_as_a_batch_says_200_and_keeps_the_good_half(
    server: RecordingServer,
) -> None:
    server.switches.batch_as_transaction = True
    wrong = entry(patient("2"), method="PUT", url="Patient/other")
    status, bundle = call_json(server.base, "POST", "", transaction(entry(patient()), wrong))
    assert (status, statuses(bundle)) == (200, ["201 Created", "400"])
    assert server.store.counts() == {"Patient": 1}


def test_equal_conditions_are_merged_and_references_follow(server: RecordingServer) -> None:
    server.switches.merges_entries = True
    other = "urn:uuid:55555555-5555-4555-8555-555555555555"
    bundle = transaction(
        entry(patient(), PATIENT, **CREATE_PATIENT),
        entry(patient(), other, **CREATE_PATIENT),
        entry(study(other), STUDY, **PUT_STUDY),
    )
    status, answer = call_json(server.base, "POST", "", bundle)
    assert (status, len(answer["entry"])) == (200, 2)
    assert server.store.dangling() == []


def test_a_fullurl_is_replaced_in_uris_only_where_the_server_does_so(
    server: RecordingServer,
) -> None:
    media = {"resourceType": "Media", "status": "completed", "content": {"url": BINARY}}
    call(server.base, "POST", "", transaction(entry(BYTES, BINARY), entry(media)))
    (stored,) = server.store.of_type("Media")
    assert stored.resource["content"]["url"].startswith("Binary/")
    assert server.store.dangling() == []
    server.empty()
    server.switches.rewrites_uris = False
    call(server.base, "POST", "", transaction(entry(BYTES, BINARY), entry(media)))
    assert server.store.of_type("Media")[0].resource["content"]["url"] == BINARY


def test_an_unchanged_put_makes_no_version_and_a_stale_match_is_refused(
    server: RecordingServer,
) -> None:
    body = patient(id=OWN)
    assert call(server.base, "PUT", f"Patient/{OWN}", body)[0] == 201
    assert call(server.base, "PUT", f"Patient/{OWN}", body)[1]["etag"] == 'W/"1"'
    changed = {**body, "active": True}
    fresh = {"If-Match": 'W/"1"'}
    assert call(server.base, "PUT", f"Patient/{OWN}", changed, fresh)[1]["etag"] == 'W/"2"'
    assert call(server.base, "PUT", f"Patient/{OWN}", body, fresh)[0] == 412


@pytest.mark.parametrize(
    ("switch", "bundle", "status"),
    [
        ({"update_create": False}, [entry(patient(id=OWN), **OWN_ID)], 404),
        ({"conditional_update": False}, [entry(study("Patient/1"), **PUT_STUDY)], 412),
        ({"conditional_create": False}, [entry(patient(), **CREATE_PATIENT)], 412),
        ({"transaction": False}, [entry(patient())], 501),
        ({"max_entries": 1}, [entry(patient()), entry(patient())], 400),
        ({"max_conditional_entries": 1}, [entry(patient(), **CREATE_PATIENT)] * 2, 400),
        ({"max_bytes": 10}, [entry(patient())], 413),
        ({"races": 1}, [entry(patient(), **CREATE_PATIENT)], 409),
        ({"checks_references": True}, [entry(study("Patient/none"))], 400),
        ({"max_base64": 3}, [entry(BYTES)], 400),
        ({"uuid_ids_only": True}, [entry(patient(id="own"), method="PUT", url="Patient/own")], 400),
    ],
)  # fmt: skip
def test_a_switch_refuses_what_its_server_would(
    server: RecordingServer, switch: dict[str, Any], bundle: list[dict[str, Any]], status: int
) -> None:
    for name, value in switch.items():
        setattr(server.switches, name, value)
    assert call(server.base, "POST", "", transaction(*bundle))[0] == status
    assert server.store.resources == {}


def test_two_matches_of_a_condition_are_refused(server: RecordingServer) -> None:
    for _ in range(2):
        call(server.base, "POST", "Patient", patient())
    bundle = transaction(entry(patient(), **CREATE_PATIENT))
    assert call(server.base, "POST", "", bundle)[0] == 412


def test_raw_bytes_come_back_and_a_large_one_only_by_its_own_operation(
    server: RecordingServer,
) -> None:
    content = bytes(range(256)) * 9
    raw = {"Content-Type": "application/dicom", "X-Security-Context": "Patient/1"}
    assert call(server.base, "PUT", f"Binary/{OWN}", content, raw)[0] == 201
    accept = {"Accept": "application/dicom"}
    assert call(server.base, "GET", f"Binary/{OWN}", headers=accept)[2] == content
    _, resource = call_json(server.base, "GET", f"Binary/{OWN}")
    assert base64.b64decode(resource["data"]) == content
    assert resource["securityContext"] == {"reference": "Patient/1"}
    server.switches.inflate_below = 100
    assert "data" not in call_json(server.base, "GET", f"Binary/{OWN}", headers=accept)[1]
    path = f"Binary/{OWN}/$binary-access-read?path=Binary"
    assert call(server.base, "GET", path)[2] == content


def test_a_search_by_post_finds_by_identifier_and_patient_over_all_pages(
    server: RecordingServer,
) -> None:
    server.switches.page = 2
    call(server.base, "PUT", f"Patient/{OWN}", patient(id=OWN))
    for number in range(5):
        call(server.base, "POST", "ImagingStudy", study(f"Patient/{OWN}", f"2.25.{number}"))
    assert len(search(server.base, "ImagingStudy", patient=OWN)) == 5
    chained = {"subject:Patient.identifier": "urn:test|1"}
    assert len(search(server.base, "ImagingStudy", **chained)) == 5
    assert len(search(server.base, "ImagingStudy", identifier="urn:dicom:uid|urn:oid:2.25.3")) == 1
    assert search(server.base, "ImagingStudy", identifier="other|urn:oid:2.25.3") == []


def test_the_record_tells_every_request_and_which_ones_write(server: RecordingServer) -> None:
    call(server.base, "GET", "metadata")
    search(server.base, "Patient")
    call(server.base, "POST", "Patient", patient(), {"X-Trace": "7"})
    assert [one.method for one in server.record] == ["GET", "POST", "POST"]
    (written,) = server.written()
    assert (written.path, written.status, written.headers["x-trace"]) == ("/fhir/Patient", 201, "7")
    assert [(one.name.split("/")[0], one.version) for one in server.store.writes] == [
        ("Patient", 1)
    ]


def test_a_token_is_asked_for_everywhere_but_at_metadata(server: RecordingServer) -> None:
    server.switches.token = "made-up"  # noqa: S105
    assert call(server.base, "GET", "metadata")[0] == 200
    assert call(server.base, "GET", "Patient")[0] == 401
    good = {"Authorization": "Bearer made-up"}
    assert call(server.base, "GET", "Patient", headers=good)[0] == 200


def test_parallel_conditional_creates_make_one(server: RecordingServer) -> None:
    bundle = transaction(entry(patient(), PATIENT, **CREATE_PATIENT))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: call(server.base, "POST", "", bundle), range(16)))
    assert server.store.counts() == {"Patient": 1}


def test_the_capability_statement_follows_the_switches() -> None:
    with RecordingServer(Switches(update_create=False, transaction=False)) as server:
        _, capability = call_json(server.base, "GET", "metadata")
    (rest,) = capability["rest"]
    assert rest["interaction"] == [{"code": "batch"}]
    assert not any(one["updateCreate"] for one in rest["resource"])
