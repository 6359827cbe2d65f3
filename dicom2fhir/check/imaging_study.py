"""The rules of ImagingStudy that R6 states and our output keeps in every version.

FHIR: R6 ImagingStudy ist-1 to ist-7: uids are unique, counts are what is listed, the modalities of
the study cover its series. A series, or a study, that lists nothing may still count.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.model import Json, Resource


def study_faults(study: Resource) -> Iterator[tuple[str, str]]:
    """Yield where a study of sound form breaks a rule: the path below it and the rule."""
    series = study.get("series", [])
    listed = [[instance.get("uid") for instance in one.get("instance", ())] for one in series]
    yield from _count_faults(study, series, listed)
    yield from _uid_faults(series, listed)
    yield from _modality_faults(study, series)


def _count_faults(
    study: Resource, series: list[Resource], listed: list[list[Json]]
) -> Iterator[tuple[str, str]]:
    if series and study.get("numberOfSeries", len(series)) != len(series):
        yield ".numberOfSeries", "numberOfSeries is what is listed"
    counts = []
    for place, (one, uids) in enumerate(zip(series, listed, strict=True)):
        stated = one.get("numberOfInstances")
        counts.append(len(uids) or stated)
        if uids and stated not in {None, len(uids)}:
            yield f".series[{place}].numberOfInstances", "numberOfInstances is what is listed"
    if series and None not in counts:
        total = sum(count or 0 for count in counts)
        if study.get("numberOfInstances", total) != total:
            yield ".numberOfInstances", "numberOfInstances is the sum of the series"


def _uid_faults(series: list[Resource], listed: list[list[Json]]) -> Iterator[tuple[str, str]]:
    uids = [one["uid"] for one in series if "uid" in one]
    if len(set(uids)) != len(uids):
        repeated = {uid for uid, count in Counter(uids).items() if count > 1}
        for place, one in enumerate(series):
            if one.get("uid") in repeated:
                yield f".series[{place}].uid", "series uid is unique"
    if len(set(chain.from_iterable(listed))) == sum(map(len, listed)):
        return
    counted = Counter(chain.from_iterable(listed))
    for place, row in enumerate(listed):
        for number, uid in enumerate(row):
            if uid is not None and counted[uid] > 1:
                yield f".series[{place}].instance[{number}].uid", "instance uid is unique"


def _modality_faults(study: Resource, series: list[Resource]) -> Iterator[tuple[str, str]]:
    # R4 does not ask for study modalities: without any there is nothing to cover.
    if "modality" not in study:
        return
    stated = {(coding.get("system"), coding.get("code")) for coding in study["modality"]}
    for place, one in enumerate(series):
        coding = one["modality"]
        if (coding.get("system"), coding.get("code")) not in stated:
            yield f".series[{place}].modality", "study modality covers the series"
