"""Specimens on slides, as Specimen (PS3.3 C.7.6.22)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.identity import resource_id
from dicom2fhir.mapping.codes import concepts, of_series, uids
from dicom2fhir.mapping.elements import Element, fill
from dicom2fhir.mapping.identifiers import identifier, issuer_of, own, uid
from dicom2fhir.mapping.meta import patient_meta
from dicom2fhir.mapping.patient import subject, subject_id
from dicom2fhir.mapping.text import bounded, first, items

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json, Resource, Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """One item of Specimen Description Sequence, whose it is and the container that it lies in."""

    owner: str
    item: Attributes
    container: str
    series: Series


def _slides(series: Iterable[Series], context: Context) -> Iterable[Slide]:
    owner = subject_id(context.study.patient, context)
    for one in series:
        for instance in one.instances:
            if "SpecimenDescriptionSequence" in instance.attributes:
                container = first(instance.attributes, "ContainerIdentifier")
                for item in items(instance.attributes, "SpecimenDescriptionSequence"):
                    yield Slide(owner=owner, item=item, container=container, series=one)


def _issued(slide: Slide, context: Context) -> Json:
    """Return value and system of its issuer."""
    keyword = "IssuerOfTheSpecimenIdentifierSequence"
    issuer = issuer_of(slide.item, keyword, "specimen", context)
    return identifier(first(slide.item, "SpecimenIdentifier"), issuer)


def _id(slide: Slide, context: Context) -> Json:
    """Return the UUIDv5 of subject and Specimen UID, else identifier and its system or study.

    Two patients under one number are a mistake, but never one specimen.
    """
    unique = uids(slide.item, "SpecimenUID")
    if unique:
        return resource_id("Specimen", slide.owner, unique[0])
    issued = _issued(slide, context) or {}
    scope = issued.get("system") or context.study.uid
    return resource_id("Specimen", slide.owner, scope, issued.get("value") or slide.container)


def _own_identifier(slide: Slide, context: Context) -> Json:
    """Return our own."""
    return own(_id(slide, context))


def _uid(slide: Slide, context: Context) -> Json:
    """Return the UID as urn:dicom:uid."""
    unique = uids(slide.item, "SpecimenUID")
    if not unique and first(slide.item, "SpecimenUID"):
        context.note("map.bad-code", "SpecimenDescriptionSequence", "Specimen.identifier")
    return uid(unique[0]) if unique else None


def _type(slide: Slide, context: Context) -> Json:
    """Return the first code."""
    keyword = "SpecimenTypeCodeSequence"
    own_context = of_series(slide.series, context)
    return next(iter(concepts(slide.item, keyword, own_context, "Specimen.type")), None)


def _container(slide: Slide, _context: Context) -> Json:
    """Return the container as an identifier without system."""
    return [{"identifier": [{"value": slide.container}]}] if slide.container else None


def _note(slide: Slide, context: Context) -> Json:
    """Return the short and the detailed description, each as a note."""
    keywords = ("SpecimenShortDescription", "SpecimenDetailedDescription")
    texts = (
        bounded(first(slide.item, keyword), context, "SpecimenDescriptionSequence", "Specimen.note")
        for keyword in keywords
    )
    return [{"text": text} for text in dict.fromkeys(texts) if text]


_ITEM = ("SpecimenDescriptionSequence",)
_MODULE = "PS3.3 C.7.6.22"

SPECIMEN: tuple[Element[Slide], ...] = (
    Element("Specimen.id", _ITEM, _id, "identity.md"),
    Element("Specimen.meta", ("PatientIdentityRemoved",), patient_meta, "R4 resource.html#Meta"),
    Element("Specimen.identifier[own]", _ITEM, _own_identifier, "identity.md"),
    Element(
        "Specimen.identifier[specimen]", _ITEM, _issued, f"{_MODULE}; R4 imagingstudy-mappings"
    ),
    Element("Specimen.identifier[uid]", _ITEM, _uid, _MODULE),
    Element("Specimen.type", _ITEM, _type, _MODULE),
    Element("Specimen.subject", ("PatientID",), subject, "R4 specimen.html"),
    Element("Specimen.container", ("ContainerIdentifier",), _container, _MODULE),
    Element("Specimen.note", _ITEM, _note, _MODULE),
)

_VERSIONS = {"R4": SPECIMEN, "R4B": SPECIMEN}


def series_specimens(series: Series, context: Context) -> Json:
    """Return a Reference to each specimen that an instance of the series shows."""
    ids = dict.fromkeys(_id(slide, context) for slide in _slides([series], context))
    return [{"reference": f"Specimen/{one}"} for one in ids]


def map_specimens(context: Context) -> list[Resource]:
    """Return the specimens of a study, each once."""
    found: dict[str, Slide] = {}
    for slide in _slides(context.study.series, context):
        found.setdefault(_id(slide, context), slide)
    rows = _VERSIONS[context.options.fhir]
    return [{"resourceType": "Specimen", **fill(rows, slide, context)} for slide in found.values()]
