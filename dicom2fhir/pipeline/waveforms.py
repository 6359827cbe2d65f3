"""Waveforms of a study: their samples read, and taken as numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dicom2fhir.pipeline.reading import read_steadily
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dicom2fhir.content import Waveform
    from dicom2fhir.model import ByteSource, Candidate, SeriesInstance, Study
    from dicom2fhir.options import Options

_WAVEFORMS = "WaveformSequence"


def find_waveforms(
    study: Study, candidate_of: Callable[[int], Candidate], options: Options
) -> tuple[list[Waveform], list[Problem]]:
    """Return the waveforms of a study, and what was wrong with them.

    Errors: Problem waveform.* of its source; a waveform that cannot be read holds nothing back
    """
    found: list[Waveform] = []
    problems: list[Problem] = []
    for instance in _holding(study):
        waveforms, noted = _read(candidate_of(instance.source), instance, options)
        found += waveforms
        problems += (replace(one, source=instance.source) for one in noted)
    return found, problems


def _holding(study: Study) -> Iterator[SeriesInstance]:
    for series in study.series:
        yield from (one for one in series.instances if _WAVEFORMS in one.attributes)


def _read(
    candidate: Candidate, instance: SeriesInstance, options: Options
) -> tuple[list[Waveform], list[Problem]]:
    from dicom2fhir.read import read_waveforms  # noqa: PLC0415 - few studies have waveforms
    from dicom2fhir.sr import UnwritableError, understand_waveform  # noqa: PLC0415 - the same

    def read(source: ByteSource) -> tuple[list[Waveform], list[Problem]]:
        result = read_waveforms(source, options.read)
        found, problems = [], list(result.problems)
        for number, group in enumerate(result.groups, start=1):
            try:
                found.append(understand_waveform((instance.uid, number), *group))
            except UnwritableError as error:
                problems.append(Problem(code=error.code))
        return found, problems

    result, problems = read_steadily(candidate, read)
    if result is None:
        return [], [Problem(code="waveform.unreadable", detail=one.code) for one in problems]
    return result[0], [*result[1], *problems]
