"""Make whole, ordered Study trees of what the catalog holds, and settle what disagrees."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson

from dicom2fhir.catalog.rows import order_of
from dicom2fhir.identity import fold_name
from dicom2fhir.model import Series, SeriesInstance, Study
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dicom2fhir.catalog.store import Catalog, StoredInstance
    from dicom2fhir.model import Attributes

    Fingerprint = Callable[[int], str]

# What tells one patient from another; other attributes may grow over time without a conflict.
_PATIENT_TAGS = {
    "PatientName": "(0010,0010)",
    "PatientID": "(0010,0020)",
    "PatientBirthDate": "(0010,0030)",
    "PatientSex": "(0010,0040)",
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
    catalog: Catalog, study_uid: str, fingerprint: Fingerprint, *, keep_rejected: bool = False
) -> Assembled:
    """Return the studies under one Study Instance UID.

    `fingerprint` returns the SHA-256 of a source's bytes; it is asked only where a SOP Instance
    UID recurs.
    """
    assembled = Assembled()
    rows = catalog.stored_instances(study_uid)
    if not keep_rejected:
        rows = _leave_out_rejected(rows, catalog.rejections(study_uid), assembled)
    blocks = _Blocks(catalog)
    groups = _group_by_patient(rows, blocks)
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
        """Return what most instances hold for each keyword, then the lowest value."""
        weights = Counter(numbers)
        if len(weights) == 1:
            return self[next(iter(weights))], []
        return agree([(self[number], weight) for number, weight in weights.items()])


def agree(blocks: Iterable[tuple[Attributes, int]]) -> tuple[Attributes, list[str]]:
    """Return one value for each keyword of weighted blocks, and the keywords that disagreed.

    An absent value does not count: a header that leaves a field out does not contradict one that
    fills it. Ties go to the lowest value, so that the order of the input never matters.
    """
    votes: dict[str, Counter[bytes]] = defaultdict(Counter)
    for attributes, weight in blocks:
        for keyword, values in attributes.items():
            votes[keyword][orjson.dumps(values, option=orjson.OPT_SORT_KEYS)] += weight
    settled: dict[str, Any] = {}
    for keyword in sorted(votes):
        ranked = sorted(votes[keyword].items(), key=lambda vote: (-vote[1], vote[0]))
        settled[keyword] = orjson.loads(ranked[0][0])
    return settled, [keyword for keyword in sorted(votes) if len(votes[keyword]) > 1]


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


def _text(attributes: Attributes, keyword: str) -> str:
    values = attributes.get(keyword)
    return str(values[0]).strip() if values else ""


def _issuer(attributes: Attributes) -> str:
    qualifiers = attributes.get("IssuerOfPatientIDQualifiersSequence")
    if qualifiers and isinstance(qualifiers[0], dict):
        universal = _text(qualifiers[0], "UniversalEntityID")
        if universal:
            return universal
    return _text(attributes, "IssuerOfPatientID")


def _group_by_patient(rows: list[StoredInstance], blocks: _Blocks) -> list[list[StoredInstance]]:
    """Tell the patients of one study apart: by Patient ID and issuer.

    An instance that lacks the issuer or the Patient ID contradicts nobody; it joins where only one
    patient of the study fits, and an instance without Patient ID only where its name agrees.
    """
    numbers = {row.patient for row in rows}
    keys = {number: _patient_key(blocks[number]) for number in numbers}
    full = {key for key in keys.values() if key[0]}
    placed = {
        number: _place(key, blocks[number], full, keys, blocks) for number, key in keys.items()
    }
    groups: dict[tuple[str, str], list[StoredInstance]] = defaultdict(list)
    for row in rows:
        groups[placed[row.patient]].append(row)
    return [groups[key] for key in sorted(groups)]


def _patient_key(attributes: Attributes) -> tuple[str, str]:
    return _text(attributes, "PatientID"), _issuer(attributes)


def _place(
    key: tuple[str, str],
    attributes: Attributes,
    full: set[tuple[str, str]],
    keys: Mapping[int, tuple[str, str]],
    blocks: _Blocks,
) -> tuple[str, str]:
    patient_id, issuer = key
    if patient_id and issuer:
        return key
    if patient_id:
        fitting = {other for other in full if other[0] == patient_id and other[1]}
        return fitting.pop() if len(fitting) == 1 else key
    issued = {other for other in full if other[1]}
    identified = {o for o in full if o[1] or not any(i[0] == o[0] for i in issued)}
    name = fold_name(_text(attributes, "PatientName"))
    if len(identified) == 1:
        only = next(iter(identified))
        names = {
            fold_name(_text(blocks[n], "PatientName")) for n, k in keys.items() if k[0] == only[0]
        }
        if not name or name in names:
            return only
    return "", name


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
        winner = min(group, key=lambda copy: (copy[0], catalog.candidate(copy[1].source).label))
        kept.append(winner[1])
        for digest, row in group:
            if row is not winner[1]:
                _note_copy(row, assembled, same=digest == winner[0])
    return kept


def _note_copy(row: StoredInstance, assembled: Assembled, *, same: bool) -> None:
    if same:
        assembled.duplicates += 1
    else:
        assembled.conflicts += 1
    code = "catalog.duplicate" if same else "catalog.conflict"
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
    attributes = blocks.agree(row.study for row in rows)[0]
    for row in rows:
        by_series[row.series_uid].append(row)
    rows.clear()
    # Rows go as their series come, so that a large study is never held twice.
    series = [_build_series(uid, by_series.pop(uid), blocks) for uid in list(by_series)]
    series.sort(key=lambda one: (order_of(one.attributes.get("SeriesNumber")), one.uid))
    return Study(
        uid=study_uid,
        patient=patient,
        attributes=attributes,
        series=tuple(series),
        shared_uid=shared,
    )


def _build_series(uid: str, rows: list[StoredInstance], blocks: _Blocks) -> Series:
    rows.sort(key=lambda row: (row.number, row.sop_instance_uid))
    return Series(
        uid=uid,
        attributes=blocks.agree(row.series for row in rows)[0],
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


def find_patient_conflicts(catalog: Catalog) -> list[Problem]:
    """Return a Problem for each Patient ID that the input gives to different persons."""
    problems: list[Problem] = []
    for patient_id, blocks in groupby(_persons(catalog), key=lambda one: one[0]):
        persons: dict[str, set[tuple[str, str]]] = defaultdict(set)
        numbers: dict[str, int] = {}
        for _, issuer, person, number in blocks:
            persons[issuer].add(person)
            numbers[issuer] = number
        problems.extend(
            Problem(
                code="catalog.same-id-two-names", source=catalog.source_of_patient(numbers[issuer])
            )
            for issuer in sorted(persons)
            if patient_id and len(persons[issuer]) > 1
        )
    return problems


def _persons(catalog: Catalog) -> Iterator[tuple[str, str, tuple[str, str], int]]:
    for number, data in catalog.patient_blocks():
        attributes = orjson.loads(data)
        name = fold_name(_text(attributes, "PatientName"))
        birth_date = _text(attributes, "PatientBirthDate")
        yield *_patient_key(attributes), (name, birth_date), number
