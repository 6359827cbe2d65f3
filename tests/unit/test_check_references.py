"""References: what they resolve to, and what they may point at."""

from __future__ import annotations

from typing import Any

import pytest

from dicom2fhir.check.references import Scope, entries_of, fault_of, scope_of

PATIENT = "urn:uuid:7d0b6a54-1f2e-5c3d-8a4b-000000000001"
UNKNOWN = "urn:uuid:7d0b6a54-1f2e-5c3d-8a4b-00000000000f"
SUBJECTS = frozenset({"Patient", "Device", "Group"})
SCOPE = Scope(
    entries={PATIENT: "Patient", "https://example.org/fhir/Device/9": "Device"},
    contained={"order": "ServiceRequest", "me": "Patient"},
    container="ImagingStudy",
)


@pytest.mark.parametrize(
    "text",
    [
        PATIENT,
        "https://example.org/fhir/Device/9",
        "#me",
        "Patient/1",
        "Patient/1/_history/2",
        "Group/a.B-1",
        "Patient?identifier=urn%3Aoid%3A1.2.3%7CA",
        "https://example.org/fhir/Patient/1",
        "https://example.org/anything",
        "https://example.org/fhir/Unheard/1",
    ],
)
def test_a_reference_that_leads_to_an_allowed_type_is_sound(text: str) -> None:
    assert fault_of({"reference": text}, SUBJECTS, SCOPE) is None


@pytest.mark.parametrize(
    "text", ["#order", "#", "Observation/1", "https://example.org/fhir/Media/1"]
)
def test_a_reference_to_another_type_is_refused_and_names_the_allowed_ones(text: str) -> None:
    expected = ("check.reference-type", "allowed: Device, Group, Patient")
    assert fault_of({"reference": text}, SUBJECTS, SCOPE) == expected
    assert fault_of({"reference": text}, frozenset(), SCOPE) is None


@pytest.mark.parametrize(
    "text",
    [UNKNOWN, PATIENT.upper(), "#nobody", "urn:oid:1.2.3", "Unheard/1", "x", "Patient", "Patient/"],
)
def test_a_reference_that_leads_nowhere_is_unresolved(text: str) -> None:
    assert fault_of({"reference": text}, SUBJECTS, SCOPE) == ("check.unresolved", "")


def test_the_stated_type_has_to_be_allowed_and_true() -> None:
    wrong = ("check.reference-type", "allowed: Device, Group, Patient")
    assert fault_of({"type": "Patient", "reference": "Patient/1"}, SUBJECTS, SCOPE) is None
    assert fault_of({"type": "Media", "identifier": {"value": "1"}}, SUBJECTS, SCOPE) == wrong
    assert fault_of({"type": "Device", "reference": PATIENT}, SUBJECTS, SCOPE) == wrong
    stated = "http://hl7.org/fhir/StructureDefinition/Patient"
    assert fault_of({"type": stated, "reference": "Patient/1"}, SUBJECTS, SCOPE) is None


def test_a_reference_by_identifier_or_display_alone_is_sound() -> None:
    assert fault_of({"display": "A"}, SUBJECTS, SCOPE) is None
    assert fault_of({"type": "Patient", "identifier": {"value": "1"}}, SUBJECTS, SCOPE) is None


def test_contained_ids_that_are_met_are_remembered() -> None:
    scope = scope_of(
        {"resourceType": "Basic", "contained": [{"resourceType": "Patient", "id": "p"}]}, {}
    )
    assert (scope.contained, scope.container) == ({"p": "Patient"}, "Basic")
    fault_of({"reference": "#p"}, SUBJECTS, scope)
    assert scope.used == {"p"}


@pytest.mark.parametrize("entry", [None, [], [None], [{}], [{"fullUrl": 1}], {"fullUrl": "x"}])
def test_a_bundle_of_broken_form_has_no_entries_to_resolve_to(entry: Any) -> None:  # noqa: ANN401
    assert entries_of({"resourceType": "Bundle", "entry": entry}) == {}
