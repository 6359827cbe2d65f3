"""Where the images are served, as Endpoint (PS3.18 10, R4 endpoint.html)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicom2fhir.identity import resource_id
from dicom2fhir.mapping.elements import Element, constant, fill
from dicom2fhir.mapping.identifiers import own
from dicom2fhir.mapping.meta import meta
from dicom2fhir.mapping.text import first

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Json, Resource, Series

_CONNECTION = "http://terminology.hl7.org/CodeSystem/endpoint-connection-type"
_PAYLOAD = "http://terminology.hl7.org/CodeSystem/endpoint-payload-type"


_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_LOCATION = "https://profiles.ihe.net/RAD/MADO/StructureDefinition/MadoRetrieveLocationUIDExtension"
# A base without user, query or fragment: what stands there may tell more than an address.
_BASE = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of a server: what FHIR calls it and what it answers with.

    `address` and `location` are those that a manifest states, of a service of our own "".
    """

    code: str
    display: str
    name: str
    media_type: str
    address: str = ""
    location: str = ""
    stated: bool = False


WADO = Service(
    code="dicom-wado-rs",
    display="DICOM WADO-RS",
    name="DICOMweb retrieve (WADO-RS)",
    media_type="application/dicom",
)
QIDO = Service(
    code="dicom-qido-rs",
    display="DICOM QIDO-RS",
    name="DICOMweb search (QIDO-RS)",
    media_type="application/dicom+json",
)
FHIR = Service(
    code="hl7-fhir-rest",
    display="HL7 FHIR",
    name="FHIR server that holds the DICOM files as Binary",
    media_type="application/dicom",
)


def _services(context: Context) -> tuple[Service, ...]:
    options = context.options
    if options.dicom == "link" and options.dicomweb:
        return WADO, QIDO
    stored = options.dicom == "binary" and context.payloads.files
    return (FHIR,) if stored and options.fhir_base else ()


def _retrieval(series: Series) -> Service | None:
    """Return where a manifest says that a series is.

    DICOM:  RetrieveURL (0008,1190), RetrieveAETitle (0008,0054), RetrieveLocationUID (0040,E011)
    """
    title = first(series.attributes, "RetrieveAETitle")
    location = first(series.attributes, "RetrieveLocationUID")
    url = _BASE.fullmatch(first(series.attributes, "RetrieveURL").partition("?")[0])
    if not (url or title or location):
        return None
    return replace(
        WADO,
        name=f"DICOM retrieve, AE title {title}" if title else WADO.name,
        address=url[0].partition("/studies/")[0] if url else "",
        location=location,
        stated=True,
    )


def _address(service: Service, context: Context) -> Json:
    """Return the base of the service, as `--dicomweb`, `--fhir-base` or a manifest gives it."""
    if service.stated:
        return service.address
    return context.options.fhir_base if service is FHIR else context.options.dicomweb


def _no_address(service: Service, context: Context) -> Json:
    """Return unknown, where a manifest names an AE title or a location alone."""
    if _address(service, context):
        return None
    return {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}


def _location(service: Service, _context: Context) -> Json:
    """Return the Retrieve Location UID in IHE MADO's extension."""
    return {"url": _LOCATION, "valueString": service.location} if service.location else None


def _id(service: Service, context: Context) -> Json:
    """Return the UUIDv5 of address and type; without one also of location and name."""
    address = _address(service, context) or ""
    more = () if address else (service.location, service.name)
    return resource_id("Endpoint", address, service.code, *more)


def _references(services: Iterable[Service], context: Context) -> Json:
    return [{"reference": f"Endpoint/{_id(one, context)}"} for one in services]


def study_endpoints(_source: object, context: Context) -> Json:
    """Return those of DICOMweb retrieve and search, or that of the server with the Binaries."""
    return _references(_services(context), context)


def series_endpoints(series: Series, context: Context) -> Json:
    """Return that of DICOMweb retrieve, or where a manifest says that the series is."""
    stated = _retrieval(series)
    own_services = [one for one in _services(context) if one is WADO]
    return _references(own_services if stated is None else [stated], context)


def _own_identifier(service: Service, context: Context) -> Json:
    """Return our own."""
    return [own(_id(service, context))]


def _connection(service: Service, _context: Context) -> Json:
    """Return the type: dicom-wado-rs, dicom-qido-rs or hl7-fhir-rest."""
    return {"system": _CONNECTION, "code": service.code, "display": service.display}


def _name(service: Service, _context: Context) -> Json:
    """Return what the service does."""
    return service.name


def _media_type(service: Service, _context: Context) -> Json:
    """Return what the service answers with."""
    return [service.media_type]


_ANY = [{"coding": [{"system": _PAYLOAD, "code": "any", "display": "Any"}], "text": "DICOM"}]

ENDPOINT: tuple[Element[Service], ...] = (
    Element("Endpoint.id", (), _id, "identity.md"),
    Element("Endpoint.meta", (), meta, "R4 resource.html#Meta"),
    Element("Endpoint.identifier", (), _own_identifier, "identity.md"),
    Element("Endpoint.status", (), constant("active"), "R4 endpoint.html"),
    Element("Endpoint.connectionType", (), _connection, "R4 imagingstudy.html#notes"),
    Element("Endpoint.name", (), _name, "R4 endpoint.html"),
    Element("Endpoint.payloadType", (), constant(_ANY), "R4 endpoint.html"),
    Element("Endpoint.payloadMimeType", (), _media_type, "PS3.18 8.7"),
    Element(
        "Endpoint.address",
        ("RetrieveURL",),
        _address,
        "PS3.18 10; PS3.3 C.17.2.1; R4 imagingstudy.html#notes",
    ),
    Element(
        "Endpoint._address",
        ("RetrieveAETitle", "RetrieveLocationUID"),
        _no_address,
        "R4 extension-data-absent-reason.html",
    ),
    Element("Endpoint.extension[location]", ("RetrieveLocationUID",), _location, "IHE RAD MADO"),
)

_VERSIONS = {"R4": ENDPOINT, "R4B": ENDPOINT}


def map_endpoints(context: Context) -> list[Resource]:
    """Return the Endpoints of the server that serves the study.

    Errors: Problem map.no-fhir-base
    """
    options = context.options
    if options.dicom == "binary" and context.payloads.files and not options.fhir_base:
        context.note("map.no-fhir-base", element="ImagingStudy.endpoint")
    rows = _VERSIONS[context.options.fhir]
    stated = (_retrieval(series) for series in context.study.series)
    services = dict.fromkeys((*_services(context), *(one for one in stated if one)))
    return [{"resourceType": "Endpoint", **fill(rows, one, context)} for one in services]
