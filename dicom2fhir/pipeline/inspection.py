"""`inspect` and `explain`: looking without writing."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from dicom2fhir.catalog import Batch, RowEncoder, assemble_study, open_catalog
from dicom2fhir.errors import NothingFoundError, UsageError
from dicom2fhir.find import Finder
from dicom2fhir.mapping import explain_study, issuer_key, patient_id
from dicom2fhir.model import Candidate, Payloads
from dicom2fhir.pipeline.conversion import Stopwatch, summarise
from dicom2fhir.pipeline.delivery import EmissionCounts
from dicom2fhir.pipeline.emission import card_of, hash_source
from dicom2fhir.pipeline.reading import NOT_DICOM, read_candidate, read_sources
from dicom2fhir.pipeline.reports import understand_reports
from dicom2fhir.pipeline.watching import Unwatched, Watch
from dicom2fhir.pipeline.workers import Workers
from dicom2fhir.problems import CODES
from dicom2fhir.report.summary import Outcome, SeriesRow, StudyRow
from dicom2fhir.temporary import PrivateFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.catalog import Catalog
    from dicom2fhir.mapping import Explained
    from dicom2fhir.model import Attributes, Series, Study
    from dicom2fhir.options import Options
    from dicom2fhir.pipeline.carrying import Carrier
    from dicom2fhir.problems import Problem
    from dicom2fhir.report.pictures import StudyCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """The studies of the sources, as rows and, with thumbnails, as cards; and what was met."""

    rows: list[StudyRow]
    cards: list[StudyCard]
    outcome: Outcome


def inspect(
    options: Options, watch: Watch | None = None, listing: BinaryIO | None = None
) -> Inspected:
    """Return the studies of the sources and what the run has to say; write nothing."""
    watch = watch or Unwatched()
    stopwatch = Stopwatch()
    with ExitStack() as stack:
        finder = stack.enter_context(Finder(options.find))
        catalog = stack.enter_context(open_catalog(None, "", options.find.temp_dir))
        workers = stack.enter_context(Workers(options.workers))
        with stopwatch.measure("read"):
            watch.stage("read")
            findings = finder.find(
                options.sources, listing=listing, null_separated=options.null_separated
            )
            read = read_sources(findings, catalog, options, workers, watch)
        emitted = EmissionCounts()
        rows: list[StudyRow] = []
        cards: list[StudyCard] = []
        carrier = _carrier(catalog, options, workers, stack) if options.render.thumbnails else None
        for uid in catalog.study_uids():
            studies = _assemble(catalog, uid, options, emitted)
            rows += [_study_row(study) for study in studies]
            if carrier is not None:
                cards += [_card(study, carrier, catalog) for study in studies]
        _count(rows, emitted)
        outcome = summarise(read, emitted, catalog, None, options)
    return Inspected(rows=rows, cards=cards, outcome=stopwatch.add_to(outcome))


def _carrier(catalog: Catalog, options: Options, workers: Workers, stack: ExitStack) -> Carrier:
    """Return what renders thumbnails and nothing else."""
    from dicom2fhir.pipeline.carrying import Carrier  # noqa: PLC0415 - asked for seldom
    from dicom2fhir.pipeline.rendering import Renderer  # noqa: PLC0415 - the same
    from dicom2fhir.pipeline.spool import Spool  # noqa: PLC0415 - the same

    folder = PrivateFolder(options.find.temp_dir)
    stack.callback(folder.remove)
    spool = stack.enter_context(Spool(folder.path / "thumbnails"))
    renderer = stack.enter_context(Renderer(workers.unused))
    only = replace(
        options,
        map=replace(options.map, dicom="none"),
        render=replace(options.render, media="none"),
    )
    return Carrier(catalog, only, renderer, spool)


def _card(study: Study, carrier: Carrier, catalog: Catalog) -> StudyCard:
    carried = carrier.carry(study)
    catalog.add_problems(carried.problems)
    return card_of(study, carried)


def _count(rows: Sequence[StudyRow], counts: EmissionCounts) -> None:
    counts.studies = len(rows)
    counts.series = sum(len(row.series) for row in rows)
    counts.converted = sum(row.instances for row in rows)


def _assemble(
    catalog: Catalog, study_uid: str, options: Options, counts: EmissionCounts
) -> list[Study]:
    fingerprint = partial(hash_source, catalog)
    issuer_of = partial(issuer_key, options=options.map)
    assembled = assemble_study(
        catalog, study_uid, fingerprint, issuer_of, keep_rejected=options.keep_rejected
    )
    catalog.add_problems(assembled.problems)
    counts.duplicates += assembled.duplicates
    counts.conflicts += assembled.conflicts
    counts.rejected += assembled.rejected
    patients = (patient_id(study, options.map) for study in assembled.studies)
    counts.add_patients(one for one in patients if one is not None)
    return assembled.studies


def _study_row(study: Study) -> StudyRow:
    series = tuple(_series_row(one) for one in study.series)
    return StudyRow(
        study_uid=study.uid,
        date=_first(study.attributes, "StudyDate"),
        description=_first(study.attributes, "StudyDescription"),
        modalities=tuple(sorted({one.modality for one in series if one.modality})),
        patient_name=_first(study.patient, "PatientName"),
        patient_id=_first(study.patient, "PatientID"),
        series=series,
    )


def _series_row(series: Series) -> SeriesRow:
    return SeriesRow(
        uid=series.uid,
        number=_first(series.attributes, "SeriesNumber"),
        modality=_first(series.attributes, "Modality"),
        description=_first(series.attributes, "SeriesDescription"),
        instances=len(series.instances),
    )


def _first(attributes: Attributes, keyword: str) -> str:
    values = attributes.get(keyword)
    return str(values[0]) if values else ""


def explain(path: str, options: Options) -> list[Explained]:
    """Return each FHIR element of one file, where it came from, and the clause.

    Errors: UsageError when there is no such file; NothingFoundError when it is not DICOM.
    """
    with Finder(options.find) as finder:
        findings = list(finder.find([path]))
        candidates = [one for one in findings if isinstance(one, Candidate)]
        if len(candidates) != 1:
            raise UsageError(
                "explain looks at one file.", hint="Use inspect or convert for folders."
            )
        instance, problems = read_candidate(candidates[0], options.read)
    if instance is None:
        raise _unread(problems)
    with open_catalog(None, "") as catalog:
        batch = Batch()
        RowEncoder(batch).add(instance, catalog.number_source())
        catalog.add(batch)
        catalog.finish_reading()
        assembled = assemble_study(
            catalog,
            instance.study_uid,
            partial(hash_source, catalog),
            partial(issuer_key, options=options.map),
            keep_rejected=True,
        )
    study = assembled.studies[0]
    understood = understand_reports(study, lambda _: candidates[0], options)
    return list(explain_study(study, options.map, understood.carried_by(Payloads())))


def _unread(problems: Sequence[Problem]) -> NothingFoundError:
    if not problems or problems[0].code == NOT_DICOM:
        return NothingFoundError("The file is not DICOM.", hint="inspect lists what can be read.")
    return NothingFoundError(f"{problems[0].message}.", hint=CODES[problems[0].code].advice)
