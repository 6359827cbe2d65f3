"""Documents without the bulk of their base64, which says nothing to a check."""

from __future__ import annotations

import io
import re
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1024 * 1024
KEPT = 4096
"""Characters of a run that are kept; a multiple of 4, so that a rest of 4 stays what it was."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_RUN = re.compile(rb"[A-Za-z0-9+/]{%d,}" % (2 * KEPT))


def shorten(stream: IO[bytes]) -> io.BufferedReader:
    """Return the stream with each long run of base64 cut to its beginning.

    Whether its length is one that base64 can have (RFC 4648 4) is still to be seen.
    """
    return io.BufferedReader(_Shortened(stream), CHUNK)


class _Shortened(io.RawIOBase):
    """Holds back a run that may go on, and no more."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._held = b""
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self._ready:
            chunk = self._stream.read(CHUNK)
            if not chunk:
                self._ready, self._held = self._held, b""
                break
            self._take(self._held + chunk)
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()

    def _take(self, data: bytes) -> None:
        # A run at the end may go on in the next chunk.
        body = data.rstrip(_ALPHABET)
        self._held = _RUN.sub(_cut, data[len(body) :])
        self._ready = _RUN.sub(_cut, body)


def _cut(found: re.Match[bytes]) -> bytes:
    run = found.group()
    return run[: KEPT + len(run) % 4]
