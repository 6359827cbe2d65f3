"""Scalars of the header as Observations: what is said, in which unit, and when nothing is."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from mapping_studies import code, instance, series, study

from dicom2fhir.mapping import map_study
from dicom2fhir.options import MapOptions

if TYPE_CHECKING:
    from dicom2fhir.model import Resource, Study

DAY = {"StudyDate": ["20240102"]}
VITALS = MapOptions(vitals=True)


def vitals(source: Study, options: MapOptions = VITALS) -> list[Resource]:
    made = map_study(source, options).resources
    return [one for one in made if one["resourceType"] == "Observation"]


def test_size_becomes_centimetres_and_weight_stays_kilograms_to_the_digit() -> None:
    height, weight = vitals(study(PatientSize=["1.725"], PatientWeight=["70.50"], **DAY))
    assert height["code"]["coding"][0]["code"] == "8302-2"
    assert height["valueQuantity"] == {
        "value": Decimal("172.5"),
        "unit": "cm",
        "system": "http://unitsofmeasure.org",
        "code": "cm",
    }
    assert weight["code"]["coding"][0]["code"] == "29463-7"
    assert str(weight["valueQuantity"]["value"]) == "70.50"
    assert weight["category"][0]["coding"][0]["code"] == "vital-signs"


def test_a_header_is_no_measurement_and_says_so() -> None:
    (height,) = vitals(study(PatientSize=["1.7"], **DAY))
    assert height["note"] == [
        {"text": "Reported in the DICOM header, not measured in these images."}
    ]
    assert height["effectiveDateTime"] == "2024-01-02"


def test_nothing_comes_of_the_header_unless_asked() -> None:
    assert not vitals(study(PatientSize=["1.7"], **DAY), MapOptions())


def test_a_vital_sign_without_a_time_is_none() -> None:
    assert not vitals(study(PatientSize=["1.7"]))


@pytest.mark.parametrize("text", ["170", "0.001", "-1.7", "tall", "NaN", "Infinity"])
def test_a_size_that_nobody_can_have_is_left_out_and_told(text: str) -> None:
    source = study(PatientSize=[text], **DAY)
    assert not vitals(source)
    assert "map.implausible" in {one.code for one in map_study(source, VITALS).problems}


def test_zero_is_what_is_written_where_nothing_is_known() -> None:
    source = study(PatientSize=["0"], PatientWeight=["0.000"], **DAY)
    assert not vitals(source)
    assert "map.implausible" not in {one.code for one in map_study(source, VITALS).problems}


def test_a_dose_that_all_images_state_is_one_value_of_their_series() -> None:
    images = [instance(number, CTDIvol=[12.34]) for number in (1, 2)]
    (dose,) = vitals(study(series(*images), **DAY))
    assert str(dose["valueQuantity"]["value"]) == "12.34"
    assert dose["valueQuantity"]["code"] == "mGy"


def test_a_dose_that_differs_from_image_to_image_is_a_range() -> None:
    images = [instance(number, CTDIvol=[float(number)]) for number in (3, 1, 2)]
    (dose,) = vitals(study(series(*images), **DAY))
    assert "valueQuantity" not in dose
    assert dose["valueRange"]["low"]["value"] == Decimal("1.0")
    assert dose["valueRange"]["high"]["value"] == Decimal("3.0")


@pytest.mark.parametrize(("modality", "code"), [("MG", "111631"), ("DX", "113518")])
def test_the_dose_of_an_organ_is_that_of_glands_in_mammography_alone(
    modality: str, code: str
) -> None:
    image = instance(1, OrganDose=["0.012"])
    (dose,) = vitals(study(series(image, Modality=[modality]), **DAY))
    assert dose["code"]["coding"][0]["code"] == code


def test_the_dose_of_the_header_gives_way_to_a_dose_report() -> None:
    report = instance(9, ConceptNameCodeSequence=[code("113701", "DCM")])
    images = instance(1, CTDIvol=[12.0])
    assert not vitals(study(series(images), series(report, number=2), **DAY))


def test_each_administration_has_its_activity() -> None:
    administered = [{"RadionuclideTotalDose": ["370000000"]}, {"RadionuclideTotalDose": ["1E6"]}]
    first, second = vitals(
        study(series(RadiopharmaceuticalInformationSequence=administered), **DAY)
    )
    assert first["valueQuantity"]["value"] == Decimal(370000000)
    assert first["valueQuantity"]["code"] == "Bq"
    assert first["id"] != second["id"]


def test_a_phantom_has_neither_size_nor_weight() -> None:
    phantom = {"PatientID": ["QC"], "QualityControlSubject": ["YES"]}
    assert not vitals(study(patient=phantom, PatientSize=["1.7"], **DAY))
