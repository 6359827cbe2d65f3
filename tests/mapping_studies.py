"""Studies for the tests of the mapping: made of values, no files."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING

from dicom2fhir.mapping import map_study
from dicom2fhir.model import (
    Bytes,
    Candidate,
    Document,
    Payloads,
    Rendition,
    Series,
    SeriesInstance,
    Study,
)
from dicom2fhir.options import MapOptions

if TYPE_CHECKING:
    from dicom2fhir.model import Attributes, Json, Resource

CT = "1.2.840.10008.5.1.4.1.1.2"


def code(value: str, scheme: str, meaning: str = "", **more: list[str]) -> dict[str, list[str]]:
    item = {"CodeValue": [value], "CodingSchemeDesignator": [scheme], "CodeMeaning": [meaning]}
    return {name: values for name, values in {**item, **more}.items() if values != [""]}


def issuer(entity: str, kind: str, name: str = "") -> list[dict[str, list[str]]]:
    item = {"UniversalEntityID": [entity], "UniversalEntityIDType": [kind]}
    return [{**item, "LocalNamespaceEntityID": [name]} if name else item]


def person(value: str, scheme: str) -> dict[str, object]:
    return {"PersonIdentificationCodeSequence": [code(value, scheme, "Somebody")]}


def instance(number: int = 1, sop_class: str = CT, **attributes: object) -> SeriesInstance:
    return SeriesInstance(
        uid=f"1.2.276.0.7230010.3.1.4.{number}",
        sop_class_uid=sop_class,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        part10=True,
        attributes={name: value for name, value in attributes.items()},  # noqa: C416 - typed
        source=number,
    )


def series(*instances: SeriesInstance, number: int = 1, **attributes: object) -> Series:
    return Series(
        uid=f"1.2.276.0.7230010.3.1.3.{number}",
        attributes={"Modality": ["CT"], **attributes},
        instances=instances or (instance(),),
    )


def study(
    *members: Series, patient: Attributes | None = None, shared: bool = False, **attributes: object
) -> Study:
    known = {"PatientID": ["4711"], "PatientName": ["DOE^Jane"], "PatientBirthDate": ["19700131"]}
    return Study(
        uid="1.2.276.0.7230010.3.1.2.1",
        patient=known if patient is None else patient,
        attributes=attributes,
        series=members or (series(),),
        shared_uid=shared,
    )


def mapped(source: Study, kind: str = "ImagingStudy", **options: object) -> Resource:
    """Return the one resource of this type."""
    made = resources(source, kind, **options)
    assert len(made) == 1
    return made[0]


def sha1(length: int) -> str:
    """Return the SHA-1 of that many zeros as FHIR writes it."""
    return b64encode(hashlib.sha1(bytes(length), usedforsecurity=False).digest()).decode()


def content(length: int = 1000) -> Bytes:
    return Bytes(source=Candidate(path="a"), ranges=((0, length),), sha256="0a" * 32)


def payloads(source: Study, length: int = 1000) -> Payloads:
    """Return a file, a still, a video and a document of every instance."""
    uids = [one.uid for member in source.series for one in member.instances]
    return Payloads(
        files={uid: content(length) for uid in uids},
        renditions=tuple(
            Rendition(
                sop_instance_uid=uid,
                frame=frame,
                recipe="jpeg 1024 file",
                content_type=kind,
                content=content(length),
                sha1=sha1(length),
                width=512,
                height=256,
                frames=frames,
                window="window 40/400",
            )
            for uid in uids
            for frame, frames, kind in ((1, 1, "image/jpeg"), (0, 20, "video/mpeg"))
        ),
        documents=tuple(
            Document(
                sop_instance_uid=uid,
                content_type="application/pdf",
                content=content(length),
                sha1=sha1(length),
            )
            for uid in uids
        ),
    )


def with_data(value: Json) -> Json:
    """Return a resource with its Bytes as they are written: zeros, in base64."""
    if isinstance(value, Bytes):
        return b64encode(bytes(value.length)).decode()
    if isinstance(value, dict):
        return {name: with_data(one) for name, one in value.items()}
    return [with_data(one) for one in value] if isinstance(value, list) else value


def resources(source: Study, kind: str, **options: object) -> list[Resource]:
    made = map_study(source, MapOptions(**options)).resources  # type: ignore[arg-type]
    return [one for one in made if one["resourceType"] == kind]


def problems(source: Study, **options: object) -> dict[str, int]:
    found = map_study(source, MapOptions(**options)).problems  # type: ignore[arg-type]
    return {one.code: one.count for one in found if one.code != "map.patient-no-system"}


_ISSUER = issuer("1.2.276.0.76.3.1.1", "ISO", "HOSP")
_SPECIMEN = {
    "SpecimenIdentifier": ["SP1"],
    "IssuerOfTheSpecimenIdentifierSequence": _ISSUER,
    "SpecimenUID": ["1.2.276.0.76.3.1.4"],
    "SpecimenTypeCodeSequence": [code("119376003", "SCT", "Tissue specimen")],
    "SpecimenShortDescription": ["Part A"],
    "SpecimenDetailedDescription": ["Part A, margin"],
}

FULL_PATIENT = {
    "PatientName": ["Yamada^Tarou=山田^太郎=やまだ^たろう"],
    "PatientID": ["P 1"],
    "IssuerOfPatientID": ["HOSP A"],
    "IssuerOfPatientIDQualifiersSequence": [
        {
            "UniversalEntityID": ["2.16.840.1.113883.19.5"],
            "UniversalEntityIDType": ["ISO"],
            "IdentifierTypeCode": ["PI"],
            "AssigningFacilitySequence": _ISSUER,
        }
    ],
    "PatientBirthDate": ["19700131"],
    "PatientBirthTime": ["0815"],
    "PatientSex": ["M"],
    "OtherPatientIDs": ["X1", "X2"],
    "OtherPatientIDsSequence": [
        {"PatientID": ["O1"], "IssuerOfPatientID": ["https://example.org/ids"]}
    ],
    "OtherPatientNames": ["Yamada^T"],
    "PatientBirthName": ["Sato^Tarou"],
    "PatientMotherBirthName": ["Suzuki^Hana"],
    "PatientSpeciesCodeSequence": [code("L-80700", "SRT", "Dog")],
    "PatientSexNeutered": ["ALTERED"],
    "PatientBreedDescription": ["Beagle"],
    "ResponsiblePerson": ["Owner^Olga"],
    "ResponsiblePersonRole": ["OWNER"],
    "ResponsibleOrganization": ["Kennel"],
    "PatientIdentityRemoved": ["YES"],
}
_STUDY = {
    "StudyDate": ["20240203"],
    "StudyTime": ["101112.123"],
    "TimezoneOffsetFromUTC": ["+0900"],
    "AccessionNumber": ["A1"],
    "IssuerOfAccessionNumberSequence": _ISSUER,
    "StudyID": ["S1"],
    "StudyDescription": ["CT Thorax"],
    "ReferringPhysicianName": ["House^Gregory^^Dr."],
    "ReferringPhysicianIdentificationSequence": [person("D1", "99HR")],
    "NameOfPhysiciansReadingStudy": ["A^B", "C^D"],
    "PhysiciansReadingStudyIdentificationSequence": [person("D2", "99HR"), person("D3", "99NO")],
    "ProcedureCodeSequence": [code("RPID16", "RADLEX", "CT Chest")],
    "ReasonForTheRequestedProcedure": ["Cough"],
    "ReasonForRequestedProcedureCodeSequence": [code("49727002", "SCT", "Cough")],
    "PlacerOrderNumberImagingServiceRequest": ["PL1"],
    "FillerOrderNumberImagingServiceRequest": ["FI1"],
    "AdmissionID": ["V1"],
    "IssuerOfAdmissionIDSequence": _ISSUER,
    "OriginalStudyInstanceUID": ["1.2.bad"],
}
_SERIES = {
    "SeriesNumber": ["1"],
    "SeriesDescription": ["Axial"],
    "SeriesDate": ["20240203"],
    "SeriesTime": ["1012"],
    "BodyPartExamined": ["CHEST"],
    "Laterality": ["R"],
    "PerformingPhysicianName": ["P^P"],
    "PerformingPhysicianIdentificationSequence": [person("D4", "99HR")],
    "OperatorsName": ["O^O"],
    "RequestAttributesSequence": [
        {"AccessionNumber": ["A2"], "PlacerOrderNumberImagingServiceRequest": ["PL2"]}
    ],
    "InstitutionalDepartmentName": ["Radiology"],
    "InstitutionName": ["General"],
    "InstitutionCodeSequence": [code("I1", "99HR", "General")],
    "Manufacturer": ["Acme"],
    "ManufacturerModelName": ["CT 9"],
    "StationName": ["CT01"],
    "DeviceSerialNumber": ["12345"],
    "DeviceUID": ["1.2.276.0.76.3.1.9"],
    "SoftwareVersions": ["V1", "V2"],
    "ManufacturerDeviceClassUID": ["1.2.276.0.76.3.1.8"],
    "UDISequence": [{"UniqueDeviceIdentifier": ["(01)00643169007222(17)160712(21)A"]}],
    "CodingSchemeIdentificationSequence": [
        {"CodingSchemeDesignator": ["99HR"], "CodingSchemeUID": ["1.2.276.0.76.3.1.7"]}
    ],
    "OriginalSeriesInstanceUID": ["1.bad"],
}

FULL = study(
    series(
        instance(
            1,
            InstanceNumber=["1"],
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            NumberOfFrames=["20"],
            OriginalSOPInstanceUID=["x"],
            SpecimenDescriptionSequence=[_SPECIMEN],
            ContainerIdentifier=["C1"],
        ),
        number=1,
        **_SERIES,
    ),
    series(
        instance(
            2,
            "1.2.840.10008.5.1.4.1.1.88.59",
            ConceptNameCodeSequence=[code("113000", "DCM", "Of Interest")],
        ),
        number=2,
        Modality=["KO"],
    ),
    patient=FULL_PATIENT,
    **_STUDY,
)
"""A study that fills every row of every table but those of a phantom."""

FULL_OPTIONS = {
    "dicom": "link",
    "dicomweb": "https://pacs.example.org/dicom-web",
    "tags": ("https://example.org/tags|night",),
    "security_labels": ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R",),
}
