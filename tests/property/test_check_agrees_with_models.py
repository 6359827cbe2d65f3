"""The tables against the models: resources of any shape, sound and broken."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest

from dicom2fhir.check.models import IDENTIFYING, distinct, model_errors
from dicom2fhir.check.primitives import PRIMITIVES
from dicom2fhir.check.references import Scope
from dicom2fhir.check.schema import Element, elements_of, is_resource
from dicom2fhir.check.structure import resource_faults, resources_hold

NAMES_OF_TYPES = """
Basic Binary BodyStructure Bundle Composition Device DiagnosticReport DocumentReference Encounter
Endpoint ImagingStudy Location Media Observation OperationOutcome Organization Patient Practitioner
Provenance ServiceRequest Specimen
"""
TYPES = NAMES_OF_TYPES.split()

GOOD: dict[str, list[Any]] = {
    "base64Binary": ["AAAA"],
    "boolean": [True, False],
    "canonical": ["http://example.org/a|1"],
    "code": ["en", "a b"],
    "date": ["2024", "2024-02-29"],
    "dateTime": ["2024-02", "2024-02-03T10:11:12.5+14:00"],
    "decimal": [0, 1.5, -2.5e10],
    "id": ["a.B-1"],
    "instant": ["2024-02-03T10:11:12Z"],
    "integer": [-5, 0],
    "markdown": ["*a*\n"],
    "oid": ["urn:oid:1.2.3"],
    "positiveInt": [1],
    "string": ["a", "\u00e4 b"],
    "time": ["10:11:12"],
    "unsignedInt": [0],
    "uri": ["http://example.org/a", "urn:oid:1.2.3"],
    "url": ["https://example.org/a", "Binary/1"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "xhtml": ['<div xmlns="http://www.w3.org/1999/xhtml">a</div>'],
}
JUNK: list[Any] = [
    None, "", " ", [], {}, 0, -1, 1.5, True, "a  b", ["x"], [None], {"a": 1}, "x" * 70, 2**31, [[]],
    "2024-13-01", "2024-02-03T10:11:12", "a\x00b", "10:00", "http://", "true", float("inf"),
]  # fmt: skip
NAMES = ("Canary", "fhir_comments", "resource_type", "extension", "valueString", "status", "id")


def seeded(name: str) -> Random:
    return Random(name)  # noqa: S311  the same resources in every run


def make_object(random: Random, kind: str, depth: int = 0) -> dict[str, Any]:
    """Return a sound object of a type, with some of its elements."""
    elements = elements_of(kind).values()
    wanted = [
        element
        for element in elements
        if element.type not in {"Resource", "Extension"}
        and not element.choice
        and (element.required or random.random() < (0.3, 0.2, 0.02)[min(depth, 2)])
    ]
    for choice in sorted({element.choice for element in elements if element.choice}):
        group = [element for element in elements if element.choice == choice]
        if group[0].choice_required or kind == "Extension" or random.random() < 0.3:
            wanted.append(random.choice(group))
    made: dict[str, Any] = {"resourceType": kind} if is_resource(kind) else {}
    for element in wanted or [elements_of(kind)["id"]]:
        value = make_value(random, element, depth)
        made[element.name] = [value] if element.many else value
    if kind != "Extension" and "extension" in elements_of(kind) and random.random() < 0.1:
        made["extension"] = [make_object(random, "Extension", depth + 1)]
    return made


def make_value(random: Random, element: Element, depth: int) -> Any:  # noqa: ANN401
    if element.codes:
        return random.choice(sorted(element.codes))
    if element.type in PRIMITIVES:
        return random.choice(GOOD[element.type])
    if element.type == "Reference":
        return {"reference": f"{min(element.targets, default='Patient')}/1"}
    return make_object(random, element.type, depth + 1)


def holders(value: Any) -> list[Any]:  # noqa: ANN401
    """Return every object and list in a resource."""
    if isinstance(value, dict):
        return [value, *(inner for item in value.values() for inner in holders(item))]
    if isinstance(value, list):
        return [value, *(inner for item in value for inner in holders(item))]
    return []


def spoil(random: Random, resource: dict[str, Any]) -> dict[str, Any]:
    """Return a copy with one change that may or may not be a fault."""
    spoilt = copy.deepcopy(resource)
    holder = random.choice(holders(spoilt))
    keys = list(range(len(holder))) if isinstance(holder, list) else sorted(holder)
    key = random.choice(keys or [0])
    change = random.randrange(4)
    if key == "resourceType" or not keys:
        return spoilt
    if change == 0:
        del holder[key]
    elif change == 1 or isinstance(holder, list):
        holder[key] = random.choice(JUNK)
    elif change == 2:
        holder[random.choice(NAMES)] = random.choice(JUNK)
    else:
        holder[f"_{key}"] = random.choice(
            [{"id": "a"}, {"extension": []}, [None], [{"id": "a"}], {}]
        )
    return spoilt


def refuses(resource: dict[str, Any], kind: str) -> bool:
    try:
        return bool(list(model_errors(resource, kind)))
    except (KeyError, TypeError):  # the models stumble over some resources that are far from sound
        return True


@pytest.mark.parametrize("kind", TYPES)
def test_a_sound_resource_of_any_shape_pleases_tables_and_models(kind: str) -> None:
    random = seeded(kind)
    for _ in range(25):
        resource = make_object(random, kind)
        faults = [
            fault
            for fault in resource_faults(resource, kind, Scope())
            if fault.code != "check.invariant"
        ]
        assert (faults, list(model_errors(resource, kind))) == ([], [])


@pytest.mark.parametrize("kind", TYPES)
def test_the_tables_find_whatever_the_models_find(kind: str) -> None:
    random = seeded(f"spoilt {kind}")
    refused = 0
    for _ in range(100):
        resource = spoil(random, make_object(random, kind))
        faults = list(resource_faults(resource, kind, Scope()))
        assert resources_hold([resource], Scope()) == (not faults)
        if faults:
            refused += 1
        else:
            assert list(model_errors(resource, kind)) == []
    assert refused > 20


@pytest.mark.parametrize("kind", TYPES)
def test_the_models_judge_a_resource_and_its_distinct_parts_alike(kind: str) -> None:
    random = seeded(f"doubled {kind}")
    for _ in range(25):
        resource = make_object(random, kind)
        for element in elements_of(kind).values():
            if element.many and element.name in resource:
                resource[element.name] += [make_value(random, element, 1) for _ in range(3)]
        assert not refuses(distinct(resource), kind)
        spoilt = spoil(random, resource)
        paths = [fault.element for fault in resource_faults(spoilt, kind, Scope())]
        if IDENTIFYING.isdisjoint(path.rpartition(".")[2].partition("[")[0] for path in paths):
            assert refuses(distinct(spoilt), kind) == refuses(spoilt, kind)
