"""The only header reader: bytes in, an Instance or the Problems that say why not out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicom2fhir.problems import Problem
from dicom2fhir.read.assemble import Assembly
from dicom2fhir.read.attributes import DIRECTORY_RECORD_SEQUENCE
from dicom2fhir.read.expected import find_missing_content, native_length
from dicom2fhir.read.inflate import inflate
from dicom2fhir.read.meta import NATIVE, find_encoding, is_deflated, read_meta, settle_syntax
from dicom2fhir.read.recognise import recognise
from dicom2fhir.read.runs import find_runs
from dicom2fhir.read.scanner import scan
from dicom2fhir.read.slow import Loaded, load_elements
from dicom2fhir.read.structure import HEADER, UNBOUNDED, UNDEFINED, DeclinedError, Walk
from dicom2fhir.read.wanted import TOP
from dicom2fhir.read.window import Memory, UnreadableError, Window

if TYPE_CHECKING:
    from dicom2fhir.model import ByteSource, Instance
    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.meta import Meta
    from dicom2fhir.read.recognise import Start
    from dicom2fhir.read.structure import Encoding

DICOMDIR = b"1.2.840.10008.1.3.10"


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
    problems = _counted(reading.problems) if reading.problems else ()
    return ReadResult(instance, problems, reading.lane)


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
        meta = read_meta(window, start.pos)
        if meta.sop_class_uid.rstrip(b" \0") == DICOMDIR:
            self.note("read.dicomdir")
            return None
        if window.size - meta.pos < HEADER:
            self.note("read.no-identity")
            return None
        if not start.part10:
            self.note("read.no-meta")
        return self._data_set(window, start, meta)

    def _data_set(self, window: Window, start: Start, meta: Meta) -> Instance | None:
        pos = meta.pos
        deflated = is_deflated(meta, window)
        if deflated:
            window = Window(Memory(inflate(window.source, pos, self.options)))
            pos = 0
        encoding = find_encoding(window.take(pos, HEADER))
        kept = self._elements(window, pos, encoding, meta)
        if DIRECTORY_RECORD_SEQUENCE in kept.values:
            self.note("read.dicomdir")
            return None
        needed = native_length(kept.values, kept.order)
        syntax, declared = _syntax(meta, encoding, kept, needed, deflated=deflated)
        if not declared and (meta.transfer_syntax_uid or meta.pos > start.pos or start.part10):
            self.note("read.transfer-syntax")
        if syntax in NATIVE and needed and 0 < _length(kept) < needed:
            self._cut("pixel data")
        assembly = Assembly(kept.values, meta, kept.order, self.options)
        if not (start.part10 or assembly.sop_class or assembly.sop_instance):
            self.problems = [Problem(code="read.not-dicom")]
            return None
        instance = assembly.instance(syntax, part10=start.part10)
        self.problems += [*kept.problems, *assembly.problems]
        if instance is not None:
            missing = find_missing_content(assembly.sop_class, syntax, kept.values, _length(kept))
            self.problems += [missing] if missing else []
        return instance

    def _elements(self, window: Window, pos: int, encoding: Encoding, meta: Meta) -> Walk | Loaded:
        """Scan the data set; pydicom reads big endian and what the scanner declines."""
        options = self.options
        if encoding.little:
            limits = (options.max_depth, options.max_items, options.max_value)
            runs = find_runs(encoding.implicit, meta.sop_class_uid, limits)
            walk = Walk(window, encoding, options)
            self.lane = "fast"
            try:
                scan(walk, pos, TOP, runs)
            except DeclinedError:
                pass
            except UnreadableError as error:
                self._cut_by(error)
                return walk
            else:
                return walk
        return self._load(window, pos, encoding)

    def _load(self, window: Window, pos: int, encoding: Encoding) -> Walk | Loaded:
        """Walk the data set for its structure alone, then have pydicom read it."""
        walk = Walk(window, encoding, self.options)
        try:
            walk.top(pos, TOP)
        except DeclinedError:
            if walk.stepped + walk.items > self.options.max_items:
                raise UnreadableError("read.malformed") from None
        except UnreadableError as error:
            self._cut_by(error)
        if walk.items > self.options.max_items:
            # pydicom would read all of the items; the walk has kept as many as we take
            return walk
        self.lane = "slow"
        loaded = load_elements(window, pos, encoding, TOP, self.options)
        if loaded.pixels and 0 < _length(loaded) > window.size - loaded.pixels.start:
            self._cut("pixel data")
        return loaded

    def _cut_by(self, error: UnreadableError) -> None:
        if error.code != "read.truncated":
            raise error
        self._cut()

    def _cut(self, detail: str = "") -> None:
        if not self.options.allow_truncated:
            raise UnreadableError("read.truncated", detail=detail)
        self.note("read.truncated-kept", detail)


def _length(kept: Walk | Loaded) -> int:
    """Return the length of the pixels: 0 without any, -1 when it is undefined."""
    if kept.pixels is None:
        return 0
    return UNBOUNDED if kept.pixels.length == UNDEFINED else kept.pixels.length


def _syntax(
    meta: Meta, encoding: Encoding, kept: Walk | Loaded, needed: int | None, *, deflated: bool
) -> tuple[str, bool]:
    length = _length(kept)
    return settle_syntax(
        meta.transfer_syntax_uid,
        encoding,
        deflated=deflated,
        encapsulated=length == UNBOUNDED,
        native=length > 0 and length == needed,
    )


def _counted(problems: list[Problem]) -> tuple[Problem, ...]:
    """Return each Problem once, with how often it was met."""
    return tuple(
        one if count == 1 else replace(one, count=count) for one, count in Counter(problems).items()
    )
