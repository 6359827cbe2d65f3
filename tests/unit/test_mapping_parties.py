"""Practitioner, Organization, Device, Endpoint, Specimen and Provenance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapping_studies import (
    FULL,
    FULL_OPTIONS,
    code,
    instance,
    mapped,
    person,
    problems,
    resources,
    series,
    study,
)

from dicom2fhir.identity import CANONICAL, IDENTIFIER_SYSTEM, resource_id
from dicom2fhir.mapping import map_provenance, map_study
from dicom2fhir.options import MapOptions

if TYPE_CHECKING:
    from dicom2fhir.model import Series, Study

_HR = "https://example.org/staff"
_KNOWN = {"issuers": {"99HR": _HR}}


def _referred(scheme: str = "99HR") -> dict[str, object]:
    return {
        "ReferringPhysicianName": ["House^Gregory"],
        "ReferringPhysicianIdentificationSequence": [person("D1", scheme)],
    }


def test_a_person_with_a_real_identifier_is_a_practitioner() -> None:
    made = mapped(study(**_referred()), "Practitioner", **_KNOWN)

    assert made["id"] == resource_id("Practitioner", _HR, "D1")
    assert made["identifier"] == [{"system": _HR, "value": "D1"}]
    assert made["name"][0]["family"] == "House"
    assert mapped(study(**_referred()), **_KNOWN)["referrer"] == {
        "reference": f"Practitioner/{made['id']}",
        "type": "Practitioner",
        "display": "Gregory House",
    }


def test_a_code_whose_scheme_nobody_knows_makes_no_practitioner_and_stays_beside_the_name() -> None:
    def referrer(source: Study) -> object:
        assert resources(source, "Practitioner", **_KNOWN) == []
        return mapped(source, **_KNOWN)["referrer"]

    named = {"type": "Practitioner", "display": "Gregory House"}
    local = {"system": f"{CANONICAL}/coding-scheme/99NO", "value": "D1"}
    assert referrer(study(**_referred("99NO"))) == {**named, "identifier": local}
    assert referrer(study(**_referred(""))) == {**named, "identifier": {"value": "D1"}}


def test_a_local_code_of_an_institution_stays_beside_its_name() -> None:
    source = study(
        series(InstitutionName=["General"], InstitutionCodeSequence=[code("I1", "99NO")])
    )

    assert resources(source, "Organization") == []
    assert mapped(source)["series"][0]["performer"][0]["actor"] == {
        "type": "Organization",
        "identifier": {"system": f"{CANONICAL}/coding-scheme/99NO", "value": "I1"},
        "display": "General",
    }


def test_a_known_code_comes_before_a_local_one() -> None:
    both = {"PersonIdentificationCodeSequence": [code("L1", "99NO"), code("D1", "99HR")]}
    made = mapped(study(ReferringPhysicianIdentificationSequence=[both]), "Practitioner", **_KNOWN)

    assert made["identifier"] == [{"system": _HR, "value": "D1"}]


def test_codes_that_cannot_be_told_whose_they_are_are_told() -> None:
    source = study(
        series(OperatorsName=["A^B", "C^D"], OperatorIdentificationSequence=[person("1", "99HR")])
    )

    actors = [one["actor"] for one in mapped(source, **_KNOWN)["series"][0]["performer"]]
    assert actors == [
        {"type": "Practitioner", "display": "B A"},
        {"type": "Practitioner", "display": "D C"},
    ]
    assert problems(source, **_KNOWN) == {"map.bad-code": 1}


def test_a_person_in_two_roles_is_one_practitioner_with_a_name() -> None:
    source = study(
        series(OperatorsName=["X^Y"], OperatorIdentificationSequence=[person("D1", "99HR")]),
        ReferringPhysicianIdentificationSequence=[person("D1", "99HR")],
    )

    made = mapped(source, "Practitioner", **_KNOWN)
    assert made["name"][0]["text"] == "Somebody"


def test_identification_items_stand_in_the_order_of_the_names() -> None:
    source = study(
        NameOfPhysiciansReadingStudy=["A^B", "C^D"],
        PhysiciansReadingStudyIdentificationSequence=[person("1", "99HR"), person("2", "99HR")],
    )
    made = resources(source, "Practitioner", **_KNOWN)

    assert [(one["identifier"][0]["value"], one["name"][0]["family"]) for one in made] == [
        ("1", "A"),
        ("2", "C"),
    ]


def test_an_institution_with_a_real_code_is_an_organization() -> None:
    coded = {"InstitutionName": ["General"], "InstitutionCodeSequence": [code("I1", "99HR")]}
    made = mapped(study(series(**coded), series(number=2, **coded)), "Organization", **_KNOWN)

    assert made["name"] == "General"
    assert made["identifier"] == [{"system": _HR, "value": "I1"}]
    assert resources(study(series(InstitutionName=["General"])), "Organization") == []


def test_equipment_is_one_device_for_each_key() -> None:
    known = {"Manufacturer": ["Acme"], "ManufacturerModelName": ["CT 9"]}
    source = study(
        series(**known, number=1), series(**known, number=2), series(DeviceSerialNumber=["7"])
    )
    first, second = resources(source, "Device")

    assert first["id"] == resource_id("Device", "Acme", "CT 9", "", "")
    assert first["manufacturer"] == "Acme"
    assert first["deviceName"] == [{"name": "CT 9", "type": "model-name"}]
    assert second["serialNumber"] == "7"


def test_a_station_alone_is_no_device() -> None:
    source = study(series(StationName=["CT01"]))

    assert resources(source, "Device") == []
    assert "performer" not in mapped(source)["series"][0]


def test_a_device_tells_versions_numbers_and_udi() -> None:
    made = mapped(FULL, "Device")

    assert made["version"] == [{"value": "V1"}, {"value": "V2"}]
    assert made["serialNumber"] == "12345"
    assert made["udiCarrier"] == [{"carrierHRF": "(01)00643169007222(17)160712(21)A"}]
    assert made["identifier"][1] == {
        "system": "urn:dicom:uid",
        "value": "urn:oid:1.2.276.0.76.3.1.9",
    }
    assert made["type"]["coding"][0]["code"] == "urn:oid:1.2.276.0.76.3.1.8"


def test_a_dicomweb_server_is_two_endpoints_and_a_series_has_the_one_of_retrieve() -> None:
    wado, qido = resources(FULL, "Endpoint", **FULL_OPTIONS)
    made = mapped(FULL, **FULL_OPTIONS)

    assert [one["connectionType"]["code"] for one in (wado, qido)] == [
        "dicom-wado-rs",
        "dicom-qido-rs",
    ]
    assert {one["address"] for one in (wado, qido)} == {"https://pacs.example.org/dicom-web"}
    assert made["endpoint"] == [
        {"reference": f"Endpoint/{wado['id']}"},
        {"reference": f"Endpoint/{qido['id']}"},
    ]
    assert all(one["endpoint"] == made["endpoint"][:1] for one in made["series"])


def test_without_link_there_is_no_endpoint() -> None:
    assert resources(study(), "Endpoint", dicomweb="https://pacs.example.org") == []
    assert "endpoint" not in mapped(study(), dicomweb="https://pacs.example.org")


def test_a_specimen_on_many_slides_is_one_resource() -> None:
    item = {"SpecimenIdentifier": ["SP1"], "SpecimenUID": ["1.2.276.0.76.3.1.4"]}
    slides = [instance(number, SpecimenDescriptionSequence=[item]) for number in (1, 2)]
    source = study(series(*slides), series(slides[0], number=2))
    made = mapped(source, "Specimen")

    assert made["subject"] == mapped(source)["subject"]
    assert [one["value"] for one in made["identifier"][1:]] == [
        "SP1",
        "urn:oid:1.2.276.0.76.3.1.4",
    ]
    for one in mapped(source)["series"]:
        assert one["specimen"] == [{"reference": f"Specimen/{made['id']}"}]


def test_specimens_without_uid_or_issuer_are_of_their_study() -> None:
    item = {"SpecimenIdentifier": ["SP1"]}
    source = study(series(instance(1, SpecimenDescriptionSequence=[item])))

    owner = mapped(source, "Patient")["id"]
    assert mapped(source, "Specimen")["id"] == resource_id("Specimen", owner, source.uid, "SP1")


def test_one_specimen_uid_under_two_patients_is_two_specimens() -> None:
    item = {"SpecimenUID": ["1.2.276.0.76.3.1.4"]}
    slide = series(instance(1, SpecimenDescriptionSequence=[item]))
    one, other = (
        mapped(study(slide, patient={"PatientID": [number]}), "Specimen") for number in ("1", "2")
    )

    assert one["id"] != other["id"]
    assert one["identifier"][1] == other["identifier"][1]


def test_a_provenance_names_its_targets_and_does_not_depend_on_the_time() -> None:
    made = map_provenance(["Patient/1", "Device/2"], MapOptions(timestamp="2024-05-01T00:00:00Z"))
    later = map_provenance(["Patient/1", "Device/2"], MapOptions(timestamp="2025-05-01T00:00:00Z"))

    assert made["target"] == [{"reference": "Patient/1"}, {"reference": "Device/2"}]
    assert made["recorded"] == "2024-05-01T00:00:00Z"
    assert made["agent"][0]["type"]["coding"][0]["code"] == "assembler"
    assert made["id"] == later["id"]


def test_every_reference_leads_to_a_resource_that_comes_before() -> None:
    known: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if "reference" in value:
                assert value["reference"] in known
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    for made in map_study(FULL, MapOptions(**FULL_OPTIONS)).resources:  # type: ignore[arg-type]
        walk(made)
        known.add(f"{made['resourceType']}/{made['id']}")
    assert {name.partition("/")[0] for name in known} == {
        "Patient",
        "Practitioner",
        "Organization",
        "Device",
        "Endpoint",
        "Specimen",
        "ImagingStudy",
    }


def test_every_resource_without_a_master_elsewhere_has_our_identifier() -> None:
    for made in map_study(FULL, MapOptions(**FULL_OPTIONS)).resources:  # type: ignore[arg-type]
        own = {"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{made['id']}"}
        master = made["resourceType"] in {"Patient", "Practitioner", "Organization"}
        assert (own in made["identifier"]) is not master


def test_an_identifier_is_not_given_to_a_person_it_may_not_belong_to() -> None:
    read = study(
        NameOfPhysiciansReadingStudy=["First^A", "Second^B"],
        PhysiciansReadingStudyIdentificationSequence=[person("D2", "99HR")],
    )
    assert resources(read, "Practitioner", **_KNOWN) == []
    assert [one["display"] for one in mapped(read, **_KNOWN)["interpreter"]] == [
        "A First",
        "B Second",
    ]


def test_a_local_scheme_is_what_its_own_series_states() -> None:
    def operated(number: int, uid: str | None) -> object:
        stated = [{"CodingSchemeDesignator": ["99L"], "CodingSchemeUID": [uid]}] if uid else []
        return series(
            number=number,
            OperatorsName=[f"Op^{number}"],
            OperatorIdentificationSequence=[person("7", "99L")],
            **({"CodingSchemeIdentificationSequence": stated} if stated else {}),
        )

    made = study(operated(1, "1.2.276.0.1"), operated(2, "1.2.276.0.2"), operated(3, None))
    found = {
        one["identifier"][0]["system"]: one["name"][0]["given"]
        for one in resources(made, "Practitioner")
    }
    assert found == {"urn:oid:1.2.276.0.1": ["1"], "urn:oid:1.2.276.0.2": ["2"]}


def test_a_procedure_code_without_meaning_gets_the_words_of_the_study() -> None:
    made = study(ProcedureCodeSequence=[code("24627-2", "LN")], StudyDescription=["Head CT"])
    assert mapped(made)["procedureCode"][0]["text"] == "Head CT"


def test_a_manufacturer_alone_is_a_display_and_no_device() -> None:
    source = study(series(Manufacturer=["Acme"], StationName=["CT01"]))

    assert resources(source, "Device") == []
    (performer,) = mapped(source)["series"][0]["performer"]
    assert performer["actor"] == {"type": "Device", "display": "Acme"}


def test_equipment_without_model_and_serial_number_is_told_apart_by_uid_or_udi() -> None:
    source = study(
        series(Manufacturer=["Acme"], DeviceUID=["1.2.276.0.76.3.1.9"], number=1),
        series(Manufacturer=["Acme"], DeviceUID=["1.2.276.0.76.3.1.10"], number=2),
        series(UDISequence=[{"UniqueDeviceIdentifier": ["(01)1"]}], number=3),
    )
    made = resources(source, "Device")

    assert len({one["id"] for one in made}) == 3
    assert [one["performer"][0]["actor"]["reference"] for one in mapped(source)["series"]] == [
        f"Device/{one['id']}" for one in made
    ]


def test_a_uid_of_equipment_that_is_none_is_left_out_and_told() -> None:
    source = study(
        series(
            ManufacturerModelName=["CT 9"],
            DeviceUID=["1.02.3.4.5", "1.2.276.0.76.3.1.9"],
            ManufacturerDeviceClassUID=["1.2.3." + "4" * 64],
        )
    )
    made = mapped(source, "Device")

    assert [one["value"] for one in made["identifier"][1:]] == ["urn:oid:1.2.276.0.76.3.1.9"]
    assert "type" not in made
    found = {(one.code, one.tag) for one in map_study(source, MapOptions()).problems}
    assert {("map.bad-code", "(0018,1002)"), ("map.bad-code", "(0018,100B)")} <= found


def test_a_bad_device_uid_alone_makes_no_device() -> None:
    assert resources(study(series(DeviceUID=["serial 7"])), "Device") == []


def test_a_specimen_uid_that_is_none_leaves_the_identifier() -> None:
    item = {"SpecimenIdentifier": ["SP1"], "SpecimenUID": ["slide 1"]}
    source = study(series(instance(1, SpecimenDescriptionSequence=[item])))
    made = mapped(source, "Specimen")

    owner = mapped(source, "Patient")["id"]
    assert made["id"] == resource_id("Specimen", owner, source.uid, "SP1")
    assert [one["value"] for one in made["identifier"][1:]] == ["SP1"]
    assert problems(source) == {"map.bad-code": 1}


def test_a_local_scheme_of_which_two_series_differ_identifies_nobody_of_the_study() -> None:
    def stating(number: int, uid: str) -> Series:
        stated = {"CodingSchemeDesignator": ["99L"], "CodingSchemeUID": [uid]}
        return series(number=number, CodingSchemeIdentificationSequence=[stated])

    differ = study(stating(1, "1.2.276.0.1"), stating(2, "1.2.276.0.2"), **_referred("99L"))
    agree = study(stating(1, "1.2.276.0.1"), stating(2, "1.2.276.0.1"), **_referred("99L"))

    assert resources(differ, "Practitioner") == []
    (made,) = resources(agree, "Practitioner")
    assert made["identifier"][0]["system"] == "urn:oid:1.2.276.0.1"


def test_a_scheme_without_designator_identifies_nobody() -> None:
    stated = [{"CodingSchemeUID": ["1.2.276.0.1"]}]
    source = study(series(CodingSchemeIdentificationSequence=stated), **_referred(""))

    assert resources(source, "Practitioner") == []


def test_a_uid_made_of_a_uuid_is_kept() -> None:
    unique = "2.25.282182970547465534233773544944324142889"
    slide = instance(1, SpecimenDescriptionSequence=[{"SpecimenUID": [unique]}])
    source = study(series(slide, DeviceUID=[unique]))

    assert mapped(source, "Device")["identifier"][1]["value"] == f"urn:oid:{unique}"
    assert mapped(source, "Specimen")["identifier"][1]["value"] == f"urn:oid:{unique}"
    assert problems(source) == {}
