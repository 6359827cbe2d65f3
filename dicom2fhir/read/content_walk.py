"""The walk over a content tree: no deeper than its limit, and each concept once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dicom2fhir.problems import Problem
from dicom2fhir.read.attributes import CONTENT_SEQUENCE
from dicom2fhir.read.structure import HEADER, UNBOUNDED, Walk
from dicom2fhir.read.wanted import tag_text

if TYPE_CHECKING:
    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.structure import Encoding
    from dicom2fhir.read.wanted import Items, Raw, Wanted
    from dicom2fhir.read.window import Window

_LONGEST: Final = 512
"""Bytes of a code sequence that is remembered."""
_MOST: Final = 4096
"""How many of them are."""
_END: Final = b"\xfe\xff\xdd\xe0"


class ContentWalk(Walk):
    """A walk that keeps content items (PS3.3 C.17.3).

    A report states few concepts thousands of times: the same bytes again are the same items, which
    costs neither time nor memory.
    """

    def __init__(self, window: Window, encoding: Encoding, options: ReadOptions) -> None:
        super().__init__(window, encoding, options)
        self._depth = 0
        self._codes: dict[tuple[bool, bytes], tuple[Items, int]] = {}

    def _sequence(
        self, span: tuple[int, int], want: Wanted, tag: int, *, implicit: bool
    ) -> tuple[Raw, int]:
        if want.is_code:
            return self._code(span, want, tag, implicit=implicit)
        if tag != CONTENT_SEQUENCE:
            return super()._sequence(span, want, tag, implicit=implicit)
        if self._depth >= self.options.max_depth:
            self.problems.append(Problem(code="sr.too-deep", tag=tag_text(tag)))
            pos, end = span
            return b"", self._skip_items(pos, implicit=implicit) if end == UNBOUNDED else end
        self._depth += 1
        found = super()._sequence(span, want, tag, implicit=implicit)
        self._depth -= 1
        return found

    def _code(
        self, span: tuple[int, int], want: Wanted, tag: int, *, implicit: bool
    ) -> tuple[Items, int]:
        key = implicit, self._held_sequence(*span)
        known = self._codes.get(key)
        if known is not None and self.items + known[1] <= self.options.max_items:
            self.items += known[1]
            return known[0], span[0] + len(key[1])
        before, problems = self.items, len(self.problems)
        items, after = self._items(span, want.items or {}, tag, implicit=implicit)
        is_whole = after == span[0] + len(key[1]) and len(self.problems) == problems
        if key[1] and is_whole and len(self._codes) < _MOST:
            self._codes[key] = items, self.items - before
        return items, after

    def _held_sequence(self, pos: int, end: int) -> bytes:
        """Return the bytes of a short sequence, up to the first end in them; b"" where not held."""
        data, at = self.window.data, pos - self.window.base
        if end == UNBOUNDED:
            found = data.find(_END, at, at + _LONGEST)
            stop = found + HEADER if found >= 0 else at
        else:
            stop = end - self.window.base
        return data[at:stop] if stop <= min(len(data), at + _LONGEST) else b""
