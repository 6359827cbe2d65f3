"""Turn Instances into the compact rows that the catalog keeps and workers send."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import orjson

if TYPE_CHECKING:
    from dicom2fhir.model import Attributes, Instance

# Number Series and instances without a usable number after all others.
_LAST = 2**63 - 1

Block = tuple[str, bytes]
"""A level and the JSON of its attributes."""


class InstanceRow(NamedTuple):
    """One instance as the catalog stores it; the levels above it are named by digest.

    A tuple, since one is made for every file: it costs a quarter of a frozen dataclass.
    """

    study_uid: str
    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    part10: int
    number: int
    attributes: bytes
    patient: bytes
    study: bytes
    series: bytes
    source: int


class Rejection(NamedTuple):
    """One instance that a rejection note withdraws."""

    study_uid: str
    sop_instance_uid: str
    code: str | None
    source: int


@dataclass(slots=True)
class Batch:
    """Rows of some instances and the attribute blocks that they share."""

    rows: list[InstanceRow] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    blocks: dict[bytes, Block] = field(default_factory=dict)


class RowEncoder:
    """Encodes Instances into a batch; each distinct block of attributes once while it recurs."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._seen: dict[int, tuple[Attributes, bytes]] = {}
        self._last: Instance | None = None
        self._digests = (b"", b"", b"")

    def add(self, instance: Instance, source: int) -> None:
        """Append the row of one instance, and its blocks where the batch lacks them."""
        patient, study, series = self._shared(instance)
        self._batch.rows.append(
            InstanceRow(
                instance.study_uid,
                instance.series_uid,
                instance.sop_instance_uid,
                instance.sop_class_uid,
                instance.transfer_syntax_uid,
                int(instance.part10),
                order_of(instance.attributes.get("InstanceNumber")),
                orjson.dumps(instance.attributes),
                patient,
                study,
                series,
                source,
            )
        )
        for one in instance.rejects:
            self._batch.rejections.append(
                Rejection(one.study_uid, one.sop_instance_uid, instance.rejection_code, source)
            )

    def _shared(self, instance: Instance) -> tuple[bytes, bytes, bytes]:
        # Most instances come right behind another one of their series.
        last = self._last
        if not (
            last
            and instance.series is last.series
            and instance.study is last.study
            and instance.patient is last.patient
        ):
            self._last = instance
            self._digests = (
                self._block("patient", instance.patient),
                self._block("study", instance.study),
                self._block("series", instance.series),
            )
        return self._digests

    def _block(self, level: str, attributes: Attributes) -> bytes:
        # Readers share one mapping between the instances of a series, so identity is a cheap
        # key; the mapping is kept beside it, so that its id cannot be used again.
        known = self._seen.get(id(attributes))
        if known is None or known[0] is not attributes:
            if len(self._seen) > 256:  # noqa: PLR2004 - a bound on memory, nothing more
                self._seen.clear()
            data = orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS)
            digest = block_digest(level, data)
            known = self._seen[id(attributes)] = (attributes, digest)
            self._batch.blocks[digest] = (level, data)
        return known[1]


def block_digest(level: str, data: bytes) -> bytes:
    """Return what names a block of attributes, and shows whether it is still the same."""
    return hashlib.blake2b(level.encode() + data, digest_size=16).digest()


def order_of(values: object) -> int:
    """Return where a number sorts: by its value, and last when it is no whole number."""
    if isinstance(values, (list, tuple)) and values:
        try:
            number = int(str(values[0]))
        except ValueError:
            return _LAST
        return number if abs(number) < _LAST else _LAST
    return _LAST
