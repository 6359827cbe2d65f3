"""Mapping: a study becomes FHIR resources, by rows and pure functions.

No file, no clock and no chance is involved: the same study and options give the same resources.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicom2fhir.mapping.algorithm import map_algorithms
from dicom2fhir.mapping.binary import map_binaries, stored_files
from dicom2fhir.mapping.codes import stated_schemes
from dicom2fhir.mapping.context import Context, Explained
from dicom2fhir.mapping.device import map_devices
from dicom2fhir.mapping.diagnostic_report import map_report
from dicom2fhir.mapping.document import find_held, map_documents, stored_documents
from dicom2fhir.mapping.endpoint import map_endpoints
from dicom2fhir.mapping.identifiers import issuer_key
from dicom2fhir.mapping.imaging_study import map_imaging_study
from dicom2fhir.mapping.instance import STORED
from dicom2fhir.mapping.manifest import complete_study
from dicom2fhir.mapping.media import find_shown, map_media, stored_renders
from dicom2fhir.mapping.observation import map_observations
from dicom2fhir.mapping.patient import is_phantom, map_subject, refer_to_subject, subject_id
from dicom2fhir.mapping.practitioner import map_parties
from dicom2fhir.mapping.provenance import map_provenance, unit_repairs
from dicom2fhir.mapping.reported import find_reported
from dicom2fhir.mapping.specimen import map_specimens
from dicom2fhir.mapping.vitals import map_vitals
from dicom2fhir.mapping.waveform import map_waveforms
from dicom2fhir.model import Payloads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dicom2fhir.mapping.reported import Reported
    from dicom2fhir.model import Resource, Study
    from dicom2fhir.options import MapOptions
    from dicom2fhir.problems import Problem

_NO_BYTES = Payloads()

__all__ = [
    "Explained",
    "Mapped",
    "explain_study",
    "issuer_key",
    "map_provenance",
    "map_study",
    "patient_id",
    "unit_repairs",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """The resources of one study and what was wrong on the way to them."""

    resources: tuple[Resource, ...]
    problems: tuple[Problem, ...]
    without_file: int = 0
    """Instances that the ImagingStudy lists because a manifest does."""


def map_study(study: Study, options: MapOptions, payloads: Payloads = _NO_BYTES) -> Mapped:
    """Return the resources of a study, what is referred to before what refers to it.

    FHIR:   Patient or Device, Practitioner, Organization, Device, Endpoint, Specimen, Binary,
            ImagingStudy, Media, DocumentReference, Device of an algorithm, Observation,
            DiagnosticReport
    Shape:  references between them are `Type/<id>`; Binary.data and Attachment.data are Bytes
    Errors: UsageError when the options name an unknown time zone; Problem
            study.attachment-too-large: no file is attached.
    """
    completed = complete_study(study, payloads.reports)
    context = _context(completed.study, options, payloads, explain=False)
    for _ in range(completed.elsewhere):
        context.note("sr.other-study", "CurrentRequestedProcedureEvidenceSequence")
    return Mapped(
        resources=tuple(_resources(context)),
        problems=context.problems,
        without_file=completed.without_file,
    )


def explain_study(
    study: Study, options: MapOptions, payloads: Payloads = _NO_BYTES
) -> Iterator[Explained]:
    """Yield each element of a study with the attributes and the clause that it comes from."""
    completed = complete_study(study, payloads.reports)
    context = _context(completed.study, options, payloads, explain=True)
    for _ in _resources(context):
        trace = context.trace or []
        yield from (one for one in trace if one.element not in _ASSEMBLED)
        trace.clear()


def patient_id(study: Study, options: MapOptions) -> str | None:
    """Return the id of the Patient of a study; None where a phantom was imaged."""
    if is_phantom(study.patient):
        return None
    return subject_id(study.patient, _context(study, options, _NO_BYTES, explain=False))


# What is shown by its own elements.
_ASSEMBLED = frozenset(
    {"ImagingStudy.series", "ImagingStudy.series.instance", "Observation.component"}
)


def _context(study: Study, options: MapOptions, payloads: Payloads, *, explain: bool) -> Context:
    context = Context(
        study=study,
        options=options,
        schemes=stated_schemes(series.attributes for series in study.series),
        trace=[] if explain else None,
    )
    scope = (subject_id(study.patient, context),) if study.shared_uid else ()
    return replace(
        context,
        payloads=_carried(payloads, context),
        subject=refer_to_subject(context),
        scope=scope,
    )


def _carried(payloads: Payloads, context: Context) -> Payloads:
    """Return the payloads with the files that are carried on the way that was asked for."""
    options = context.options
    files = payloads.files if options.dicom in STORED else {}
    if options.dicom == "attachment":
        size = sum(content.length for content in files.values())
        if size > options.max_attachment:
            context.note("study.attachment-too-large", element="ImagingStudy")
            files = {}
    return replace(payloads, files=files)


def _resources(context: Context) -> Iterator[Resource]:
    yield from map_subject(context)
    yield from map_parties(context)
    yield from map_devices(context)
    yield from map_endpoints(context)
    yield from map_specimens(context)
    study = map_imaging_study(context)
    shown, held = find_shown(study, context), find_held(study, context)
    yield from map_binaries(stored_files(context), context)
    yield from map_binaries(stored_renders(shown, context), context)
    yield from map_binaries(stored_documents(held, context), context)
    yield study
    yield from map_media(shown, context)
    yield from map_documents(held, context)
    yield from _map_reports(find_reported(study, shown, context), context)
    yield from map_waveforms(study, context)
    yield from map_vitals(context)


def _map_reports(documents: Sequence[Reported], context: Context) -> Iterator[Resource]:
    yield from map_algorithms(documents, context)
    for reported in documents:
        yield from map_observations(reported, context)
        yield map_report(reported, context)
