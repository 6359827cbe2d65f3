"""What the HL7 Radiation Dose Summary asks of the Observation that sums up a dose report.

https://hl7.org/fhir/uv/radiation-dose-summary (1.0.0, for R4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dicom2fhir.content import Text
from dicom2fhir.mapping.identifiers import uid
from dicom2fhir.mapping.names import display_name
from dicom2fhir.mapping.quantity import date_time
from dicom2fhir.model import Coded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.content import Observed
    from dicom2fhir.mapping.reported import Reported
    from dicom2fhir.model import Json

SUMMARIES: Final = frozenset({"dose", "administration"})
"""Kinds that tell of the study itself."""
PROFILE: Final = (
    "http://hl7.org/fhir/uv/radiation-dose-summary/StructureDefinition/radiation-dose-summary"
)
_IDENTIFIERS: Final = (
    "http://hl7.org/fhir/uv/radiation-dose-summary/CodeSystem/dicom-identifier-type"
)

LATER: Final = "Another dose report of this study, of the same scope, ends later."
_SCOPE: Final = "113705"
_END: Final = "113810"


def _typed(code: str, value: str) -> Json:
    return {"type": {"coding": [{"system": _IDENTIFIERS, "code": code}]}, **uid(value)}


def report_identifier(observed: Observed, reported: Reported) -> Json:
    """Return the SOP Instance UID of the report, of its one summary."""
    if observed.kind != "dose":
        return None
    return _typed("sop-instance-uid", reported.report.sop_instance_uid)


def study_part(observed: Observed, reported: Reported) -> Json:
    """Return the ImagingStudy, of a summary with its Study Instance UID."""
    if observed.kind not in SUMMARIES:
        return reported.study
    named = _typed("study-instance-uid", reported.context.study.uid)
    return {**reported.study, "identifier": named}


def begun(observed: Observed, reported: Reported) -> str:
    """Return when an irradiation or an administration began, "" where that is not stated."""
    text = Text("DATETIME", observed.begun)
    return date_time(text, reported.attributes, reported.context) if observed.begun else ""


def performers(observed: Observed, reported: Reported) -> Sequence[Json]:
    """Return who authorised the irradiation; of any other Observation, who observed."""
    if observed.kind not in SUMMARIES:
        return reported.people(observed.path)
    names = map(display_name, reported.report.authorising)
    return [{"type": "Practitioner", "display": name} for name in names if name]


def ends_earlier(observed: Observed, reported: Reported) -> bool:
    """Tell whether a dose report of the study and of the same scope ends later than this one.

    Devices send a report again as the examination goes on, each with the doses so far; those of
    other devices or rooms tell of other doses. So all stay, and nothing is added up.
    DICOM:  End of X-Ray Irradiation, Scope of Accumulation (PS3.16 TID 10001, 10011)
    """
    if observed.kind != "dose":
        return False
    scope, end = _said(observed, _SCOPE), _said(observed, _END)
    others = (
        other
        for report in reported.context.payloads.reports
        for other in report.observed
        if other.kind == "dose" and report.sop_instance_uid != reported.report.sop_instance_uid
    )
    return bool(end) and any(
        _said(other, _SCOPE) == scope and end < _said(other, _END) for other in others
    )


def _said(observed: Observed, code: str) -> str:
    for part in observed.parts:
        if part.name is not None and (part.name.scheme, part.name.value) == ("DCM", code):
            value = part.value
            return value.value if isinstance(value, Coded) else getattr(value, "text", "")
    return ""


def profiles(observed: Observed, reported: Reported) -> list[str]:
    """Return the profile where all that it asks for is known.

    Its device is one with an AE title, which is not known here: a reference to another breaks it.
    """
    if observed.kind not in SUMMARIES or "reference" in (reported.device("") or {}):
        return []
    subject = reported.context.subject.get("reference", "")
    complete = (
        subject.startswith("Patient/")
        and len(performers(observed, reported)) == 1
        and isinstance(observed.value, Text)
        and (begun(observed, reported) or reported.effective(observed))
    )
    return [PROFILE] if complete else []
