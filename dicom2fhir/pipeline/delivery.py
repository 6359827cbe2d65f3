"""Delivering what was emitted: raw bytes, Bundles, cards for the report."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dicom2fhir.bundle import Load, is_limited
from dicom2fhir.errors import (
    ConfigError,
    ServerRefusedError,
    ServerUnreachableError,
    UsageError,
)
from dicom2fhir.pipeline.emission import StudyJob, emit_study
from dicom2fhir.pipeline.payload import SOURCE_CHANGED, PayloadReader
from dicom2fhir.report.summary import NumberCounts
from dicom2fhir.temporary import temporary_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dicom2fhir.catalog import Catalog
    from dicom2fhir.deliver import RawFolder, Sink
    from dicom2fhir.deliver.server.steady import SteadyClient
    from dicom2fhir.options import Options
    from dicom2fhir.pipeline.emission import Emitted
    from dicom2fhir.pipeline.pushing import Sender, Sent
    from dicom2fhir.pipeline.watching import Watch
    from dicom2fhir.pipeline.workers import Workers
    from dicom2fhir.problems import Problem

LOST = {"deliver.foreign", SOURCE_CHANGED}
KEPT_BACK = LOST | {"deliver.kept"}
"""Problems of a sink that mean: this Bundle, or a part of it, is not where it belongs."""
NOT_DELIVERED = "push"
"""Stands among them for a study that the server does not have."""


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
    stored: int = 0
    numbers: NumberCounts = field(default_factory=NumberCounts)
    patients: set[bytes] = field(default_factory=set)
    study_uids: list[str] = field(default_factory=list)

    def add_patients(self, ids: Iterable[str]) -> None:
        """Count these patients once each; a million of them are to stay small."""
        self.patients.update(hashlib.blake2b(one.encode(), digest_size=8).digest() for one in ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """Where what is emitted goes; None: nowhere.

    `reader` reads what they take. `cards` is the file for the card of each study, a line each;
    `spools` is the folder for what is rendered.
    """

    reader: PayloadReader = field(default_factory=PayloadReader)
    sink: Sink | None = None
    raw: RawFolder | None = None
    cards: Path | None = None
    spools: Path | None = None
    push: Sender | None = None
    stow: SteadyClient | None = None


def deliver_studies(
    catalog: Catalog,
    study_uids: Sequence[str],
    options: Options,
    workers: Workers,
    watch: Watch,
    outlets: Outlets,
) -> EmissionCounts:
    """Emit all these studies and deliver them, in this order."""
    counts = EmissionCounts()
    jobs = (
        StudyJob(
            catalog=str(catalog.path),
            study_uid=uid,
            options=options,
            spool=str(outlets.spools / str(number)) if outlets.spools is not None else None,
            decoders=workers.unused,
        )
        for number, uid in enumerate(study_uids)
    )
    results = workers.run(emit_study, jobs)
    push = outlets.push
    catalog.add_problems(push.problems if push is not None else ())
    sink = outlets.sink
    if sink is not None and sink.is_one_bundle and is_limited(options.bundle):
        results = _within_one_bundle(results, options)
    if outlets.stow is not None:
        results = _store(results, outlets.stow, counts)
    sent = ((emitted, None) for emitted in results) if push is None else _push(results, push)
    for done, (emitted, pushed) in enumerate(sent, start=1):
        _add(emitted, counts, _deliver(emitted, pushed, catalog, outlets))
        watch.written(done, len(study_uids))
    return counts


def _store(
    results: Iterator[Emitted], client: SteadyClient, counts: EmissionCounts
) -> Iterator[Emitted]:
    """Send the files of each study to the DICOMweb server before anything names them there."""
    from dicom2fhir.pipeline.storing import store_files  # noqa: PLC0415 - only with --stow

    for emitted in results:
        outcome = store_files(client, emitted.files)
        counts.stored += outcome.held
        emitted.problems += outcome.problems
        emitted.kept_back = {problem.code for problem in outcome.problems}
        if emitted.kept_back & LOST:
            emitted.bundles.clear()
            emitted.raw.clear()
        yield emitted


def _push(results: Iterator[Emitted], sender: Sender) -> Iterator[tuple[Emitted, Sent]]:
    """Send the studies, several at a time; what ends that early is told in the outcome."""
    from dicom2fhir.pipeline.lanes import run_lanes  # noqa: PLC0415 - only with --to

    def send(emitted: Emitted) -> tuple[Emitted, Sent]:
        return emitted, sender.send_bundles(emitted.bundles, emitted.raw)

    try:
        yield from run_lanes(send, results, sender.site.options.jobs, sender)
    except (ServerUnreachableError, ServerRefusedError, ConfigError) as stop:
        sender.stopped_by = stop


def _deliver(emitted: Emitted, pushed: Sent | None, catalog: Catalog, outlets: Outlets) -> set[str]:
    """Deliver one study and return the codes of what kept a part of it back."""
    sink, raw = outlets.sink, outlets.raw
    before = sink.bytes if sink is not None else 0
    kept_back: list[Problem] = []
    for binary in emitted.raw if raw is not None else ():
        kept_back += raw.write(binary) if raw is not None else ()
    # Bytes come before what points at them; without them nothing does.
    lost = any(problem.code in LOST for problem in kept_back)
    for bundle in () if sink is None or lost else emitted.bundles:
        kept_back += sink.write(bundle) if sink is not None else ()
    catalog.add_problems(emitted.problems)
    catalog.add_problems(pushed.problems if pushed is not None else ())
    catalog.add_problems(
        replace(problem, source=outlets.reader.changed)
        if problem.code == SOURCE_CHANGED
        else problem
        for problem in kept_back
    )
    if outlets.cards is not None:
        written = (sink.bytes if sink is not None else 0) - before
        with temporary_faults(), outlets.cards.open("ab") as cards:
            for card in emitted.cards:
                full = replace(card, bundles=len(emitted.bundles), written=written)
                cards.write(full.to_json() + b"\n")
    if emitted.spool is not None:
        Path(emitted.spool).unlink(missing_ok=True)
    not_there = {NOT_DELIVERED} if pushed is not None and not pushed.whole else set()
    codes = {problem.code for problem in kept_back} & KEPT_BACK
    return codes | not_there | emitted.kept_back


def _add(emitted: Emitted, counts: EmissionCounts, refused: set[str]) -> None:
    if refused & LOST:
        emitted.failed += emitted.converted
        emitted.converted = emitted.studies = emitted.series = 0
        emitted.patients.clear()
        emitted.numbers = NumberCounts()
    counts.studies += emitted.studies
    counts.series += emitted.series
    counts.converted += emitted.converted
    counts.failed += emitted.failed
    counts.duplicates += emitted.duplicates
    counts.conflicts += emitted.conflicts
    counts.rejected += emitted.rejected
    counts.numbers = counts.numbers.plus(emitted.numbers)
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
