"""Giving pixels to the decoding processes and taking pictures back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections import deque
from contextlib import suppress
from functools import lru_cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import dicom2fhir
from dicom2fhir.errors import ConfigError
from dicom2fhir.pipeline.decoding import Died
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dicom2fhir.pipeline.decoding import Answer, Job

FRAME_SECONDS = 60
"""Wall time for one frame, after which the process that decodes it is ended."""
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""A process that forks must have one thread, and a thread of a library holds 30 MiB."""


# Not by -m, which would give the module's classes another name on the two sides.
_PROGRAM = "from dicom2fhir.pipeline.decoding import main; main()"


class Renderer:
    """Processes that decode, started with the first job."""

    def __init__(self, workers: int, seconds: int = FRAME_SECONDS) -> None:
        self._count = workers
        self._seconds = seconds
        self._program: subprocess.Popen[bytes] | None = None
        self._connections: list[Connection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Answer]]:
        """Yield what comes of the jobs, with the number of the job, as it comes.

        Errors: Problem pixels.crashed and pixels.timeout for a job that ended its process
        """
        if not jobs:
            return
        self._start()
        waiting = deque(enumerate(jobs))
        busy: dict[Connection, int] = {}
        for connection in self._connections:
            _give(connection, waiting, busy)
        while busy:
            for connection in cast("list[Connection]", wait(list(busy))):
                answer = _take(connection)
                if answer is None:
                    del busy[connection]
                    _give(connection, waiting, busy)
                elif isinstance(answer, Died):
                    yield busy.pop(connection), _problem_of(answer)
                    _give(connection, waiting, busy)
                else:
                    yield busy[connection], answer

    def _start(self) -> None:
        if self._program is not None:
            return
        pairs = [socket.socketpair() for _ in range(self._count)]
        theirs = [their.fileno() for _, their in pairs]
        root = str(Path(dicom2fhir.__file__).parent.parent)
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        # -P: a module that lies in the working folder must not be taken for a library.
        self._program = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-c", _PROGRAM, str(self._seconds), *map(str, theirs)],
            pass_fds=theirs,
            env={**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # decoders tell of what they read
            start_new_session=True,  # an interrupt is for us, and all can be ended at once
        )
        self._connections = [Connection(ours.detach()) for ours, _ in pairs]
        for _, their in pairs:
            their.close()

    def close(self) -> None:
        """End the processes; one that is busy is not waited for."""
        for connection in self._connections:
            connection.close()
        self._connections = []
        if self._program is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._program.pid, signal.SIGKILL)
            self._program.wait()
            self._program = None


@lru_cache(maxsize=1)
def shared_renderer(workers: int) -> Renderer:
    """Return the renderer of this process."""
    return Renderer(workers)


def _give(
    connection: Connection, waiting: deque[tuple[int, Job]], busy: dict[Connection, int]
) -> None:
    if waiting:
        number, job = waiting.popleft()
        connection.send(job)
        busy[connection] = number


def _take(connection: Connection) -> Answer | Died | None:
    try:
        answer: Answer | Died | None = connection.recv()
    except (EOFError, OSError):
        raise ConfigError(
            "The system ended the processes that decode pixels, perhaps for want of memory.",
            hint="Run again with --workers 1 or --media none.",
        ) from None
    return answer


def _problem_of(died: Died) -> Problem:
    if died.signal == signal.SIGALRM:
        return Problem(code="pixels.timeout")
    return Problem(code="pixels.crashed")
