"""What the mapping makes is valid FHIR, however much or little a study says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mapping_studies import (
    FULL,
    FULL_OPTIONS,
    FULL_PATIENT,
    payloads,
    series,
    study,
)

from dicom2fhir.bundle import bundle_of, make_bundles
from dicom2fhir.check import check_bundle
from dicom2fhir.mapping import map_provenance, map_study
from dicom2fhir.options import BundleOptions, MapOptions

_STUDIES = {
    "full": FULL,
    "plain": study(),
    "nobody": study(patient={}),
    "phantom": replace(FULL, patient={**FULL_PATIENT, "QualityControlSubject": ["YES"]}),
    "bad": study(
        series(Modality=["?"], SeriesNumber=["x"], BodyPartExamined=["?"]),
        patient={"PatientID": ["1"], "PatientSex": ["?"], "PatientBirthDate": ["?"]},
        StudyDate=["?"],
    ),
}


@pytest.mark.parametrize("name", _STUDIES)
@pytest.mark.parametrize("fhir", ["R4", "R4B"])
def test_every_resource_fits_its_model_and_the_invariants(name: str, fhir: str) -> None:
    options = MapOptions(fhir=fhir, timestamp="2024-05-01T00:00:00Z", **FULL_OPTIONS)  # type: ignore[arg-type]
    made = map_study(_STUDIES[name], options)

    parts, _ = make_bundles(
        made.resources,
        BundleOptions(),
        lambda targets: map_provenance(targets, options),
    )
    for entries in parts:
        assert check_bundle(bundle_of(entries), "full") == ()


@pytest.mark.parametrize("name", _STUDIES)
@pytest.mark.parametrize("dicom", ["binary", "attachment"])
@pytest.mark.parametrize("inline_below", [0, 10_000])
def test_what_carries_bytes_is_valid_too(name: str, dicom: str, inline_below: int) -> None:
    source = _STUDIES[name]
    options = MapOptions(
        dicom=dicom, inline_below=inline_below, fhir_base="https://fhir.example.org/r4"
    )
    made = map_study(source, options, payloads(source))

    parts, _ = make_bundles(made.resources, BundleOptions())
    for entries in parts:
        assert check_bundle(bundle_of(entries), "full") == ()
