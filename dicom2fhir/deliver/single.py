"""Sinks of one stream: everything as one Bundle, or a Bundle a line."""

from __future__ import annotations

import zlib
from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING

from dicom2fhir.deliver.faults import output_faults
from dicom2fhir.errors import UsageError
from dicom2fhir.model import BUNDLE_EMPTY, BUNDLE_HEAD, BUNDLE_TAIL
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from dicom2fhir.deliver.channel import Channel
    from dicom2fhir.model import EncodedBundle, EncodedEntry


class LinesSink:
    """A Bundle a line (NDJSON)."""

    is_one_bundle = False

    def __init__(self, channel: Channel) -> None:
        self.bundles = self.entries = self.bytes = self.files = self.unchanged = 0
        self._channel = channel

    def write(self, bundle: EncodedBundle) -> tuple[Problem, ...]:
        """Write the Bundle and a line feed; JSON as we write it has none."""
        data = bundle.data + b"\n"
        with output_faults():
            self._channel.write(data)
        self.bundles += 1
        self.entries += len(bundle.entries)
        self.bytes += len(data)
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

    def __init__(self, channel: Channel) -> None:
        self.bundles = self.entries = self.bytes = self.files = self.unchanged = 0
        self._channel = channel
        self._seen = SeenEntries()

    def write(self, bundle: EncodedBundle) -> tuple[Problem, ...]:
        """Write the entries that were not written before.

        Errors: UsageError when a limit has split the Bundle
        """
        if bundle.parts > 1:
            raise UsageError(
                "A limit splits this output, and OUT holds one Bundle.",
                hint="Write x.ndjson or a folder, push with --to, or raise the limit.",
            )
        fresh, differing = [], 0
        for entry in bundle.entries:
            before = self._seen.add(entry)
            if before is None:
                fresh.append(entry.data)
            else:
                differing += not before
        self._append(fresh)
        self.bundles = 1
        return (Problem(code="deliver.differs", count=differing),) if differing else ()

    def _append(self, entries: list[bytes]) -> None:
        if entries:
            data = (b"," if self.entries else BUNDLE_HEAD) + b",".join(entries)
            self.entries += len(entries)
            self._put(data)

    def _put(self, data: bytes) -> None:
        with output_faults():
            self._channel.write(data)
        self.bytes += len(data)

    def finish(self) -> tuple[Problem, ...]:
        """Close the Bundle and complete the output."""
        self._put(BUNDLE_TAIL if self.entries else BUNDLE_EMPTY)
        with output_faults():
            changed = self._channel.finish()
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

    def add(self, entry: EncodedEntry) -> bool | None:
        """Remember the entry; return whether the one seen before was equal, None if it is new."""
        if 2 * self._count >= len(self._keys):
            self._grow()
        # 0 marks a free slot
        key = int.from_bytes(blake2b(entry.full_url.encode(), digest_size=8).digest(), "little") | 1
        checksum = zlib.crc32(entry.data)
        slot = self._slot(key)
        if self._keys[slot]:
            return self._sums[slot] == checksum
        self._keys[slot], self._sums[slot] = key, checksum
        self._count += 1
        return None

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
