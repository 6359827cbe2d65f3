"""Mapping: a study becomes FHIR resources, by rows and pure functions.

No file, no clock and no chance is involved: the same study and options give the same resources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.mapping.codes import stated_schemes
from dicom2fhir.mapping.context import Context, Explained
from dicom2fhir.mapping.device import map_devices
from dicom2fhir.mapping.endpoint import map_endpoints
from dicom2fhir.mapping.identifiers import issuer_key
from dicom2fhir.mapping.imaging_study import map_imaging_study
from dicom2fhir.mapping.patient import is_phantom, map_subject, subject_id
from dicom2fhir.mapping.practitioner import map_parties
from dicom2fhir.mapping.provenance import map_provenance
from dicom2fhir.mapping.specimen import map_specimens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.model import Resource, Study
    from dicom2fhir.options import MapOptions
    from dicom2fhir.problems import Problem

__all__ = [
    "Explained",
    "Mapped",
    "explain_study",
    "issuer_key",
    "map_provenance",
    "map_study",
    "patient_id",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """The resources of one study and what was wrong on the way to them."""

    resources: tuple[Resource, ...]
    problems: tuple[Problem, ...]


def map_study(study: Study, options: MapOptions) -> Mapped:
    """Return the resources of a study, what is referred to before what refers to it.

    FHIR:   Patient or Device, Practitioner, Organization, Device, Endpoint, Specimen, ImagingStudy
    Shape:  references between them are `Type/<id>`
    Errors: UsageError when the options name an unknown time zone.
    """
    context = _context(study, options, explain=False)
    return Mapped(resources=tuple(_resources(context)), problems=context.problems)


def explain_study(study: Study, options: MapOptions) -> Iterator[Explained]:
    """Yield each element of a study with the attributes and the clause that it comes from."""
    context = _context(study, options, explain=True)
    for _ in _resources(context):
        trace = context.trace or []
        yield from (one for one in trace if one.element not in _ASSEMBLED)
        trace.clear()


def patient_id(study: Study, options: MapOptions) -> str | None:
    """Return the id of the Patient of a study; None where a phantom was imaged."""
    if is_phantom(study.patient):
        return None
    return subject_id(study.patient, _context(study, options, explain=False))


# What is shown by its own elements.
_ASSEMBLED = frozenset({"ImagingStudy.series", "ImagingStudy.series.instance"})


def _context(study: Study, options: MapOptions, *, explain: bool) -> Context:
    return Context(
        study=study,
        options=options,
        schemes=stated_schemes(series.attributes for series in study.series),
        trace=[] if explain else None,
    )


def _resources(context: Context) -> Iterator[Resource]:
    yield from map_subject(context)
    yield from map_parties(context)
    yield from map_devices(context)
    yield from map_endpoints(context)
    yield from map_specimens(context)
    yield map_imaging_study(context)
