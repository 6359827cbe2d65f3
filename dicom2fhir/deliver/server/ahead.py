"""Blocks made in a thread of their own while those before them are sent."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEPTH = 3
"""Blocks that wait to be sent."""


def read_ahead(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks; reading, hashing and base64 take the time that the network leaves.

    Errors: those of the blocks
    """
    source = iter(blocks)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as reader:
        waiting = deque(reader.submit(next, source, None) for _ in range(DEPTH))
        while (block := waiting.popleft().result()) is not None:
            waiting.append(reader.submit(next, source, None))
            yield block
