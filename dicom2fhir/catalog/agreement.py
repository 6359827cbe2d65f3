"""What the instances of a study say together, where their headers differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.model import Attributes

TOGETHER = (
    ("PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence"),
    ("PatientBirthDate", "PatientBirthTime"),
    ("StudyDate", "StudyTime", "TimezoneOffsetFromUTC"),
    ("AccessionNumber", "IssuerOfAccessionNumberSequence"),
    ("AdmissionID", "IssuerOfAdmissionIDSequence"),
    ("ReferringPhysicianName", "ReferringPhysicianIdentificationSequence"),
    ("NameOfPhysiciansReadingStudy", "PhysiciansReadingStudyIdentificationSequence"),
    ("SeriesDate", "SeriesTime"),
    ("PerformingPhysicianName", "PerformingPhysicianIdentificationSequence"),
    ("OperatorsName", "OperatorIdentificationSequence"),
    ("InstitutionName", "InstitutionCodeSequence"),
    (
        "Manufacturer",
        "ManufacturerModelName",
        "StationName",
        "DeviceSerialNumber",
        "DeviceUID",
        "SoftwareVersions",
        "ManufacturerDeviceClassUID",
        "UDISequence",
    ),
)
"""Attributes that mean something only together: mixed, they would name what no file states."""

FLAGS = ("QualityControlSubject", "PatientIdentityRemoved")
"""Attributes that say NO where they are absent, beside others that say YES."""

_GROUP = {keyword: group for group in TOGETHER for keyword in group}

Said = tuple[tuple[str, bytes], ...]
"""Some keywords, each with the JSON of its values."""


def agree(blocks: Iterable[tuple[Attributes, int]]) -> tuple[Attributes, list[str]]:
    """Return what most instances say of each group of attributes, and the keywords that differ.

    An absent value does not count: a header that leaves a field out does not contradict one that
    fills it, so it speaks for every fuller one that it agrees with. Only an absent flag is a NO:
    one image of a phantom makes no phantom of a patient. Ties go to the lowest value, so that the
    order of the input never matters.
    """
    blocks = list(blocks)
    raised = {flag for flag in FLAGS if any(flag in attributes for attributes, _ in blocks)}
    unsaid = {flag: ["NO"] for flag in raised}
    votes: dict[tuple[str, ...], Counter[Said]] = defaultdict(Counter)
    values: dict[str, set[bytes]] = defaultdict(set)
    for stated, weight in blocks:
        attributes = {**unsaid, **stated}
        said: dict[tuple[str, ...], list[tuple[str, bytes]]] = defaultdict(list)
        for keyword in sorted(attributes):
            data = orjson.dumps(attributes[keyword], option=orjson.OPT_SORT_KEYS)
            values[keyword].add(data)
            said[_GROUP.get(keyword, (keyword,))].append((keyword, data))
        for group, pairs in said.items():
            votes[group][tuple(pairs)] += weight
    settled: dict[str, Any] = {}
    for ballot in votes.values():
        settled.update((keyword, orjson.loads(data)) for keyword, data in _winner(ballot))
    return settled, sorted(keyword for keyword, seen in values.items() if len(seen) > 1)


def _winner(ballot: Counter[Said]) -> Said:
    def support(said: Said) -> int:
        return sum(weight for other, weight in ballot.items() if set(other) <= set(said))

    return min(ballot, key=lambda said: (-support(said), -len(said), said))
