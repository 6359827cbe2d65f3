"""What `meta` says of every resource, the same for the whole run (R4 resource.html#Meta)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir import __version__
from dicom2fhir.mapping.elements import compact
from dicom2fhir.mapping.text import first

if TYPE_CHECKING:
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Json
    from dicom2fhir.options import MapOptions

SOURCE = f"urn:dicom2fhir:{__version__}"
_PSEUDONYMISED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "PSEUDED",
    "display": "pseudonymized",
}


def _labels(texts: tuple[str, ...]) -> list[Json]:
    """Return `system|code` texts as Codings; without a bar it is the code."""
    parts = (text.rpartition("|") for text in texts)
    return [compact({"system": system, "code": code}) for system, _, code in parts]


def shared_meta(options: MapOptions) -> Json:
    """Return the meta of a resource that tells nothing of a patient.

    FHIR:   meta.source, meta.tag, meta.security
    """
    return compact(
        {
            "source": SOURCE,
            "tag": _labels(options.tags),
            "security": _labels(options.security_labels),
        }
    )


def meta(_source: object, context: Context) -> Json:
    """Return the version of this tool, and the tags and security labels that were asked for."""
    return shared_meta(context.options)


def patient_meta(_source: object, context: Context) -> Json:
    """Return the same for every resource, and PSEUDED where PatientIdentityRemoved is YES."""
    made = shared_meta(context.options)
    if first(context.study.patient, "PatientIdentityRemoved").upper() != "YES":
        return made
    return made | {"security": [_PSEUDONYMISED, *made.get("security", [])]}
