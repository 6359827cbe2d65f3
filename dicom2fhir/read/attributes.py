"""The attributes we read: each named once, with its VR, its level and why.

What is not named here is skipped by its length and never held.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The entity of the information model that an attribute describes (PS3.3 A.1.2)."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: tag, keyword, VR, and for a sequence what its items may hold."""

    tag: int
    keyword: str
    vr: str
    items: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: an attribute at the top of a data set, its level and why we read it."""

    attribute: Attribute
    level: Level
    why: str


def _text(tag: int, keyword: str, vr: str = "LO") -> Attribute:
    return Attribute(tag, keyword, vr)


def _sequence(tag: int, keyword: str, *items: Attribute) -> Attribute:
    return Attribute(tag, keyword, "SQ", items)


# PS3.3 table 8.8-1a, Basic Code Sequence Macro
CODE = (
    _text(0x00080100, "CodeValue", "SH"),
    _text(0x00080102, "CodingSchemeDesignator", "SH"),
    _text(0x00080103, "CodingSchemeVersion", "SH"),
    _text(0x00080104, "CodeMeaning", "LO"),
    _text(0x00080119, "LongCodeValue", "UC"),
    _text(0x00080120, "URNCodeValue", "UR"),
)
# PS3.3 table 10-17, HL7v2 Hierarchic Designator Macro
_ISSUER = (
    _text(0x00400031, "LocalNamespaceEntityID", "UT"),
    _text(0x00400032, "UniversalEntityID", "UT"),
    _text(0x00400033, "UniversalEntityIDType", "CS"),
)
# PS3.3 table 10-18, Issuer of Patient ID Macro
_QUALIFIERS = (
    _text(0x00400032, "UniversalEntityID", "UT"),
    _text(0x00400033, "UniversalEntityIDType", "CS"),
    _text(0x00400035, "IdentifierTypeCode", "CS"),
    _sequence(0x00400036, "AssigningFacilitySequence", *_ISSUER),
)
# PS3.3 table 10-1, Person Identification Macro
_PERSON = (
    _sequence(0x00401101, "PersonIdentificationCodeSequence", *CODE),
    _text(0x00080080, "InstitutionName", "LO"),
    _sequence(0x00080082, "InstitutionCodeSequence", *CODE),
)
_ACCESSION_ISSUER = _sequence(0x00080051, "IssuerOfAccessionNumberSequence", *_ISSUER)
# PS3.3 table 10-9, Request Attributes Macro
REQUEST = (
    _text(0x00080050, "AccessionNumber", "SH"),
    _ACCESSION_ISSUER,
    _text(0x00321060, "RequestedProcedureDescription", "LO"),
    _sequence(0x00321064, "RequestedProcedureCodeSequence", *CODE),
    _text(0x00401002, "ReasonForTheRequestedProcedure", "LO"),
    _sequence(0x0040100A, "ReasonForRequestedProcedureCodeSequence", *CODE),
    _text(0x00402016, "PlacerOrderNumberImagingServiceRequest", "LO"),
    _text(0x00402017, "FillerOrderNumberImagingServiceRequest", "LO"),
)
_SPECIMEN = (
    _text(0x00400551, "SpecimenIdentifier", "LO"),
    _sequence(0x00400562, "IssuerOfTheSpecimenIdentifierSequence", *_ISSUER),
    _text(0x00400554, "SpecimenUID", "UI"),
    _sequence(0x0040059A, "SpecimenTypeCodeSequence", *CODE),
    _text(0x00400600, "SpecimenShortDescription", "LO"),
    _text(0x00400602, "SpecimenDetailedDescription", "UT"),
)

# PS3.3 C.7.6.3.1: how many bytes native pixel data must have
ROWS = Attribute(0x00280010, "Rows", "US")
COLUMNS = Attribute(0x00280011, "Columns", "US")
SAMPLES_PER_PIXEL = Attribute(0x00280002, "SamplesPerPixel", "US")
BITS_ALLOCATED = Attribute(0x00280100, "BitsAllocated", "US")
PHOTOMETRIC_INTERPRETATION = Attribute(0x00280004, "PhotometricInterpretation", "CS")
PIXEL_GEOMETRY = (
    ROWS,
    COLUMNS,
    SAMPLES_PER_PIXEL,
    BITS_ALLOCATED,
    PHOTOMETRIC_INTERPRETATION,
)

_P, _ST, _SE, _I = Level.PATIENT, Level.STUDY, Level.SERIES, Level.INSTANCE

TABLE: tuple[Row, ...] = (
    # Patient (PS3.3 C.7.1.1)
    Row(_text(0x00100010, "PatientName", "PN"), _P, "Patient.name"),
    Row(_text(0x00100020, "PatientID"), _P, "Patient.identifier"),
    Row(_text(0x00100021, "IssuerOfPatientID"), _P, "Patient.identifier.system"),
    Row(
        _sequence(0x00100024, "IssuerOfPatientIDQualifiersSequence", *_QUALIFIERS),
        _P,
        "Patient.identifier.system, type and assigner",
    ),
    Row(_text(0x00100030, "PatientBirthDate", "DA"), _P, "Patient.birthDate"),
    Row(
        _text(0x00100032, "PatientBirthTime", "TM"),
        _P,
        "Patient.birthDate, patient-birthTime",
    ),
    Row(_text(0x00100040, "PatientSex", "CS"), _P, "Patient.gender"),
    Row(_text(0x00101000, "OtherPatientIDs"), _P, "Patient.identifier"),
    Row(
        _sequence(
            0x00101002,
            "OtherPatientIDsSequence",
            _text(0x00100020, "PatientID"),
            _text(0x00100021, "IssuerOfPatientID"),
            _sequence(0x00100024, "IssuerOfPatientIDQualifiersSequence", *_QUALIFIERS),
        ),
        _P,
        "Patient.identifier",
    ),
    Row(_text(0x00101001, "OtherPatientNames", "PN"), _P, "Patient.name"),
    Row(_text(0x00101005, "PatientBirthName", "PN"), _P, "Patient.name, use maiden"),
    Row(
        _text(0x00101060, "PatientMotherBirthName", "PN"),
        _P,
        "Patient, patient-mothersMaidenName",
    ),
    Row(_text(0x00102201, "PatientSpeciesDescription"), _P, "Patient, patient-animal"),
    Row(
        _sequence(0x00102202, "PatientSpeciesCodeSequence", *CODE),
        _P,
        "Patient, patient-animal",
    ),
    Row(_text(0x00102203, "PatientSexNeutered", "CS"), _P, "Patient, patient-animal"),
    Row(_text(0x00102292, "PatientBreedDescription"), _P, "Patient, patient-animal"),
    Row(
        _sequence(0x00102293, "PatientBreedCodeSequence", *CODE),
        _P,
        "Patient, patient-animal",
    ),
    Row(_text(0x00102297, "ResponsiblePerson", "PN"), _P, "Patient.contact"),
    Row(
        _text(0x00102298, "ResponsiblePersonRole", "CS"),
        _P,
        "Patient.contact.relationship",
    ),
    Row(_text(0x00102299, "ResponsibleOrganization"), _P, "Patient.contact.organization"),
    Row(
        _text(0x00100200, "QualityControlSubject", "CS"),
        _P,
        "ImagingStudy.subject: a Device",
    ),
    Row(_text(0x00120062, "PatientIdentityRemoved", "CS"), _P, "meta.security"),
    # Study (PS3.3 C.7.2.1)
    Row(_text(0x00080020, "StudyDate", "DA"), _ST, "ImagingStudy.started"),
    Row(_text(0x00080030, "StudyTime", "TM"), _ST, "ImagingStudy.started"),
    Row(
        _text(0x00080201, "TimezoneOffsetFromUTC", "SH"),
        _ST,
        "the zone of every DA and TM",
    ),
    Row(
        _text(0x00080050, "AccessionNumber", "SH"),
        _ST,
        "ImagingStudy.identifier and basedOn",
    ),
    Row(_ACCESSION_ISSUER, _ST, "ImagingStudy.identifier.system"),
    Row(_text(0x00200010, "StudyID", "SH"), _ST, "ImagingStudy.identifier"),
    Row(_text(0x00081030, "StudyDescription"), _ST, "ImagingStudy.description"),
    Row(_text(0x00080090, "ReferringPhysicianName", "PN"), _ST, "ImagingStudy.referrer"),
    Row(
        _sequence(0x00080096, "ReferringPhysicianIdentificationSequence", *_PERSON),
        _ST,
        "ImagingStudy.referrer",
    ),
    Row(
        _text(0x00081060, "NameOfPhysiciansReadingStudy", "PN"),
        _ST,
        "ImagingStudy.interpreter",
    ),
    Row(
        _sequence(0x00081062, "PhysiciansReadingStudyIdentificationSequence", *_PERSON),
        _ST,
        "ImagingStudy.interpreter",
    ),
    Row(
        _sequence(0x00081032, "ProcedureCodeSequence", *CODE),
        _ST,
        "ImagingStudy.procedureCode",
    ),
    Row(
        _text(0x00321060, "RequestedProcedureDescription"),
        _ST,
        "ImagingStudy.procedureCode",
    ),
    Row(
        _sequence(0x00321064, "RequestedProcedureCodeSequence", *CODE),
        _ST,
        "ImagingStudy.procedureCode",
    ),
    Row(
        _text(0x00401002, "ReasonForTheRequestedProcedure"),
        _ST,
        "ImagingStudy.reasonCode",
    ),
    Row(
        _sequence(0x0040100A, "ReasonForRequestedProcedureCodeSequence", *CODE),
        _ST,
        "ImagingStudy.reasonCode",
    ),
    Row(
        _text(0x00402016, "PlacerOrderNumberImagingServiceRequest"),
        _ST,
        "ImagingStudy.basedOn",
    ),
    Row(
        _text(0x00402017, "FillerOrderNumberImagingServiceRequest"),
        _ST,
        "ImagingStudy.basedOn",
    ),
    Row(_text(0x00101020, "PatientSize", "DS"), _ST, "Observation with --vitals"),
    Row(_text(0x00101030, "PatientWeight", "DS"), _ST, "Observation with --vitals"),
    Row(_text(0x00380010, "AdmissionID"), _ST, "ImagingStudy.encounter"),
    Row(
        _sequence(0x00380014, "IssuerOfAdmissionIDSequence", *_ISSUER),
        _ST,
        "ImagingStudy.encounter",
    ),
    # Series and equipment (PS3.3 C.7.3.1, C.7.5.1)
    Row(_text(0x00080060, "Modality", "CS"), _SE, "ImagingStudy.series.modality"),
    Row(_text(0x00200011, "SeriesNumber", "IS"), _SE, "ImagingStudy.series.number"),
    Row(_text(0x0008103E, "SeriesDescription"), _SE, "ImagingStudy.series.description"),
    Row(
        _sequence(0x0008103F, "SeriesDescriptionCodeSequence", *CODE),
        _SE,
        "ImagingStudy.series.description",
    ),
    Row(_text(0x00080021, "SeriesDate", "DA"), _SE, "ImagingStudy.series.started"),
    Row(_text(0x00080031, "SeriesTime", "TM"), _SE, "ImagingStudy.series.started"),
    Row(_text(0x00180015, "BodyPartExamined", "CS"), _SE, "ImagingStudy.series.bodySite"),
    Row(
        _sequence(
            0x00082218,
            "AnatomicRegionSequence",
            *CODE,
            _sequence(0x00082220, "AnatomicRegionModifierSequence", *CODE),
        ),
        _SE,
        "ImagingStudy.series.bodySite",
    ),
    Row(_text(0x00200060, "Laterality", "CS"), _SE, "ImagingStudy.series.laterality"),
    Row(
        _text(0x00081050, "PerformingPhysicianName", "PN"),
        _SE,
        "ImagingStudy.series.performer",
    ),
    Row(
        _sequence(0x00081052, "PerformingPhysicianIdentificationSequence", *_PERSON),
        _SE,
        "ImagingStudy.series.performer",
    ),
    Row(_text(0x00081070, "OperatorsName", "PN"), _SE, "ImagingStudy.series.performer"),
    Row(
        _sequence(0x00081072, "OperatorIdentificationSequence", *_PERSON),
        _SE,
        "ImagingStudy.series.performer",
    ),
    Row(
        _sequence(0x00400275, "RequestAttributesSequence", *REQUEST),
        _SE,
        "ImagingStudy.basedOn, procedureCode and reasonCode",
    ),
    Row(_text(0x00400243, "PerformedLocation", "SH"), _SE, "ImagingStudy.location"),
    Row(_text(0x00081040, "InstitutionalDepartmentName"), _SE, "ImagingStudy.location"),
    Row(
        _text(0x00080080, "InstitutionName"),
        _SE,
        "ImagingStudy.series.performer, Organization",
    ),
    Row(
        _sequence(0x00080082, "InstitutionCodeSequence", *CODE),
        _SE,
        "ImagingStudy.series.performer, Organization",
    ),
    Row(_text(0x00080070, "Manufacturer"), _SE, "Device.manufacturer"),
    Row(_text(0x00081090, "ManufacturerModelName"), _SE, "Device.deviceName"),
    Row(_text(0x00081010, "StationName", "SH"), _SE, "Device.deviceName"),
    Row(_text(0x00181000, "DeviceSerialNumber"), _SE, "Device.serialNumber"),
    Row(_text(0x00181002, "DeviceUID", "UI"), _SE, "Device.identifier"),
    Row(_text(0x00181020, "SoftwareVersions"), _SE, "Device.version"),
    Row(_text(0x0018100B, "ManufacturerDeviceClassUID", "UI"), _SE, "Device.type"),
    Row(
        _sequence(0x0018100A, "UDISequence", _text(0x00181009, "UniqueDeviceIdentifier", "UT")),
        _SE,
        "Device.udiCarrier",
    ),
    Row(
        _sequence(
            0x00080110,
            "CodingSchemeIdentificationSequence",
            _text(0x00080102, "CodingSchemeDesignator", "SH"),
            _text(0x0008010C, "CodingSchemeUID", "UI"),
            _text(0x0008010E, "CodingSchemeURL", "UR"),
            _text(0x00080112, "CodingSchemeRegistry"),
            _text(0x00080114, "CodingSchemeExternalID", "ST"),
        ),
        _SE,
        "the system of local codes",
    ),
    Row(
        _sequence(
            0x00540016,
            "RadiopharmaceuticalInformationSequence",
            _text(0x00181074, "RadionuclideTotalDose", "DS"),
        ),
        _SE,
        "Observation with --vitals",
    ),
    # Instance
    Row(_text(0x00189345, "CTDIvol", "FD"), _I, "Observation with --vitals"),
    Row(
        _text(0x0018115E, "ImageAndFluoroscopyAreaDoseProduct", "DS"),
        _I,
        "Observation with --vitals",
    ),
    Row(_text(0x00400316, "OrganDose", "DS"), _I, "Observation with --vitals"),
    Row(
        _text(0x00200013, "InstanceNumber", "IS"),
        _I,
        "ImagingStudy.series.instance.number",
    ),
    Row(_text(0x00080008, "ImageType", "CS"), _I, "ImagingStudy.series.instance.title"),
    Row(_text(0x00280008, "NumberOfFrames", "IS"), _I, "number of frames extension"),
    # the levels of a slide differ in size, and a key image may be the only one with loss
    Row(ROWS, _I, "whether there is an image to render"),
    Row(COLUMNS, _I, "whether there is an image to render"),
    Row(_text(0x00282110, "LossyImageCompression", "CS"), _I, "Media.note"),
    Row(_text(0x00200062, "ImageLaterality", "CS"), _I, "ImagingStudy.series.laterality"),
    Row(_text(0x00080022, "AcquisitionDate", "DA"), _I, "ImagingStudy.series.started"),
    Row(_text(0x00080032, "AcquisitionTime", "TM"), _I, "ImagingStudy.series.started"),
    Row(
        _text(0x0008002A, "AcquisitionDateTime", "DT"),
        _I,
        "ImagingStudy.series.started",
    ),
    Row(
        _text(0x00080023, "ContentDate", "DA"),
        _I,
        "ImagingStudy.started, Media.created, DocumentReference.date",
    ),
    Row(
        _text(0x00080033, "ContentTime", "TM"),
        _I,
        "ImagingStudy.started, Media.created, DocumentReference.date",
    ),
    Row(_text(0x00185101, "ViewPosition", "CS"), _I, "Media.view"),
    Row(_sequence(0x00540220, "ViewCodeSequence", *CODE), _I, "Media.view"),
    Row(_text(0x00181063, "FrameTime", "DS"), _I, "Media.duration"),
    Row(_text(0x00180040, "CineRate", "IS"), _I, "Media.duration"),
    Row(
        _sequence(0x0040A043, "ConceptNameCodeSequence", *CODE),
        _I,
        "ImagingStudy.series.instance.title, DocumentReference.type",
    ),
    Row(
        _text(0x00420010, "DocumentTitle", "ST"),
        _I,
        "ImagingStudy.series.instance.title, DocumentReference.description",
    ),
    Row(
        _text(0x00420012, "MIMETypeOfEncapsulatedDocument"),
        _I,
        "DocumentReference.content.attachment.contentType",
    ),
    Row(
        _text(0x0040E001, "HL7InstanceIdentifier", "ST"),
        _I,
        "DocumentReference.masterIdentifier",
    ),
    Row(
        _sequence(0x0040E008, "DocumentClassCodeSequence", *CODE),
        _I,
        "DocumentReference.category",
    ),
    Row(_text(0x0040A493, "VerificationFlag", "CS"), _I, "DocumentReference.docStatus"),
    Row(
        _text(0x00700080, "ContentLabel", "CS"),
        _I,
        "ImagingStudy.series.instance.title",
    ),
    Row(
        _text(0x00700081, "ContentDescription"),
        _I,
        "ImagingStudy.series.instance.title",
    ),
    Row(
        _text(0x00280301, "BurnedInAnnotation", "CS"),
        _I,
        "whether pixels may show names",
    ),
    Row(
        _text(0x00480010, "SpecimenLabelInImage", "CS"),
        _I,
        "whether pixels may show names",
    ),
    Row(_text(0x00400512, "ContainerIdentifier"), _I, "Specimen.container"),
    Row(
        _sequence(0x00400560, "SpecimenDescriptionSequence", *_SPECIMEN),
        _I,
        "ImagingStudy.series.specimen",
    ),
)

# Read for identity and guards; not attributes of a level.
SPECIFIC_CHARACTER_SET = Attribute(0x00080005, "SpecificCharacterSet", "CS")
SOP_CLASS_UID = Attribute(0x00080016, "SOPClassUID", "UI")
SOP_INSTANCE_UID = Attribute(0x00080018, "SOPInstanceUID", "UI")
STUDY_INSTANCE_UID = Attribute(0x0020000D, "StudyInstanceUID", "UI")
SERIES_INSTANCE_UID = Attribute(0x0020000E, "SeriesInstanceUID", "UI")
IDENTITY = (
    SPECIFIC_CHARACTER_SET,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    SERIES_INSTANCE_UID,
)
# PS3.3 table C.17-2: what a rejection note names
EVIDENCE = _sequence(
    0x0040A375,
    "CurrentRequestedProcedureEvidenceSequence",
    STUDY_INSTANCE_UID,
    _sequence(
        0x00081115,
        "ReferencedSeriesSequence",
        _sequence(
            0x00081199,
            "ReferencedSOPSequence",
            Attribute(0x00081155, "ReferencedSOPInstanceUID", "UI"),
        ),
    ),
)
# What makes an object more than its header, by kind; only that it is there is read
CONTENT_SEQUENCE = 0x0040A730
ENCAPSULATED_DOCUMENT = 0x00420011
WAVEFORM_SEQUENCE = 0x54000100
ROI_OBSERVATIONS_SEQUENCE = 0x30060080
BEAM_SEQUENCE = 0x300A00B0
APPLICATION_SETUP_SEQUENCE = 0x300A0230
ION_BEAM_SEQUENCE = 0x300A03A2
DIRECTORY_RECORD_SEQUENCE = 0x00041220
PRESENCE = (
    CONTENT_SEQUENCE,
    ENCAPSULATED_DOCUMENT,
    WAVEFORM_SEQUENCE,
    ROI_OBSERVATIONS_SEQUENCE,
    BEAM_SEQUENCE,
    APPLICATION_SETUP_SEQUENCE,
    ION_BEAM_SEQUENCE,
    DIRECTORY_RECORD_SEQUENCE,
)
