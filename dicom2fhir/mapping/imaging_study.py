"""A study, as ImagingStudy (PS3.3 C.7.2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.identity import resource_id
from dicom2fhir.mapping import practitioner
from dicom2fhir.mapping.codes import concepts, of_series
from dicom2fhir.mapping.dates import study_start
from dicom2fhir.mapping.elements import Element, compact, constant, fill
from dicom2fhir.mapping.endpoint import study_endpoints
from dicom2fhir.mapping.identifiers import (
    STUDY_UID,
    Issuer,
    accession,
    identifier,
    issuer_of,
    own,
    typed,
    uid,
)
from dicom2fhir.mapping.meta import patient_meta
from dicom2fhir.mapping.patient import subject
from dicom2fhir.mapping.series import map_series, modality_coding, modality_of
from dicom2fhir.mapping.text import bounded, every, first, items, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json, Resource, Study


def _id(study: Study, context: Context) -> Json:
    """Return the UUIDv5 of the Study UID, and of the patient where two share it."""
    return resource_id("ImagingStudy", study.uid, *context.scope)


def _own_identifier(study: Study, context: Context) -> Json:
    """Return our own: the only one that conditions are built on."""
    return own(_id(study, context))


def _study_uid(study: Study, _context: Context) -> Json:
    """Return the UID as urn:oid, use official, type DCM 110180."""
    return {"use": "official", "type": STUDY_UID, **uid(study.uid)}


def _original(study: Study, _context: Context) -> Json:
    """Return the UID that stands in the file, where it is no valid one; use old."""
    text = first(study.attributes, "OriginalStudyInstanceUID")
    return {"use": "old", "value": text} if text else None


def _accession(study: Study, context: Context) -> Json:
    """Return the number with its issuer, types ACSN and DCM 121022."""
    return accession(study.attributes, context)


def _study_id(study: Study, _context: Context) -> Json:
    """Return the text, use secondary, unless it is the accession number."""
    text = whole(study.attributes, "StudyID")
    same = text == whole(study.attributes, "AccessionNumber")
    return None if same or not text else {"use": "secondary", "value": text}


def _modality(study: Study, _context: Context) -> Json:
    """Return the codes of all series, sorted."""
    return [modality_coding(code) for code in sorted({modality_of(one) for one in study.series})]


def _encounter(study: Study, context: Context) -> Json:
    """Return a logical reference by the admission's number, type VN."""
    issuer = issuer_of(study.attributes, "IssuerOfAdmissionIDSequence", "admission", context)
    number = whole(study.attributes, "AdmissionID")
    made = identifier(number, issuer, typed("VN", "Visit number"))
    return {"type": "Encounter", "identifier": made} if made else None


def _requests(study: Study) -> list[Attributes]:
    """Return what asks for the study: its own attributes, then the requests of its series."""
    found = [study.attributes]
    for series in study.series:
        found += items(series.attributes, "RequestAttributesSequence")
    return found


def _each_once(values: Iterable[Json]) -> list[Json]:
    made: list[Json] = []
    for value in values:
        if value not in made:
            made.append(value)
    return made


def _orders(identifiers: Iterable[Json]) -> Json:
    """Return each order once; a number without system is that of the order which has one."""
    stated = [one for one in identifiers if one]
    issued = {one["value"] for one in stated if "system" in one}
    return _each_once(
        {"type": "ServiceRequest", "identifier": one}
        for one in stated
        if "system" in one or one["value"] not in issued
    )


def _accessions(study: Study, context: Context) -> Json:
    """Return a logical reference for each accession number, types ACSN and DCM 121022."""
    return _orders(accession(request, context) for request in _requests(study))


def _order_numbers(keyword: str, code: str, display: str) -> Json:
    def build(study: Study, _context: Context) -> Json:
        kind = typed(code, display)
        numbers = (whole(request, keyword) for request in _requests(study))
        return _orders(identifier(number, Issuer(), kind) for number in numbers)

    build.__doc__ = f"Return a logical reference for each number, type {code}."
    return build


def _referrer(study: Study, context: Context) -> Json:
    """Return the first: Practitioner with an identifier, else local code and display."""
    found = practitioner.referrers(study.attributes, context)
    return practitioner.reference(found[0]) if found else None


def _interpreters(study: Study, context: Context) -> Json:
    """Return each: Practitioner with an identifier, else local code and display."""
    found = practitioner.interpreters(study.attributes, context)
    return [practitioner.reference(one) for one in found]


def _series_count(study: Study, _context: Context) -> Json:
    """Return how many series are listed."""
    return len(study.series)


def _instance_count(study: Study, _context: Context) -> Json:
    """Return how many instances are listed."""
    return study.instance_count


def _requested(study: Study, keyword: str, context: Context, element: str) -> list[Json]:
    """Return the codes of the study, else those of the requests of its series."""
    own_codes = concepts(study.attributes, keyword, context, element)
    return own_codes or _each_once(
        one
        for series in study.series
        for request in items(series.attributes, "RequestAttributesSequence")
        for one in concepts(request, keyword, of_series(series, context), element)
    )


def _requested_texts(study: Study, keyword: str) -> list[str]:
    texts = (whole(request, keyword) for request in _requests(study))
    return list(dict.fromkeys(text for text in texts if text))


def _procedure(study: Study, context: Context) -> Json:
    """Return the procedure's codes, else the requested ones, else their text or the description."""
    element = "ImagingStudy.procedureCode"
    codes = concepts(study.attributes, "ProcedureCodeSequence", context, element)
    codes = codes or _requested(study, "RequestedProcedureCodeSequence", context, element)
    texts = _requested_texts(study, "RequestedProcedureDescription")
    texts = texts or [whole(study.attributes, "StudyDescription")]
    if codes:
        # IHE MADO wants words for every procedure, also where the code comes without a meaning.
        return _each_once([compact({"text": texts[0], **one}) for one in codes])
    return [{"text": text} for text in texts if text]


def _reason(study: Study, context: Context) -> Json:
    """Return the codes, and each text that no code says already."""
    element = "ImagingStudy.reasonCode"
    codes = _requested(study, "ReasonForRequestedProcedureCodeSequence", context, element)
    said = {one.get("text") for one in codes}
    texts = _requested_texts(study, "ReasonForTheRequestedProcedure")
    return _each_once([*codes, *({"text": text} for text in texts if text not in said)])


def _location(study: Study, _context: Context) -> Json:
    """Return the department, else the performed location, of the first series that states one."""
    for keyword in ("InstitutionalDepartmentName", "PerformedLocation"):
        for series in study.series:
            if texts := every(series.attributes, keyword):
                return {"type": "Location", "display": texts[0]}
    return None


def _description(study: Study, context: Context) -> Json:
    """Return the text, trimmed."""
    text = "\\".join(map(str, study.attributes.get("StudyDescription", ())))
    return bounded(text, context, "StudyDescription", "ImagingStudy.description")


def _series(study: Study, context: Context) -> Json:
    """Return the series in their order."""
    return [map_series(series, context) for series in study.series]


_MODULE = "PS3.3 C.7.2.1; R4 imagingstudy-mappings"
_REQUEST = "PS3.3 10.6; R4 imagingstudy-mappings"
_DATES = ("StudyDate", "StudyTime", "SeriesDate", "SeriesTime", "AcquisitionDateTime")
_MORE_DATES = ("AcquisitionDate", "AcquisitionTime", "ContentDate", "ContentTime")

STUDY: tuple[Element[Study], ...] = (
    Element("ImagingStudy.id", ("StudyInstanceUID",), _id, "identity.md"),
    Element(
        "ImagingStudy.meta", ("PatientIdentityRemoved",), patient_meta, "R4 resource.html#Meta"
    ),
    Element("ImagingStudy.identifier[own]", ("StudyInstanceUID",), _own_identifier, "identity.md"),
    Element(
        "ImagingStudy.identifier[study-uid]",
        ("StudyInstanceUID",),
        _study_uid,
        f"{_MODULE}; IHE RAD MADO",
    ),
    Element(
        "ImagingStudy.identifier[accession]",
        ("AccessionNumber", "IssuerOfAccessionNumberSequence"),
        _accession,
        f"{_MODULE}; IHE RAD MADO",
    ),
    Element("ImagingStudy.identifier[study-id]", ("StudyID",), _study_id, _MODULE),
    Element("ImagingStudy.identifier[original-uid]", ("StudyInstanceUID",), _original, "PS3.5 9.1"),
    Element("ImagingStudy.status", (), constant("available"), "R4 imagingstudy.html"),
    Element("ImagingStudy.modality", ("Modality",), _modality, f"{_MODULE}; PS3.16 CID 29"),
    Element(
        "ImagingStudy.subject",
        ("PatientID", "QualityControlSubject"),
        subject,
        "PS3.3 C.7.1.1; R4 imagingstudy-mappings",
    ),
    Element(
        "ImagingStudy.encounter",
        ("AdmissionID", "IssuerOfAdmissionIDSequence"),
        _encounter,
        "PS3.3 C.7.2.2; R4 references.html#logical",
    ),
    Element(
        "ImagingStudy.started",
        (*_DATES, *_MORE_DATES, "TimezoneOffsetFromUTC"),
        study_start,
        f"{_MODULE}; PS3.3 C.12.1",
    ),
    Element(
        "ImagingStudy.basedOn[accession]",
        ("AccessionNumber", "IssuerOfAccessionNumberSequence", "RequestAttributesSequence"),
        _accessions,
        f"{_REQUEST}; IHE RAD MADO",
    ),
    Element(
        "ImagingStudy.basedOn[placer]",
        ("PlacerOrderNumberImagingServiceRequest", "RequestAttributesSequence"),
        _order_numbers("PlacerOrderNumberImagingServiceRequest", "PLAC", "Placer Identifier"),
        f"{_REQUEST}; IHE RAD MADO",
    ),
    Element(
        "ImagingStudy.basedOn[filler]",
        ("FillerOrderNumberImagingServiceRequest", "RequestAttributesSequence"),
        _order_numbers("FillerOrderNumberImagingServiceRequest", "FILL", "Filler Identifier"),
        f"{_REQUEST}; IHE RAD MADO",
    ),
    Element(
        "ImagingStudy.referrer",
        ("ReferringPhysicianName", "ReferringPhysicianIdentificationSequence"),
        _referrer,
        _MODULE,
    ),
    Element(
        "ImagingStudy.interpreter",
        ("NameOfPhysiciansReadingStudy", "PhysiciansReadingStudyIdentificationSequence"),
        _interpreters,
        _MODULE,
    ),
    Element("ImagingStudy.endpoint", (), study_endpoints, "R4 imagingstudy.html#notes"),
    Element("ImagingStudy.numberOfSeries", (), _series_count, "counted; R6 ist-* invariants"),
    Element("ImagingStudy.numberOfInstances", (), _instance_count, "counted; R6 ist-* invariants"),
    Element(
        "ImagingStudy.procedureCode",
        (
            "ProcedureCodeSequence",
            "RequestedProcedureCodeSequence",
            "RequestAttributesSequence",
            "RequestedProcedureDescription",
            "StudyDescription",
        ),
        _procedure,
        f"{_MODULE}; IHE RAD MADO mado-reqproc-1",
    ),
    Element(
        "ImagingStudy.location",
        ("InstitutionalDepartmentName", "PerformedLocation"),
        _location,
        "PS3.3 C.7.5.1, C.4.14; R4 imagingstudy-mappings",
    ),
    Element(
        "ImagingStudy.reasonCode",
        (
            "ReasonForRequestedProcedureCodeSequence",
            "ReasonForTheRequestedProcedure",
            "RequestAttributesSequence",
        ),
        _reason,
        _REQUEST,
    ),
    Element("ImagingStudy.description", ("StudyDescription",), _description, _MODULE),
    Element("ImagingStudy.series", ("SeriesInstanceUID",), _series, "R4 imagingstudy.html"),
)

_VERSIONS = {"R4": STUDY, "R4B": STUDY}


def map_imaging_study(context: Context) -> Resource:
    """Return the ImagingStudy of a study."""
    rows = _VERSIONS[context.options.fhir]
    return {"resourceType": "ImagingStudy", **fill(rows, context.study, context)}
