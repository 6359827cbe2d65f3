"""Where the images are served, as Endpoint (PS3.18 10, R4 endpoint.html)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.identity import resource_id
from dicom2fhir.mapping.elements import Element, constant, fill
from dicom2fhir.mapping.identifiers import own
from dicom2fhir.mapping.meta import meta

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Json, Resource

_CONNECTION = "http://terminology.hl7.org/CodeSystem/endpoint-connection-type"
_PAYLOAD = "http://terminology.hl7.org/CodeSystem/endpoint-payload-type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of a server: what FHIR calls it and what it answers with."""

    code: str
    display: str
    name: str
    media_type: str


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


def _address(service: Service, context: Context) -> Json:
    """Return the base of the service, as `--dicomweb` or `--fhir-base` gives it."""
    return context.options.fhir_base if service is FHIR else context.options.dicomweb


def _id(service: Service, context: Context) -> Json:
    """Return the UUIDv5 of address and type."""
    return resource_id("Endpoint", _address(service, context) or "", service.code)


def _references(services: Iterable[Service], context: Context) -> Json:
    return [{"reference": f"Endpoint/{_id(one, context)}"} for one in services]


def study_endpoints(_source: object, context: Context) -> Json:
    """Return those of DICOMweb retrieve and search, or that of the server with the Binaries."""
    return _references(_services(context), context)


def series_endpoints(_source: object, context: Context) -> Json:
    """Return that of DICOMweb retrieve."""
    return _references((one for one in _services(context) if one is WADO), context)


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
    Element("Endpoint.address", (), _address, "PS3.18 10; R4 imagingstudy.html#notes"),
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
    return [
        {"resourceType": "Endpoint", **fill(rows, service, context)}
        for service in _services(context)
    ]
