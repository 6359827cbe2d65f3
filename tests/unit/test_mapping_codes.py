"""Coding schemes as FHIR code systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapping_studies import code, instance, mapped, problems, resources, series, study

from dicom2fhir.mapping.codes import DCM, SCT, absolute_uri, oid_uri, to_sct

if TYPE_CHECKING:
    from dicom2fhir.model import Series


def _procedure(*items: object, **options: object) -> list[dict[str, object]]:
    codes = mapped(study(ProcedureCodeSequence=list(items)), **options)["procedureCode"]
    assert isinstance(codes, list)
    return codes


def test_a_code_of_a_standard_scheme_has_the_system_of_hl7() -> None:
    assert _procedure(code("24627-2", "LN", "CT Chest")) == [
        {
            "coding": [{"system": "http://loinc.org", "code": "24627-2", "display": "CT Chest"}],
            "text": "CT Chest",
        }
    ]


def test_a_snomed_rt_identifier_becomes_its_snomed_ct_concept() -> None:
    assert to_sct("G-A100") == "24028007"
    assert _procedure(code("T-D4000", "SRT", "Abdomen"))[0]["coding"] == [
        {"system": SCT, "code": "113345001", "display": "Abdomen"}
    ]


def test_a_snomed_rt_identifier_without_concept_stays_what_it_is() -> None:
    (made,) = _procedure(code("X-99999", "99SDM", "Odd"))

    assert made["coding"] == [
        {
            "system": "http://terminology.hl7.org/CodeSystem/SNM3",
            "code": "X-99999",
            "display": "Odd",
        }
    ]


def test_the_words_of_a_dicom_code_are_text_for_servers_compare_displays() -> None:
    assert _procedure(code("113014", "DCM", "Etude")) == [
        {"coding": [{"system": DCM, "code": "113014"}], "text": "Etude"}
    ]


def test_a_local_scheme_has_the_system_that_the_file_states() -> None:
    stated = [{"CodingSchemeDesignator": ["99X"], "CodingSchemeUID": ["1.2.276.0.76.3.1.7"]}]
    linked = [{"CodingSchemeDesignator": ["99X"], "CodingSchemeURL": ["https://example.org/x"]}]
    registered = [
        {
            "CodingSchemeDesignator": ["99X"],
            "CodingSchemeRegistry": ["HL7"],
            "CodingSchemeExternalID": ["2.16.840.1.113883.4.6"],
        }
    ]
    items = [code("A", "99X", "a")]

    for sequence, system in (
        (stated, "urn:oid:1.2.276.0.76.3.1.7"),
        (registered, "urn:oid:2.16.840.1.113883.4.6"),
        (linked, "https://example.org/x"),
    ):
        source = study(
            series(CodingSchemeIdentificationSequence=sequence), ProcedureCodeSequence=items
        )
        assert mapped(source)["procedureCode"][0]["coding"][0]["system"] == system


def test_a_local_scheme_nobody_explains_lies_below_our_own_address() -> None:
    (made,) = _procedure(code("A", "99 Ü", "a"))

    assert made["coding"] == [
        {
            "system": "https://dicom2fhir-cli.github.io/fhir/coding-scheme/99%20%C3%9C",
            "code": "A",
            "display": "a",
        }
    ]


def test_the_table_of_issuers_names_local_schemes_first() -> None:
    (made,) = _procedure(code("A", "99X"), issuers={"99X": "https://example.org/mine"})

    assert made["coding"] == [{"system": "https://example.org/mine", "code": "A"}]


def test_the_version_of_a_local_scheme_is_kept() -> None:
    (made,) = _procedure(code("A", "99X", CodingSchemeVersion=["3"]))

    assert made["coding"] == [
        {
            "system": "https://dicom2fhir-cli.github.io/fhir/coding-scheme/99X",
            "version": "3",
            "code": "A",
        }
    ]


def test_long_codes_and_urns_are_codes() -> None:
    long = {"LongCodeValue": ["L" * 20], "CodingSchemeDesignator": ["LN"]}
    urn = {"URNCodeValue": ["urn:lex:eu:1"], "CodeMeaning": ["law"]}

    assert _procedure(long)[0]["coding"] == [{"system": "http://loinc.org", "code": "L" * 20}]
    assert _procedure(urn)[0]["coding"] == [
        {"system": "urn:ietf:rfc:3986", "code": "urn:lex:eu:1", "display": "law"}
    ]


def test_a_code_that_fhir_cannot_hold_stays_as_text_and_is_noted() -> None:
    spaced = study(ProcedureCodeSequence=[code("A  B", "99X", "a b"), code("C  D", "99X")])
    nameless = study(ProcedureCodeSequence=[code("A", "", "a")])

    assert mapped(spaced)["procedureCode"] == [{"text": "a b"}, {"text": "C  D"}]
    assert problems(spaced) == {"map.bad-code": 2}
    assert mapped(nameless)["procedureCode"] == [{"text": "a"}]


def test_only_real_oids_become_urns() -> None:
    assert oid_uri("1.2.276.0.76") == "urn:oid:1.2.276.0.76"
    assert oid_uri("1.02.3.4.5") is None
    assert oid_uri("3.2.3.4.5") is None
    assert oid_uri("1.2") is None
    assert absolute_uri("urn:oid:1.02.3.4") is None
    uuid = "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"
    assert absolute_uri(f"URN:UUID:{uuid}") == f"urn:uuid:{uuid.lower()}"
    assert absolute_uri("urn:uuid:radiology") is None
    assert absolute_uri("https://example.org/a") == "https://example.org/a"
    assert absolute_uri("https://example.org/a b") is None
    assert absolute_uri("ward 7") is None


def test_a_urn_code_that_is_no_uri_stays_as_text_and_is_noted() -> None:
    source = study(ProcedureCodeSequence=[{"URNCodeValue": ["ward 7"], "CodeMeaning": ["x"]}])

    assert mapped(source)["procedureCode"] == [{"text": "x"}]
    assert problems(source) == {"map.bad-code": 1}


def test_codes_of_requests_and_specimens_use_the_schemes_of_their_own_series() -> None:
    def stating(number: int) -> Series:
        stated = {"CodingSchemeDesignator": ["99L"], "CodingSchemeUID": [f"1.2.276.0.{number}"]}
        slide = {
            "SpecimenUID": [f"1.2.276.0.76.{number}"],
            "SpecimenTypeCodeSequence": [code("T", "99L")],
        }
        return series(
            instance(number, SpecimenDescriptionSequence=[slide]),
            number=number,
            CodingSchemeIdentificationSequence=[stated],
            RequestAttributesSequence=[{"RequestedProcedureCodeSequence": [code("A", "99L")]}],
        )

    source = study(stating(1), stating(2))
    own = ["urn:oid:1.2.276.0.1", "urn:oid:1.2.276.0.2"]

    requested = mapped(source)["procedureCode"]
    assert [one["coding"][0]["system"] for one in requested] == own
    types = [one["type"] for one in resources(source, "Specimen")]
    assert [one["coding"][0]["system"] for one in types] == own
