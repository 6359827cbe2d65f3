"""Work in several threads, its results in the order of the work, with bounded look-ahead."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Job = TypeVar("Job")
Result = TypeVar("Result")

PATIENCE = 5
"""Seconds that a request under way may take once the run is to end."""


class Steering(Protocol):
    """Ends the work of all lanes."""

    def stop(self) -> None:
        """Let what is under way be the last."""

    def abort(self) -> None:
        """End what is under way."""


def run_lanes(
    work: Callable[[Job], Result], jobs: Iterable[Job], lanes: int, steering: Steering
) -> Iterator[Result]:
    """Yield the result of each job, in order; `lanes` of them are at work at a time.

    What ends the run in one lane ends the others: they may finish the request that they are at.
    """
    if lanes < 2:  # noqa: PLR2004 - one lane is this thread
        yield from map(work, jobs)
        return
    pool = ThreadPoolExecutor(lanes, thread_name_prefix="lane")
    waiting: deque[Future[Result]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(work, job))
            if len(waiting) > lanes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BaseException:
        steering.stop()
        wait(waiting, PATIENCE)
        steering.abort()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
