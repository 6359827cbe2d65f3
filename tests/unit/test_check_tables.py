"""The table of types: fresh, whole and closed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from dicom2fhir.check.primitives import PRIMITIVES
from dicom2fhir.check.schema import elements_of, is_resource
from dicom2fhir.check.tables.elements import TYPES

ROOT = Path(__file__).parents[2]

RESULT = "registered preliminary final amended corrected cancelled entered-in-error unknown"
EVENT = "preparation in-progress not-done on-hold stopped completed entered-in-error unknown"
BUNDLE = (
    "document message transaction transaction-response batch batch-response history searchset "
    "collection"
)


@pytest.mark.slow
def test_the_table_is_what_the_models_state() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "generate_check_tables.py"))
    table = ROOT / "dicom2fhir" / "check" / "tables" / "elements.py"
    assert table.read_text(encoding="utf-8") == script["render"]()


def test_every_type_that_an_element_names_is_in_the_table() -> None:
    for kind in TYPES:
        for element in elements_of(kind).values():
            assert element.type in TYPES or element.type in PRIMITIVES
            assert not element.codes or element.type == "code"
            assert all(map(is_resource, element.targets))


def test_no_code_set_is_cut_short() -> None:
    for kind in TYPES:
        for element in elements_of(kind).values():
            assert element.codes.isdisjoint({"+", "etc.", ""})
            assert len(element.codes) != 1 or kind == "VisionPrescription"


@pytest.mark.parametrize(
    ("kind", "name", "codes"),
    [
        ("Observation", "status", RESULT),
        ("DiagnosticReport", "status", f"{RESULT} partial appended"),
        ("ImagingStudy", "status", "registered available cancelled entered-in-error unknown"),
        ("Media", "status", EVENT),
        ("Bundle", "type", BUNDLE),
        ("BundleEntryRequest", "method", "GET HEAD POST PUT DELETE PATCH"),
        ("Endpoint", "status", "active suspended error off entered-in-error test"),
        ("Patient", "gender", "male female other unknown"),
        ("Quantity", "comparator", "< <= >= >"),
        ("Age", "comparator", "< <= >= >"),
        ("DocumentReference", "status", "current superseded entered-in-error"),
    ],
)
def test_a_required_value_set_is_whole(kind: str, name: str, codes: str) -> None:
    assert elements_of(kind)[name].codes == set(codes.split())


def test_elements_are_inherited() -> None:
    names = set(elements_of("ImagingStudy"))
    assert {"id", "meta", "text", "contained", "extension", "modifierExtension", "status"} <= names
    assert set(elements_of("Binary")) == {
        "id",
        "meta",
        "implicitRules",
        "language",
        "contentType",
        "data",
        "securityContext",
    }


def test_cardinality_and_targets_are_those_of_the_specification() -> None:
    study = elements_of("ImagingStudy")
    assert (study["subject"].required, study["subject"].many) == (True, False)
    assert study["subject"].targets == {"Patient", "Device", "Group"}
    assert (study["series"].required, study["series"].many) == (False, True)
    assert (
        elements_of("Endpoint")["payloadType"].required,
        elements_of("Endpoint")["payloadType"].many,
    ) == (True, True)
    assert elements_of("Extension")["valueReference"].targets == frozenset()
    assert elements_of("Media")["createdDateTime"].choice == "created"
