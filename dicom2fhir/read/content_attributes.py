"""The attributes of content trees (PS3.3 C.17 and C.18): the second table of read.

Content items hold content items, so the table of an item holds itself. Nothing here names a
patient; what is said of patient, study and series comes from the header.
"""

from __future__ import annotations

from typing import Final

from dicom2fhir.read import attributes as header
from dicom2fhir.read.attributes import CODE, REQUEST, Attribute
from dicom2fhir.read.wanted import Wanted, make_wanted


def _sequence(tag: int, keyword: str, *items: Attribute) -> Attribute:
    return Attribute(tag, keyword, "SQ", items)


def _code(tag: int, keyword: str) -> Attribute:
    return Attribute(tag, keyword, "SQ", CODE)


_NAME = _code(0x0040A043, "ConceptNameCodeSequence")
_PERSON_NAME = Attribute(0x0040A123, "PersonName", "PN")
# PS3.3 table 10-11, SOP Instance Reference Macro
_SOP = (
    Attribute(0x00081150, "ReferencedSOPClassUID", "UI"),
    Attribute(0x00081155, "ReferencedSOPInstanceUID", "UI"),
)
# PS3.3 table C.17-3, Hierarchical SOP Instance Reference Macro
_RETRIEVAL = (
    Attribute(0x00080054, "RetrieveAETitle", "AE"),
    Attribute(0x0040E011, "RetrieveLocationUID", "UI"),
    Attribute(0x00081190, "RetrieveURL", "UR"),
    Attribute(0x00880130, "StorageMediaFileSetID", "SH"),
    Attribute(0x00880140, "StorageMediaFileSetUID", "UI"),
)
_HIERARCHY = (
    header.STUDY_INSTANCE_UID,
    _sequence(
        0x00081115,
        "ReferencedSeriesSequence",
        header.SERIES_INSTANCE_UID,
        *_RETRIEVAL,
        _sequence(
            0x00081199,
            "ReferencedSOPSequence",
            *_SOP,
            _code(0x0040A170, "PurposeOfReferenceCodeSequence"),
        ),
    ),
)
# PS3.3 table C.17-3b, Identified Person or Device Macro
_OBSERVER = (
    Attribute(0x0040A084, "ObserverType", "CS"),
    _PERSON_NAME,
    _code(0x00401101, "PersonIdentificationCodeSequence"),
    Attribute(0x00081010, "StationName", "SH"),
    Attribute(0x00181002, "DeviceUID", "UI"),
    Attribute(0x00080070, "Manufacturer", "LO"),
    Attribute(0x00081090, "ManufacturerModelName", "LO"),
    Attribute(0x00181000, "DeviceSerialNumber", "LO"),
    Attribute(0x00080080, "InstitutionName", "LO"),
    _code(0x00080082, "InstitutionCodeSequence"),
)
# PS3.3 table C.17-2, SR Document General Module, and C.18.8, the attributes of the root
_DOCUMENT = (
    header.SOP_CLASS_UID,
    header.SOP_INSTANCE_UID,
    header.STUDY_INSTANCE_UID,
    header.SERIES_INSTANCE_UID,
    Attribute(0x00080201, "TimezoneOffsetFromUTC", "SH"),
    Attribute(0x00080023, "ContentDate", "DA"),
    Attribute(0x00080033, "ContentTime", "TM"),
    Attribute(0x0040A491, "CompletionFlag", "CS"),
    Attribute(0x0040A492, "CompletionFlagDescription", "LO"),
    Attribute(0x0040A493, "VerificationFlag", "CS"),
    Attribute(0x0040A496, "PreliminaryFlag", "CS"),
    _code(0x00080006, "LanguageCodeSequence"),
    _sequence(
        0x0040A073,
        "VerifyingObserverSequence",
        Attribute(0x0040A075, "VerifyingObserverName", "PN"),
        _code(0x0040A088, "VerifyingObserverIdentificationCodeSequence"),
        Attribute(0x0040A027, "VerifyingOrganization", "LO"),
        Attribute(0x0040A030, "VerificationDateTime", "DT"),
    ),
    _sequence(0x0040A078, "AuthorObserverSequence", *_OBSERVER),
    _sequence(
        0x0040A07A,
        "ParticipantSequence",
        Attribute(0x0040A080, "ParticipationType", "CS"),
        Attribute(0x0040A082, "ParticipationDateTime", "DT"),
        *_OBSERVER,
    ),
    _sequence(
        0x0040A07C,
        "CustodialOrganizationSequence",
        Attribute(0x00080080, "InstitutionName", "LO"),
        _code(0x00080082, "InstitutionCodeSequence"),
    ),
    _sequence(
        0x0040A370,
        "ReferencedRequestSequence",
        header.STUDY_INSTANCE_UID,
        *REQUEST,
        Attribute(0x00401001, "RequestedProcedureID", "SH"),
    ),
    _code(0x0040A372, "PerformedProcedureCodeSequence"),
    _sequence(0x0040A375, "CurrentRequestedProcedureEvidenceSequence", *_HIERARCHY),
    _sequence(0x0040A385, "PertinentOtherEvidenceSequence", *_HIERARCHY),
    _sequence(0x0040A360, "PredecessorDocumentsSequence", *_HIERARCHY),
    _sequence(0x0040A525, "IdenticalDocumentsSequence", *_HIERARCHY),
)
# PS3.3 tables C.17-5 and C.17-6 and the macros of C.18
_ITEM = (
    Attribute(0x0040A010, "RelationshipType", "CS"),
    Attribute(0x0040A040, "ValueType", "CS"),
    Attribute(0x0040A032, "ObservationDateTime", "DT"),
    Attribute(0x0040A171, "ObservationUID", "UI"),
    Attribute(0x0040DB73, "ReferencedContentItemIdentifier", "UL"),
    _NAME,
    _code(0x0040A168, "ConceptCodeSequence"),
    Attribute(0x0040A160, "TextValue", "UT"),
    _PERSON_NAME,
    Attribute(0x0040A120, "DateTime", "DT"),
    Attribute(0x0040A121, "Date", "DA"),
    Attribute(0x0040A122, "Time", "TM"),
    Attribute(0x0040A124, "UID", "UI"),
    _sequence(
        0x0040A300,
        "MeasuredValueSequence",
        Attribute(0x0040A30A, "NumericValue", "DS"),
        Attribute(0x0040A161, "FloatingPointValue", "FD"),
        Attribute(0x0040A162, "RationalNumeratorValue", "SL"),
        Attribute(0x0040A163, "RationalDenominatorValue", "UL"),
        _code(0x004008EA, "MeasurementUnitsCodeSequence"),
    ),
    _code(0x0040A301, "NumericValueQualifierCodeSequence"),
    _sequence(
        0x00081199,
        "ReferencedSOPSequence",
        *_SOP,
        Attribute(0x00081160, "ReferencedFrameNumber", "IS"),
        Attribute(0x0062000B, "ReferencedSegmentNumber", "US"),
        Attribute(0x0040A0B0, "ReferencedWaveformChannels", "US"),
        _sequence(0x00081199, "ReferencedSOPSequence", *_SOP),
        _sequence(0x0008114B, "ReferencedRealWorldValueMappingInstanceSequence", *_SOP),
    ),
    Attribute(0x00700023, "GraphicType", "CS"),
    Attribute(0x00700022, "GraphicData", "FL"),
    Attribute(0x30060024, "ReferencedFrameOfReferenceUID", "UI"),
    Attribute(0x0040A130, "TemporalRangeType", "CS"),
    Attribute(0x0040A132, "ReferencedSamplePositions", "UL"),
    Attribute(0x0040A138, "ReferencedTimeOffsets", "DS"),
    Attribute(0x0040A13A, "ReferencedDateTime", "DT"),
    Attribute(0x0040A050, "ContinuityOfContent", "CS"),
    _sequence(
        0x0040A504,
        "ContentTemplateSequence",
        Attribute(0x00080105, "MappingResource", "CS"),
        Attribute(0x0040DB00, "TemplateIdentifier", "CS"),
    ),
)


def _items() -> dict[int, Wanted]:
    items = make_wanted(_ITEM)
    items[header.CONTENT_SEQUENCE] = Wanted("ContentSequence", "SQ", items)
    return items


CONTENT: Final = {**make_wanted(_DOCUMENT), **_items()}
"""What is kept of a data set with a content tree, by tag."""
