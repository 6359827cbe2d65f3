"""The values that travel between the stages: frozen, plain, picklable.

Nothing here holds an open file or a pydicom Dataset, and nothing here knows FHIR. What is made for
every file is a named tuple: that costs less than half of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from decimal import Decimal

    from dicom2fhir.content import Report, Waveform

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


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class Bytes:
    """Bytes of a candidate, read only when they are delivered.

    `ranges` are pieces of the candidate, (offset, length) each, that are joined in their order.
    With `zero_preamble` the first 128 bytes become zero. `sha256`, in hex, is that of what is
    delivered, "" where nobody has read it yet; where it is `claimed` a list says so, and the bytes
    are still to be held against it. `number` is that of the source in the catalog; what we made
    ourselves has none.
    """

    source: Candidate
    ranges: tuple[tuple[int, int], ...]
    sha256: str
    zero_preamble: bool = False
    number: int | None = None
    claimed: bool = False

    @property
    def length(self) -> int:
        """Return how many bytes are delivered."""
        return sum(length for _, length in self.ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedBytes(Bytes):
    """Bytes that their source holds as base64: `ranges` are those of the text.

    `padding` is how many `=` end it (RFC 4648 4).
    """

    padding: int = 0

    @property
    def length(self) -> int:
        """Return how many bytes are delivered."""
        return sum(length for _, length in self.ranges) // 4 * 3 - self.padding


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
class RenderRequest:
    """Frames of one instance to be made into pictures, and how.

    `frames` count from 1. `size` is the longest side at the most; pictures are never enlarged.
    `window` is `file` (the first of the file), the number of one of the file's, `center,width`,
    or `auto`. With a `thumbnail` a small JPEG of that longest side is made beside each picture.
    """

    transfer_syntax_uid: str
    frames: Sequence[int]
    format: str = "jpeg"
    size: int = 1024
    quality: int = 90
    window: str = "file"
    thumbnail: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One frame as the renderer made it.

    `window` tells in words how grey values were chosen, "" where they were taken as they are.
    `decoder` names what decoded the pixels, "" for native ones. `unmodified` tells that `data` is
    the file's own JPEG stream. `notes` are codes of Problems that did not stop it.
    """

    frame: int
    content_type: str
    data: bytes = field(repr=False)
    width: int
    height: int
    window: str = ""
    decoder: str = ""
    unmodified: bool = False
    notes: tuple[str, ...] = ()
    thumbnail: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """A picture of one frame, or the unchanged stream of a video (`frame` 0), as Media tells of it.

    `recipe` is what was asked for (format, size, window): part of its identity. `sha1` is that of
    the content, in base64 (R4 datatypes.html#Attachment).
    """

    sop_instance_uid: str
    frame: int
    recipe: str
    content_type: str
    content: Bytes
    sha1: str
    width: int | None = None
    height: int | None = None
    frames: int = 1
    window: str = ""
    thumbnail: Bytes | None = None

    @property
    def is_video(self) -> bool:
        """Tell whether this is a stream of frames."""
        return self.content_type.startswith("video/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The document that an instance encapsulates (PS3.3 A.45), as it is."""

    sop_instance_uid: str
    content_type: str
    content: Bytes
    sha1: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payloads:
    """What travels with a study besides its attributes, by SOP Instance UID.

    `files` are the DICOM files themselves, empty where they stay where they are.
    """

    files: Mapping[str, Bytes] = field(default_factory=dict)
    renditions: tuple[Rendition, ...] = ()
    documents: tuple[Document, ...] = ()
    reports: tuple[Report, ...] = ()
    waveforms: tuple[Waveform, ...] = ()


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


_PLAIN_DIGITS = -18
"""Decimal places to which numbers are written out (R4 datatypes.html#decimal: 18 digits)."""


def decimal_text(value: Decimal) -> str:
    """Return a decimal as JSON writes it, with the digits it has.

    >>> from decimal import Decimal
    >>> [decimal_text(Decimal(text)) for text in ("10.50", "1.20e-7", "1E3")]
    ['10.50', '0.000000120', '1E+3']
    """
    exponent = value.as_tuple().exponent
    plain = isinstance(exponent, int) and _PLAIN_DIGITS <= exponent <= 0
    return f"{value:f}" if plain else str(value)


Piece: TypeAlias = "bytes | Bytes"
"""A piece of JSON as it is written: text in UTF-8, or what stands in it as base64."""


def size_of(pieces: Sequence[Piece]) -> int:
    """Return how many bytes these pieces are when written; base64 is padded (RFC 4648 4)."""
    return sum(
        len(piece) if isinstance(piece, bytes) else (piece.length + 2) // 3 * 4 for piece in pieces
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a transaction Bundle: its resource and how it is to be written.

    `references` in the resource are relative (`Patient/<id>`) or `urn:uuid:`.
    """

    full_url: str
    resource: Resource
    request: Mapping[str, str]
    pieces: tuple[Piece, ...] = field(default=(), compare=False, repr=False)
    """The JSON of this very entry where splitting had to measure it; a changed entry has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushEntry:
    """One entry of a Bundle on its way to a server.

    base64Binary in the resource is text, or a Bytes value where the bytes are at hand.
    """

    full_url: str
    resource: Resource
    method: str
    url: str
    if_none_exist: str = ""


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
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """Return how many bytes the entry is when written."""
        return size_of(self.pieces)


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
    def size(self) -> int:
        """Return how many bytes the whole Bundle is when written."""
        if not self.entries:
            return len(BUNDLE_EMPTY)
        around = len(BUNDLE_HEAD) + len(BUNDLE_TAIL) + len(self.entries) - 1
        return around + sum(entry.size for entry in self.entries)

    def pieces(self) -> Iterator[Piece]:
        """Yield the whole Bundle."""
        if not self.entries:
            yield BUNDLE_EMPTY
            return
        before = BUNDLE_HEAD
        for entry in self.entries:
            yield before
            yield from entry.pieces
            before = b","
        yield BUNDLE_TAIL
