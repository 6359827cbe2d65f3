"""What made the resources of a Bundle, as Provenance (R4 provenance.html)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir import __version__
from dicom2fhir.identity import STATED_UNIT, resource_id
from dicom2fhir.mapping.codes import concept_of
from dicom2fhir.mapping.context import Context
from dicom2fhir.mapping.elements import Element, fill
from dicom2fhir.mapping.meta import meta
from dicom2fhir.model import Study

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dicom2fhir.model import Json, Resource
    from dicom2fhir.options import MapOptions

_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What was assembled: the `Type/<id>` of one Bundle, and the units that were respelt."""

    targets: Sequence[str]
    repairs: Sequence[str] = ()


def _id(assembled: Assembled, _context: Context) -> Json:
    """Return the UUIDv5 of the targets, sorted."""
    return resource_id("Provenance", *sorted(assembled.targets))


def _targets(assembled: Assembled, _context: Context) -> Json:
    """Return every resource of the Bundle."""
    return [{"reference": target} for target in assembled.targets]


def _activity(assembled: Assembled, _context: Context) -> Json:
    """Return each spelling of a unit in the study that was repaired."""
    repairs = "; ".join(assembled.repairs)
    return {"text": f"Units written as UCUM: {repairs}"} if repairs else None


def _recorded(_assembled: Assembled, context: Context) -> Json:
    """Return the instant of `--timestamp` or SOURCE_DATE_EPOCH."""
    return context.options.timestamp


def _agent(_assembled: Assembled, _context: Context) -> Json:
    """Return this tool as the assembler."""
    return [
        {
            "type": concept_of(_AGENT, "assembler", "Assembler"),
            "who": {"type": "Device", "display": f"dicom2fhir {__version__}"},
        }
    ]


PROVENANCE: tuple[Element[Assembled], ...] = (
    Element("Provenance.id", (), _id, "identity.md"),
    Element("Provenance.meta", (), meta, "R4 resource.html#Meta"),
    Element("Provenance.target", (), _targets, "R4 provenance.html"),
    Element("Provenance.recorded", (), _recorded, "R4 provenance.html"),
    Element("Provenance.activity", ("MeasurementUnitsCodeSequence",), _activity, "UCUM"),
    Element("Provenance.agent", (), _agent, "R4 provenance.html"),
)

_VERSIONS = {"R4": PROVENANCE, "R4B": PROVENANCE}
_NO_STUDY = Study(uid="", patient={}, attributes={}, series=())


def map_provenance(
    targets: Sequence[str], options: MapOptions, repairs: Sequence[str] = ()
) -> Resource:
    """Return what made the resources of one Bundle; `targets` are `Type/<id>`."""
    context = Context(study=_NO_STUDY, options=options)
    assembled = Assembled(targets=targets, repairs=repairs)
    return {"resourceType": "Provenance", **fill(_VERSIONS[options.fhir], assembled, context)}


def unit_repairs(resources: Iterable[Resource]) -> list[str]:
    """Return each unit that stands in Observations in another spelling than its report's."""
    found = {
        f"{one['valueString']} as {quantity['code']}"
        for resource in resources
        if resource["resourceType"] == "Observation"
        for quantity in _quantities(resource)
        for one in quantity.get("extension", ())
        if one["url"] == STATED_UNIT and "code" in quantity
    }
    return sorted(found)


def _quantities(observation: Resource) -> Iterator[Json]:
    for element in (observation, *observation.get("component", ())):
        if "valueQuantity" in element:
            yield element["valueQuantity"]
    for limits in observation.get("referenceRange", ()):
        yield from (limits[end] for end in ("low", "high") if end in limits)
