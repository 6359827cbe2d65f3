"""The invariants of the types that a converter writes."""

from __future__ import annotations

from typing import Any

import pytest

from dicom2fhir.check.references import Scope
from dicom2fhir.check.structure import resource_faults

CODE = {"text": "a"}
OBSERVATION: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": CODE}


def basic(**extension: Any) -> dict[str, Any]:  # noqa: ANN401
    extended = [{"url": "https://example.org/x", **extension}]
    return {"resourceType": "Basic", "code": CODE, "extension": extended}


def rules_broken(resource: dict[str, Any]) -> list[str]:
    return [
        problem.detail
        for problem in resource_faults(resource, "R", Scope())
        if problem.code == "check.invariant"
    ]


INNER = [{"url": "a", "valueCode": "b"}]

BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("ext-1", basic()),
    ("ext-1", basic(valueCode="a", extension=INNER)),
    ("att-1", basic(valueAttachment={"data": "AAAA"})),
    ("cpt-2", basic(valueContactPoint={"value": "1"})),
    ("qty-3", basic(valueQuantity={"value": 1, "code": "mm"})),
    ("qty-3", basic(valueAge={"value": 1, "code": "a"})),
    ("per-1", basic(valuePeriod={"start": "2024-02-03", "end": "2024-02-02"})),
    ("per-1", basic(valuePeriod={"start": "2024", "end": "2023-12"})),
    (
        "per-1",
        basic(valuePeriod={"start": "2024-02-03T10:00:00Z", "end": "2024-02-03T10:30:00+01:00"}),
    ),
    ("obs-3", OBSERVATION | {"referenceRange": [{"appliesTo": [CODE]}]}),
    ("obs-6", OBSERVATION | {"valueInteger": 1, "dataAbsentReason": CODE}),
    ("obs-7", OBSERVATION | {"valueInteger": 1, "component": [{"code": CODE}]}),
    ("org-1", {"resourceType": "Organization", "active": True}),
    ("pat-1", {"resourceType": "Patient", "contact": [{"gender": "other"}]}),
    (
        "prr-1",
        {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "subject": {"reference": "Patient/1"},
            "orderDetail": [CODE],
        },
    ),
    (
        "cmp-1",
        {
            "resourceType": "Composition",
            "status": "final",
            "type": CODE,
            "date": "2024",
            "title": "a",
            "author": [{"display": "a"}],
            "section": [{"title": "a"}],
        },
    ),
    (
        "cmp-2",
        {
            "resourceType": "Composition",
            "status": "final",
            "type": CODE,
            "date": "2024",
            "title": "a",
            "author": [{"display": "a"}],
            "section": [{"emptyReason": CODE, "entry": [{"display": "a"}]}],
        },
    ),
]

URI = "urn:ietf:rfc:3986"

SOUND: list[dict[str, Any]] = [
    basic(valueCode="a"),
    basic(extension=INNER),
    basic(_valueString={"extension": INNER}),
    basic(valueAttachment={"data": "AAAA", "contentType": "image/png"}),
    basic(valueQuantity={"value": 1, "code": "mm", "system": "http://unitsofmeasure.org"}),
    basic(valuePeriod={"start": "2024-02", "end": "2024-02-03"}),
    basic(valuePeriod={"start": "2024-02-03T23:30:00+02:00", "end": "2024-02-03T22:00:00Z"}),
    basic(valuePeriod={"start": "2016-12-31T23:59:60Z", "end": "2017-01-01T00:00:00Z"}),
    basic(valuePeriod={"start": "2024-02-03T23:30:00Z", "end": "2024-02-03"}),
    OBSERVATION | {"dataAbsentReason": CODE, "component": [{"code": CODE, "valueInteger": 1}]},
    OBSERVATION | {"valueInteger": 1, "component": [{"code": {"text": "b"}}]},
    {"resourceType": "Organization", "name": "a"},
    basic(valueIdentifier={"system": URI, "value": "urn:oid:1.2.3"}),
    basic(valueIdentifier={"system": URI}),
    basic(valueIdentifier={"system": "https://example.org/x", "value": "a b"}),
]


@pytest.mark.parametrize(("rule", "resource"), BROKEN)
def test_a_broken_invariant_is_named(rule: str, resource: dict[str, Any]) -> None:
    assert rules_broken(resource) == [rule]


@pytest.mark.parametrize("resource", SOUND)
def test_a_resource_that_keeps_the_invariants_is_sound(resource: dict[str, Any]) -> None:
    assert list(resource_faults(resource, "R", Scope())) == []


@pytest.mark.parametrize("value", ["a b", "1.2.3", "urn:x y"])
def test_an_identifier_that_claims_to_be_a_uri_is_one(value: str) -> None:
    broken = rules_broken(basic(valueIdentifier={"system": URI, "value": value}))
    assert broken == ["a value of urn:ietf:rfc:3986 is a full URI"]
