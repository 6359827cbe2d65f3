"""Sinks of one stream: everything as one Bundle, or a Bundle a line."""

from __future__ import annotations

import zlib
from array import array
from hashlib import blake2b
from itertools import chain, repeat
from typing import TYPE_CHECKING

from dicom2fhir.deliver.blocks import SourceChangedError, blocks_of
from dicom2fhir.deliver.faults import output_faults
from dicom2fhir.errors import UsageError
from dicom2fhir.model import BUNDLE_EMPTY, BUNDLE_HEAD, BUNDLE_TAIL, size_of
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.deliver.blocks import ReadBytes
    from dicom2fhir.deliver.channel import Channel
    from dicom2fhir.model import EncodedBundle, EncodedEntry, Piece


def write_whole(channel: Channel, pieces: Iterable[Piece], read_bytes: ReadBytes) -> bool:
    """Write the pieces; none, and False, where a source has changed.

    Errors: OutputError, OutputClosedError
    """
    with output_faults():
        channel.keep()
        try:
            for block in blocks_of(pieces, read_bytes):
                channel.write(block)
        except SourceChangedError:
            channel.take_back()
            return False
    return True


class LinesSink:
    """A Bundle a line (NDJSON)."""

    is_one_bundle = False

    def __init__(self, channel: Channel, read_bytes: ReadBytes) -> None:
        self.bundles = self.entries = self.bytes = self.files = self.unchanged = 0
        self._channel = channel
        self._read_bytes = read_bytes

    def write(self, bundle: EncodedBundle) -> tuple[Problem, ...]:
        """Write the Bundle and a line feed; JSON as we write it has none.

        Errors: Problem deliver.source-changed
        """
        if not write_whole(self._channel, (*bundle.pieces(), b"\n"), self._read_bytes):
            return (Problem(code="deliver.source-changed"),)
        self.bundles += 1
        self.entries += len(bundle.entries)
        self.bytes += bundle.size + 1
        return ()

    def finish(self) -> tuple[Problem, ...]:
        """Complete the output."""
        with output_faults():
            changed = self._channel.finish()
        self.files = 1
        self.unchanged = int(not changed)
        return ()

    def abort(self) -> None:
        """Leave nothing half-written behind."""
        self._channel.abort()


class BundleSink:
    """One Bundle that holds the entries of all; what several name is written once.

    FHIR: bdl-7, a fullUrl is unique in a Bundle; one identity at most once in a transaction
          (R4 http.html#trules)
    """

    is_one_bundle = True

    def __init__(self, channel: Channel, read_bytes: ReadBytes) -> None:
        self.bundles = self.entries = self.bytes = self.files = self.unchanged = 0
        self._channel = channel
        self._read_bytes = read_bytes
        self._seen = SeenEntries()

    def write(self, bundle: EncodedBundle) -> tuple[Problem, ...]:
        """Write the entries that were not written before.

        Errors: UsageError when a limit has split the Bundle; Problem deliver.source-changed;
                deliver.differs for entries whose fullUrl has other content here
        """
        if bundle.parts > 1:
            raise UsageError(
                "A limit splits this output, and OUT holds one Bundle.",
                hint="Write x.ndjson or a folder, push with --to, or raise the limit.",
            )
        fresh, differing = [], 0
        for entry in bundle.entries:
            before = self._seen.find(entry)
            if before is None:
                fresh.append(entry)
            else:
                differing += not before
        if fresh and not self._append(fresh):
            return (Problem(code="deliver.source-changed"),)
        self.bundles = 1
        return (Problem(code="deliver.differs", count=differing),) if differing else ()

    def _append(self, entries: list[EncodedEntry]) -> bool:
        commas = chain((b"," if self.entries else BUNDLE_HEAD,), repeat(b","))
        pieces = [
            piece
            for comma, entry in zip(commas, entries, strict=False)
            for piece in (comma, *entry.pieces)
        ]
        if not write_whole(self._channel, pieces, self._read_bytes):
            return False
        for entry in entries:
            self._seen.add(entry)
        self.entries += len(entries)
        self.bytes += size_of(pieces)
        return True

    def finish(self) -> tuple[Problem, ...]:
        """Close the Bundle and complete the output."""
        end = BUNDLE_TAIL if self.entries else BUNDLE_EMPTY
        with output_faults():
            self._channel.write(end)
            changed = self._channel.finish()
        self.bytes += len(end)
        self.files = 1
        self.unchanged = int(not changed)
        return ()

    def abort(self) -> None:
        """Leave nothing half-written behind."""
        self._channel.abort()


class SeenEntries:
    """Which fullUrls were written, and a checksum of what stood under each.

    An open hash table of 12 bytes a slot: a million studies must not fill the memory.
    """

    def __init__(self) -> None:
        self._count = 0
        self._allocate(1024)

    def _allocate(self, slots: int) -> None:
        self._keys = array("Q", bytes(8 * slots))
        self._sums = array("I", bytes(4 * slots))

    def find(self, entry: EncodedEntry) -> bool | None:
        """Return whether the entry of this fullUrl was equal, None if there was none."""
        slot = self._slot(_key_of(entry))
        return self._sums[slot] == _sum_of(entry) if self._keys[slot] else None

    def add(self, entry: EncodedEntry) -> None:
        """Remember the entry."""
        if 2 * self._count >= len(self._keys):
            self._grow()
        key = _key_of(entry)
        slot = self._slot(key)
        self._count += not self._keys[slot]
        self._keys[slot], self._sums[slot] = key, _sum_of(entry)

    def _slot(self, key: int) -> int:
        mask = len(self._keys) - 1
        slot = (key >> 1) & mask
        while self._keys[slot] not in {0, key}:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        keys, sums = self._keys, self._sums
        self._allocate(2 * len(keys))
        for key, checksum in zip(keys, sums, strict=True):
            if key:
                slot = self._slot(key)
                self._keys[slot], self._sums[slot] = key, checksum


def _key_of(entry: EncodedEntry) -> int:
    # 0 marks a free slot
    return int.from_bytes(blake2b(entry.full_url.encode(), digest_size=8).digest(), "little") | 1


def _sum_of(entry: EncodedEntry) -> int:
    checksum = 0
    for piece in entry.pieces:
        content = piece if isinstance(piece, bytes) else piece.sha256.encode()
        checksum = zlib.crc32(content, checksum)
    return checksum
