"""What a structured report measured or saw, as Observation (PS3.3 C.17.3; R4 observation.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.identity import CONTENT_ITEM
from dicom2fhir.mapping import dose
from dicom2fhir.mapping.codes import DCM, SYSTEMS, coded_concept, concept_of, oid_uri
from dicom2fhir.mapping.component import Found, absent, components, name_of, stated, value_rows
from dicom2fhir.mapping.elements import Element, compact, fill
from dicom2fhir.mapping.identifiers import own, uid
from dicom2fhir.mapping.meta import patient_meta
from dicom2fhir.mapping.patient import subject
from dicom2fhir.mapping.quantity import quantity
from dicom2fhir.mapping.reported import Reported, at_item, issued
from dicom2fhir.mapping.text import clean

if TYPE_CHECKING:
    from dicom2fhir.content import Range
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Json, Resource

_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_IMAGING = concept_of(_CATEGORY, "imaging", "Imaging")
# What the HL7 guide for DICOM SR calls the kinds of its Observations
_KINDS: dict[str, Json] = {
    "group": {"coding": [{"system": DCM, "code": "125007"}], "text": "Measurement Group"},
    "derived": {"coding": [{"system": DCM, "code": "126011"}], "text": "Derived measurements"},
    "evaluation": {
        "coding": [{"system": SYSTEMS["UMLS"], "code": "C0034375"}],
        "text": "Qualitative Evaluations",
    },
}
# PS3.16 CID 222 Normality Codes
_NORMALITY = {
    "17621005": ("N", "Normal"),
    "263654008": ("A", "Abnormal"),
    "371879000": ("H", "High"),
    "371880002": ("L", "Low"),
}
_CODE_OF = dict(_NORMALITY.values())
_STATUS = {"partial": "preliminary", "amended": "final"}
"""The status of a report as that of its Observations."""
TRACKING_ID: Json = {
    "coding": [{"system": DCM, "code": "112039"}],
    "text": "Tracking Identifier",
}
TRACKING_UID: Json = {
    "coding": [{"system": DCM, "code": "112040"}],
    "text": "Tracking Unique Identifier",
}


def _item(found: Found, _context: Context) -> Json:
    """Return the path of the content item."""
    return {"url": CONTENT_ITEM, "valueString": found.observed.path}


def _own_identifier(found: Found, _context: Context) -> Json:
    """Return our own."""
    return own(found.id)


def _id(found: Found, _context: Context) -> Json:
    """Return the UUIDv5 of the SOP Instance UID and the path."""
    return found.id


def _meta(found: Found, context: Context) -> Json:
    """Return the same for every resource, and of a dose the profile that it fulfils."""
    profiles = dose.profiles(found.observed, found.reported)
    return compact({**patient_meta(found, context), "profile": profiles})


def _report(found: Found, _context: Context) -> Json:
    """Return the SOP Instance UID of a dose report, of its summary."""
    return dose.report_identifier(found.observed, found.reported)


def _observation_uid(found: Found, _context: Context) -> Json:
    """Return the Observation UID."""
    return _identified({"text": "Observation UID"}, found.observed.uid)


def _tracking(found: Found, _context: Context) -> Json:
    """Return Tracking Identifier and Unique Identifier: of what is followed, not of this."""
    observed = found.observed
    text = clean(observed.tracking_id)
    made = [_identified(TRACKING_UID, observed.tracking_uid)]
    made.append({"type": TRACKING_ID, "value": text} if text else None)
    return [one for one in made if one]


def _identifiers(found: Found, _context: Context) -> Json:
    """Return what else names it, such as the Irradiation Event UID."""
    made = (
        _identified(coded_concept(kind, found.context), value)
        for kind, value in found.observed.identifiers
    )
    return [one for one in made if one]


def _identified(kind: Json, value: str) -> Json:
    text = clean(value)
    if not text:
        return None
    return compact({"type": kind, **(uid(text) if oid_uri(text) else {"value": text})})


def _part_of(found: Found, _context: Context) -> Json:
    """Return the ImagingStudy."""
    return [dose.study_part(found.observed, found.reported)]


def _based_on(found: Found, _context: Context) -> Json:
    """Return what the study is based on, of those at the top: others are members of these."""
    if found.observed.path not in found.reported.report.results:
        return None
    return found.reported.origin.study_resource.get("basedOn")


def _status(found: Found, _context: Context) -> Json:
    """Return final, or preliminary where the report is not verified or not complete."""
    if found.reported.report.kind == "cad" and found.context.options.sr_status != "final":
        return "preliminary"
    status = found.reported.status
    return _STATUS.get(status, status)


def _categories(found: Found, _context: Context) -> Json:
    """Return imaging, the kind by HL7's guide for DICOM SR, and CAD."""
    kind = _KINDS.get(found.observed.kind)
    made = [_IMAGING, kind] if kind else [_IMAGING]
    return [*made, {"text": "CAD"}] if found.reported.report.kind == "cad" else made


def _name(found: Found, _context: Context) -> Json:
    """Return the concept name, and as text what tells it from others of its group."""
    return name_of(found.observed.name, found.observed.title, found.context)


def _focus(found: Found, _context: Context) -> Json:
    """Return the fetus; of a dose the ImagingStudy."""
    if found.observed.focus:
        return [{"display": clean(found.observed.focus)}]
    return [found.reported.study] if found.observed.kind in dose.SUMMARIES else None


def _effective(found: Found, _context: Context) -> Json:
    """Return when an irradiation began or the cited image was acquired, else the study's start."""
    observed, reported = found.observed, found.reported
    return dose.begun(observed, reported) or reported.effective(observed)


def _issued(found: Found, _context: Context) -> Json:
    """Return Observation DateTime, else that of the content; only where the zone is known."""
    return issued(found.observed, found.reported)


def _performers(found: Found, _context: Context) -> Json:
    """Return the persons who observed, of a dose who authorised it, by name alone."""
    return dose.performers(found.observed, found.reported)


def _interpretation(found: Found, _context: Context) -> Json:
    """Return Normality as normal, abnormal, high or low."""
    coded = found.observed.interpretation
    if coded is None:
        return None
    stated = coded_concept(coded, found.context)
    codes = [one["code"] for one in stated.get("coding", ())]
    known = next((_NORMALITY[code] for code in codes if code in _NORMALITY), None)
    if known is None and coded.value in _CODE_OF:
        known = (coded.value, _CODE_OF[coded.value])
    return [concept_of(_INTERPRETATION, *known)] if known else None


def _note(found: Found, _context: Context) -> Json:
    """Return a Numeric Value Qualifier that stands beside a value; that another dose ends later."""
    observed = found.observed
    if dose.ends_earlier(observed, found.reported):
        return [{"text": dose.LATER}]
    if observed.qualifier is None or observed.value is None:
        return None
    return [{"text": clean(observed.qualifier.meaning or observed.qualifier.value)}]


def _body_site(found: Found, _context: Context) -> Json:
    """Return the Finding Site; its text has the laterality."""
    observed = found.observed
    return coded_concept(observed.site, found.context, observed.site_text)


def _method(found: Found, _context: Context) -> Json:
    """Return the Measurement Method."""
    return coded_concept(found.observed.method, found.context)


def _device(found: Found, _context: Context) -> Json:
    """Return the algorithm, else the equipment."""
    return found.reported.device(found.observed.algorithm)


def _ranges(found: Found, _context: Context) -> Json:
    """Return each range: low, high and words."""
    return [made for one in found.observed.ranges if (made := _range(one, found))]


def _range(one: Range, found: Found) -> Json:
    element = "Observation.referenceRange"
    low, high = (
        quantity(bound, found.context, element) if bound is not None and bound.exact else None
        for bound in (one.low, one.high)
    )
    return compact({"low": low, "high": high, "text": clean(one.text)})


def _members(found: Found, _context: Context) -> Json:
    """Return the Observations of the content items below."""
    return found.reported.observations(found.observed.members)


def _derived_from(found: Found, _context: Context) -> Json:
    """Return the Observations it is inferred from, each study cited, and the Media of images."""
    observed, reported = found.observed, found.reported
    return [
        *reported.observations(observed.sources),
        *reported.cited(observed.references),
        *reported.media(observed.references),
    ]


_NUMBER = ("MeasuredValueSequence",)
_CODED = ("ConceptCodeSequence",)
_WORDS = ("TextValue", "UID")
_MOMENT = ("Date", "DateTime")
_CONCEPT_NAME = ("ConceptNameCodeSequence",)
_ITEM = "PS3.3 C.17.3"
_NUM = "PS3.3 C.18.1"
_MACROS = "PS3.3 C.18.2 to C.18.9"
_GUIDE = "HL7 DICOM SR"
_FLAGS = ("PreliminaryFlag", "CompletionFlag", "VerificationFlag", "PredecessorDocumentsSequence")
_CITED = ("ReferencedSOPSequence",)
_ACQUIRED = ("AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime")
_TIMES = ("DateTime", *_ACQUIRED, "StudyDate", "StudyTime")

OBSERVATION: tuple[Element[Found], ...] = (
    Element("Observation.id", ("SOPInstanceUID", "ContentSequence"), _id, "identity.md"),
    Element("Observation.meta", ("PatientIdentityRemoved",), _meta, "R4 resource.html#Meta"),
    Element("Observation.extension[content-item]", ("ContentSequence",), _item, "PS3.3 C.17.3.2.5"),
    Element("Observation.extension[stated]", _MOMENT, stated, "PS3.3 C.18"),
    Element("Observation.identifier[own]", ("SOPInstanceUID",), _own_identifier, "identity.md"),
    Element("Observation.identifier[report]", ("SOPInstanceUID",), _report, "HL7 Radiation Dose"),
    Element("Observation.identifier[uid]", ("ObservationUID",), _observation_uid, _GUIDE),
    Element(
        "Observation.identifier[tracking]",
        ("TextValue", "UID"),
        _tracking,
        f"PS3.16 TID 1501; {_GUIDE}",
    ),
    Element("Observation.identifier[other]", ("UID",), _identifiers, "PS3.16 TID 10003, 10013"),
    Element("Observation.basedOn", ("AccessionNumber",), _based_on, "as ImagingStudy.basedOn"),
    Element("Observation.partOf", ("StudyInstanceUID",), _part_of, _GUIDE),
    Element("Observation.status", _FLAGS, _status, f"PS3.3 C.17.2; {_GUIDE}"),
    Element("Observation.category", (), _categories, _GUIDE),
    Element("Observation.code", _CONCEPT_NAME, _name, f"{_ITEM}; PS3.16"),
    Element(
        "Observation.subject",
        ("PatientID", "QualityControlSubject"),
        subject,
        "PS3.3 C.7.1.1",
    ),
    Element("Observation.focus", ("TextValue",), _focus, "PS3.16 TID 1008; HL7 Radiation Dose"),
    Element(
        "Observation.effectiveDateTime",
        _TIMES,
        _effective,
        f"{_GUIDE}; PS3.16 TID 10003, 10013, 10022",
    ),
    Element(
        "Observation.issued",
        ("ObservationDateTime", "ContentDate", "ContentTime", "TimezoneOffsetFromUTC"),
        _issued,
        f"{_GUIDE}; PS3.3 C.12.1",
    ),
    Element("Observation.performer", ("PersonName",), _performers, "PS3.16 TID 1003"),
    *value_rows("Observation"),
    Element(
        "Observation.dataAbsentReason",
        ("NumericValueQualifierCodeSequence",),
        absent,
        "PS3.16 CID 42; R4 obs-6",
    ),
    Element("Observation.interpretation", _CODED, _interpretation, "PS3.16 CID 222"),
    Element(
        "Observation.note",
        ("NumericValueQualifierCodeSequence", "DateTime"),
        _note,
        f"{_NUM}; PS3.16 TID 10001, 10011",
    ),
    Element("Observation.bodySite", _CODED, _body_site, f"PS3.16 TID 300; {_GUIDE}"),
    Element("Observation.method", _CODED, _method, f"PS3.16 TID 300; {_GUIDE}"),
    Element("Observation.device", ("Manufacturer",), _device, f"PS3.16 TID 4019; {_GUIDE}"),
    Element("Observation.referenceRange", _NUMBER, _ranges, "PS3.16 TID 310, 312"),
    Element("Observation.hasMember", ("ContentSequence",), _members, _GUIDE),
    Element("Observation.derivedFrom", _CITED, _derived_from, f"{_ITEM}; {_GUIDE}"),
    Element("Observation.component", ("ContentSequence",), components, _ITEM),
)

_VERSIONS = {"R4": OBSERVATION, "R4B": OBSERVATION}


def map_observations(reported: Reported, context: Context) -> list[Resource]:
    """Return the Observations of a report, what is referred to before what refers to it."""
    rows = _VERSIONS[context.options.fhir]
    return [
        {
            "resourceType": "Observation",
            **fill(
                rows,
                Found(observed=observed, reported=reported),
                at_item(context, observed.path),
            ),
        }
        for observed in reported.report.observed
    ]
