"""The slow lane: pydicom, for what the scanner declines. The structural walk has run before.

pydicom never sees pixel data, its warnings quote values and are swallowed, and what it raises is
a closed list.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from dicom2fhir.problems import Problem
from dicom2fhir.read.attributes import CONTENT_SEQUENCE
from dicom2fhir.read.budget import Budget
from dicom2fhir.read.structure import (
    PIXELS,
    SEQUENCE_VRS,
    UNBOUNDED,
    UNDEFINED,
    as_text,
)
from dicom2fhir.read.wanted import (
    NOTHING,
    PRESENT,
    REJECTED,
    Items,
    Raw,
    RawItem,
    Wanted,
    is_wanted_evidence,
    tag_text,
)
from dicom2fhir.read.window import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.structure import Encoding
    from dicom2fhir.read.window import Window

Dataset: TypeAlias = Any
Element: TypeAlias = Any

_LARGEST_READ = 16 * 1024 * 1024
"""Bytes of one value at the most; larger ones are stepped over."""
_MOST_READ = 64 * 1024 * 1024
"""Bytes of all values that pydicom may hold."""
_RAISES = (
    OSError,
    struct.error,
    ValueError,
    NotImplementedError,
    EOFError,
    zlib.error,
    RecursionError,
    MemoryError,
    OverflowError,
    KeyError,
    AttributeError,
    TypeError,
)


class _SourceFile(io.RawIOBase):
    """A source as a file for pydicom; values that are `unwanted` or too large read as nothing.

    Errors: OSError when the values are too many
    """

    def __init__(self, window: Window, start: int) -> None:
        super().__init__()
        self.unwanted = 0
        self._source = window.source
        self._size = window.size
        self._pos = start
        self._read = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._pos

    def seek(self, offset: int, whence: int = 0) -> int:
        self._pos = offset + (0, self._pos, self._size)[whence]
        return self._pos

    def read(self, size: int = -1) -> bytes:
        wanted = self._size - self._pos if size < 0 else size
        skipped = wanted > _LARGEST_READ or wanted == self.unwanted
        data = b"" if skipped else self._source.read_at(self._pos, wanted)
        self._pos = min(self._pos + wanted, self._size)
        self._read += len(data)
        if self._read > _MOST_READ:
            raise OSError("more values than may be held")
        return data


class Loaded:
    """What pydicom read: the same as a Walk keeps."""

    def __init__(self, options: ReadOptions, order: str) -> None:
        self.options = options
        self.order = order
        self.values = NOTHING.copy()
        self.problems: list[Problem] = []
        self.pixels = 0
        self.cut = False
        self.items = 0
        self.depth = 0
        self.budget = Budget(options.max_kept, self.problems)

    def keep(self, dataset: Dataset, wanted: Mapping[int, Wanted], into: RawItem) -> None:
        """Keep the raw values of what is wanted of a pydicom data set."""
        # all raw elements first: reading a sequence makes pydicom decode the character set
        elements = {
            int(tag): dataset.get_item(tag, keep_deferred=True)
            for tag in dataset.keys()  # noqa: SIM118 - iterating a data set reads its elements
            if tag in wanted
        }
        for tag, element in elements.items():
            if into is self.values:
                self.budget.begin()
            if wanted[tag] is not REJECTED or is_wanted_evidence(into):
                self._keep_element(dataset, tag, element, wanted[tag], into)

    def _keep_element(
        self, dataset: Dataset, tag: int, element: Element, want: Wanted, into: RawItem
    ) -> None:
        vr = (getattr(element, "VR", None) or "").encode("latin-1")
        into[tag] = b""
        if want.items is not None:
            if vr in SEQUENCE_VRS:
                into[tag] = self._deeper(dataset[tag].value, want, tag)
        elif want.vr != PRESENT and vr != b"SQ" and element.length != UNDEFINED:
            into[tag] = self._bytes(element, want, vr, tag)

    def _bytes(self, element: Element, want: Wanted, vr: bytes, tag: int) -> bytes:
        if element.length > self.options.max_value:
            self.problems.append(Problem(code="read.value-limit", tag=tag_text(tag)))
            return b""
        if not self.budget.admits(tag, element.length):
            return b""
        return as_text(want, vr, element.value or b"", self.order)

    def _deeper(self, sequence: Any, want: Wanted, tag: int) -> Raw:  # noqa: ANN401 - pydicom's
        if tag != CONTENT_SEQUENCE:
            return self._items(sequence, want, tag)
        if self.depth >= self.options.max_depth:
            self.problems.append(Problem(code="sr.too-deep", tag=tag_text(tag)))
            return b""
        self.depth += 1
        items = self._items(sequence, want, tag)
        self.depth -= 1
        return items

    def _items(self, sequence: Any, want: Wanted, tag: int) -> Raw:  # noqa: ANN401 - pydicom's
        if isinstance(sequence, bytes):
            return b""
        items: list[RawItem] = []
        for one in sequence or ():
            self.items += 1
            if self.items > self.options.max_items:
                if self.items == self.options.max_items + 1:
                    self.problems.append(Problem(code="read.items-limit", tag=tag_text(tag)))
                break
            item: RawItem = {}
            self.keep(one, want.items or {}, item)
            items.append(item)
        return Items(items)


@contextmanager
def _quietly() -> Iterator[None]:
    from pydicom import config  # noqa: PLC0415 - takes half a second

    before = config.settings.reading_validation_mode
    logged = config.logger.disabled
    config.settings.reading_validation_mode = config.IGNORE
    config.logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except _RAISES as error:
        raise UnreadableError("read.malformed") from error
    finally:
        config.settings.reading_validation_mode = before
        config.logger.disabled = logged


def load_elements(
    window: Window,
    pos: int,
    encoding: Encoding,
    wanted: Mapping[int, Wanted],
    options: ReadOptions,
) -> Loaded:
    """Return what pydicom keeps of the data set that begins here.

    Errors: UnreadableError read.malformed
    """
    from pydicom.filereader import read_dataset  # noqa: PLC0415 - takes half a second

    loaded = Loaded(options, encoding.order)
    file = _SourceFile(window, pos)

    def at_pixels(tag: int, _vr: str | None, length: int) -> bool:
        if tag not in PIXELS:
            is_large = length > options.max_value and length != UNDEFINED
            file.unwanted = length if is_large and tag not in wanted else 0
            return False
        loaded.pixels = UNBOUNDED if length == UNDEFINED else length
        loaded.cut = loaded.pixels > window.size - file.tell()
        return True

    with _quietly():
        dataset = read_dataset(
            file,  # type: ignore[arg-type]
            encoding.implicit,
            encoding.little,
            stop_when=at_pixels,
            defer_size=None,
        )
        loaded.keep(dataset, wanted, loaded.values)
    return loaded
