"""What a manifest lists besides the files at hand: series and instances that are elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicom2fhir.mapping.tables.class_modalities import CLASS_MODALITIES
from dicom2fhir.model import Series, SeriesInstance, Study

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.content import ListedSeries, Report
    from dicom2fhir.model import Attributes

# R4 datatypes.html#id and #oid: what a series, an instance and a SOP Class may be called
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_UID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A study with what its manifests list; how many instances of it have no file here.

    `elsewhere` counts series of other studies: a manifest must not stand in the place of those.
    """

    study: Study
    without_file: int = 0
    elsewhere: int = 0


def complete_study(study: Study, reports: Iterable[Report]) -> Completed:
    """Return the study with the series and instances that its manifests list and no file has.

    DICOM:  PS3.3 C.17.2.1; SOP Class UIDs tell the modality, as nothing else does
    """
    sources = {one.uid: one.source for series in study.series for one in series.instances}
    known = set(sources)
    added: dict[str, Series] = {}
    elsewhere = 0
    for report in reports:
        source = sources.get(report.sop_instance_uid, 0)
        for listed in report.listed:
            if listed.study_uid != study.uid:
                elsewhere += 1
            elif _ID.fullmatch(listed.series_uid):
                _add(listed, source, known, added)
    if not added:
        return Completed(study=study, elsewhere=elsewhere)
    series = (*(_join(one, added) for one in study.series), *added.values())
    return Completed(
        study=replace(study, series=series),
        without_file=len(known) - len(sources),
        elsewhere=elsewhere,
    )


def _add(listed: ListedSeries, source: int, known: set[str], added: dict[str, Series]) -> None:
    instances = []
    for sop_class, uid in listed.instances:
        if uid not in known and _ID.fullmatch(uid) and _UID.fullmatch(sop_class):
            known.add(uid)
            instances.append(_instance(sop_class, uid, source))
    if not instances:
        return
    before = added.get(listed.series_uid)
    if before is not None:
        added[before.uid] = replace(before, instances=(*before.instances, *instances))
        return
    added[listed.series_uid] = Series(
        uid=listed.series_uid,
        attributes=_attributes(listed, instances[0].sop_class_uid),
        instances=tuple(instances),
    )


def _instance(sop_class: str, uid: str, source: int) -> SeriesInstance:
    return SeriesInstance(
        uid=uid,
        sop_class_uid=sop_class,
        transfer_syntax_uid="",
        part10=False,
        attributes={},
        source=source,
    )


def _attributes(listed: ListedSeries, sop_class: str) -> Attributes:
    stated = {
        "Modality": listed.modality or CLASS_MODALITIES.get(sop_class, ""),
        "RetrieveURL": listed.retrieve_url,
        "RetrieveAETitle": listed.retrieve_ae,
        "RetrieveLocationUID": listed.location_uid,
    }
    return {keyword: (text,) for keyword, text in stated.items() if text}


def _join(series: Series, added: dict[str, Series]) -> Series:
    """Return a series of files with the instances of it that only the manifest knows."""
    more = added.pop(series.uid, None)
    if more is None:
        return series
    return replace(
        series,
        attributes={**more.attributes, **series.attributes},
        instances=(*series.instances, *more.instances),
    )
