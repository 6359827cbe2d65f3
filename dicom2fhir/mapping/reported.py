"""A structured report on its way to FHIR: what all that is made of it has in common."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dicom2fhir.identity import CITED_INSTANCE, resource_id
from dicom2fhir.mapping.codes import coded_concept, uids
from dicom2fhir.mapping.dates import (
    acquired_moment,
    instant,
    parse_date,
    parse_date_time,
    parse_time,
    zone_of,
)
from dicom2fhir.mapping.identifiers import uid
from dicom2fhir.mapping.names import display_name
from dicom2fhir.mapping.origin import Origin, equipment, find_origins, study_reference
from dicom2fhir.mapping.text import MAX_UNSIGNED, clean, first

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dicom2fhir.content import Algorithm, Observed, Referenced, Report
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.mapping.media import Shown
    from dicom2fhir.model import Attributes, Json, Resource

_FINISHED = frozenset({"key-objects", "manifest"})
"""Kinds of documents that are complete as they are, where they have no flags (PS3.3 C.17.6.2)."""
_FLAGS = {"PRELIMINARY": "preliminary", "FINAL": "final"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One report, the instance that holds it, and what it cites of the study.

    `places` are the cited instances that the study lists, `acquired` when these were, `shown` their
    renditions, all by SOP Instance UID. `status` is that of the report. `study` and
    `equipment` are References: to the ImagingStudy, and to what made the report.
    """

    report: Report
    origin: Origin
    status: str
    study: Json = None
    equipment: Json = None
    issued: str | None = None
    places: Mapping[str, Origin] = field(default_factory=dict)
    acquired: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, Sequence[Shown]] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    algorithms: Mapping[str, Algorithm] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """Return the context of the series that the report is in."""
        return self.origin.context

    @property
    def attributes(self) -> Attributes:
        """Return the attributes of the document."""
        return self.report.attributes

    def id(self, kind: str, path: str) -> str:
        """Return the id of what is made of the content item of this path."""
        return resource_id(kind, self.report.sop_instance_uid, path, *self.context.scope)

    @property
    def started(self) -> str | None:
        """Return when the study started, as its resource says."""
        started: str | None = self.origin.study_resource.get("started")
        return started

    def observations(self, paths: Iterable[str]) -> list[Json]:
        """Return a Reference to the Observation of each of these paths that became one."""
        return [
            {"reference": f"Observation/{self.id('Observation', path)}"}
            for path in dict.fromkeys(paths)
            if path in self.paths
        ]

    def media(self, references: Iterable[Referenced]) -> list[Json]:
        """Return a Reference to each Media of these instances and frames."""
        found = (
            f"Media/{shown.id('Media')}"
            for one in references
            for shown in self.shown.get(one.sop_instance_uid, ())
            if not one.frames or shown.rendition.frame in {0, *one.frames}
        )
        return [{"reference": name} for name in dict.fromkeys(found)]

    def people(self, path: str) -> list[Json]:
        """Return who observed here: whom the nearest item above names, else the only one."""
        report, place = self.report, path
        while place and place not in report.observers:
            place = place.rpartition(".")[0]
        alone = report.persons if len(report.persons) == 1 else ()
        return _people(report.observers.get(place, alone))

    def effective(self, observed: Observed) -> str | None:
        """Return when the first image was acquired that this was seen in, else that of the study.

        DICOM:  AcquisitionDateTime of the cited image, then StudyDate
        """
        times = (self.acquired.get(one.sop_instance_uid) for one in observed.references)
        return next((time for time in times if time), None) or self.started

    def cited(self, references: Sequence[Referenced]) -> list[Json]:
        """Return a Reference to each study with what was cited of it, by its UID where it is other.

        FHIR:   Reference; extension cited-instance; logical for what is not here (R4
                references.html#logical)
        """
        studies: dict[str, list[Referenced]] = {}
        for one in references:
            if clean(one.sop_instance_uid):
                studies.setdefault(self._study_of(one), []).append(one)
        return [
            reference for study, found in studies.items() for reference in self._refer(study, found)
        ]

    def studies(self, references: Sequence[Referenced]) -> list[Json]:
        """Return a Reference to its own study and to each other one, with what was cited of it."""
        cited = self.cited(references)
        own = [one for one in cited if "reference" in one]
        return [*(own or [self.study]), *(one for one in cited if "type" in one)]

    def _study_of(self, one: Referenced) -> str:
        """Return the UID of the study of an instance, "" where nobody knows it."""
        if one.sop_instance_uid in self.places:
            return self.context.study.uid
        return one.study_uid if uids({"UID": [one.study_uid]}, "UID") else ""

    def _refer(self, study_uid: str, found: Sequence[Referenced]) -> list[Json]:
        if study_uid == self.context.study.uid:
            return [self.study | {"extension": self._extensions(found)}]
        if not study_uid:
            names = dict.fromkeys(clean(one.sop_instance_uid) for one in found)
            return [{"identifier": uid(name)} for name in names]
        extensions = self._extensions(found)
        return [{"extension": extensions, "type": "ImagingStudy", "identifier": uid(study_uid)}]

    def _extensions(self, references: Iterable[Referenced]) -> list[Json]:
        return [self._extension(one) for one in dict.fromkeys(references)]

    def _extension(self, one: Referenced) -> Json:
        parts: list[Json] = [{"url": "uid", "valueString": clean(one.sop_instance_uid)}]
        for kind, numbers in (("frame", one.frames), ("segment", one.segments)):
            parts += [
                {"url": kind, "valuePositiveInt": number}
                for number in numbers
                if 0 < number <= MAX_UNSIGNED
            ]
        purpose = coded_concept(one.purpose, self.context)
        if purpose:
            parts.append({"url": "purpose", "valueCodeableConcept": purpose})
        return {"url": CITED_INSTANCE, "extension": parts}

    def device(self, path: str) -> Json:
        """Return the algorithm of this path, else the equipment that made the report."""
        algorithm = self.algorithms.get(path)
        if algorithm is None:
            return self.equipment
        return {"reference": f"Device/{algorithm_id(algorithm, self)}"}


def algorithm_id(algorithm: Algorithm, reported: Reported) -> str:
    """Return the id of the Device of an algorithm or of a device that observed.

    FHIR:   UUIDv5 of `algorithm`, name, version, what made and tells it, and its parameters; and of
            the equipment that it runs on
    """
    host = (reported.equipment or {}).get("reference", "")
    told = (algorithm.manufacturer, algorithm.model, algorithm.serial, algorithm.uid)
    key = (algorithm.name, algorithm.version, *told, host, *algorithm.parameters)
    return resource_id("Device", "algorithm", *key)


def _status(report: Report, context: Context) -> str:
    """Return the status of a report, never above what its flags say.

    DICOM:  PreliminaryFlag (0040,A496), else CompletionFlag (0040,A491), VerificationFlag
            (0040,A493); PredecessorDocumentsSequence (0040,A360) (PS3.3 C.17.2)
    """
    flags = report.attributes
    preliminary = _FLAGS.get(first(flags, "PreliminaryFlag"))
    if context.options.sr_status == "final":
        stated = "final"
    elif preliminary:
        stated = preliminary
    elif first(flags, "CompletionFlag") == "PARTIAL":
        stated = "partial"
    elif not (verification := first(flags, "VerificationFlag")):
        stated = "final" if report.kind in _FINISHED else "preliminary"
    else:
        stated = "final" if verification == "VERIFIED" else "preliminary"
    is_amended = stated == "final" and flags.get("PredecessorDocumentsSequence")
    return "amended" if is_amended else stated


def _issued(report: Report, context: Context) -> str | None:
    """Return when the content was made, where time and zone are known."""
    attributes = report.attributes
    day = parse_date(first(attributes, "ContentDate"))
    time = parse_time(first(attributes, "ContentTime"))
    return instant(day, time, zone_of(attributes, context), context) if day else None


def issued(observed: Observed, reported: Reported) -> str | None:
    """Return when the observation was made, else the content; where time and zone are known."""
    found = parse_date_time(observed.observed) if observed.observed else None
    if found is None:
        return reported.issued
    day, time, offset = found
    context = reported.context
    zone = zone_of(reported.attributes, context) if offset is None else offset
    return instant(day, time, zone, context)


def _people(names: Iterable[str]) -> list[Json]:
    """Return each person by name alone."""
    shown = dict.fromkeys(display_name(name) for name in names)
    return [{"type": "Practitioner", "display": name} for name in shown if name]


def find_reported(study: Resource, shown: Sequence[Shown], context: Context) -> list[Reported]:
    """Return the reports of a study, each with what it cites of the study."""
    reports = context.payloads.reports
    cited = {one.sop_instance_uid for report in reports for one in _named(report)}
    holders = (report.sop_instance_uid for report in reports)
    origins = find_origins([*holders, *cited], study, context)
    renditions: dict[str, list[Shown]] = {}
    for one in shown:
        renditions.setdefault(one.rendition.sop_instance_uid, []).append(one)
    acquired = {
        name: time
        for name, origin in origins.items()
        if name in cited and (time := _acquired(origin))
    }
    every = [
        _reported(report, origins, acquired, renditions)
        for report in reports
        if report.sop_instance_uid in origins
    ]
    for reported in every:
        _note_elsewhere(reported)
    return every


def _named(report: Report) -> Iterator[Referenced]:
    """Yield every instance that the report names, also those by way of its image library."""
    yield from report.cited
    for one in report.observed:
        yield from one.references


def _note_elsewhere(reported: Reported) -> None:
    """Count what the report names and the input does not hold, each instance and study once.

    Errors: Problem sr.not-here, sr.other-study; what a manifest lists is counted elsewhere.
    """
    context = reported.context
    if reported.report.kind == "manifest":
        return
    away = {one for one in _named(reported.report) if one.sop_instance_uid not in reported.places}
    missing = {one.sop_instance_uid for one in away if one.study_uid == context.study.uid}
    others = {one.study_uid for one in away} - {context.study.uid}
    for _ in missing:
        context.note("sr.not-here", "ReferencedSOPInstanceUID")
    for _ in uids({"UID": sorted(others)}, "UID"):
        context.note("sr.other-study", "StudyInstanceUID")


def _acquired(origin: Origin) -> str | None:
    element = "Observation.effectiveDateTime"
    return acquired_moment(origin.instance, origin.series, origin.context, element)


def _reported(
    report: Report,
    origins: Mapping[str, Origin],
    acquired: Mapping[str, str],
    shown: Mapping[str, Sequence[Shown]],
) -> Reported:
    origin = origins[report.sop_instance_uid]
    return Reported(
        report=report,
        origin=origin,
        status=_status(report, origin.context),
        study=study_reference(origin),
        equipment=equipment(origin),
        issued=_issued(report, origin.context),
        places=origins,
        acquired=acquired,
        shown=shown,
        paths=frozenset(one.path for one in report.observed),
        algorithms={one.path: one for one in report.algorithms},
    )


def at_item(context: Context, path: str) -> Context:
    """Return the context for the content item of this path."""
    return replace(context, item=path) if context.trace is not None else context
