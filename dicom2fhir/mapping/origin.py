"""Where a render or a document comes from, and what both say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.mapping import device, practitioner
from dicom2fhir.mapping.codes import of_series

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Json, Resource, Series, SeriesInstance


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One instance with its series, and the ImagingStudy and series as they were written."""

    instance: SeriesInstance
    series: Series
    context: Context
    study_resource: Resource
    series_resource: Resource


def find_origins(uids: Iterable[str], study: Resource, context: Context) -> dict[str, Origin]:
    """Return the origin of each of these SOP Instance UIDs that the study lists."""
    wanted = set(uids)
    found: dict[str, Origin] = {}
    if not wanted:
        return found
    for series, resource in zip(context.study.series, study.get("series", ()), strict=True):
        own = of_series(series, context)
        for instance in series.instances:
            if instance.uid in wanted:
                found[instance.uid] = Origin(
                    instance=instance,
                    series=series,
                    context=own,
                    study_resource=study,
                    series_resource=resource,
                )
    return found


def study_reference(origin: Origin) -> Json:
    """Return a Reference to the ImagingStudy that lists the instance."""
    return {"reference": f"ImagingStudy/{origin.study_resource['id']}"}


def operators(origin: Origin) -> list[Json]:
    """Return each operator: Practitioner with an identifier, else display."""
    found = practitioner.operators(origin.series.attributes, origin.context)
    return [practitioner.reference(one) for one in found]


def equipment(origin: Origin) -> Json:
    """Return the Device of the series, its manufacturer as display, or None."""
    return device.reference(origin.series.attributes)
