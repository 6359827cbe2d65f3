"""The rules of a Bundle and of its requests."""

from __future__ import annotations

from typing import Any

import pytest

from check_cases import ENDPOINT, PATIENT, make_bundle, put, uuid_of
from dicom2fhir.check import check_bundle
from dicom2fhir.check.transaction import bundle_faults


def changed(place: int, **elements: Any) -> dict[str, Any]:  # noqa: ANN401
    bundle = make_bundle()
    bundle["entry"][place] |= elements
    return bundle


def request(**elements: str) -> dict[str, dict[str, str]]:
    return {"request": elements}


ID = uuid_of(ENDPOINT).removeprefix("urn:uuid:")
FITS = "the request fits the resource"
CARRIES = "a resource goes with POST, PUT and PATCH only"


@pytest.mark.parametrize(
    ("place", "elements", "fault"),
    [
        (1, request(method="PUT", url="Endpoint/other"), (".entry[1].request.url", FITS)),
        (1, request(method="PUT", url="Endpoint"), (".entry[1].request.url", FITS)),
        (1, request(method="PUT", url="Endpoint?"), (".entry[1].request.url", FITS)),
        (1, request(method="PUT", url=f"Patient/{ID}"), (".entry[1].request.url", FITS)),
        (1, request(method="POST", url=f"Endpoint/{ID}"), (".entry[1].request.url", FITS)),
        (1, request(method="DELETE", url=f"Endpoint/{ID}"), (".entry[1].resource", CARRIES)),
        (1, request(method="GET", url=f"Endpoint/{ID}"), (".entry[1].resource", CARRIES)),
        (
            1,
            request(method="PUT", url=f"Endpoint/{ID}", ifNoneExist="a=b"),
            (".entry[1].request.ifNoneExist", "ifNoneExist is the query of a POST"),
        ),
        (
            0,
            request(method="POST", url="Patient", ifNoneExist="?a=b"),
            (".entry[0].request.ifNoneExist", "ifNoneExist is the query of a POST"),
        ),
        (1, {"response": {"status": "201"}}, (".entry[1].response", "bdl-4")),
        (1, {"search": {"mode": "match"}}, (".entry[1].search", "bdl-2")),
        (
            1,
            {"fullUrl": f"https://example.org/Endpoint/{ID}/_history/1"},
            (".entry[1].fullUrl", "bdl-8"),
        ),
        (
            1,
            {"fullUrl": "https://example.org/Endpoint/other"},
            (".entry[1].fullUrl", "fullUrl names the resource"),
        ),
    ],
)
def test_a_broken_rule_is_found(
    place: int, elements: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert fault in list(bundle_faults(changed(place, **elements)))


@pytest.mark.parametrize(
    "elements",
    [
        request(method="PUT", url="Endpoint?identifier=a%7Cb"),
        request(method="POST", url="Endpoint"),
        request(method="POST", url="Endpoint/$validate"),
        {"fullUrl": f"https://example.org/fhir/Endpoint/{ID}"},
    ],
)
def test_other_ways_to_write_a_resource_are_sound(elements: dict[str, Any]) -> None:
    assert list(bundle_faults(changed(ENDPOINT, **elements))) == []


def test_a_request_stands_in_a_transaction_and_nowhere_else() -> None:
    bundle = make_bundle()
    del bundle["entry"][1]["request"]
    assert list(bundle_faults(bundle)) == [(".entry[1].request", "bdl-3")]
    assert (".entry[0].request", "bdl-3") in list(bundle_faults(bundle | {"type": "collection"}))


def test_an_entry_without_resource_and_request_is_refused() -> None:
    bundle = make_bundle()
    bundle["entry"].append({"fullUrl": uuid_of(99)})
    found = [(problem.element, problem.detail) for problem in check_bundle(bundle, "fast")]
    assert ("Bundle.entry[3]", "bdl-5") in found


def test_a_deletion_has_no_resource() -> None:
    bundle = make_bundle()
    bundle["entry"].append({"request": {"method": "DELETE", "url": "Media/1"}})
    assert check_bundle(bundle, "full") == ()


def test_one_identity_is_changed_once_in_a_transaction() -> None:
    bundle = make_bundle()
    bundle["entry"].append(bundle["entry"][PATIENT] | {"fullUrl": uuid_of(98)})
    bundle["entry"].append(
        put(ENDPOINT, bundle["entry"][ENDPOINT]["resource"]) | {"fullUrl": uuid_of(97)}
    )
    once = "one identity once in a transaction"
    assert list(bundle_faults(bundle)) == [(f".entry[{n}].request", once) for n in (0, 1, 3, 4)]
    assert list(bundle_faults(bundle | {"type": "batch"})) == []


def test_plain_creations_of_one_type_may_repeat() -> None:
    bundle = make_bundle()
    for number in (50, 51):
        device = {"resourceType": "Device"}
        create = {"method": "POST", "url": "Device"}
        bundle["entry"].append({"fullUrl": uuid_of(number), "resource": device, "request": create})
    assert check_bundle(bundle, "fast") == ()


def test_one_full_url_may_have_several_versions() -> None:
    first = {"resourceType": "Patient", "id": "1", "meta": {"versionId": "1"}}
    url = "https://example.org/fhir/Patient/1"
    second = first | {"meta": {"versionId": "2"}}
    entries = [{"fullUrl": url, "resource": version} for version in (first, second)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert check_bundle(bundle, "fast") == ()
    entries[1]["resource"] = first
    assert [fault for _, fault in bundle_faults(bundle)] == ["bdl-7", "bdl-7"]


def test_a_full_url_that_is_a_uuid_is_lower_case() -> None:
    bundle = make_bundle()
    bundle["entry"][ENDPOINT]["fullUrl"] = uuid_of(ENDPOINT).replace("-5c3d", "-5C3D")
    found = [(problem.element, problem.detail) for problem in check_bundle(bundle, "fast")]
    assert ("Bundle.entry[1].fullUrl", "expected uri") in found


def test_a_document_opens_with_a_composition_and_is_identified() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "document",
        "entry": [{"resource": {"resourceType": "Basic"}}],
    }
    assert [rule for _, rule in bundle_faults(bundle)] == ["bdl-11", "bdl-9", "bdl-10"]
    bundle["type"] = "message"
    assert [rule for _, rule in bundle_faults(bundle)] == ["bdl-12"]


def test_only_a_search_or_history_has_a_total() -> None:
    assert list(bundle_faults(make_bundle() | {"total": 3})) == [(".total", "bdl-1")]


def test_a_fault_inside_a_resource_does_not_hide_the_rules_of_the_bundle() -> None:
    bundle = make_bundle()
    bundle["entry"][PATIENT]["resource"]["birthDate"] = "x"
    bundle["entry"][PATIENT]["resource"]["meta"] = []
    bundle["total"] = 3
    assert ("Bundle.total", "bdl-1") in [
        (problem.element, problem.detail) for problem in check_bundle(bundle, "fast")
    ]
