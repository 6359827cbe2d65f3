"""From a filled catalog to delivered Bundles: map, bundle, check, deliver."""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dicom2fhir.bundle import bundle_of, encode_bundle, make_bundles
from dicom2fhir.catalog import assemble_study, attach
from dicom2fhir.deliver import part_raw
from dicom2fhir.find import open_candidate
from dicom2fhir.mapping import issuer_key, map_provenance, map_study, unit_repairs
from dicom2fhir.model import Payloads
from dicom2fhir.pipeline.payload import SOURCE_CHANGED
from dicom2fhir.pipeline.reports import Understood, count_numbers, understand_reports
from dicom2fhir.problems import Problem, Severity
from dicom2fhir.report.summary import NumberCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.catalog import Catalog
    from dicom2fhir.deliver.server.stow import DicomFile
    from dicom2fhir.mapping import Mapped
    from dicom2fhir.model import EncodedBundle, Entry, Resource, Study
    from dicom2fhir.options import Options
    from dicom2fhir.pipeline.carrying import Carried, Carrier
    from dicom2fhir.report.pictures import StudyCard

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyJob:
    """One Study Instance UID to be turned into Bundles."""

    catalog: str
    study_uid: str
    options: Options
    spool: str | None = None
    """A path of its own for what is rendered; None: nothing travels with the study."""
    decoders: int = 1
    """Processes that may decode its pixels."""


@dataclass(slots=True, kw_only=True)
class Emitted:
    """The Bundles of one Study Instance UID and what is to be told of them."""

    study_uid: str = ""
    bundles: list[EncodedBundle] = field(default_factory=list)
    raw: list[Resource] = field(default_factory=list)
    files: list[DicomFile] = field(default_factory=list)
    kept_back: set[str] = field(default_factory=set)
    """Codes of the Problems why some of the files are not where they were sent."""
    cards: list[StudyCard] = field(default_factory=list)
    spool: str | None = None
    problems: list[Problem] = field(default_factory=list)
    patients: set[str] = field(default_factory=set)
    own_ids: set[str] = field(default_factory=set)
    studies: int = 0
    series: int = 0
    converted: int = 0
    failed: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0
    numbers: NumberCounts = field(default_factory=NumberCounts)


def emit_study(job: StudyJob) -> Emitted:
    """Turn one Study Instance UID into checked, encoded Bundles."""
    catalog, options = attach(job.catalog), job.options
    assembled = assemble_study(
        catalog,
        job.study_uid,
        partial(hash_source, catalog),
        partial(issuer_key, options=options.map),
        keep_rejected=options.keep_rejected,
    )
    emitted = Emitted(
        study_uid=job.study_uid,
        spool=job.spool,
        problems=list(assembled.problems),
        duplicates=assembled.duplicates,
        conflicts=assembled.conflicts,
        rejected=assembled.rejected,
    )
    with ExitStack() as stack:
        carrier = _carrier(job, catalog, stack)
        for study in assembled.studies:
            understood = understand_reports(study, catalog.candidate, options)
            emitted.problems += understood.problems
            keys = understood.key_frames
            carried = carrier.carry(study, keys) if carrier is not None else None
            _emit(study, carried, understood, options, emitted)
    return emitted


def _carrier(job: StudyJob, catalog: Catalog, stack: ExitStack) -> Carrier | None:
    if job.spool is None:
        return None
    # What only tells of headers does without all that reads bytes.
    from dicom2fhir.pipeline.carrying import Carrier  # noqa: PLC0415
    from dicom2fhir.pipeline.rendering import shared_renderer  # noqa: PLC0415
    from dicom2fhir.pipeline.spool import Spool  # noqa: PLC0415

    spool = stack.enter_context(Spool(Path(job.spool)))
    return Carrier(catalog, job.options, shared_renderer(job.decoders), spool)


def _emit(
    study: Study,
    carried: Carried | None,
    understood: Understood,
    options: Options,
    emitted: Emitted,
) -> None:
    source = study.series[0].instances[0].source
    payloads = Payloads()
    if carried is not None:
        emitted.problems += carried.problems
        if any(problem.code == SOURCE_CHANGED for problem in carried.problems):
            # Without these bytes it would pass for whole, and no later run would try again.
            emitted.failed += study.instance_count
            return
        payloads = carried.payloads
    mapped = map_study(study, options.map, understood.carried_by(payloads))
    own = imaging_study_id(mapped.resources)
    if own in emitted.own_ids:
        emitted.failed += study.instance_count
        emitted.problems.append(Problem(code="map.same-id", source=source))
        return
    emitted.own_ids.add(own)
    parts, raw, problems, findings = _bundle(mapped, options)
    if understood.reports and any(one.severity is Severity.ERROR for one in findings):
        # A report holds no study back: without what was understood of it, its file travels still.
        emitted.problems.append(Problem(code="sr.not-valid", source=source))
        understood = Understood()
        mapped = map_study(study, options.map, payloads)
        parts, raw, problems, findings = _bundle(mapped, options)
    emitted.problems.extend(
        replace(problem, source=source) for problem in (*mapped.problems, *problems, *findings)
    )
    counted = max(_count_instances(parts) - mapped.without_file, 0)
    # What fails the check would be refused as a whole, or worse, be stored: it stays here. So does
    # what would lead to a study that no Bundle can hold.
    if not counted or any(problem.severity is Severity.ERROR for problem in findings):
        emitted.failed += study.instance_count
        return
    emitted.studies += 1
    emitted.series += len(study.series)
    emitted.converted += counted
    emitted.numbers = emitted.numbers.plus(count_numbers(understood.reports))
    emitted.failed += study.instance_count - counted
    emitted.patients.update(
        resource["id"] for resource in mapped.resources if resource["resourceType"] == "Patient"
    )
    name = study.uid if not study.shared_uid else f"{study.uid}_{own[:8]}"
    emitted.raw += raw
    if carried is not None and options.stow is not None:
        from dicom2fhir.pipeline.storing import dicom_files  # noqa: PLC0415 - only with --stow

        emitted.files += dicom_files(study, carried.payloads.files)
    emitted.bundles.extend(
        encode_bundle(name, number, len(parts), entries)
        for number, entries in enumerate(parts, start=1)
    )
    if carried is not None and options.render.thumbnails:
        emitted.cards.append(card_of(study, carried))


def _bundle(
    mapped: Mapped, options: Options
) -> tuple[list[list[Entry]], list[Resource], list[Problem], list[Problem]]:
    """Return the entries of each part, what is written beside them, and what is wrong with both."""
    provenance = None
    if options.map.provenance:
        repairs = unit_repairs(mapped.resources)
        provenance = partial(map_provenance, options=options.map, repairs=repairs)
    bundled, raw = part_raw(mapped.resources) if options.raw_dir else (mapped.resources, [])
    parts, problems = make_bundles(bundled, options.bundle, provenance)
    return parts, list(raw), problems, _check(parts, options)


def card_of(study: Study, carried: Carried) -> StudyCard:
    """Return what a report shows of a study."""
    from dicom2fhir.pipeline.payload import read_payload  # noqa: PLC0415 - asked for seldom
    from dicom2fhir.report.pictures import SERIES_SHOWN, make_card  # noqa: PLC0415 - the same

    shown = {series.uid for series in study.series[:SERIES_SHOWN]}
    thumbnails = {
        uid: b"".join(read_payload(content))
        for uid, content in carried.thumbnails.items()
        if uid in shown
    }
    return make_card(study, thumbnails, carried.problems)


def imaging_study_id(resources: Sequence[Resource]) -> str:
    """Return the id of the ImagingStudy among the resources of a study."""
    return str(next(one["id"] for one in resources if one["resourceType"] == "ImagingStudy"))


def _count_instances(parts: Sequence[Sequence[Entry]]) -> int:
    """Return how many instances the ImagingStudies count; parts may repeat one that they name."""
    counted = {
        entry.full_url: entry.resource["numberOfInstances"]
        for entries in parts
        for entry in entries
        if entry.resource["resourceType"] == "ImagingStudy"
    }
    return sum(counted.values())


def _check(parts: Sequence[Sequence[Entry]], options: Options) -> list[Problem]:
    if options.check == "off":
        return []
    from dicom2fhir.check import check_bundle  # noqa: PLC0415 - not needed with --check off

    problems: list[Problem] = []
    for entries in parts:
        problems.extend(check_bundle(bundle_of(entries), options.check))
    return problems


def hash_source(catalog: Catalog, number: int) -> str:
    """Return the SHA-256 of a source's bytes; "" where they are gone or not what was read."""
    digest = hashlib.sha256()
    candidate = catalog.candidate(number)
    try:
        found = os.stat(candidate.path)  # noqa: PTH116 - names of any bytes
        if candidate.mtime_ns not in {None, found.st_mtime_ns}:
            return ""
        source = open_candidate(candidate)
        try:
            offset = 0
            while data := source.read_at(offset, MIB):
                digest.update(data)
                offset += len(data)
        finally:
            source.close()
    except OSError:
        return ""
    return digest.hexdigest()
