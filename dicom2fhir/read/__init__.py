"""The only header reader: bytes in, an Instance or the Problems that say why not out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.problems import Problem
from dicom2fhir.read.assemble import Assembly
from dicom2fhir.read.expected import find_missing_content, is_short, native_length
from dicom2fhir.read.inflate import inflate
from dicom2fhir.read.meta import NATIVE, find_encoding, is_deflated, read_meta, settle_syntax
from dicom2fhir.read.recognise import recognise
from dicom2fhir.read.slow import Loaded, load_elements
from dicom2fhir.read.structure import UNDEFINED, DeclinedError, Encoding, Walk
from dicom2fhir.read.wanted import TOP
from dicom2fhir.read.window import Memory, UnreadableError, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.model import ByteSource, Instance
    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.meta import Meta
    from dicom2fhir.read.recognise import Start

DICOMDIR = b"1.2.840.10008.1.3.10"
_LEAST_ELEMENT = 8
"""Bytes of the shortest element, an empty one."""
_DIRECTORY_RECORDS = 0x00041220


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What reading one file gave; `lane` is fast, slow, or empty when neither was reached."""

    instance: Instance | None
    problems: tuple[Problem, ...] = ()
    lane: str = ""


def read_instance(source: ByteSource, options: ReadOptions) -> ReadResult:
    """Read the header of one file.

    Errors: every fault is a Problem of the result; pixel data is never read
    """
    reading = _Reading(options)
    try:
        instance = reading.read(source)
    except UnreadableError as error:
        instance = None
        reading.problems.append(Problem(code=error.code, detail=error.detail))
    except OSError:
        instance = None
        reading.problems.append(Problem(code="read.failed"))
    return ReadResult(instance, _counted(reading.problems), reading.lane)


class _Reading:
    """One file being read: the Problems so far and the lane it took."""

    def __init__(self, options: ReadOptions) -> None:
        self.options = options
        self.problems: list[Problem] = []
        self.lane = ""

    def note(self, code: str, detail: str = "") -> None:
        self.problems.append(Problem(code=code, detail=detail))

    def read(self, source: ByteSource) -> Instance | None:
        window = Window(source)
        start = recognise(window.data, window.size)
        if start is None:
            self.note("read.not-dicom")
            return None
        meta = read_meta(window, start, self.options)
        if meta.sop_class_uid.rstrip(b" \0") == DICOMDIR:
            self.note("read.dicomdir")
            return None
        if window.size - meta.pos < _LEAST_ELEMENT:
            self.note("read.no-identity")
            return None
        if not start.part10:
            self.note("read.no-meta")
        return self._data_set(window, start, meta)

    def _data_set(self, window: Window, start: Start, meta: Meta) -> Instance | None:
        pos = meta.pos
        deflated = is_deflated(
            meta, window.take(pos, min(64, window.size - pos)), window.size - pos
        )
        if deflated:
            window = Window(Memory(inflate(window.source, pos, self.options)))
            pos = 0
        encoding = find_encoding(window.take(pos, 8))
        kept = self._elements(window, pos, encoding)
        if _DIRECTORY_RECORDS in kept.tags:
            self.note("read.dicomdir")
            return None
        syntax, declared = _syntax(meta, encoding, kept, deflated=deflated)
        if not declared and (meta.transfer_syntax_uid or meta.pos > start.pos or start.part10):
            self.note("read.transfer-syntax")
        if kept.pixels and syntax in NATIVE and is_short(kept.pixels, kept.values, kept.order):
            self._cut("pixel data")
        assembly = Assembly(kept.values, meta, kept.order, self.options)
        if not start.part10 and not assembly.names_instance:
            self.problems = [Problem(code="read.not-dicom")]
            return None
        instance = assembly.instance(syntax, part10=start.part10)
        self.problems += [*kept.problems, *assembly.decoder.problems, *assembly.problems]
        if instance is not None:
            missing = find_missing_content(assembly.sop_class, syntax, kept.tags, kept.pixels)
            self.problems += [missing] if missing else []
        return instance

    def _elements(self, window: Window, pos: int, encoding: Encoding) -> Walk | Loaded:
        """Walk the data set; big endian and what the walk declines is read by pydicom."""
        walk = Walk(window, encoding, self.options)
        declined = not encoding.little
        try:
            walk.top(pos, TOP)
        except DeclinedError:
            declined = True
            if walk.stepped + walk.items > self.options.max_items:
                raise UnreadableError("read.malformed") from None
        except UnreadableError as error:
            if error.code != "read.truncated":
                raise
            self._cut()
        if not declined or walk.items > self.options.max_items:
            self.lane = "fast"
            return walk
        self.lane = "slow"
        loaded = load_elements(window, pos, encoding, TOP, self.options)
        if loaded.pixels and loaded.pixels.length != UNDEFINED:
            if loaded.pixels.start + loaded.pixels.length > window.size:
                self._cut("pixel data")
        return loaded

    def _cut(self, detail: str = "") -> None:
        if not self.options.allow_truncated:
            raise UnreadableError("read.truncated", detail=detail)
        self.note("read.truncated-kept", detail)


def _syntax(
    meta: Meta, encoding: Encoding, kept: Walk | Loaded, *, deflated: bool
) -> tuple[str, bool]:
    pixels = kept.pixels
    length = pixels.length if pixels else 0
    native = length not in (0, UNDEFINED) and length == native_length(kept.values, kept.order)
    return settle_syntax(
        meta.transfer_syntax_uid,
        encoding,
        deflated=deflated,
        encapsulated=length == UNDEFINED,
        native=native,
    )


def _counted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return each Problem once, with how often it was met."""
    met = Counter(problems)
    return tuple(
        one if count == 1 else Problem(code=one.code, tag=one.tag, detail=one.detail, count=count)
        for one, count in met.items()
    )
