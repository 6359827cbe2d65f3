"""Running work in this process or in several, always in order and with bounded look-ahead."""

from __future__ import annotations

import gc
import os
import signal
import threading
import warnings
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self, TypeVar

from dicom2fhir.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future, ProcessPoolExecutor

Job = TypeVar("Job")
Result = TypeVar("Result")


PATIENCE = 3
"""Seconds that ending a pool may take after a fault or an interrupt."""


class Workers:
    """A pool of processes that is started only when the work pays for it."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit if limit is not None else count_cores()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool is None:
            return
        if kind is None:
            self._pool.shutdown()
            return
        self._put_away(interrupted=not issubclass(kind, Exception))
        # The pool joins a thread of its own, which a process that died at a bad moment can hold up.
        ending = threading.Thread(
            target=self._pool.shutdown, kwargs={"cancel_futures": True}, daemon=True
        )
        # Where the system grants no thread either, the pool ends with this process.
        with suppress(RuntimeError):
            ending.start()
            ending.join(PATIENCE)

    def _put_away(self, *, interrupted: bool) -> None:
        """End the processes at once: after a fault nobody waits for the rest of their work."""
        if interrupted and threading.current_thread() is threading.main_thread():
            # The run ends anyhow; a second interrupt would only leave behind what the first began
            # to remove.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
        for process in (getattr(self._pool, "_processes", None) or {}).values():
            process.kill()

    @property
    def unused(self) -> int:
        """Return how many processes each process may have beside it."""
        return self._limit if self._pool is None else 1

    def start(self) -> None:
        """Start the processes, unless one is all that is allowed."""
        if self._limit < 2 or self._pool is not None:  # noqa: PLR2004 - one is this process
            return
        from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - slow to import
        from multiprocessing import get_context  # noqa: PLC0415 - the same

        try:
            self._pool = ProcessPoolExecutor(
                self._limit,
                mp_context=get_context("spawn"),
                initializer=_begin_worker,
                initargs=gc.get_threshold(),
            )
        except (OSError, RuntimeError):
            raise _refused() from None

    def run(self, work: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Yield the results of the jobs, in their order, a few jobs ahead at most."""
        if self._pool is None:
            for job in jobs:
                yield work(job)
            return
        from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415 - loaded above

        waiting: deque[Future[Result]] = deque()
        try:
            for job in jobs:
                waiting.append(_submit(self._pool, work, job))
                if len(waiting) > 4 * self._limit:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise _refused() from None


def _submit(pool: ProcessPoolExecutor, work: Callable[[Job], Result], job: Job) -> Future[Result]:
    try:
        with _signals_later():
            return pool.submit(work, job)
    except (OSError, RuntimeError):
        # Processes and threads start with the first jobs; their number or memory may be limited.
        raise _refused() from None


@contextmanager
def _signals_later() -> Iterator[None]:
    """Hold an interrupt back: a process that is half started tells of it at length."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda which, _frame: came.append(which)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        for which in came:
            signal.raise_signal(which)


def _refused() -> ConfigError:
    return ConfigError(
        "The system refused or ended a process of this run, perhaps for want of memory.",
        hint="Run again with --workers 1, or with more memory.",
    )


def count_cores() -> int:
    """Return how many cores this process may use; a container often grants fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _begin_worker(*threshold: int) -> None:
    gc.set_threshold(*threshold)
    # The parent decides what an interrupt means; a worker only ends with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)
    # Warnings of libraries quote values.
    warnings.simplefilter("ignore")
    try:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    except RuntimeError:
        os._exit(1)  # the system grants no thread: the parent says so, without a traceback


def _end_with_parent() -> None:
    from multiprocessing import parent_process  # noqa: PLC0415 - loaded in a worker anyway
    from multiprocessing.connection import wait  # noqa: PLC0415 - loaded in a worker anyway

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
