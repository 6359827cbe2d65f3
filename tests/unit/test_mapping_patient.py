"""The subject of a study: its names, numbers, and id."""

from __future__ import annotations

import pytest
from mapping_studies import FULL_PATIENT, code, issuer, mapped, problems, resources, study

from dicom2fhir.identity import IDENTIFIER_SYSTEM, resource_id
from dicom2fhir.mapping import map_study
from dicom2fhir.options import MapOptions

_MR = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/v2-0203",
            "code": "MR",
            "display": "Medical record number",
        }
    ]
}


def _patient(options: dict[str, object] | None = None, **attributes: object) -> dict:
    return mapped(study(patient=attributes), "Patient", **(options or {}))


def _id(**attributes: object) -> str:
    return _patient(**attributes)["id"]


def test_a_number_with_issuer_is_the_identity_and_others_keep_the_master() -> None:
    made = _patient(PatientID=["4711"], IssuerOfPatientID=["2.16.840.1.113883.19.5"])

    assert made["id"] == resource_id("Patient", "urn:oid:2.16.840.1.113883.19.5", "4711")
    assert [one["system"] for one in made["identifier"]] == ["urn:oid:2.16.840.1.113883.19.5"]


def test_an_issuer_in_words_has_a_system_of_ours_and_its_name() -> None:
    (made,) = _patient(PatientID=["4711"], IssuerOfPatientID=["Ward 7"])["identifier"]

    assert made == {
        "type": _MR,
        "system": "https://dicom2fhir-cli.github.io/fhir/patient-id/Ward%207",
        "value": "4711",
        "assigner": {"display": "Ward 7"},
    }


def test_qualifiers_win_over_the_text_of_the_issuer() -> None:
    (main, *_rest) = mapped(study(patient=FULL_PATIENT), "Patient")["identifier"]

    assert main["system"] == "urn:oid:2.16.840.1.113883.19.5"
    assert main["type"]["coding"][0]["code"] == "PI"
    assert main["assigner"] == {"display": "HOSP"}


def test_a_type_that_table_0203_lacks_is_text() -> None:
    made = _patient(
        PatientID=["1"], IssuerOfPatientIDQualifiersSequence=[{"IdentifierTypeCode": ["ODD"]}]
    )

    assert made["identifier"][-1]["type"] == {"text": "ODD"}


def test_the_option_names_the_system_of_numbers_without_issuer() -> None:
    options = {"patient_id_system": "https://example.org/mrn"}
    made = _patient(options, PatientID=["4711"])

    assert made["id"] == resource_id("Patient", "https://example.org/mrn", "4711")
    assert IDENTIFIER_SYSTEM not in [one.get("system") for one in made["identifier"]]


def test_a_number_without_system_is_told_apart_by_name_and_birth_date() -> None:
    source = study(patient={"PatientID": ["4711"], "PatientName": ["DOE^Jane"]})
    made = mapped(source, "Patient")
    codes = [one.code for one in map_study(source, MapOptions()).problems]

    assert made["id"] == resource_id("Patient", "id", "4711", "", "doe jane")
    assert made["identifier"] == [
        {"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{made['id']}"},
        {"type": _MR, "value": "4711"},
    ]
    assert codes == ["map.patient-no-system"]


def test_strangers_with_one_number_are_never_merged() -> None:
    jane = _id(PatientID=["1"], PatientName=["DOE^Jane"], PatientBirthDate=["19700131"])
    same = _id(PatientID=["1"], PatientName=["Doe^JANE^"], PatientBirthDate=["1970.01.31"])
    june = _id(PatientID=["1"], PatientName=["DOE^June"], PatientBirthDate=["19700131"])
    later = _id(PatientID=["1"], PatientName=["DOE^Jane"], PatientBirthDate=["19710131"])

    assert jane == same
    assert len({jane, june, later}) == 3


def test_a_salt_hides_what_the_id_rests_on() -> None:
    known = {"PatientID": ["1"], "PatientName": ["DOE^Jane"]}
    plain = _patient(**known)["id"]
    salted = _patient({"id_salt": b"salt"}, **known)["id"]
    other = _patient({"id_salt": b"pepper"}, **known)["id"]

    assert len({plain, salted, other}) == 3
    assert salted == _patient({"id_salt": b"salt"}, **known)["id"]


def test_without_number_name_birth_date_and_sex_tell_the_patient() -> None:
    known = {"PatientName": ["DOE^Jane"], "PatientBirthDate": ["19700131"], "PatientSex": ["F"]}
    source = study(patient=known)

    assert mapped(source, "Patient")["id"] == resource_id(
        "Patient", "name", "doe jane", "1970-01-31", "F"
    )
    assert problems(source) == {"map.no-patient-id": 1}


def test_unknown_patients_are_never_merged_across_studies() -> None:
    source = study(patient={"PatientName": ["DOE^Jane"]})

    assert mapped(source, "Patient")["id"] == resource_id(
        "Patient", "study", source.uid, "doe jane"
    )


def test_a_reference_from_the_options_stands_for_every_patient() -> None:
    source = study(patient=FULL_PATIENT)

    assert resources(source, "Patient", patient="Patient/123") == []
    assert mapped(source, patient="Patient/123")["subject"] == {"reference": "Patient/123"}


def test_other_numbers_follow_the_same_rules_and_stand_once() -> None:
    made = _patient(
        PatientID=["A"],
        OtherPatientIDs=["A", "B", "C", "C"],
        OtherPatientIDsSequence=[
            {"PatientID": ["B"], "IssuerOfPatientID": ["https://example.org/ids"]},
            {"PatientID": ["A"]},
        ],
    )

    assert [(one.get("system"), one["value"]) for one in made["identifier"][1:]] == [
        (None, "A"),
        ("https://example.org/ids", "B"),
        (None, "C"),
    ]


def test_names_say_their_use() -> None:
    made = _patient(
        PatientID=["A"],
        PatientName=["Doe^Jane"],
        OtherPatientNames=["Roe^Jane", "Poe^Jane"],
        PatientBirthName=["Moe^Jane"],
        PatientMotherBirthName=["Noe^Mary"],
    )

    assert [(one.get("use"), one["family"]) for one in made["name"]] == [
        ("official", "Doe"),
        (None, "Roe"),
        (None, "Poe"),
        ("maiden", "Moe"),
    ]
    assert made["extension"] == [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName",
            "valueString": "Mary Noe",
        }
    ]


@pytest.mark.parametrize(
    ("sex", "gender"), [("M", "male"), ("F", "female"), ("O", "other"), ("m", "male")]
)
def test_sex_becomes_gender(sex: str, gender: str) -> None:
    assert _patient(PatientSex=[sex])["gender"] == gender


def test_any_other_sex_is_unknown_and_noted() -> None:
    source = study(patient={"PatientID": ["1"], "PatientSex": ["U"]})

    assert mapped(source, "Patient")["gender"] == "unknown"
    assert problems(source) == {"map.bad-sex": 1}
    assert "gender" not in _patient(PatientID=["1"])


def test_a_birth_time_is_written_only_with_a_zone() -> None:
    born = {"PatientBirthDate": ["19700131"], "PatientBirthTime": ["0815"]}

    assert "_birthDate" not in _patient(**born)
    made = _patient({"timezone": "Europe/Berlin"}, **born)
    assert made["birthDate"] == "1970-01-31"
    assert made["_birthDate"]["extension"] == [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
            "valueDateTime": "1970-01-31T08:15:00+01:00",
        }
    ]


def test_an_impossible_birth_date_is_left_out_and_noted() -> None:
    source = study(patient={"PatientID": ["1"], "PatientBirthDate": ["19700231"]})

    assert "birthDate" not in mapped(source, "Patient")
    assert problems(source) == {"map.bad-date": 1}


def test_an_animal_has_species_breed_and_status() -> None:
    made = mapped(study(patient=FULL_PATIENT), "Patient")
    (animal,) = [one for one in made["extension"] if one["url"].endswith("patient-animal")]
    parts = {one["url"]: one["valueCodeableConcept"] for one in animal["extension"]}

    assert parts["species"]["coding"][0]["code"] == "69986009"
    assert parts["breed"] == {"text": "Beagle"}
    assert parts["genderStatus"]["coding"][0]["code"] == "neutered"


def test_a_breed_without_a_species_is_kept() -> None:
    made = mapped(study(patient={"PatientBreedDescription": ["Beagle"]}), "Patient")
    absent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

    assert made["extension"][0]["extension"] == [
        {
            "url": "species",
            "valueCodeableConcept": {"extension": [{"url": absent, "valueCode": "unknown"}]},
        },
        {"url": "breed", "valueCodeableConcept": {"text": "Beagle"}},
    ]


def test_a_human_is_no_animal() -> None:
    coded = {"PatientSpeciesCodeSequence": [code("337915000", "SCT", "homo sapiens")]}

    assert "extension" not in _patient(**coded)
    assert "extension" not in _patient(PatientSpeciesDescription=["Human"])
    assert "extension" in _patient(PatientSpeciesDescription=["Felis catus"])


def test_a_responsible_person_is_a_contact() -> None:
    (made,) = mapped(study(patient=FULL_PATIENT), "Patient")["contact"]

    assert made["name"]["family"] == "Owner"
    assert made["relationship"] == [{"text": "OWNER"}]
    assert made["organization"] == {"display": "Kennel"}
    assert "contact" not in _patient(ResponsiblePersonRole=["OWNER"])


def test_a_quality_control_subject_is_a_device() -> None:
    source = study(
        patient={
            "PatientID": ["QC1"],
            "IssuerOfPatientIDQualifiersSequence": issuer("1.2.276.0.76.3.1", "ISO"),
            "PatientName": ["Phantom^ACR"],
            "QualityControlSubject": ["YES"],
        }
    )
    made = mapped(source, "Device")

    assert resources(source, "Patient") == []
    assert mapped(source)["subject"] == {"reference": f"Device/{made['id']}"}
    assert made["deviceName"] == [{"name": "ACR Phantom", "type": "user-friendly-name"}]
    assert made["identifier"][0]["system"] == IDENTIFIER_SYSTEM
    assert made["identifier"][1]["value"] == "QC1"


def test_a_name_that_says_phantom_is_still_a_patient() -> None:
    assert _patient(PatientID=["1"], PatientName=["PHANTOM"])["resourceType"] == "Patient"


def test_a_patient_without_identity_is_labelled() -> None:
    made = _patient(PatientID=["1"], PatientIdentityRemoved=["YES"])

    assert made["meta"]["security"][0]["code"] == "PSEUDED"
    assert "security" not in _patient(PatientID=["1"], PatientIdentityRemoved=["NO"])["meta"]
