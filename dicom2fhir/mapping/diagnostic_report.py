"""A structured report itself, as DiagnosticReport (PS3.3 C.17.2; R4 diagnosticreport.html)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

from dicom2fhir.mapping import practitioner
from dicom2fhir.mapping.codes import coded_concept, of_series, uids
from dicom2fhir.mapping.elements import Element, compact, fill
from dicom2fhir.mapping.identifiers import own, uid
from dicom2fhir.mapping.meta import patient_meta
from dicom2fhir.mapping.names import display_name
from dicom2fhir.mapping.patient import subject
from dicom2fhir.mapping.text import clean, first, items

if TYPE_CHECKING:
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.mapping.reported import Reported
    from dicom2fhir.model import Json, Resource

_LOINC = "http://loinc.org"
_SERVICE = "http://terminology.hl7.org/CodeSystem/v2-0074"
_REPLACES = "http://hl7.org/fhir/StructureDefinition/diagnosticReport-replaces"
_IMAGING = {"system": _LOINC, "code": "18748-4", "display": "Diagnostic imaging study"}
_DOSE = {
    "system": _LOINC,
    "code": "73569-6",
    "display": "Radiation exposure and protection information",
}
_SELECTIONS = frozenset({"key-objects", "manifest"})
"""They select images and study nothing."""
_DOSES = frozenset({"xray-dose", "radiopharmaceutical-dose"})
# HL7 table 0074, Diagnostic service section
_SECTIONS = {
    "echo": ("CUS", "Cardiac Ultrasound"),
    "ob-gyn": ("OUS", "OB Ultrasound"),
    "vascular": ("VUS", "Vascular Ultrasound"),
}
_RADIOLOGY = ("RAD", "Radiology")
NARRATIVE = 16 * 1024
"""Characters of a report that is shown whole as narrative; longer ones are in presentedForm."""


def _id(reported: Reported, _context: Context) -> Json:
    """Return the UUIDv5 of the SOP Instance UID and the path of the root."""
    return reported.id("DiagnosticReport", "1")


def _own_identifier(reported: Reported, context: Context) -> Json:
    """Return our own."""
    return own(_id(reported, context))


def _sop_uid(reported: Reported, _context: Context) -> Json:
    """Return the UID as urn:oid."""
    return uid(reported.report.sop_instance_uid)


def _narrative(reported: Reported, _context: Context) -> Json:
    """Return the whole report in words, where it is short; else its title and conclusion."""
    report = reported.report
    text = clean(report.text)
    if not text or len(text) > NARRATIVE:
        text = "\n\n".join(filter(None, (clean(report.title), clean(report.conclusion))))[
            :NARRATIVE
        ]
    if not text:
        return None
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><pre>{escape(text)}</pre></div>'
    return {"status": "generated", "div": div}


def _replaced(reported: Reported, _context: Context) -> Json:
    """Return a logical reference to each predecessor by its SOP Instance UID."""
    found = (
        name
        for study in items(reported.attributes, "PredecessorDocumentsSequence")
        for series in items(study, "ReferencedSeriesSequence")
        for one in items(series, "ReferencedSOPSequence")
        for name in uids(one, "ReferencedSOPInstanceUID")
    )
    return [
        {
            "url": _REPLACES,
            "valueReference": {"type": "DiagnosticReport", "identifier": uid(name)},
        }
        for name in dict.fromkeys(found)
    ]


def _based_on(reported: Reported, _context: Context) -> Json:
    """Return what the study is based on."""
    return reported.origin.study_resource.get("basedOn")


def _status(reported: Reported, _context: Context) -> Json:
    """Return preliminary, partial, final or amended; `--sr-status final` makes all final."""
    return reported.status


def _category(reported: Reported, _context: Context) -> Json:
    """Return the section: radiology, cardiac, OB or vascular ultrasound."""
    code, display = _SECTIONS.get(reported.report.kind, _RADIOLOGY)
    return [{"coding": [{"system": _SERVICE, "code": code, "display": display}]}]


def _code(reported: Reported, _context: Context) -> Json:
    """Return the title, with LOINC 73569-6 for a dose and 18748-4 else; a selection has none."""
    report = reported.report
    made = coded_concept(report.name, reported.context, report.title) or {}
    if made and report.kind in _SELECTIONS:
        return made
    loinc = _DOSE if report.kind in _DOSES else _IMAGING
    return {"text": loinc["display"], **made, "coding": [*made.get("coding", ()), loinc]}


def _effective(reported: Reported, _context: Context) -> Json:
    """Return when the study started."""
    return reported.started


def _issued(reported: Reported, _context: Context) -> Json:
    """Return when the content was made; only where the zone is known."""
    return reported.issued


def _performer(reported: Reported, _context: Context) -> Json:
    """Return the institution."""
    series = reported.origin.series
    party = practitioner.institution(series.attributes, of_series(series, reported.context))
    return [practitioner.reference(party)] if party else None


def _interpreters(reported: Reported, _context: Context) -> Json:
    """Return the verifying observers, by name alone."""
    observers = items(reported.attributes, "VerifyingObserverSequence")
    names = (display_name(first(one, "VerifyingObserverName")) for one in observers)
    return [{"type": "Practitioner", "display": name} for name in dict.fromkeys(names) if name]


def _results(reported: Reported, _context: Context) -> Json:
    """Return the Observations at the top."""
    return reported.observations(reported.report.results)


def _imaging_study(reported: Reported, _context: Context) -> Json:
    """Return the ImagingStudy and others, with what is cited that no Observation is made of."""
    report = reported.report
    if report.kind == "manifest":  # it stands for the study as a whole
        return [reported.study]
    measured = {one for found in report.observed for one in found.references}
    return reported.studies([one for one in report.cited if one not in measured])


def _media(reported: Reported, _context: Context) -> Json:
    """Return the Media of the images that it cites."""
    return [{"link": reference} for reference in reported.media(reported.report.cited)]


def _conclusion(reported: Reported, _context: Context) -> Json:
    """Return the texts of conclusions and impressions."""
    return clean(reported.report.conclusion)


def _forms(reported: Reported, _context: Context) -> Json:
    """Return the whole tree in words, as plain text and as HTML."""
    report = reported.report
    forms = (("text/plain", report.text), ("text/html", report.html))
    return [_form(kind, text, clean(report.title)) for kind, text in forms if text]


def _form(kind: str, text: str, title: str) -> Json:
    content = text.encode(errors="replace")
    digest = hashlib.sha1(content, usedforsecurity=False).digest()
    return compact(
        {
            "contentType": f"{kind}; charset=utf-8",
            "data": b64encode(content).decode(),
            "size": len(content),
            "hash": b64encode(digest).decode(),
            "title": title,
        }
    )


_IDENTITY = ("SOPInstanceUID",)
_MODULE = "PS3.3 C.17.2"
_TREE = ("ContentSequence",)
_FLAGS = ("PreliminaryFlag", "CompletionFlag", "VerificationFlag", "PredecessorDocumentsSequence")

DIAGNOSTIC_REPORT: tuple[Element[Reported], ...] = (
    Element("DiagnosticReport.id", _IDENTITY, _id, "identity.md"),
    Element(
        "DiagnosticReport.meta",
        ("PatientIdentityRemoved",),
        patient_meta,
        "R4 resource.html#Meta",
    ),
    Element("DiagnosticReport.text", _TREE, _narrative, "R4 narrative.html"),
    Element(
        "DiagnosticReport.extension[replaces]",
        ("PredecessorDocumentsSequence",),
        _replaced,
        f"{_MODULE}; R4 diagnosticreport-extensions",
    ),
    Element("DiagnosticReport.identifier[own]", _IDENTITY, _own_identifier, "identity.md"),
    Element("DiagnosticReport.identifier[sop-instance-uid]", _IDENTITY, _sop_uid, "PS3.3 C.12.1"),
    Element("DiagnosticReport.basedOn", ("AccessionNumber",), _based_on, "as ImagingStudy.basedOn"),
    Element("DiagnosticReport.status", _FLAGS, _status, f"{_MODULE}; R4 diagnosticreport.html"),
    Element("DiagnosticReport.category", (), _category, "HL7 table 0074"),
    Element("DiagnosticReport.code", ("ConceptNameCodeSequence",), _code, f"{_MODULE}; LOINC"),
    Element(
        "DiagnosticReport.subject",
        ("PatientID", "QualityControlSubject"),
        subject,
        "PS3.3 C.7.1.1",
    ),
    Element("DiagnosticReport.effectiveDateTime", ("StudyDate", "StudyTime"), _effective, _MODULE),
    Element(
        "DiagnosticReport.issued",
        ("ContentDate", "ContentTime", "TimezoneOffsetFromUTC"),
        _issued,
        f"{_MODULE}; PS3.3 C.12.1",
    ),
    Element(
        "DiagnosticReport.performer",
        ("InstitutionName", "InstitutionCodeSequence"),
        _performer,
        "PS3.3 C.7.5.1",
    ),
    Element(
        "DiagnosticReport.resultsInterpreter",
        ("VerifyingObserverSequence",),
        _interpreters,
        _MODULE,
    ),
    Element("DiagnosticReport.result", _TREE, _results, "PS3.3 C.17.3"),
    Element(
        "DiagnosticReport.imagingStudy",
        ("StudyInstanceUID", "ReferencedSOPSequence"),
        _imaging_study,
        "PS3.3 C.17.6.2; R4 diagnosticreport.html",
    ),
    Element("DiagnosticReport.media", ("ReferencedSOPSequence",), _media, "PS3.3 C.18.4"),
    Element("DiagnosticReport.conclusion", ("TextValue",), _conclusion, "PS3.16 TID 2000"),
    Element("DiagnosticReport.presentedForm", _TREE, _forms, "R4 diagnosticreport.html"),
)

_VERSIONS = {"R4": DIAGNOSTIC_REPORT, "R4B": DIAGNOSTIC_REPORT}


def map_report(reported: Reported, context: Context) -> Resource:
    """Return the DiagnosticReport of one report."""
    rows = _VERSIONS[context.options.fhir]
    return {"resourceType": "DiagnosticReport", **fill(rows, reported, context)}
