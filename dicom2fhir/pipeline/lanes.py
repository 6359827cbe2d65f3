"""Work in several threads, its results in the order of the work, with bounded look-ahead."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_lanes(
    work: Callable[[Job], Result], jobs: Iterable[Job], lanes: int, abort: Callable[[], None]
) -> Iterator[Result]:
    """Yield the result of each job, in order; `lanes` of them are at work at a time.

    What ends the run in one lane ends the others: `abort` makes them give up what they wait for.
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
        abort()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
