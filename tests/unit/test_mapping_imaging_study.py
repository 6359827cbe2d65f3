"""A study as ImagingStudy."""

from __future__ import annotations

from dataclasses import replace

from mapping_studies import FULL, code, instance, issuer, mapped, problems, series, study

from dicom2fhir.identity import IDENTIFIER_SYSTEM, ORIGINAL_UID, resource_id

_V2 = "http://terminology.hl7.org/CodeSystem/v2-0203"


def test_the_study_uid_is_the_official_identifier_and_the_key() -> None:
    made = mapped(study())

    assert made["id"] == resource_id("ImagingStudy", "1.2.276.0.7230010.3.1.2.1")
    assert made["identifier"][0]["system"] == IDENTIFIER_SYSTEM
    assert made["identifier"][1] == {
        "use": "official",
        "type": {
            "coding": [
                {
                    "system": "http://dicom.nema.org/resources/ontology/DCM",
                    "code": "110180",
                    "display": "Study Instance UID",
                }
            ]
        },
        "system": "urn:dicom:uid",
        "value": "urn:oid:1.2.276.0.7230010.3.1.2.1",
    }


def test_two_patients_under_one_study_uid_have_two_studies() -> None:
    one = mapped(study(patient={"PatientID": ["1"]}, shared=True))
    two = mapped(study(patient={"PatientID": ["2"]}, shared=True))

    assert one["id"] != two["id"]
    assert one["identifier"][1] == two["identifier"][1]


def test_the_study_id_is_secondary_and_left_out_where_it_is_the_accession_number() -> None:
    made = mapped(study(AccessionNumber=["A1"], StudyID=["S1"]))
    same = mapped(study(AccessionNumber=["A1"], StudyID=["A1"]))

    assert made["identifier"][3] == {"use": "secondary", "value": "S1"}
    assert len(same["identifier"]) == 3


def test_a_uid_that_was_replaced_stays_beside_the_new_one() -> None:
    made = mapped(FULL)
    url = "https://dicom2fhir-cli.github.io/fhir/StructureDefinition/original-uid"
    listed = made["series"][0]

    assert {"use": "old", "value": "1.2.bad"} in made["identifier"]
    assert {"url": url, "valueString": "1.bad"} in listed["extension"]
    assert {"url": url, "valueString": "x"} in listed["instance"][0]["extension"]


def test_a_sop_class_that_was_replaced_stays_beside_the_new_one() -> None:
    bad = instance(1, "2.25.1", OriginalSOPClassUID=["1.2.03"])
    (made,) = mapped(study(series(bad)))["series"][0]["instance"]

    assert made["sopClass"] == {
        "extension": [{"url": ORIGINAL_UID, "valueString": "1.2.03"}],
        "system": "urn:ietf:rfc:3986",
        "code": "urn:oid:2.25.1",
    }


def test_the_modalities_are_those_of_the_series_each_once_and_sorted() -> None:
    source = study(
        series(number=1, Modality=["SR"]),
        series(number=2, Modality=["CT"]),
        series(number=3, Modality=["CT"]),
        series(number=4, Modality=["XX"]),
    )
    made = mapped(source)["modality"]

    assert [one["code"] for one in made] == ["CT", "SR", "XX"]
    assert [one.get("display") for one in made] == [
        "Computed Tomography",
        "Structured Report Document",
        None,
    ]


def test_a_series_without_modality_is_other_and_noted() -> None:
    source = study(series(Modality=[]))

    assert mapped(source)["modality"][0]["code"] == "OT"
    assert mapped(source)["series"][0]["modality"]["code"] == "OT"
    assert problems(source) == {"map.no-modality": 1}


def test_counts_are_what_is_listed() -> None:
    source = study(series(instance(1), instance(2)), series(instance(3), number=2))
    made = mapped(source)

    assert (made["numberOfSeries"], made["numberOfInstances"]) == (2, 3)
    assert [one["numberOfInstances"] for one in made["series"]] == [2, 1]
    assert [len(one["instance"]) for one in made["series"]] == [2, 1]


def test_an_empty_study_still_says_that_it_holds_nothing() -> None:
    made = mapped(replace(study(), series=()))

    assert (made["numberOfSeries"], made["numberOfInstances"]) == (0, 0)
    assert "series" not in made


def test_a_number_that_one_place_gives_an_issuer_is_one_order() -> None:
    (made,) = mapped(
        study(
            series(RequestAttributesSequence=[{"AccessionNumber": ["A1"]}]),
            AccessionNumber=["A1"],
            IssuerOfAccessionNumberSequence=issuer("1.2.276.0.76.3.1", "ISO"),
        )
    )["basedOn"]

    assert made["identifier"]["system"] == "urn:oid:1.2.276.0.76.3.1"


def test_orders_are_logical_references_each_once() -> None:
    requests = [
        {"AccessionNumber": ["A1"], "PlacerOrderNumberImagingServiceRequest": ["P1"]},
        {"AccessionNumber": ["A2"], "PlacerOrderNumberImagingServiceRequest": ["P1"]},
    ]
    made = mapped(
        study(
            series(RequestAttributesSequence=requests),
            AccessionNumber=["A1"],
            FillerOrderNumberImagingServiceRequest=["F1"],
        )
    )["basedOn"]

    assert all(one["type"] == "ServiceRequest" for one in made)
    assert [
        (one["identifier"]["type"]["coding"][0]["code"], one["identifier"]["value"]) for one in made
    ] == [("ACSN", "A1"), ("ACSN", "A2"), ("PLAC", "P1"), ("FILL", "F1")]


def test_the_admission_is_a_logical_reference() -> None:
    assert mapped(study(AdmissionID=["V1"]))["encounter"] == {
        "type": "Encounter",
        "identifier": {
            "type": {"coding": [{"system": _V2, "code": "VN", "display": "Visit number"}]},
            "value": "V1",
        },
    }


def test_the_procedure_is_coded_as_performed_else_as_requested_else_text() -> None:
    requested = [code("R1", "99X", "requested")]
    in_series = series(
        RequestAttributesSequence=[{"RequestedProcedureCodeSequence": requested}] * 2
    )

    def texts(*members: object, **attributes: object) -> list[str]:
        made = mapped(study(*members, **attributes))  # type: ignore[arg-type]
        return [one["text"] for one in made["procedureCode"]]

    performed = {"ProcedureCodeSequence": [code("P1", "99X", "performed")]}
    assert texts(in_series, **performed, StudyDescription=["d"]) == ["performed"]
    assert texts(RequestedProcedureCodeSequence=requested, StudyDescription=["d"]) == ["requested"]
    assert texts(in_series, StudyDescription=["d"]) == ["requested"]
    assert texts(RequestedProcedureDescription=["words"], StudyDescription=["d"]) == ["words"]
    assert texts(StudyDescription=["d"]) == ["d"]
    assert "procedureCode" not in mapped(study())


def test_a_reason_is_coded_and_words_that_no_code_says_are_kept() -> None:
    cough = [code("49727002", "SCT", "Cough")]
    made = mapped(
        study(
            series(RequestAttributesSequence=[{"ReasonForTheRequestedProcedure": ["Fever"]}]),
            ReasonForRequestedProcedureCodeSequence=cough,
            ReasonForTheRequestedProcedure=["Cough"],
        )
    )

    assert [one["text"] for one in made["reasonCode"]] == ["Cough", "Fever"]


def test_the_location_is_the_department_else_the_performed_location() -> None:
    both = study(
        series(PerformedLocation=["Room 1"]),
        series(number=2, InstitutionalDepartmentName=["Radiology"]),
    )

    assert mapped(both)["location"] == {"type": "Location", "display": "Radiology"}
    room = study(series(PerformedLocation=["Room 1"]))
    assert mapped(room)["location"]["display"] == "Room 1"


def test_the_referrer_is_the_first_and_every_reader_interprets() -> None:
    made = mapped(
        study(ReferringPhysicianName=["A^B", "C^D"], NameOfPhysiciansReadingStudy=["E^F", "G^H"])
    )

    assert made["referrer"] == {"type": "Practitioner", "display": "B A"}
    assert [one["display"] for one in made["interpreter"]] == ["F E", "H G"]


def test_tags_and_labels_stand_on_every_resource() -> None:
    from dicom2fhir.mapping import map_study
    from dicom2fhir.options import MapOptions

    options = MapOptions(tags=("https://example.org|night",), security_labels=("R",))
    for made in map_study(FULL, options).resources:
        assert made["meta"]["tag"] == [{"system": "https://example.org", "code": "night"}]
        assert made["meta"]["security"][-1] == {"code": "R"}
        assert made["meta"]["source"].startswith("urn:dicom2fhir:")
