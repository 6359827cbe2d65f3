"""How much a server takes in one transaction: what it refuses is halved, and that is remembered."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dicom2fhir.bundle.encoding import encode_pieces
from dicom2fhir.model import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dicom2fhir.model import PushEntry

MAX_ENTRIES = 500
MAX_BYTES = 20_000_000
"""Of one transaction, as most servers take them."""


class Limits:
    """What the server has refused as too many or too large, learned for the run."""

    def __init__(self) -> None:
        self.entries = MAX_ENTRIES
        self.bytes = MAX_BYTES
        self._lock = threading.Lock()

    def cut(self, entries: Sequence[PushEntry]) -> Iterator[list[PushEntry]]:
        """Yield the entries in runs within what was learned."""
        run: list[PushEntry] = []
        size = 0
        for entry in entries:
            more = size_of(encode_pieces(entry.resource))
            if run and (len(run) >= self.entries or size + more > self.bytes):
                yield run
                run, size = [], 0
            run.append(entry)
            size += more
        if run:
            yield run

    def learn(self, entries: int, size: int, *, bytes_: bool) -> None:
        """Remember half of what was refused."""
        with self._lock:
            if bytes_:
                self.bytes = min(self.bytes, size // 2)
            else:
                self.entries = max(1, min(self.entries, entries // 2))
