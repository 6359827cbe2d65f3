"""The look-up tables of a header (PS3.3 C.11.1, C.11.2, C.7.6.3.1.5) as plain values."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.render.faults import RAISES
from dicom2fhir.render.values import numbers, raw, value

if TYPE_CHECKING:
    from dicom2fhir.render.dataset import Dataset

_SIXTEEN = 16


@dataclass(frozen=True, slots=True)
class Lookup:
    """A table: the first value that it maps, the bits of an entry, and its entries.

    `entries` are 16-bit numbers in the order of this machine.
    """

    first: int
    bits: int
    entries: bytes


def read_lookup(
    dataset: Dataset, descriptor: str, data: str, *, signed: bool, little: bool
) -> Lookup | None:
    """Return a table of the header, or None where there is none that can be used."""
    shape = numbers(dataset, descriptor)
    if len(shape) != 3:  # noqa: PLR2004 - entries, first value, bits
        return None
    # the number of entries is unsigned, and 0 stands for 65536
    count = (int(shape[0]) & 0xFFFF) or 0x10000
    first = int(shape[1]) & 0xFFFF
    if signed and first >= 0x8000:  # noqa: PLR2004 - the sign of 16 bits
        first -= 0x10000
    bits = int(shape[2])
    entries = _entries(dataset, data, count, bits, little=little)
    if entries is None or not 0 < bits <= _SIXTEEN:
        return None
    return Lookup(first, bits, entries)


def _entries(dataset: Dataset, data: str, count: int, bits: int, *, little: bool) -> bytes | None:
    """Return as many entries as there should be, each of 16 bits."""
    stored = raw(dataset, data)
    if not stored:
        found = value(dataset, data)
        try:
            many = [found] if isinstance(found, int) else list(found)
            stored = b"".join((int(one) & 0xFFFF).to_bytes(2, "little") for one in many)
        except RAISES:
            return None
        little = True
    order = "little" if little else "big"
    if bits <= 8 and count <= len(stored) < 2 * count:  # noqa: PLR2004 - two entries in a word
        if not little:
            stored = _swapped(stored)
        stored = b"".join(byte.to_bytes(2, sys.byteorder) for byte in stored[:count])
    elif order != sys.byteorder:
        stored = _swapped(stored)
    if len(stored) < 2:  # noqa: PLR2004 - one entry
        return None
    last = stored[: len(stored) // 2 * 2][-2:]
    return stored[: 2 * count] + last * (count - len(stored) // 2)


def _swapped(words: bytes) -> bytes:
    whole = bytearray(words[: len(words) // 2 * 2])
    whole[::2], whole[1::2] = whole[1::2], whole[::2]
    return bytes(whole)
