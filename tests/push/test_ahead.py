"""Blocks are made ahead of those who send them, in their order, faults and all."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.deliver.server.ahead import DEPTH, read_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCKS = [bytes([number]) for number in range(20)]


def test_blocks_come_in_their_order() -> None:
    assert list(read_ahead(BLOCKS)) == BLOCKS
    assert list(read_ahead([])) == []


def test_a_fault_comes_after_the_blocks_before_it() -> None:
    def blocks() -> Iterator[bytes]:
        yield from BLOCKS
        raise LookupError

    ahead = read_ahead(blocks())
    assert [next(ahead) for _ in BLOCKS] == BLOCKS
    with pytest.raises(LookupError):
        next(ahead)


def test_what_is_given_up_is_read_no_further() -> None:
    made: list[bytes] = []

    def blocks() -> Iterator[bytes]:
        for block in BLOCKS:
            made.append(block)
            yield block

    ahead = read_ahead(blocks())
    next(ahead)
    ahead.close()
    assert len(made) <= DEPTH + 1
    assert not [one for one in threading.enumerate() if one.name.startswith("ahead")]
