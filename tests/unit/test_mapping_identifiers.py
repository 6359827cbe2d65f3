"""Identifiers and who issued them."""

from __future__ import annotations

import pytest
from mapping_studies import issuer, mapped, study

_BASE = "https://dicom2fhir-cli.github.io/fhir"


def _accession(*, entity: str = "", kind: str = "", name: str = "", **options: object) -> dict:
    item = {
        "UniversalEntityID": [entity],
        "UniversalEntityIDType": [kind],
        "LocalNamespaceEntityID": [name],
    }
    stated = {keyword: values for keyword, values in item.items() if values != [""]}
    source = study(AccessionNumber=["A1"], IssuerOfAccessionNumberSequence=[stated])
    return mapped(source, **options)["identifier"][-1]


@pytest.mark.parametrize(
    ("entity", "kind", "system"),
    [
        ("1.2.276.0.76.3.1", "ISO", "urn:oid:1.2.276.0.76.3.1"),
        (
            "00112233-4455-6677-8899-AABBCCDDEEFF",
            "UUID",
            "urn:uuid:00112233-4455-6677-8899-aabbccddeeff",
        ),
        ("https://example.org/acc", "URI", "https://example.org/acc"),
        ("Hospital.Example.org", "DNS", "https://hospital.example.org"),
    ],
)
def test_a_universal_entity_id_becomes_its_uri(entity: str, kind: str, system: str) -> None:
    assert _accession(entity=entity, kind=kind)["system"] == system


@pytest.mark.parametrize(
    ("entity", "kind"), [("1.2.x", "ISO"), ("a b", "DNS"), ("EF-1", "EUI64"), ("7", "UUID")]
)
def test_an_entity_without_uri_is_the_assigners_name(entity: str, kind: str) -> None:
    made = _accession(entity=entity, kind=kind)

    assert "system" not in made
    assert made["assigner"] == {"display": entity}


def test_a_local_namespace_lies_below_our_own_address() -> None:
    made = _accession(name="RIS / 1")

    assert made["system"] == f"{_BASE}/accession/RIS%20%2F%201"
    assert made["assigner"] == {"display": "RIS / 1"}


def test_the_table_of_issuers_wins() -> None:
    table = {"RIS": "https://example.org/ris", "1.2.276.0.76.3.1": "https://example.org/oid"}

    assert _accession(name="RIS", issuers=table)["system"] == "https://example.org/ris"
    made = _accession(entity="1.2.276.0.76.3.1", kind="ISO", issuers=table)
    assert made["system"] == "https://example.org/oid"


def test_a_number_without_issuer_has_the_system_of_the_option_or_none() -> None:
    silent = study(AccessionNumber=["A1"])

    assert "system" not in mapped(silent)["identifier"][-1]
    made = mapped(silent, accession_system="https://example.org/acc")["identifier"][-1]
    assert made["system"] == "https://example.org/acc"
    stated = study(
        AccessionNumber=["A1"],
        IssuerOfAccessionNumberSequence=issuer("1.2.276.0.76.3.1", "ISO"),
    )
    made = mapped(stated, accession_system="https://example.org/acc")["identifier"][-1]
    assert made["system"] == "urn:oid:1.2.276.0.76.3.1"


def test_an_accession_number_has_both_of_its_types() -> None:
    codes = [one["code"] for one in _accession(name="RIS")["type"]["coding"]]

    assert codes == ["ACSN", "121022"]
