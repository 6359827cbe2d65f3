"""The second opinion of the fhir.resources models."""

from __future__ import annotations

from typing import Any

import pytest

from check_cases import PATIENT, STUDY, make_bundle, make_instance, make_study
from deliver_cases import payload
from dicom2fhir.check import check_bundle, models
from dicom2fhir.check.models import distinct, model_errors, model_faults
from dicom2fhir.check.schema import is_resource
from dicom2fhir.check.tables.elements import TYPES


def test_objects_that_differ_in_identifying_values_only_are_shown_once() -> None:
    study = distinct(make_study(1000))
    (series,) = study["series"]
    assert series["instance"] == [make_instance(0)]
    assert series["instance"].places == [0]


@pytest.mark.parametrize(
    "change",
    [
        {"title": None},
        {"sopClass": {"system": "urn:ietf:rfc:3986", "code": "urn:oid:1.2.840.10008.5.1.4.1.1.4"}},
        {"extension": [{"url": "https://example.org/content", "valueCode": "a"}]},
        {"extension": make_instance(7)["extension"] * 2},
        {"unheard": 1},
    ],
)
def test_an_object_that_differs_otherwise_is_shown_too(change: dict[str, Any]) -> None:
    study = make_study(10)
    instance = study["series"][0]["instance"][7]
    instance |= change
    if instance["title"] is None:
        del instance["title"]
    shown = distinct(study)["series"][0]["instance"]
    assert shown == [make_instance(0), distinct(instance)]
    assert shown.places == [0, 7]


def test_a_large_payload_is_not_shown() -> None:
    assert distinct({"data": "A" * 100_000}) == {"data": "AAAA"}


def test_files_in_a_study_are_shown_once_whatever_their_size() -> None:
    study = make_study(100)
    for number, instance in enumerate(study["series"][0]["instance"]):
        data = payload("x", number + 1)
        attachment = {"contentType": "application/dicom", "data": data, "size": number}
        instance["extension"] = [{"url": "https://example.org/file", "valueAttachment": attachment}]
    (shown,) = distinct(study)["series"][0]["instance"]
    assert shown["extension"][0]["valueAttachment"]["data"] == "AAAA"
    assert list(model_errors(distinct(study), "ImagingStudy")) == []


def test_what_the_models_find_is_told_where_it_stands_in_the_whole_list() -> None:
    bundle = make_bundle(instances=50)
    bundle["entry"][STUDY]["resource"]["series"][0]["instance"][33]["sopClass"]["version"] = 1.5
    (problem,) = model_faults(bundle, set())
    place = "Bundle.entry[2].resource.series[0].instance[33].sopClass.version"
    assert (problem.code, problem.element) == ("check.model", place)


def make_measurement(number: int, code: str = "mm") -> dict[str, Any]:
    quantity = {"value": number, "unit": "mm", "system": "http://unitsofmeasure.org", "code": code}
    concept = {"text": "Length"}
    return {
        "resourceType": "Observation",
        "id": f"m{number}",
        "status": "final",
        "code": concept,
        "valueQuantity": quantity,
    }


def test_measurements_of_one_structure_are_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(
        models, "model_errors", lambda found, _: iter(shown.append(found.get("id", "")) or ())
    )
    resources = [make_measurement(one) for one in range(9)] + [make_measurement(9, code="cm")]
    list(model_faults({"entry": [{"resource": one} for one in resources]}, set()))
    assert shown == ["", "m0", "m9"]


def test_a_measurement_with_a_fault_is_found_among_sound_ones() -> None:
    resources = [make_measurement(one) for one in range(9)]
    resources[7]["code"]["Canary"] = True
    bundle = {"resourceType": "Bundle", "type": "collection"}
    entries = [{"resource": one} for one in resources]
    (problem,) = model_faults({**bundle, "entry": entries}, set())
    assert problem.element == "Bundle.entry[7].resource.code"


def test_a_key_that_the_models_do_not_know_is_not_repeated() -> None:
    bundle = make_bundle()
    bundle["entry"][PATIENT]["resource"]["name"][0]["Canary"] = "Canary"
    (problem,) = model_faults(bundle, set())
    assert problem.element == "Bundle.entry[0].resource.name[0]"
    assert problem.detail == "extra_forbidden"


def test_the_models_see_the_envelope_and_each_resource() -> None:
    bundle = make_bundle()
    bundle["entry"][PATIENT]["request"]["method"] = "a  b"
    bundle["entry"][PATIENT]["resource"]["birthDate"] = "x"
    found = [problem.element for problem in model_faults(bundle, set())]
    assert found == ["Bundle.entry[0].request.method", "Bundle.entry[0].resource.birthDate"]


def test_the_models_are_not_asked_where_the_tables_have_found_a_misfit() -> None:
    bundle = make_bundle()
    bundle["entry"][PATIENT]["resource"]["birthDate"] = "x"
    bundle["entry"][PATIENT]["request"]["method"] = "a  b"
    misfits = {"Bundle.entry[0].resource.birthDate", "Bundle.entry[0].request.method"}
    assert list(model_faults(bundle, misfits)) == []


def test_an_id_has_at_most_64_characters() -> None:
    assert not list(
        model_errors({"resourceType": "Basic", "id": "x" * 64, "code": {"text": "a"}}, "Basic")
    )
    assert list(
        model_errors({"resourceType": "Basic", "id": "x" * 65, "code": {"text": "a"}}, "Basic")
    )


@pytest.mark.parametrize(
    "extension",
    [
        {"valueUuid": "urn:uuid:7d0b6a54-1f2e-5c3d-8a4b-000000000001"},
        {"_valueString": {"extension": [{"url": "https://example.org/y", "valueCode": "a"}]}},
    ],
)
def test_sound_fhir_that_the_models_refuse_is_let_through(extension: dict[str, Any]) -> None:
    bundle = make_bundle()
    bundle["entry"][PATIENT]["resource"]["extension"] = [
        {"url": "https://example.org/x", **extension}
    ]
    assert check_bundle(bundle, "full") == ()


def test_a_model_that_fails_is_a_problem_and_no_crash() -> None:
    # The model of a required list of primitives fails on the list of its siblings alone.
    profile = {"extension": [{"url": "https://example.org/x", "valueCode": "a"}]}
    message = {
        "resourceType": "CapabilityStatement",
        "status": "draft",
        "date": "2024",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "_format": [profile],
    }
    assert list(model_errors(message, "CapabilityStatement")) == [((), "the model cannot read it")]


@pytest.mark.slow
def test_every_resource_type_of_the_table_has_a_model() -> None:
    for kind in filter(is_resource, TYPES):
        errors = list(model_errors({"resourceType": kind, "unheard": 1}, kind))
        assert (("unheard",), "extra_forbidden") in errors
