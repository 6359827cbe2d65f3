"""What made the resources of a Bundle, as Provenance (R4 provenance.html)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dicom2fhir import __version__
from dicom2fhir.identity import resource_id
from dicom2fhir.mapping.codes import concept_of
from dicom2fhir.mapping.context import Context
from dicom2fhir.mapping.elements import Element, fill
from dicom2fhir.mapping.meta import meta
from dicom2fhir.model import Study

if TYPE_CHECKING:
    from dicom2fhir.model import Json, Resource
    from dicom2fhir.options import MapOptions

_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"

Targets = Sequence[str]


def _id(targets: Targets, _context: Context) -> Json:
    """Return the UUIDv5 of the targets, sorted."""
    return resource_id("Provenance", *sorted(targets))


def _targets(targets: Targets, _context: Context) -> Json:
    """Return every resource of the Bundle."""
    return [{"reference": target} for target in targets]


def _recorded(_targets: Targets, context: Context) -> Json:
    """Return the instant of `--timestamp` or SOURCE_DATE_EPOCH."""
    return context.options.timestamp


def _agent(_targets: Targets, _context: Context) -> Json:
    """Return this tool as the assembler."""
    return [
        {
            "type": concept_of(_AGENT, "assembler", "Assembler"),
            "who": {"type": "Device", "display": f"dicom2fhir {__version__}"},
        }
    ]


PROVENANCE: tuple[Element[Targets], ...] = (
    Element("Provenance.id", (), _id, "identity.md"),
    Element("Provenance.meta", (), meta, "R4 resource.html#Meta"),
    Element("Provenance.target", (), _targets, "R4 provenance.html"),
    Element("Provenance.recorded", (), _recorded, "R4 provenance.html"),
    Element("Provenance.agent", (), _agent, "R4 provenance.html"),
)

_VERSIONS = {"R4": PROVENANCE, "R4B": PROVENANCE}
_NO_STUDY = Study(uid="", patient={}, attributes={}, series=())


def map_provenance(targets: Sequence[str], options: MapOptions) -> Resource:
    """Return what made the resources of one Bundle; `targets` are `Type/<id>`."""
    context = Context(study=_NO_STUDY, options=options)
    return {"resourceType": "Provenance", **fill(_VERSIONS[options.fhir], targets, context)}
