"""The values that travel between the stages: frozen, plain, picklable.

Nothing here holds an open file or a pydicom Dataset, and nothing here knows FHIR. What is made for
every file is a named tuple: that costs less than half of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

Json: TypeAlias = Any
"""What a JSON document may hold; typed loosely at the edges only."""

Resource: TypeAlias = dict[str, Any]
"""One FHIR resource as a plain dict."""

Value: TypeAlias = "str | int | float | Mapping[str, Sequence[Value]]"
"""One value of an attribute; a mapping is an item of a sequence."""

Attributes: TypeAlias = Mapping[str, Sequence[Value]]
"""Attribute values by DICOM keyword.

An attribute that is absent or empty is not in the mapping, so a sequence found here has at
least one value. Text is decoded, stripped of padding, and kept as DICOM states it: DA, TM, DT,
IS and DS stay text; PN keeps its `=` groups and `^` components. US, SS, UL, SL are int, FL and
FD float, AT text of eight hex digits. Within a multi-valued attribute an empty value is "".
"""


class Candidate(NamedTuple):
    """A place where a DICOM instance may be.

    `path` holds file names of any bytes (surrogateescape). `member` is set for what lies in an
    archive, and `offset` is then where to reopen it, in `spool` where the archive itself was
    unpacked to a temporary file. `linked` tells that the path is a symbolic link that may be
    followed. A member has its own size, and the time and inode of its archive. Later sources have
    no size or time.
    """

    path: str
    member: str | None = None
    offset: int | None = None
    spool: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    inode: int | None = None
    linked: bool = False

    @property
    def label(self) -> str:
        """Return what a person calls this place: the path, and the member after `!`."""
        return self.path if self.member is None else f"{self.path}!{self.member}"


class ByteSource(Protocol):
    """The bytes of one candidate, readable at any offset."""

    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end."""

    def changed(self) -> bool:
        """Tell whether the file has changed since it was opened."""

    def close(self) -> None:
        """Release the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One instance that another instance points at."""

    study_uid: str
    sop_instance_uid: str


class Instance(NamedTuple):
    """One DICOM instance: its identity and the attributes our table names, by level.

    The attribute mappings of patient, study and series level may be shared between instances;
    they are never changed. `rejects` are the instances that a rejection note withdraws, with the
    code of its title in `rejection_code` (DCM 113001, 113037, 113038 or 113039).
    """

    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    transfer_syntax_uid: str
    part10: bool
    patient: Attributes
    study: Attributes
    series: Attributes
    attributes: Attributes
    rejection_code: str | None = None
    rejects: tuple[Reference, ...] = ()


class SeriesInstance(NamedTuple):
    """One instance as a Series lists it."""

    uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    part10: bool
    attributes: Attributes
    source: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series of a study, with what most of its instances say of it."""

    uid: str
    attributes: Attributes
    instances: tuple[SeriesInstance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One study of one patient, whole and in order.

    `shared_uid` tells that the input holds this Study Instance UID under another patient too.
    """

    uid: str
    patient: Attributes
    attributes: Attributes
    series: tuple[Series, ...]
    shared_uid: bool = False

    @property
    def instance_count(self) -> int:
        """Return how many instances the study lists."""
        return sum(len(series.instances) for series in self.series)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """One coded concept of a code sequence item (PS3.3 8.8)."""

    value: str
    scheme: str
    meaning: str
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonName:
    """One PN value by its component groups, each still with `^` between components."""

    alphabetic: str = ""
    ideographic: str = ""
    phonetic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialDateTime:
    """A moment as precise as DICOM states it, already in the form FHIR writes.

    `text` is `YYYY`, `YYYY-MM`, `YYYY-MM-DD` or, only when the offset is known, a full dateTime.
    """

    text: str
    has_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a transaction Bundle: its resource and how it is to be written.

    `references` in the resource are relative (`Patient/<id>`) or `urn:uuid:`.
    """

    full_url: str
    resource: Resource
    request: Mapping[str, str]
    data: bytes = field(default=b"", compare=False, repr=False)
    """The JSON of this very entry where splitting had to measure it; a changed entry has none."""


BUNDLE_HEAD = b'{"entry":['
BUNDLE_TAIL = b'],"resourceType":"Bundle","type":"transaction"}'
BUNDLE_EMPTY = b'{"resourceType":"Bundle","type":"transaction"}'
"""What stands around the entries of a transaction Bundle, which a comma parts; FHIR has no empty
arrays (R4 json.html)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedEntry:
    """One entry as it will be written: its fullUrl and request, and the JSON of the whole entry."""

    full_url: str
    request: Mapping[str, str]
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedBundle:
    """One transaction Bundle ready to be delivered.

    `name` is the base of its file name; `part` counts from 1 to `parts` where a study was split.
    """

    name: str
    entries: tuple[EncodedEntry, ...]
    part: int = 1
    parts: int = 1

    @property
    def data(self) -> bytes:
        """Return the bytes of the whole Bundle."""
        if not self.entries:
            return BUNDLE_EMPTY
        pieces = [BUNDLE_HEAD]
        for entry in self.entries:
            pieces += (entry.data, b",")
        pieces[-1] = BUNDLE_TAIL
        return b"".join(pieces)
