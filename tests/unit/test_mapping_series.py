"""A series and its instances."""

from __future__ import annotations

from mapping_studies import code, instance, mapped, problems, series, study

_SR = "1.2.840.10008.5.1.4.1.1.88.11"
_KOS = "1.2.840.10008.5.1.4.1.1.88.59"
_MADO = "https://profiles.ihe.net/RAD/MADO/StructureDefinition"


def _series(*instances: object, **attributes: object) -> dict:
    return mapped(study(series(*instances, **attributes)))["series"][0]  # type: ignore[arg-type]


def _instance(sop_class: str = _SR, **attributes: object) -> dict:
    return _series(instance(1, sop_class, **attributes))["instance"][0]


def test_a_sop_class_is_a_urn_with_its_name() -> None:
    assert _instance()["sopClass"] == {
        "system": "urn:ietf:rfc:3986",
        "code": f"urn:oid:{_SR}",
        "display": "Basic Text SR Storage",
    }


def test_a_private_sop_class_has_no_name() -> None:
    assert _instance("1.2.276.0.76.3.1.99")["sopClass"] == {
        "system": "urn:ietf:rfc:3986",
        "code": "urn:oid:1.2.276.0.76.3.1.99",
    }


def test_an_image_is_titled_by_its_type() -> None:
    assert _instance(ImageType=["ORIGINAL", "PRIMARY", "", "AXIAL"])["title"] == (
        "ORIGINAL\\PRIMARY\\\\AXIAL"
    )


def test_a_report_is_titled_by_its_concept() -> None:
    concept = [code("18748-4", "LN", "Diagnostic imaging study")]

    assert _instance(ConceptNameCodeSequence=concept)["title"] == "Diagnostic imaging study"
    both = _instance(ConceptNameCodeSequence=concept, DocumentTitle=["Letter"])
    assert both["title"] == "Letter"


def test_what_has_a_label_is_titled_by_it() -> None:
    made = _instance(
        ContentLabel=["SEG"], ContentDescription=["liver"], ImageType=["DERIVED", "PRIMARY"]
    )

    assert made["title"] == "SEG: liver"


def test_an_empty_concept_leaves_the_image_type() -> None:
    made = _instance(ConceptNameCodeSequence=[{}], ImageType=["DERIVED", "PRIMARY"])

    assert made["title"] == "DERIVED\\PRIMARY"


def test_more_than_one_frame_is_counted_in_an_extension() -> None:
    assert _instance(NumberOfFrames=["20"])["extension"] == [
        {"url": f"{_MADO}/MadoNumberOfFrames", "valueInteger": 20}
    ]
    assert "extension" not in _instance(NumberOfFrames=["1"])
    assert "extension" not in _instance(NumberOfFrames=["0"])
    assert "extension" not in _instance(NumberOfFrames=["many"])


def test_key_objects_say_why_they_are_key() -> None:
    made = _instance(_KOS, ConceptNameCodeSequence=[code("113000", "DCM", "Of Interest")])

    assert made["extension"] == [
        {
            "url": f"{_MADO}/MadoKeyObjectDocumentTitle",
            "valueCodeableConcept": {
                "coding": [
                    {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "113000"}
                ],
                "text": "Of Interest",
            },
        }
    ]


def test_a_series_without_description_has_the_meaning_of_its_code() -> None:
    coded = [code("X", "99X", "Scout")]

    assert _series(SeriesDescriptionCodeSequence=coded)["description"] == "Scout"
    both = _series(SeriesDescription=["Axial"], SeriesDescriptionCodeSequence=coded)
    assert both["description"] == "Axial"


def test_performers_say_what_they_did() -> None:
    made = _series(
        PerformingPhysicianName=["A^B"],
        OperatorsName=["C^D", "E^F"],
        Manufacturer=["Acme"],
        InstitutionName=["General"],
    )["performer"]

    assert [
        (one["function"]["coding"][0]["code"], one["actor"].get("display")) for one in made
    ] == [("PRF", "B A"), ("SPRF", "D C"), ("SPRF", "F E"), ("DEV", "Acme"), ("LOC", "General")]


def test_an_operator_alone_is_the_performer() -> None:
    (made,) = _series(OperatorsName=["C^D"])["performer"]

    assert made["function"]["coding"][0]["code"] == "PRF"


def test_a_number_of_frames_that_is_none_is_told() -> None:
    for text in ("0", "many", "-1"):
        source = study(series(instance(1, NumberOfFrames=[text])))
        assert problems(source) == {"map.bad-number": 1}
    assert problems(study(series(instance(1, NumberOfFrames=["1"])))) == {}


def test_a_title_code_without_meaning_is_titled_by_its_value() -> None:
    assert _instance(ConceptNameCodeSequence=[code("18748-4", "LN")])["title"] == "18748-4"
