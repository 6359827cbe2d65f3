"""From a filled catalog to delivered Bundles: map, bundle, check, deliver."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from dicom2fhir.bundle import Load, bundle_of, encode_bundle, is_limited, make_bundles
from dicom2fhir.catalog import assemble_study, attach
from dicom2fhir.errors import UsageError
from dicom2fhir.find import open_candidate
from dicom2fhir.mapping import issuer_key, map_provenance, map_study
from dicom2fhir.problems import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dicom2fhir.catalog import Catalog
    from dicom2fhir.deliver import Sink
    from dicom2fhir.model import EncodedBundle, Entry, Resource, Study
    from dicom2fhir.options import Options
    from dicom2fhir.pipeline.watching import Watch
    from dicom2fhir.pipeline.workers import Workers

MIB = 1024 * 1024
KEPT_BACK = {"deliver.foreign", "deliver.kept"}
"""Problems of a sink that mean: this Bundle, or a part of it, is not where it belongs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyJob:
    """One Study Instance UID to be turned into Bundles."""

    catalog: str
    study_uid: str
    options: Options


@dataclass(slots=True, kw_only=True)
class Emitted:
    """The Bundles of one Study Instance UID and what is to be told of them."""

    study_uid: str = ""
    bundles: list[EncodedBundle] = field(default_factory=list)
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


@dataclass(slots=True)
class EmissionCounts:
    """What was written."""

    studies: int = 0
    series: int = 0
    converted: int = 0
    failed: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0
    patients: set[bytes] = field(default_factory=set)
    study_uids: list[str] = field(default_factory=list)

    def add_patients(self, ids: Iterable[str]) -> None:
        """Count these patients once each; a million of them are to stay small."""
        self.patients.update(hashlib.blake2b(one.encode(), digest_size=8).digest() for one in ids)


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
        problems=list(assembled.problems),
        duplicates=assembled.duplicates,
        conflicts=assembled.conflicts,
        rejected=assembled.rejected,
    )
    for study in assembled.studies:
        _emit(study, options, emitted)
    return emitted


def _emit(study: Study, options: Options, emitted: Emitted) -> None:
    source = study.series[0].instances[0].source
    mapped = map_study(study, options.map)
    own = imaging_study_id(mapped.resources)
    if own in emitted.own_ids:
        emitted.failed += study.instance_count
        emitted.problems.append(Problem(code="map.same-id", source=source))
        return
    emitted.own_ids.add(own)
    provenance = partial(map_provenance, options=options.map) if options.map.provenance else None
    parts, problems = make_bundles(mapped.resources, options.bundle, provenance)
    findings = _check(parts, options)
    emitted.problems.extend(
        replace(problem, source=source) for problem in (*mapped.problems, *problems, *findings)
    )
    counted = _count_instances(parts)
    # What fails the check would be refused as a whole, or worse, be stored: it stays here. So does
    # what would lead to a study that no Bundle can hold.
    if not counted or any(problem.severity is Severity.ERROR for problem in findings):
        emitted.failed += study.instance_count
        return
    emitted.studies += 1
    emitted.series += len(study.series)
    emitted.converted += counted
    emitted.failed += study.instance_count - counted
    emitted.patients.update(
        resource["id"] for resource in mapped.resources if resource["resourceType"] == "Patient"
    )
    name = study.uid if not study.shared_uid else f"{study.uid}_{own[:8]}"
    emitted.bundles.extend(
        encode_bundle(name, number, len(parts), entries)
        for number, entries in enumerate(parts, start=1)
    )


def imaging_study_id(resources: Sequence[Resource]) -> str:
    """Return the id of the ImagingStudy among the resources of a study."""
    return str(next(one["id"] for one in resources if one["resourceType"] == "ImagingStudy"))


def _count_instances(parts: Sequence[Sequence[Entry]]) -> int:
    """Return how many instances the ImagingStudies of the parts count."""
    return sum(
        entry.resource["numberOfInstances"]
        for entries in parts
        for entry in entries
        if entry.resource["resourceType"] == "ImagingStudy"
    )


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


def emit_studies(
    catalog: Catalog,
    study_uids: Sequence[str],
    options: Options,
    workers: Workers,
    watch: Watch,
    sink: Sink | None,
) -> EmissionCounts:
    """Write all these studies, in this order."""
    counts = EmissionCounts()
    jobs = (
        StudyJob(catalog=str(catalog.path), study_uid=uid, options=options) for uid in study_uids
    )
    results = workers.run(emit_study, jobs)
    if sink is not None and sink.is_one_bundle and is_limited(options.bundle):
        results = _within_one_bundle(results, options)
    for done, emitted in enumerate(results, start=1):
        catalog.add_problems(emitted.problems)
        refused: set[str] = set()
        for bundle in emitted.bundles:
            problems = sink.write(bundle) if sink is not None else ()
            catalog.add_problems(problems)
            refused |= {problem.code for problem in problems} & KEPT_BACK
        _add(emitted, counts, refused)
        watch.written(done, len(study_uids))
    return counts


def _add(emitted: Emitted, counts: EmissionCounts, refused: set[str]) -> None:
    if "deliver.foreign" in refused:
        emitted.failed += emitted.converted
        emitted.converted = emitted.studies = emitted.series = 0
        emitted.patients.clear()
    counts.studies += emitted.studies
    counts.series += emitted.series
    counts.converted += emitted.converted
    counts.failed += emitted.failed
    counts.duplicates += emitted.duplicates
    counts.conflicts += emitted.conflicts
    counts.rejected += emitted.rejected
    counts.add_patients(emitted.patients)
    # What did not reach its place is still to be written, so a later run tries again.
    if not emitted.failed and not refused:
        counts.study_uids.append(emitted.study_uid)


def _within_one_bundle(results: Iterator[Emitted], options: Options) -> Iterator[Emitted]:
    """Hold all studies back until it is certain that they fit into one Bundle."""
    held: list[Emitted] = []
    seen: set[str] = set()
    load = Load()
    for emitted in results:
        held.append(emitted)
        for entry in (entry for bundle in emitted.bundles for entry in bundle.entries):
            if entry.full_url not in seen:
                seen.add(entry.full_url)
                load = load.plus(entry)
        if load.exceeds(options.bundle) or any(bundle.parts > 1 for bundle in emitted.bundles):
            raise UsageError(
                "The input does not fit into one Bundle within the limits.",
                hint="Write a Bundle a line with -o x.ndjson, or send them with --to.",
            )
    yield from held
