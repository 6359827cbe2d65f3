"""Reading one file: from its bytes to an Instance, and every fault on the way as a Problem."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from dicom2fhir.problems import Problem
from dicom2fhir.read.assemble import Assembly
from dicom2fhir.read.attributes import DIRECTORY_RECORD_SEQUENCE
from dicom2fhir.read.expected import find_geometry, find_missing_content, judge
from dicom2fhir.read.inflate import Inflated
from dicom2fhir.read.meta import find_encoding, is_deflated, read_meta
from dicom2fhir.read.recognise import recognise
from dicom2fhir.read.runs import find_runs
from dicom2fhir.read.scanner import scan
from dicom2fhir.read.slow import load_elements
from dicom2fhir.read.structure import HEADER, DeclinedError, Walk
from dicom2fhir.read.wanted import TOP
from dicom2fhir.read.window import UnreadableError, Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom2fhir.model import ByteSource, Instance
    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.meta import Meta
    from dicom2fhir.read.recognise import Start
    from dicom2fhir.read.runs import Runs
    from dicom2fhir.read.slow import Loaded
    from dicom2fhir.read.structure import Encoding
    from dicom2fhir.read.wanted import Wanted

_DICOMDIR = b"1.2.840.10008.1.3.10"


class ReadResult(NamedTuple):
    """What reading one file gave; `lane` is fast, slow, or empty when neither was reached."""

    instance: Instance | None
    problems: tuple[Problem, ...] = ()
    lane: str = ""


def read_instance(source: ByteSource, options: ReadOptions) -> ReadResult:
    """Read the header of one file.

    Errors: every fault is a Problem of the result; pixel data is never read
    """
    reading = Reading(options)
    try:
        instance = reading.read(source)
    except UnreadableError as error:
        instance = None
        reading.note(error.code, error.detail)
    except OSError:
        instance = None
        reading.note("read.failed")
    problems = counted(reading.problems) if reading.problems else ()
    return ReadResult(instance, problems, reading.lane)


class Reading:
    """One file being read by a table: the Problems so far and the lane it took."""

    __slots__ = ("_walk", "lane", "options", "problems", "wanted")

    def __init__(
        self,
        options: ReadOptions,
        wanted: Mapping[int, Wanted] = TOP,
        walk: type[Walk] = Walk,
    ) -> None:
        self._walk = walk
        self.options = options
        self.wanted = wanted
        self.problems: list[Problem] = []
        self.lane = ""

    def note(self, code: str, detail: str = "") -> None:
        """Add a Problem."""
        self.problems.append(Problem(code=code, detail=detail))

    def read(self, source: ByteSource) -> Instance | None:
        """Return the Instance of a file, or None with the reason in `problems`.

        Errors: UnreadableError, OSError
        """
        window = Window(source)
        start = recognise(window.data, window.size)
        if start is None:
            self.note("read.not-dicom")
            return None
        meta = read_meta(window, start.pos)
        if meta.sop_class_uid.startswith(_DICOMDIR):
            self.note("read.dicomdir")
            return None
        if window.size - meta.pos < HEADER:
            self.note("read.no-identity")
            return None
        if not start.part10:
            self.note("read.no-meta")
        return self._data_set(window, start, meta)

    def _data_set(self, window: Window, start: Start, meta: Meta) -> Instance | None:
        window, pos, deflated = open_data_set(window, meta, self.options)
        encoding = find_encoding(window.take(pos, HEADER))
        limits = self.options
        runs = find_runs(
            encoding,
            meta.sop_class_uid,
            limits.max_depth,
            limits.max_items,
            limits.max_value,
        )
        kept = self.elements(window, pos, encoding, runs)
        values, pixels = kept.values, kept.pixels
        if DIRECTORY_RECORD_SEQUENCE in values:
            self.note("read.dicomdir")
            return None
        declared = meta.transfer_syntax_uid
        verdict = judge(declared, encoding, pixels, find_geometry(values), deflated=deflated)
        if not verdict.declared and (declared or start.part10 or meta.pos > start.pos):
            self.note("read.transfer-syntax")
        if verdict.short:
            self._cut("pixel data")
        assembly = Assembly(values, meta, encoding.order, self.options)
        if not (start.part10 or assembly.sop_class or assembly.sop_instance):
            self.problems = [Problem(code="read.not-dicom")]
            return None
        instance = assembly.instance(verdict.syntax, part10=start.part10)
        self.problems += kept.problems
        self.problems += assembly.problems
        if instance is not None:
            missing = find_missing_content(assembly.sop_class, verdict.syntax, values, pixels)
            if missing:
                self.problems.append(missing)
        return instance

    def elements(self, window: Window, pos: int, encoding: Encoding, runs: Runs) -> Walk | Loaded:
        """Scan the data set; pydicom reads big endian and what the scanner declines."""
        if not encoding.little:
            return self._load(window, pos, encoding)
        walk = self._walk(window, encoding, self.options)
        self.lane = "fast"
        try:
            scan(walk, pos, self.wanted, runs)
        except DeclinedError:
            return self._load(window, pos, encoding)
        except UnreadableError as error:
            self._cut_by(error)
        return walk

    def _load(self, window: Window, pos: int, encoding: Encoding) -> Walk | Loaded:
        """Walk the data set for its structure alone, then have pydicom read it."""
        walk = self._walk(window, encoding, self.options)
        try:
            walk.top(pos, self.wanted)
        except DeclinedError:
            if walk.stepped + walk.items > self.options.max_items:
                raise UnreadableError("read.malformed") from None
        except UnreadableError as error:
            self._cut_by(error)
        if walk.items > self.options.max_items:
            # pydicom would read all of the items; the walk has kept as many as we take
            return walk
        self.lane = "slow"
        loaded = load_elements(window, pos, encoding, self.wanted, self.options)
        if loaded.cut:
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


def open_data_set(window: Window, meta: Meta, options: ReadOptions) -> tuple[Window, int, bool]:
    """Return the window and place of the data set behind the meta, and whether it is deflated."""
    if is_deflated(meta, window):
        return Window(Inflated(window.source, meta.pos, options)), 0, True
    return window, meta.pos, False


def counted(problems: list[Problem]) -> tuple[Problem, ...]:
    """Return each Problem once, with how often it was met."""
    return tuple(
        one if count == 1 else replace(one, count=count) for one, count in Counter(problems).items()
    )
