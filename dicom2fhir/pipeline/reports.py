"""Structured reports and waveforms of a study: their content read, and understood."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from dicom2fhir.pipeline.reading import read_steadily
from dicom2fhir.pipeline.waveforms import find_waveforms
from dicom2fhir.problems import Problem
from dicom2fhir.report.summary import NumberCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dicom2fhir.content import Report, Waveform
    from dicom2fhir.model import ByteSource, Candidate, Payloads, SeriesInstance, Study
    from dicom2fhir.options import Options

    CandidateOf: TypeAlias = Callable[[int], Candidate]

_REPORTS = "1.2.840.10008.5.1.4.1.1.88."
"""What the SOP Classes of structured reports begin with (PS3.4 B.5)."""
_CONTENT = "ContentSequence"
_UNREADABLE = "sr.unreadable"


@dataclass(slots=True, kw_only=True)
class Understood:
    """The reports and waveforms of a study, and what was wrong with them."""

    reports: list[Report] = field(default_factory=list)
    waveforms: list[Waveform] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def key_frames(self) -> dict[str, list[int]]:
        """Return the frames that are key by SOP Instance UID, none where the whole image is."""
        found: dict[str, list[int]] = {}
        for report in self.reports:
            for named in report.cited if report.kind == "key-objects" else ():
                frames = found.setdefault(named.sop_instance_uid, [])
                frames += (one for one in named.frames if one not in frames)
        return found

    def carried_by(self, payloads: Payloads) -> Payloads:
        """Return the payloads with these."""
        return replace(payloads, reports=tuple(self.reports), waveforms=tuple(self.waveforms))


def may_report(instance: SeriesInstance) -> bool:
    """Tell whether an instance may have a content tree, whatever its SOP Class."""
    return _CONTENT in instance.attributes or instance.sop_class_uid.startswith(_REPORTS)


def understand_reports(study: Study, candidate_of: CandidateOf, options: Options) -> Understood:
    """Return the structured reports of a study, and its waveforms where they are asked for.

    Errors: Problem sr.*, waveform.* of its source; what cannot be read holds nothing back
    """
    understood = Understood()
    if options.map.observations == "none":
        return understood
    for instance in _reporting(study):
        report, problems = _understand(candidate_of(instance.source), instance, options)
        if report is not None and not _is_rejection(report):
            understood.reports.append(report)
        understood.problems += (replace(one, source=instance.source) for one in problems)
    if options.map.waveforms:
        understood.waveforms, problems = find_waveforms(study, candidate_of, options)
        understood.problems += problems
    return understood


def _is_rejection(report: Report) -> bool:
    """Tell a note that withdraws instances: it says nothing of the patient (IHE IOCM)."""
    from dicom2fhir.read.assemble import REJECTIONS  # noqa: PLC0415 - few studies have reports

    name = report.name
    return name is not None and name.scheme == "DCM" and name.value in REJECTIONS


def _reporting(study: Study) -> Iterator[SeriesInstance]:
    for series in study.series:
        yield from filter(may_report, series.instances)


def _understand(
    candidate: Candidate, instance: SeriesInstance, options: Options
) -> tuple[Report | None, list[Problem]]:
    from dicom2fhir.read import read_content  # noqa: PLC0415 - few studies have reports
    from dicom2fhir.sr import build_tree, understand  # noqa: PLC0415 - the same

    limits = replace(
        options.read, max_items=options.report.max_items, max_depth=options.report.max_depth
    )

    def read(source: ByteSource) -> tuple[Report | None, tuple[Problem, ...]]:
        content = read_content(source, limits)
        if content.attributes is None:
            return None, content.problems
        tree = build_tree(content.attributes, options.report)
        return understand(tree, instance.uid, options.report), content.problems

    result, problems = read_steadily(candidate, read)
    if result is None:
        # The instance itself was read: only what it says is not known.
        return None, [Problem(code=_UNREADABLE, detail=one.detail or one.code) for one in problems]
    report, noted = result
    return report, [*noted, *(_faults(report) if report is not None else ())]


def _faults(report: Report) -> Iterator[Problem]:
    for (code, tag), count in sorted(report.faults.items()):
        yield Problem(code=code, tag=tag, count=count)


def count_numbers(reports: Iterable[Report]) -> NumberCounts:
    """Return what became of the numbers of these reports.

    The law: numbers found = Observations + components + omissions.
    """
    total = NumberCounts()
    for report in reports:
        # One item with several values is one number, in as many components.
        whole = {one.path for one in report.observed if one.counts}
        parts = {part.path for one in report.observed for part in one.parts if part.counts}
        total = total.plus(
            NumberCounts(
                reports=1,
                found=report.numbers,
                observations=len(whole),
                components=len(parts - whole),
                omitted=len(report.omissions),
            )
        )
    return total
