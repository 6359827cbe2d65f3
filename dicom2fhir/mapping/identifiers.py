"""Identifiers and who issued them (PS3.3 10.14, 10.15; R4 datatypes.html#Identifier)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from dicom2fhir.identity import CANONICAL, IDENTIFIER_SYSTEM
from dicom2fhir.mapping.codes import DCM, V2_0203, absolute_uri, oid_uri, uuid_uri
from dicom2fhir.mapping.elements import compact
from dicom2fhir.mapping.text import clean, first, items, whole

if TYPE_CHECKING:
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json
    from dicom2fhir.options import MapOptions

DICOM_UID = "urn:dicom:uid"

ACCESSION: Json = {
    "coding": [
        {"system": V2_0203, "code": "ACSN", "display": "Accession ID"},
        {"system": DCM, "code": "121022", "display": "Accession Number"},
    ]
}
STUDY_UID: Json = {"coding": [{"system": DCM, "code": "110180", "display": "Study Instance UID"}]}
# What Identifier Type Code (0040,0035) may say of a person, of HL7 table 0203.
_PERSON_TYPES = re.compile(
    "AN|ANON|BR|CZ|DL|DR|HC|JHN|LR|MA|MC|MCN|MI|MR|MRT|NI|PC|PE|PEN|PI|PN|PNT|PPN|PRC|PT|RI|RRI"
    "|SR|SS|TAX|U|VS|WC"
)
_HOST = re.compile(
    r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who assigned an identifier: the FHIR system and the name, either may be unknown."""

    system: str = ""
    name: str = ""


class WithOptions(Protocol):
    """What knows the options: all that issuers depend on."""

    @property
    def options(self) -> MapOptions:
        """Return the options of the run."""


@dataclass(frozen=True, slots=True)
class _Bare:
    options: MapOptions


def own(resource_id: str) -> Json:
    """Return the identifier that every resource of ours carries."""
    return {"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{resource_id}"}


def uid(text: str) -> Json:
    """Return a DICOM UID as an Identifier (R4 imagingstudy.html#notes)."""
    return {"system": DICOM_UID, "value": f"urn:oid:{text}"}


def typed(code: str, display: str) -> Json:
    """Return an identifier type of HL7 table 0203."""
    return {"coding": [{"system": V2_0203, "code": code, "display": display}]}


def _universal(entity: str, entity_type: str) -> str | None:
    """Return the URI of a Universal Entity ID (PS3.3 table 10-17)."""
    match entity_type.upper():
        case "ISO":
            return oid_uri(entity)
        case "UUID":
            return uuid_uri(entity)
        case "URI":
            return absolute_uri(entity)
        case "DNS":
            return f"https://{entity.lower()}" if _HOST.fullmatch(entity) else None
        case _:
            return None


def issuer_of_text(text: str, kind: str, context: WithOptions) -> Issuer:
    """Return the issuer that a text or a local namespace names.

    FHIR:   the table of issuers, an OID, a URI, or `<canonical>/<kind>/<text>` with the name
    """
    if not text:
        return Issuer()
    system = context.options.issuers.get(text) or oid_uri(text) or absolute_uri(text)
    if system:
        return Issuer(system=system, name="" if text in system else text)
    return Issuer(system=f"{CANONICAL}/{kind}/{quote(text, safe='')}", name=text)


def issuer_of_item(item: Attributes, kind: str, context: WithOptions) -> Issuer:
    """Return the issuer that an item of the Hierarchic Designator macro names.

    DICOM:  UniversalEntityID (0040,0032) before LocalNamespaceEntityID (0040,0031)
    """
    entity, name = first(item, "UniversalEntityID"), first(item, "LocalNamespaceEntityID")
    system = context.options.issuers.get(entity) or _universal(
        entity, first(item, "UniversalEntityIDType")
    )
    if system:
        return Issuer(system=system, name=name)
    return issuer_of_text(name, kind, context) if name else Issuer(name=entity)


def issuer_of(attributes: Attributes, keyword: str, kind: str, context: WithOptions) -> Issuer:
    """Return the issuer that the first item of a sequence names."""
    found = items(attributes, keyword)
    return issuer_of_item(found[0], kind, context) if found else Issuer()


def identifier(value: str, issuer: Issuer, kind: Json = None) -> Json:
    """Return an Identifier, or None where there is no value."""
    if not value:
        return None
    return compact(
        {
            "type": kind,
            "system": issuer.system,
            "value": value,
            "assigner": {"display": issuer.name} if issuer.name else None,
        }
    )


def _person_type(qualifiers: Attributes) -> Json:
    code = first(qualifiers, "IdentifierTypeCode")
    if not code or code == "MR":
        return typed("MR", "Medical record number")
    if _PERSON_TYPES.fullmatch(code):
        return {"coding": [{"system": V2_0203, "code": code}]}
    return {"text": code}


def patient_issuer(attributes: Attributes, context: WithOptions) -> Issuer:
    """Return the issuer of a Patient ID, at the top or in an item of Other Patient IDs.

    DICOM:  IssuerOfPatientIDQualifiersSequence (0010,0024) before IssuerOfPatientID (0010,0021)
    """
    text = clean(first(attributes, "IssuerOfPatientID"))
    qualified = issuer_of(attributes, "IssuerOfPatientIDQualifiersSequence", "patient-id", context)
    stated = issuer_of_text(text, "patient-id", context)
    if qualified.system:
        return Issuer(system=qualified.system, name=stated.name)
    return stated if text else qualified


def issuer_key(attributes: Attributes, options: MapOptions) -> str:
    """Return the system, or else the name, of who issued a Patient ID; "" where none is stated.

    Two spellings of one issuer have one key, so that one patient is not taken for two.
    """
    issuer = patient_issuer(attributes, _Bare(options))
    return issuer.system or issuer.name


def patient_identifier(
    attributes: Attributes, context: Context, default_system: str | None = None
) -> Json:
    """Return a Patient ID with its issuer, type and assigner.

    DICOM:  PatientID (0010,0020) and the Issuer of Patient ID macro (PS3.3 table 10-18)
    """
    issuer = patient_issuer(attributes, context)
    if issuer == Issuer() and default_system:
        issuer = Issuer(system=default_system)
    qualifiers = next(iter(items(attributes, "IssuerOfPatientIDQualifiersSequence")), {})
    facility = issuer_of(qualifiers, "AssigningFacilitySequence", "facility", context)
    named = Issuer(system=issuer.system, name=facility.name or issuer.name)
    return identifier(whole(attributes, "PatientID"), named, _person_type(qualifiers))


def accession_issuer(attributes: Attributes, context: Context) -> Issuer:
    """Return the issuer of an accession number (PS3.3 C.7.2.1, 10.6)."""
    stated = issuer_of(attributes, "IssuerOfAccessionNumberSequence", "accession", context)
    if stated != Issuer() or not context.options.accession_system:
        return stated
    return Issuer(system=context.options.accession_system)


def accession(attributes: Attributes, context: Context) -> Json:
    """Return an accession number with its issuer and both of its types."""
    number = whole(attributes, "AccessionNumber")
    return identifier(number, accession_issuer(attributes, context), ACCESSION)
