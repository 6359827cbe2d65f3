"""A window on the bytes of one file: a head that is held, and more of it when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicom2fhir.model import ByteSource

HEAD = 8 * 1024
"""Bytes of the first read: most headers fit, and copying more costs as much as opening the file."""
STEP = 64 * 1024
"""Bytes of each later read."""


class UnreadableError(Exception):
    """The file cannot be read further; `code` is the code of the Problem that says why."""

    def __init__(self, code: str, *, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class Window:
    """What is held of a source: `data` lies at `base`, and `size` is where the source ends."""

    __slots__ = ("base", "data", "size", "source")

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        self.size = source.size
        self.base = 0
        self.data = source.read_at(0, HEAD)

    def hold(self, pos: int, length: int) -> bool:
        """Make `data` cover these bytes; tell whether the source has them."""
        offset = pos - self.base
        if offset >= 0 and offset + length <= len(self.data):
            return True
        if pos + length > self.size:
            return False
        self.data = self.source.read_at(pos, max(length, STEP))
        self.base = pos
        if len(self.data) < length:
            raise UnreadableError("read.unstable")
        return True

    def extend(self, end: int) -> None:
        """Hold the head of the source up to here, where it goes so far."""
        held = len(self.data)
        if held < end and self.base == 0:
            self.data += self.source.read_at(held, end - held)

    def take(self, pos: int, length: int) -> bytes:
        """Return these bytes; fewer only where the source ends."""
        offset = pos - self.base
        if offset >= 0 and offset + length <= len(self.data):
            return self.data[offset : offset + length]
        return self.source.read_at(pos, length)
