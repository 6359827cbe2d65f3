"""The walk over a resource: shapes, lists, choices, siblings of primitives, contained resources."""

from __future__ import annotations

from typing import Any

import pytest

from dicom2fhir.check.references import Scope
from dicom2fhir.check.structure import MAX_SHAPES, plan_of, resource_faults, resources_hold

EXTENSION = {"url": "https://example.org/why", "valueCode": "unknown"}


def faults_of(resource: Any) -> list[tuple[str, str]]:  # noqa: ANN401
    """Return the element and detail of each fault; the quick answer must be the same."""
    faults = [
        (problem.element, problem.detail) for problem in resource_faults(resource, "R", Scope())
    ]
    assert resources_hold([resource], Scope()) == (not faults)
    return faults


def patient(**elements: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"resourceType": "Patient", **elements}


@pytest.mark.parametrize("resource", [None, [], "x", {}, {"resourceType": "Nope"}, {"id": "1"}])
def test_what_is_no_known_resource_is_refused(resource: object) -> None:
    assert faults_of(resource) == [("R", "expected a resource of a known type")]


@pytest.mark.parametrize(
    "name", ["Resource", "DomainResource", "Extension", "HumanName", "Element"]
)
def test_an_abstract_or_data_type_is_no_resource(name: str) -> None:
    assert faults_of({"resourceType": name, "id": "1"})


def test_a_resource_without_elements_is_sound() -> None:
    assert faults_of(patient()) == []


@pytest.mark.parametrize(
    ("elements", "fault"),
    [
        ({"name": {"family": "A"}}, ("R.name", "expected a list")),
        ({"name": []}, ("R.name", "a list must not be empty")),
        ({"name": ["A"]}, ("R.name[0]", "expected an object, HumanName")),
        ({"name": [{}]}, ("R.name[0]", "an object must not be empty")),
        ({"name": [{"family": "A"}, None]}, ("R.name[1]", "expected an object, HumanName")),
        ({"name": [{"given": "A"}]}, ("R.name[0].given", "expected a list")),
        ({"name": [{"given": ["A", None]}]}, ("R.name[0].given[1]", "expected string")),
        ({"birthDate": None}, ("R.birthDate", "expected date")),
        ({"gender": 1}, ("R.gender", "expected code")),
        ({"gender": "M"}, ("R.gender", "not in the required value set")),
        ({"active": "true"}, ("R.active", "expected boolean")),
        (
            {"contact": [{"name": [{"family": "A"}]}]},
            ("R.contact[0].name", "expected an object, HumanName"),
        ),
        ({"a": 1}, ("R", "unknown element: key 2 of the object")),
        (
            {"name": [{"family": "A", "b": 1}]},
            ("R.name[0]", "unknown element: key 2 of the object"),
        ),
        (
            {"name": [{"resourceType": "HumanName"}]},
            ("R.name[0]", "unknown element: key 1 of the object"),
        ),
        ({"_name": [{"id": "1"}]}, ("R", "unknown element: key 2 of the object")),
        ({"_id": {"id": "1"}}, ("R", "unknown element: key 2 of the object")),
        ({"link": [{"type": "seealso"}]}, ("R.link[0].other", "required")),
        (
            {"multipleBirthInteger": 1, "multipleBirthBoolean": True},
            ("R", "at most one of multipleBirth[x]"),
        ),
        (
            {"multipleBirthInteger": 1, "_multipleBirthBoolean": {"id": "1"}},
            ("R", "at most one of multipleBirth[x]"),
        ),
        ({"_birthDate": {}}, ("R._birthDate", "an object must not be empty")),
        (
            {"_birthDate": [{"id": "1"}]},
            ("R._birthDate", "expected an object, FHIRPrimitiveExtension"),
        ),
        (
            {"extension": [{"url": "a", "_url": {"id": "1"}, "valueCode": "b"}]},
            ("R.extension[0]", "unknown element: key 2 of the object"),
        ),
        ({"meta": {"versionId": "a b"}}, ("R.meta.versionId", "expected id")),
    ],
)
def test_a_fault_is_told_with_its_place(elements: dict[str, Any], fault: tuple[str, str]) -> None:
    assert faults_of(patient(**elements)) == [fault]


def test_a_required_choice_needs_one_of_its_types() -> None:
    media = {"resourceType": "Media", "status": "completed", "content": {"url": "Binary/1"}}
    assert faults_of(media) == []
    group = {"code": {"text": "a"}, "exclude": False}
    resource = {
        "resourceType": "Group",
        "type": "person",
        "actual": True,
        "characteristic": [group],
    }
    assert faults_of(resource) == [("R.characteristic[0]", "required: value[x]")]
    group["_valueBoolean"] = {"extension": [EXTENSION]}
    assert faults_of(resource) == []


def test_an_extension_may_stand_for_a_required_value_and_an_id_may_not() -> None:
    endpoint = {
        "resourceType": "Endpoint",
        "status": "active",
        "connectionType": {"code": "dicom-wado-rs"},
        "payloadType": [{"text": "DICOM"}],
        "_address": {"extension": [EXTENSION]},
    }
    assert faults_of(endpoint) == []
    endpoint["_address"] = {"id": "a"}
    assert faults_of(endpoint) == [("R._address", "required: extension")]


def test_null_keeps_a_place_in_a_list_only_beside_its_sibling_list() -> None:
    name = {"given": ["A", None], "_given": [None, {"extension": [EXTENSION]}]}
    assert faults_of(patient(name=[name])) == []
    assert faults_of(patient(name=[{"_given": [{"id": "a"}]}])) == []
    assert faults_of(patient(name=[{"given": [None]}])) == [
        ("R.name[0].given[0]", "expected string")
    ]


@pytest.mark.parametrize(
    ("inner", "rule"),
    [
        ({"contained": [{"resourceType": "Basic", "code": {"text": "a"}}]}, "dom-2"),
        ({"meta": {"versionId": "1"}}, "dom-4"),
        ({"meta": {"lastUpdated": "2024-02-03T10:11:12Z"}}, "dom-4"),
        ({"meta": {"security": [{"code": "R"}]}}, "dom-5"),
    ],
)
def test_a_contained_resource_keeps_the_rules_of_containment(
    inner: dict[str, Any], rule: str
) -> None:
    held = {"resourceType": "Organization", "id": "org", "name": "A", **inner}
    resource = patient(contained=[held], managingOrganization={"reference": "#org"})
    assert faults_of(resource) == [("R.contained[0]", rule)]


def test_a_contained_resource_is_named_or_names_its_container() -> None:
    held: dict[str, Any] = {"resourceType": "Organization", "id": "org", "name": "A"}
    assert faults_of(patient(contained=[held])) == [("R.contained[0]", "dom-3")]
    assert faults_of(patient(contained=[held], managingOrganization={"reference": "#org"})) == []
    assert faults_of(patient(contained=[{**held, "partOf": {"reference": "#"}}])) == [
        ("R.contained[0].partOf.reference", "allowed: Organization")
    ]
    canonical = {"url": "https://example.org/x", "valueCanonical": "#org"}
    assert faults_of(patient(contained=[held], extension=[canonical])) == []


def test_a_contained_resource_is_checked_itself() -> None:
    held = {"resourceType": "Organization", "id": "org", "name": 1}
    resource = patient(
        contained=[held, {"resourceType": "Nope"}], generalPractitioner=[{"reference": "#org"}]
    )
    assert ("R.contained[0].name", "expected string") in faults_of(resource)
    assert ("R.contained[1]", "expected a resource of a known type") in faults_of(resource)


def test_a_bundle_in_a_bundle_resolves_within_itself() -> None:
    link = {
        "other": {"reference": "urn:uuid:7d0b6a54-1f2e-5c3d-8a4b-000000000001"},
        "type": "seealso",
    }
    other = {"fullUrl": link["other"]["reference"], "resource": patient()}
    inner = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": patient(link=[link])}],
    }
    outer = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": inner}, other]}
    assert faults_of(outer) == [
        ("R.entry[0].resource.entry[0].resource.link[0].other.reference", "")
    ]
    inner["entry"].append(other)
    assert faults_of(outer) == []


def test_objects_of_several_shapes_in_one_list_are_all_checked() -> None:
    names = [{"family": "A"}, {"text": "B"}, {"family": "C"}, {"text": ""}, {"family": 1}] * 3
    assert [place for place, _ in faults_of(patient(name=names))] == [
        f"R.name[{number}].{key}"
        for start in (0, 5, 10)
        for number, key in ((start + 3, "text"), (start + 4, "family"))
    ]


def test_the_memory_of_shapes_is_bounded() -> None:
    names = [{f"x{number}": 1} for number in range(MAX_SHAPES + 10)]
    assert len(faults_of(patient(name=names))) == len(names)
    assert plan_of("HumanName", ("family",)).faults == ()
