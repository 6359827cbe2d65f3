"""Structured reports as values, for the tests of the mapping: no files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapping_studies import instance, series, study

from dicom2fhir.content import Number, Observed, Part, Referenced, Report
from dicom2fhir.mapping import map_study
from dicom2fhir.model import Coded, Payloads
from dicom2fhir.options import MapOptions

if TYPE_CHECKING:
    from dicom2fhir.mapping import Mapped
    from dicom2fhir.model import Attributes, Resource

IMAGE = instance(1, AcquisitionDate=["20240102"])
HOLDER = instance(2, "1.2.840.10008.5.1.4.1.1.88.33", ContentSequence=["present"])
STUDY = study(
    series(IMAGE),
    series(HOLDER, number=2, Manufacturer=["Acme"], ManufacturerModelName=["SR 9"]),
    StudyDate=["20240101"],
)
UNVERIFIED: Attributes = {"CompletionFlag": ["COMPLETE"], "VerificationFlag": ["UNVERIFIED"]}


def coded(value: str, scheme: str, meaning: str = "") -> Coded:
    return Coded(value=value, scheme=scheme, meaning=meaning)


DIAMETER = coded("81827009", "SCT", "Diameter")
DERIVATION = coded("121401", "DCM", "Derivation")
MEAN = coded("373098007", "SCT", "Mean")
MILLIMETER = coded("mm", "UCUM", "millimeter")


def number(text: str, unit: Coded | None = MILLIMETER) -> Number:
    return Number(text, text, unit)


def cited(uid: str = IMAGE.uid, study_uid: str = STUDY.uid, **more: object) -> Referenced:
    return Referenced("1.2.840.10008.5.1.4.1.1.2", uid, study_uid, "1.2.3", **more)  # type: ignore[arg-type]


def measured(path: str = "1.1", **more: object) -> Observed:
    told = {
        "kind": "number",
        "name": DIAMETER,
        "title": "Diameter",
        "value": number("10.50"),
        "counts": True,
    }
    return Observed(path=path, **(told | more))  # type: ignore[arg-type]


def derived_part(path: str = "1.1.1") -> Part:
    return Part(path, DERIVATION, MEAN)


def report(*observed: Observed, **more: object) -> Report:
    told = {
        "kind": "measurement",
        "name": coded("126000", "DCM", "Imaging Measurement Report"),
        "title": "Imaging Measurement Report",
        "attributes": UNVERIFIED,
        "results": tuple(one.path for one in observed),
        "numbers": sum(one.counts for one in observed),
    }
    return Report(sop_instance_uid=HOLDER.uid, observed=observed, **(told | more))  # type: ignore[arg-type]


def mapped(*reports: Report, **options: object) -> Mapped:
    payloads = Payloads(reports=reports)
    return map_study(STUDY, MapOptions(**options), payloads)  # type: ignore[arg-type]


def made(kind: str, *reports: Report, **options: object) -> list[Resource]:
    resources = mapped(*reports, **options).resources
    return [one for one in resources if one["resourceType"] == kind]


def observation(observed: Observed, **options: object) -> Resource:
    """Return what becomes of one Observation alone."""
    (found,) = made("Observation", report(observed), **options)
    return found
