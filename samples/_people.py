"""The invented patients and staff of the samples, and their studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _dataset import Attributes, Study, code, make_dataset, make_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# 2.999 is the arc that ITU-T X.660 keeps for examples
EXAMPLE_ROOT = "2.999.4711"

HOSPITAL: Attributes = {
    "InstitutionName": "Example General Hospital",
    "InstitutionalDepartmentName": "Radiology",
}
UNKNOWN_REFERRER: Attributes = {"AccessionNumber": "", "ReferringPhysicianName": "", "StudyID": ""}


def _person(value: str, meaning: str) -> list[Dataset]:
    item = make_dataset(
        InstitutionName="Example General Hospital",
        PersonIdentificationCodeSequence=[code(value, "99EXAMPLE", meaning)],
    )
    return [item]


def _namespace(name: str) -> list[Dataset]:
    return [make_dataset(LocalNamespaceEntityID=name)]


def _universal(oid: str) -> list[Dataset]:
    return [make_dataset(UniversalEntityID=oid, UniversalEntityIDType="ISO")]


GERMAN: Attributes = {
    "SpecificCharacterSet": "ISO_IR 100",
    "PatientName": "Müßiggang^Jürgen^Maria^Dr.",
    "PatientID": "NORD-4711",
    "IssuerOfPatientID": "KLINIK-NORD",
    "PatientBirthDate": "19580214",
    "PatientSex": "M",
    "OtherPatientIDsSequence": [
        make_dataset(
            PatientID="A123456780",
            TypeOfPatientID="TEXT",
            IssuerOfPatientIDQualifiersSequence=[
                make_dataset(
                    UniversalEntityID=f"{EXAMPLE_ROOT}.7",
                    UniversalEntityIDType="ISO",
                    IdentifierTypeCode="NH",
                )
            ],
        )
    ],
}
CT_STUDY = Study(
    "ct thorax",
    GERMAN,
    {
        **HOSPITAL,
        "StudyDate": "20240312",
        "StudyTime": "091530",
        "TimezoneOffsetFromUTC": "+0100",
        "AccessionNumber": "R24031207",
        "IssuerOfAccessionNumberSequence": _namespace("RIS-NORD"),
        "StudyID": "CT24-1807",
        "StudyDescription": "CT Thorax mit KM, Verlaufskontrolle",
        "ReferringPhysicianName": "Überweiser^Änne^^Dr. med.",
        "ReferringPhysicianIdentificationSequence": _person("LANR-900001", "Überweiser, Änne"),
        "ProcedureCodeSequence": [code("CTTHKM", "99EXAMPLE", "CT Thorax mit Kontrastmittel")],
        "AdmissionID": "F-2024-118",
        "IssuerOfAdmissionIDSequence": _namespace("KIS-NORD"),
        "CodingSchemeIdentificationSequence": [
            make_dataset(
                CodingSchemeDesignator="99EXAMPLE",
                CodingSchemeUID=f"{EXAMPLE_ROOT}.99",
                CodingSchemeName="Codes of the example hospital",
            )
        ],
    },
)
CT_ORDER: Attributes = {
    "RequestAttributesSequence": [
        make_dataset(
            AccessionNumber="R24031207",
            IssuerOfAccessionNumberSequence=_namespace("RIS-NORD"),
            RequestedProcedureID="RP-1807",
            RequestedProcedureDescription="CT Thorax mit Kontrastmittel",
            RequestedProcedureCodeSequence=[
                code("CTTHKM", "99EXAMPLE", "CT Thorax mit Kontrastmittel")
            ],
            ScheduledProcedureStepID="SPS-1807",
            ReasonForTheRequestedProcedure="Rundherd rechts, Kontrolle nach sechs Monaten",
            ReasonForRequestedProcedureCodeSequence=[code("427359005", "SCT", "Lung nodule")],
        )
    ]
}
CT_STAFF: Attributes = {
    "PerformingPhysicianName": "Röntgen^Paula^^Dr.",
    "PerformingPhysicianIdentificationSequence": _person("LANR-900002", "Röntgen, Paula"),
    "OperatorsName": ["Assistenz^Otto", "Schicht^Sönke"],
}
CT_SCANNER: Attributes = {
    "Manufacturer": "Example Imaging",
    "ManufacturerModelName": "Example CT 128",
    "StationName": "CT1",
    "DeviceSerialNumber": "CT-073021",
    "DeviceUID": make_uid("device", "ct"),
    "SoftwareVersions": ["CT 2024A", "patch 7"],
    "UDISequence": [make_dataset(UniqueDeviceIdentifier="(01)00844588003288(21)CT-073021")],
}

JAPANESE: Attributes = {
    "SpecificCharacterSet": ["", "ISO 2022 IR 87"],
    "PatientName": "Mihon^Hanako=見本^花子=みほん^はなこ",
    "PatientID": "0004711",
    "IssuerOfPatientID": "EXAMPLE-MR",
    "IssuerOfPatientIDQualifiersSequence": [
        make_dataset(
            UniversalEntityID=f"{EXAMPLE_ROOT}.1",
            UniversalEntityIDType="ISO",
            IdentifierTypeCode="MR",
        )
    ],
    "PatientBirthDate": "19710503",
    "PatientSex": "F",
}
MR_STUDY = Study(
    "mr brain",
    JAPANESE,
    {
        "InstitutionName": "Example Hospital Tokyo",
        "StudyDate": "20240118",
        "StudyTime": "142210.5",
        "TimezoneOffsetFromUTC": "+0900",
        "AccessionNumber": "M0118",
        "IssuerOfAccessionNumberSequence": _universal(f"{EXAMPLE_ROOT}.2"),
        "StudyID": "118",
        "StudyDescription": "頭部MRI",
        "ReferringPhysicianName": "Shokai^Ichiro=紹介^一郎=しょうかい^いちろう",
    },
)
MR_SCANNER: Attributes = {
    "Manufacturer": "Example Imaging",
    "ManufacturerModelName": "Example MR 3T",
    "DeviceSerialNumber": "MR-3101",
    "SoftwareVersions": "MR 12.1",
    "StationName": "MR2",
}

GREEK: Attributes = {
    "SpecificCharacterSet": "ISO_IR 192",
    "PatientName": "Δείγμα^Ελένη",
    "PatientID": "U-20881",
    "PatientBirthDate": "19460930",
    "PatientSex": "F",
}
US_STUDY = Study(
    "us heart",
    GREEK,
    {
        **HOSPITAL,
        "StudyDate": "20231106",
        "StudyTime": "1105",
        "AccessionNumber": "U231106-4",
        "StudyID": "4",
        "StudyDescription": "Echocardiography",
        "ReferringPhysicianName": "",
    },
)

PLAIN: Attributes = {
    "PatientName": "Specimen^Jane^Q^Ms.",
    "PatientID": "100200",
    "PatientBirthDate": "19880101",
    "PatientSex": "F",
}
DX_STUDY = Study(
    "dx chest",
    PLAIN,
    {
        **HOSPITAL,
        **UNKNOWN_REFERRER,
        "StudyDate": "20240605",
        "StudyTime": "081200",
        "StudyDescription": "Chest PA and lateral",
    },
)

FRENCH: Attributes = {
    "SpecificCharacterSet": "ISO_IR 100",
    "PatientName": "Exemple^Hélène^Zoé",
    "PatientID": "MG-77",
    "IssuerOfPatientID": "urn:oid:" + EXAMPLE_ROOT + ".3",
    "PatientBirthDate": "19690817",
    "PatientSex": "F",
}
MG_STUDY = Study(
    "mg screening",
    FRENCH,
    {
        "InstitutionName": "Centre d'imagerie Exemple",
        "StudyDate": "20240220",
        "StudyTime": "100304",
        "TimezoneOffsetFromUTC": "+0100",
        "AccessionNumber": "MG0220",
        "StudyID": "1",
        "StudyDescription": "Mammographie de dépistage",
        "ReferringPhysicianName": "Médecin^Léa",
        "ProcedureCodeSequence": [code("24623002", "SCT", "Screening mammography")],
    },
)

# one number, two hospitals: two people
HANDS = tuple(
    Study(
        f"hand {side}",
        {
            "PatientName": f"Twin^{given}",
            "PatientID": "1001",
            "IssuerOfPatientID": issuer,
            "PatientBirthDate": birth,
            "PatientSex": sex,
        },
        {
            **UNKNOWN_REFERRER,
            "StudyDate": "20220901",
            "StudyTime": "173000",
            "StudyDescription": "Hand",
        },
    )
    for side, given, issuer, birth, sex in (
        ("R", "Alice", "HOSPITAL-A", "20010706", "F"),
        ("L", "Robert", "HOSPITAL-B", "19990312", "M"),
    )
)

ANIMAL: Attributes = {
    "PatientName": "Example^Rex",
    "PatientID": "VET-0042",
    "PatientBirthDate": "20180401",
    "PatientSex": "M",
    "PatientSexNeutered": "ALTERED",
    "PatientSpeciesDescription": "Dog",
    "PatientSpeciesCodeSequence": [code("448771007", "SCT", "Canis lupus subspecies familiaris")],
    "PatientBreedDescription": "Golden retriever",
    "PatientBreedCodeSequence": [code("58108001", "SCT", "Golden retriever dog breed")],
    "BreedRegistrationSequence": [],
    "ResponsiblePerson": "Example^Olivia",
    "ResponsiblePersonRole": "OWNER",
    "ResponsibleOrganization": "Example Veterinary Clinic",
}
DOG_STUDY = Study(
    "dog thorax",
    ANIMAL,
    {
        **UNKNOWN_REFERRER,
        "InstitutionName": "Example Veterinary Clinic",
        "StudyDate": "20240709",
        "StudyTime": "160000",
        "StudyDescription": "Thorax and abdomen, two views",
    },
)

QUALITY_STUDY = Study(
    "quality control",
    {
        "PatientName": "Water Phantom",
        "PatientID": "QA-CT1",
        "PatientBirthDate": "",
        "PatientSex": "O",
        "QualityControlSubject": "YES",
    },
    {
        **HOSPITAL,
        **UNKNOWN_REFERRER,
        "StudyDate": "20240311",
        "StudyTime": "063000",
        "StudyDescription": "Daily constancy test",
    },
)

SLIDE_STUDY = Study(
    "slide",
    {
        "PatientName": "Placeholder^Pia",
        "PatientID": "PATH-555",
        "PatientBirthDate": "19530303",
        "PatientSex": "F",
    },
    {
        **UNKNOWN_REFERRER,
        "InstitutionName": "Example Pathology",
        "StudyDate": "20240502",
        "StudyTime": "120000",
        "AccessionNumber": "S24-555",
        "StudyDescription": "Skin excision",
    },
)

FAULTY: Attributes = {
    "PatientName": "Faulty^Fred",
    "PatientID": "F-1",
    "PatientBirthDate": "19700101",
    "PatientSex": "M",
}


def faulty_study(key: str) -> Study:
    """Give a study for one folder of the faults."""
    attributes = {"StudyDate": "20240101", "StudyTime": "120000", **UNKNOWN_REFERRER}
    return Study(f"fault {key}", FAULTY, {**attributes, "StudyDescription": key})
