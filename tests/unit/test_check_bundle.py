"""The check of whole Bundles, at both levels."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from check_cases import FAULTS, STUDY, make_bundle, make_faulty_bundle, make_rich_bundle, put
from deliver_cases import payload
from dicom2fhir.check import MAX_PROBLEMS, check_bundle, check_document
from dicom2fhir.problems import CODES

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = ("fast", "full")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("make", [make_bundle, make_rich_bundle])
def test_a_sound_bundle_has_no_problem(make: Callable[[], dict[str, Any]], level: str) -> None:
    assert check_bundle(make(), level) == ()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_where_it_is(name: str, level: str) -> None:
    _, code, element = FAULTS[name]
    found = [
        (problem.code, problem.element) for problem in check_bundle(make_faulty_bundle(name), level)
    ]
    assert (code, element) in found


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"fullUrl twice"}))
def test_a_planted_fault_is_told_once(name: str, level: str) -> None:
    assert len(check_bundle(make_faulty_bundle(name), level)) == 1


@pytest.mark.parametrize("level", LEVELS)
def test_bytes_that_are_encoded_later_are_sound_base64(level: str) -> None:
    bundle = make_bundle()
    binary = {"resourceType": "Binary", "contentType": "application/dicom"}
    bundle["entry"] += [put(8, {**binary, "data": payload("x", 5)}), put(9, binary)]
    assert check_bundle(bundle, level) == ()
    bundle["entry"][-1]["resource"]["data"] = "no, no"
    bundle["entry"].append(put(10, {**binary, "contentType": payload("x", 5)}))
    found = [problem.element for problem in check_bundle(bundle, level)]
    assert found == [
        "Bundle.entry[4].resource.data",
        "Bundle.entry[5].resource.contentType",
    ]


def test_a_check_leaves_the_bundle_as_it_was() -> None:
    bundle = make_rich_bundle()
    before = copy.deepcopy(bundle)
    check_bundle(bundle, "full")
    assert bundle == before


def test_level_off_checks_nothing() -> None:
    assert check_bundle(make_faulty_bundle("empty string"), "off") == ()


def test_problems_name_no_value_and_no_unknown_key() -> None:
    bundle = make_bundle()
    study = bundle["entry"][STUDY]["resource"]
    study |= {
        "Canary": "Canary",
        "status": "Canary",
        "started": "Canary",
        "language": "Canary Canary  x",
    }
    study["series"][0]["instance"][1] |= {"uid": "Canary^", "Canary": {"Canary": "Canary"}}
    study["subject"] = {"reference": "Canary/Canary", "type": "Canary"}
    bundle["entry"].append({"resource": {"resourceType": "Canary"}, "Canary": 1})
    problems = check_bundle(bundle, "full")
    assert len(problems) > 6
    assert "Canary" not in " ".join(f"{problem} {problem.message}" for problem in problems)


def test_many_problems_are_listed_up_to_a_limit_and_counted_beyond() -> None:
    bundle = make_bundle(instances=250)
    for instance in bundle["entry"][STUDY]["resource"]["series"][0]["instance"]:
        instance["number"] = -1
    problems = check_bundle(bundle, "fast")
    assert len(problems) == MAX_PROBLEMS + 1
    assert (problems[-1].code, problems[-1].count) == ("check.more", 250 - MAX_PROBLEMS)


@pytest.mark.parametrize("level", LEVELS)
def test_a_fault_in_one_of_many_instances_is_found_where_it_is(level: str) -> None:
    bundle = make_bundle(instances=2000)
    instances = bundle["entry"][STUDY]["resource"]["series"][0]["instance"]
    instances[1234]["sopClass"]["code"] = " padded"
    (problem,) = check_bundle(bundle, level)
    place = "Bundle.entry[2].resource.series[0].instance[1234].sopClass.code"
    assert (problem.code, problem.element, problem.detail) == (
        "check.model",
        place,
        "expected code",
    )


def test_the_same_problems_come_in_the_same_order() -> None:
    bundle = make_faulty_bundle("fullUrl twice")
    assert check_bundle(bundle, "full") == check_bundle(copy.deepcopy(bundle), "full")


def test_an_object_nested_without_end_is_a_problem_and_no_crash() -> None:
    extension: dict[str, Any] = {"url": "https://example.org/x", "valueBoolean": True}
    for _ in range(5000):
        extension = {"url": "https://example.org/x", "extension": [extension]}
    bundle = make_bundle()
    bundle["entry"][STUDY]["resource"]["extension"] = [extension]
    (problem,) = check_bundle(bundle, "full")
    assert (problem.code, problem.detail) == ("check.model", "nested too deep")


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'"\xff"', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a Bundle"),
        (b"null", "not a Bundle"),
        (b'{"resourceType": "Patient"}', "not a Bundle"),
    ],
)
def test_a_document_that_is_no_bundle_is_said_to_be_none(data: bytes, detail: str) -> None:
    (problem,) = check_document(data, "full")
    assert (problem.code, problem.detail) == ("check.json", detail)


def test_a_document_is_checked_as_the_bundle_it_holds() -> None:
    assert check_document(json.dumps(make_bundle()).encode(), "full") == ()
    data = json.dumps(make_faulty_bundle("negative number")).encode()
    assert check_document(data, "fast") == check_bundle(
        make_faulty_bundle("negative number"), "fast"
    )


def test_every_problem_code_of_check_stands_in_the_table_of_codes() -> None:
    used = {code for _, code, _ in FAULTS.values()} | {"check.json", "check.more"}
    assert used == {code for code in CODES if code.startswith("check.")}


def test_fast_loads_neither_the_models_nor_pydantic() -> None:
    code = (
        "import json, sys; from dicom2fhir.check import check_document;"
        "assert check_document(sys.stdin.buffer.read(), 'fast') == ();"
        "loaded = {name.partition('.')[0] for name in sys.modules};"
        "print(sorted(loaded & {'fhir', 'fhir_core', 'pydantic'}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(make_rich_bundle()).encode(),
        capture_output=True,
        check=True,
    )
    assert run.stdout.strip() == b"[]"
