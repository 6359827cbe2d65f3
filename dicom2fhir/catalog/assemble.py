"""Make whole, ordered Study trees of what the catalog holds, and settle what disagrees."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import orjson

from dicom2fhir.catalog.agreement import agree
from dicom2fhir.catalog.patients import patient_number, person_of, tell_patients_apart
from dicom2fhir.catalog.rows import order_of
from dicom2fhir.model import Series, SeriesInstance, Study
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dicom2fhir.catalog.patients import IssuerOf, PatientKey
    from dicom2fhir.catalog.store import Catalog, StoredInstance
    from dicom2fhir.model import Attributes

    Fingerprint = Callable[[int], str]

# What tells one patient from another; other attributes may grow over time without a conflict.
_PATIENT_TAGS = {
    "PatientName": "(0010,0010)",
    "PatientID": "(0010,0020)",
    "PatientBirthDate": "(0010,0030)",
    "PatientSex": "(0010,0040)",
    "QualityControlSubject": "(0010,0200)",
}


# What an order and a day are known by.
_STUDY_TAGS = {"StudyDate": "(0008,0020)", "AccessionNumber": "(0008,0050)"}
# What a series is one of: R4 imagingstudy.html has one of each.
_SERIES_TAGS = {
    "Modality": "(0008,0060)",
    "BodyPartExamined": "(0018,0015)",
    "Laterality": "(0020,0060)",
}


@dataclass(slots=True)
class Assembled:
    """The studies of one Study Instance UID (one a patient) and what had to be settled."""

    studies: list[Study] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0


def assemble_study(
    catalog: Catalog,
    study_uid: str,
    fingerprint: Fingerprint,
    issuer_of: IssuerOf,
    *,
    keep_rejected: bool = False,
) -> Assembled:
    """Return the studies under one Study Instance UID.

    `fingerprint` returns the SHA-256 of a source's bytes; it is asked only where a SOP Instance
    UID recurs. `issuer_of` tells who issued a Patient ID, as the mapping sees it: what becomes one
    Patient must be one group here.
    """
    assembled = Assembled()
    rows = catalog.stored_instances(study_uid)
    if not keep_rejected:
        rows = _leave_out_rejected(rows, catalog.rejections(study_uid), assembled)
    blocks = _Blocks(catalog)
    groups = _group_by_patient(rows, blocks, issuer_of)
    if len(groups) > 1:
        source = _first_source(rows)
        assembled.problems.append(
            Problem(code="catalog.study-two-patients", source=source, count=len(groups))
        )
    shared = len(groups) > 1
    rows.clear()
    for group in groups:
        kept = _drop_copies(group, catalog, fingerprint, assembled)
        assembled.studies.append(_build_study(study_uid, kept, blocks, assembled, shared=shared))
    return assembled


class _Blocks:
    """The attribute blocks of one study, parsed once each."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[int, Attributes] = {}

    def __getitem__(self, number: int) -> Attributes:
        if number not in self._known:
            self._known[number] = orjson.loads(self._catalog.block(number))
        return self._known[number]

    def agree(self, numbers: Iterable[int]) -> tuple[Attributes, list[str]]:
        """Return what most instances say, and the keywords that differ."""
        weights = Counter(numbers)
        if len(weights) == 1:
            return self[next(iter(weights))], []
        return agree((self[number], weight) for number, weight in weights.items())


def _leave_out_rejected(
    rows: list[StoredInstance], rejections: Mapping[str, str], assembled: Assembled
) -> list[StoredInstance]:
    kept = []
    for row in rows:
        code = rejections.get(row.sop_instance_uid)
        if code is None:
            kept.append(row)
        else:
            assembled.rejected += 1
            assembled.problems.append(
                Problem(code="catalog.rejected", detail=f"DCM {code}", source=row.source)
            )
    return kept


def _group_by_patient(
    rows: list[StoredInstance], blocks: _Blocks, issuer_of: IssuerOf
) -> list[list[StoredInstance]]:
    patients = {number: blocks[number] for number in {row.patient for row in rows}}
    placed = tell_patients_apart(patients, issuer_of)
    groups: dict[PatientKey, list[StoredInstance]] = defaultdict(list)
    for row in rows:
        groups[placed[row.patient]].append(row)
    return [groups[key] for key in sorted(groups)]


def _drop_copies(
    rows: list[StoredInstance], catalog: Catalog, fingerprint: Fingerprint, assembled: Assembled
) -> list[StoredInstance]:
    """Keep one row for each SOP Instance UID: the copy whose bytes have the lowest SHA-256.

    Of equal bytes the first by path is kept, so that the report is the same each time.
    """
    counts = Counter(row.sop_instance_uid for row in rows)
    if len(counts) == len(rows):
        return rows
    kept = [row for row in rows if counts[row.sop_instance_uid] == 1]
    copies: dict[str, list[tuple[str, StoredInstance]]] = defaultdict(list)
    for row in rows:
        if counts[row.sop_instance_uid] > 1:
            copies[row.sop_instance_uid].append((fingerprint(row.source), row))
    for group in copies.values():
        winner = min(
            group, key=lambda copy: (not copy[0], copy[0], catalog.candidate(copy[1].source).label)
        )
        kept.append(winner[1])
        for digest, row in group:
            if row is not winner[1]:
                _note_copy(row, assembled, digest, winner[0])
    return kept


def _note_copy(row: StoredInstance, assembled: Assembled, digest: str, kept: str) -> None:
    if not digest:
        code = "catalog.copy-gone"
    else:
        code = "catalog.duplicate" if digest == kept else "catalog.conflict"
    assembled.conflicts += code == "catalog.conflict"
    assembled.duplicates += code != "catalog.conflict"
    assembled.problems.append(Problem(code=code, source=row.source))


def _first_source(rows: list[StoredInstance]) -> int:
    """Return the source that stands for all: that of the lowest UID, not the first one found."""
    return min(rows, key=lambda row: row.sop_instance_uid).source


def _build_study(
    study_uid: str,
    rows: list[StoredInstance],
    blocks: _Blocks,
    assembled: Assembled,
    *,
    shared: bool,
) -> Study:
    patient, differing = blocks.agree(row.patient for row in rows)
    first = _first_source(rows)
    assembled.problems.extend(
        Problem(code="catalog.patient-conflict", tag=_PATIENT_TAGS[keyword], source=first)
        for keyword in differing
        if keyword in _PATIENT_TAGS
    )
    by_series: dict[str, list[StoredInstance]] = defaultdict(list)
    attributes, contradicted = blocks.agree(row.study for row in rows)
    assembled.problems.extend(
        Problem(code="catalog.study-conflict", tag=_STUDY_TAGS[keyword], source=first)
        for keyword in contradicted
        if keyword in _STUDY_TAGS
    )
    for row in rows:
        by_series[row.series_uid].append(row)
    rows.clear()
    # Rows go as their series come, so that a large study is never held twice.
    series = [
        _build_series(uid, by_series.pop(uid), blocks, assembled) for uid in sorted(by_series)
    ]
    series.sort(key=lambda one: (order_of(one.attributes.get("SeriesNumber")), one.uid))
    return Study(
        uid=study_uid,
        patient=patient,
        attributes=attributes,
        series=tuple(series),
        shared_uid=shared,
    )


def _build_series(
    uid: str, rows: list[StoredInstance], blocks: _Blocks, assembled: Assembled
) -> Series:
    rows.sort(key=lambda row: (row.number, row.sop_instance_uid))
    agreed, differing = blocks.agree(row.series for row in rows)
    attributes = dict(agreed)
    assembled.problems.extend(
        Problem(
            code="catalog.series-conflict", tag=_SERIES_TAGS[keyword], source=_first_source(rows)
        )
        for keyword in differing
        if keyword in _SERIES_TAGS
    )
    if "Laterality" in differing:
        # A majority says nothing of the side of the others; a wrong side can hurt.
        del attributes["Laterality"]
    # The offset governs the times of its own data sets alone (PS3.3 C.12.1).
    zone = blocks.agree(row.study for row in rows)[0].get("TimezoneOffsetFromUTC")
    if zone:
        attributes["TimezoneOffsetFromUTC"] = zone
    return Series(
        uid=uid,
        attributes=attributes,
        instances=tuple(
            SeriesInstance(
                uid=row.sop_instance_uid,
                sop_class_uid=row.sop_class_uid,
                transfer_syntax_uid=row.transfer_syntax_uid,
                part10=bool(row.part10),
                attributes=orjson.loads(row.attributes),
                source=row.source,
            )
            for row in rows
        ),
    )


def find_patient_conflicts(catalog: Catalog, issuer_of: IssuerOf) -> list[Problem]:
    """Return a Problem for each Patient ID that the input gives to different persons."""
    problems: list[Problem] = []
    for patient_id, blocks in groupby(_persons(catalog), key=lambda one: one[0]):
        persons: dict[str, set[tuple[str, str]]] = defaultdict(set)
        numbers: dict[str, int] = {}
        for _, attributes, number in blocks:
            issuer = issuer_of(attributes)
            persons[issuer].add(person_of(attributes))
            numbers[issuer] = number
        problems.extend(
            Problem(
                code="catalog.same-id-two-names", source=catalog.source_of_patient(numbers[issuer])
            )
            for issuer in sorted(persons)
            if patient_id and len(persons[issuer]) > 1
        )
    return problems


def _persons(catalog: Catalog) -> Iterator[tuple[str, Attributes, int]]:
    for number, data in catalog.patient_blocks():
        attributes = orjson.loads(data)
        yield patient_number(attributes), attributes, number
