"""Coded concepts: DICOM coding schemes as FHIR code systems (PS3.16 8, PS3.3 8.8)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from dicom2fhir.identity import CANONICAL
from dicom2fhir.mapping.elements import compact
from dicom2fhir.mapping.text import clean, every, first, items
from dicom2fhir.model import Coded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json, Series

DCM = "http://dicom.nema.org/resources/ontology/DCM"
SCT = "http://snomed.info/sct"
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
URI = "urn:ietf:rfc:3986"

_DICOM_SCHEMES = "urn:oid:1.2.840.10008.2.16"
# Coding scheme designators (PS3.16 table 8-1) and the systems that terminology.hl7.org names.
SYSTEMS = {
    "ACR": "http://terminology.hl7.org/CodeSystem/ACR",
    "C4": "http://www.ama-assn.org/go/cpt",
    "C5": "http://www.ama-assn.org/go/cpt",
    "DC": f"{_DICOM_SCHEMES}.10",
    "DCM": DCM,
    "DCMUID": "http://dicom.nema.org/resources/ontology/DCMUID",
    "FMA": "urn:oid:2.16.840.1.113883.6.119",
    "I10": "http://hl7.org/fhir/sid/icd-10",
    "I10P": "http://hl7.org/fhir/sid/icd-10",
    "I11": "http://id.who.int/icd/release/11/mms",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "IBSI": f"{_DICOM_SCHEMES}.13",
    "ICDO3": "http://terminology.hl7.org/CodeSystem/icd-o-3",
    "ITIS_TSN": f"{_DICOM_SCHEMES}.7",
    "LN": "http://loinc.org",
    "MA": f"{_DICOM_SCHEMES}.5",
    "MAYONRISBSASRG": f"{_DICOM_SCHEMES}.12",
    "MDC": "urn:iso:std:iso:11073:10101",
    "MGI": f"{_DICOM_SCHEMES}.8",
    "MSH": "https://www.nlm.nih.gov/mesh",
    "NCIt": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
    "NDC": "http://hl7.org/fhir/sid/ndc",
    "NEU": "urn:oid:2.16.840.1.113883.6.210",
    "NYUMCCG": f"{_DICOM_SCHEMES}.11",
    "PUBCHEM_CID": f"{_DICOM_SCHEMES}.9",
    "RADELEMENT": f"{_DICOM_SCHEMES}.15",
    "RADLEX": "http://radlex.org",
    "RO": f"{_DICOM_SCHEMES}.14",
    "RRID": f"{_DICOM_SCHEMES}.18",
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "SCT": SCT,
    "UBERON": f"{_DICOM_SCHEMES}.6",
    "UCUM": "http://unitsofmeasure.org",
    "UMLS": "http://terminology.hl7.org/CodeSystem/umls",
    "UNS": f"{_DICOM_SCHEMES}.17",
}
_SNOMED_RT = frozenset({"SRT", "SNM3", "99SDM"})
_SNM3 = "http://terminology.hl7.org/CodeSystem/SNM3"
# R4 datatypes.html#code
_CODE = re.compile(r"\S+(\s\S+)*")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_OID_ROOT = 5
_MAX_UID = 64
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_URL = re.compile(r"(https?://|urn:[a-z0-9][a-z0-9-]{1,31}:)\S+", re.IGNORECASE)


def oid_uri(text: str) -> str | None:
    """Return an OID as `urn:oid:`, or None where it is none (R4 datatypes.html#oid).

    One that ends within its first five characters names an arc, nothing that assigns codes.
    """
    valid = _OID.fullmatch(text) and text.rfind(".") >= _OID_ROOT
    return f"urn:oid:{text}" if valid else None


def uuid_uri(text: str) -> str | None:
    """Return a UUID as `urn:uuid:`, or None where it is none (R4 datatypes.html#uuid)."""
    return f"urn:uuid:{text.lower()}" if _UUID.fullmatch(text) else None


def uids(attributes: Attributes, keyword: str) -> list[str]:
    """Return the values of a UI attribute that are valid UIDs (PS3.5 9.1)."""
    stated = every(attributes, keyword)
    return [text for text in stated if len(text) <= _MAX_UID and _OID.fullmatch(text)]


def noted_uids(attributes: Attributes, keyword: str, context: Context, element: str) -> list[str]:
    """Return the values of a UI attribute that are valid UIDs and note the others.

    Errors: Problem map.bad-code; what is no UID is left out.
    """
    found = uids(attributes, keyword)
    for _ in every(attributes, keyword)[len(found) :]:
        context.note("map.bad-code", keyword, element)
    return found


def absolute_uri(text: str) -> str | None:
    """Return the text where it is an http or urn URI, else None."""
    if text.lower().startswith("urn:oid:"):
        return oid_uri(text[len("urn:oid:") :])
    if text.lower().startswith("urn:uuid:"):
        return uuid_uri(text[len("urn:uuid:") :])
    return text if _URL.fullmatch(text) else None


def read_code(item: Attributes) -> Coded:
    """Return a code sequence item; a URN Code Value that is no URI is a value without scheme.

    DICOM:  CodeValue, LongCodeValue or URNCodeValue (PS3.3 table 8.8-1a)
    """
    urn = first(item, "URNCodeValue")
    value = first(item, "CodeValue") or first(item, "LongCodeValue")
    scheme = first(item, "CodingSchemeDesignator")
    if urn and not value:
        scheme = URI if absolute_uri(urn) else ""
    return Coded(
        value=value or urn,
        scheme=scheme,
        meaning=first(item, "CodeMeaning"),
        version=first(item, "CodingSchemeVersion"),
    )


def stated_schemes(sources: Iterable[Attributes]) -> dict[str, str]:
    """Return the systems that data sets state for their local schemes, where they all agree.

    DICOM:  CodingSchemeIdentificationSequence (0008,0110) (PS3.3 C.12.1)
    """
    found: dict[str, set[str]] = {}
    for attributes in sources:
        for item in items(attributes, "CodingSchemeIdentificationSequence"):
            system = oid_uri(first(item, "CodingSchemeUID"))
            system = system or absolute_uri(first(item, "CodingSchemeURL"))
            if first(item, "CodingSchemeRegistry") == "HL7":
                system = system or oid_uri(first(item, "CodingSchemeExternalID"))
            scheme = first(item, "CodingSchemeDesignator")
            if scheme and system:
                found.setdefault(scheme, set()).add(system)
    return {scheme: min(systems) for scheme, systems in found.items() if len(systems) == 1}


def of_series(series: Series, context: Context) -> Context:
    """Return the context for one series: a coding scheme is what its own data sets state."""
    schemes = stated_schemes([series.attributes])
    return replace(context, schemes=schemes, series_uid=series.uid)


def local_system(scheme: str) -> str:
    """Return a system of ours for a coding scheme that means something in one place alone."""
    return f"{CANONICAL}/coding-scheme/{quote(scheme, safe='')}"


def known_system(scheme: str, context: Context) -> str | None:
    """Return the system that the options, the standard or the files give a coding scheme."""
    if scheme == URI:
        return URI
    return context.options.issuers.get(scheme) or SYSTEMS.get(scheme) or context.schemes.get(scheme)


def to_sct(value: str) -> str | None:
    """Return the SNOMED CT concept of a SNOMED RT identifier, or None (PS3.16 Annex O)."""
    from dicom2fhir.mapping.tables.srt_to_sct import SRT_TO_SCT  # noqa: PLC0415

    return SRT_TO_SCT.get(value)


def _system_and_code(coded: Coded, context: Context) -> tuple[str, str]:
    if coded.scheme in _SNOMED_RT:
        concept = to_sct(coded.value)
        return (SCT, concept) if concept else (_SNM3, coded.value)
    system = known_system(coded.scheme, context)
    return system or local_system(coded.scheme), coded.value


def coding(coded: Coded, context: Context) -> Json:
    """Return a Coding, or None where FHIR cannot hold the code.

    FHIR:   a DCM display is left out: servers compare it with their own edition
    """
    if not (coded.scheme and _CODE.fullmatch(coded.value)):
        return None
    system, code = _system_and_code(coded, context)
    return compact(
        {
            "system": system,
            # Versions of SNOMED CT and DCM are dates in DICOM and URIs or editions in FHIR.
            "version": None if system in (SCT, DCM, URI) else coded.version,
            "code": code,
            "display": None if system == DCM else coded.meaning,
        }
    )


def concept(item: Attributes, context: Context, keyword: str, element: str) -> Json:
    """Return a CodeableConcept of a code sequence item.

    Errors: Problem map.bad-code; text alone.
    """
    coded = read_code(item)
    made = coding(coded, context)
    if made is None and coded.value:
        context.note("map.bad-code", keyword, element)
    text = coded.meaning or (coded.value if made is None else "")
    return compact({"coding": [made] if made else None, "text": text})


def concepts(attributes: Attributes, keyword: str, context: Context, element: str) -> list[Json]:
    """Return a CodeableConcept for each item of a code sequence that says something."""
    made = (concept(item, context, keyword, element) for item in items(attributes, keyword))
    return [one for one in made if one]


def coded_concept(coded: Coded | None, context: Context, text: str = "") -> Json:
    """Return a CodeableConcept of a coded concept, with words; None where there is none.

    FHIR:   coding; a SNOMED RT identifier stands beside its SNOMED CT concept. text: these words,
            else the meaning, else the code
    """
    words = clean(text)
    if coded is None:
        return {"text": words} if words else None
    coded = replace(coded, value=clean(coded.value), meaning=clean(coded.meaning))
    made = coding(coded, context)
    codings = [made] if made else []
    if made and made["system"] == SCT and coded.scheme in _SNOMED_RT:
        codings.append({"system": _SNM3, "code": coded.value})
    return compact({"coding": codings, "text": words or coded.meaning or coded.value})


def concept_of(system: str, code: str, display: str) -> Json:
    """Return a CodeableConcept of one code of ours."""
    return {"coding": [{"system": system, "code": code, "display": display}]}
