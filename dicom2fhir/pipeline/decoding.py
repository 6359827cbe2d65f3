"""The processes that decode pixels: what crashes, hangs or fills the memory here costs one file.

A process of its own runs `main SECONDS FD…`: it loads the decoders once and forks a worker for each
socket it is given. A worker that dies, or takes longer than that for a frame, is told of on its
socket and forked again, which takes milliseconds.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from dicom2fhir.find import open_stream
from dicom2fhir.options import MIB
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from dicom2fhir.model import Candidate, Picture, RenderRequest
    from dicom2fhir.render import Extract

    Answer: TypeAlias = "Picture | Extract | Problem"

ADDRESS_SPACE = 4096 * MIB
"""Bytes; the largest frame that is decoded takes 512 MiB, and several copies on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One instance to be rendered, or to be searched for the stream or document it encloses."""

    candidate: Candidate
    transfer_syntax_uid: str
    request: RenderRequest | None = None


@dataclass(frozen=True, slots=True)
class Died:
    """The worker ended while it was busy, by this signal (0: by itself)."""

    signal: int


def main() -> None:
    """Fork a worker for each socket, and again when one dies; end when all have ended well."""
    seconds, *descriptors = map(int, sys.argv[1:])
    warnings.simplefilter("ignore")
    _load_decoders()
    workers = {_fork(seconds, descriptor, descriptors): descriptor for descriptor in descriptors}
    while workers:
        pid, status = os.wait()
        descriptor = workers.pop(pid)
        if status == 0:
            continue
        connection = Connection(os.dup(descriptor))
        try:
            connection.send(Died(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0))
        except OSError:
            continue
        finally:
            connection.close()
        workers[_fork(seconds, descriptor, descriptors)] = descriptor


def _load_decoders() -> None:
    from dicom2fhir.render import load_decoders  # noqa: PLC0415 - here alone

    load_decoders()


def _fork(seconds: int, descriptor: int, descriptors: list[int]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for other in descriptors:
            if other != descriptor:
                os.close(other)
        _confine()
        _serve(Connection(descriptor), seconds)
        code = 0
    finally:
        os._exit(code)


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _serve(connection: Connection, seconds: int) -> None:
    while True:
        try:
            job: Job = connection.recv()
        except EOFError:
            return
        signal.alarm(seconds)
        for answer in _answers(job):
            # A reader that is slow to take an answer is no decoder that hangs.
            signal.alarm(0)
            connection.send(answer)
            signal.alarm(seconds)
        signal.alarm(0)
        connection.send(None)


def _answers(job: Job) -> Iterator[Answer]:
    # What is not named here is a fault of ours: it ends this worker, and is told as a crash.
    from dicom2fhir.render import RenderError, extract, render_frames  # noqa: PLC0415 - loaded

    try:
        with open_stream(job.candidate) as stream:
            if job.request is None:
                yield extract(stream, job.transfer_syntax_uid)
            else:
                yield from render_frames(stream, job.request)
    except RenderError as error:
        yield Problem(code=error.code, detail=error.detail)
    except MemoryError:
        yield Problem(code="pixels.too-large")
    except OSError:
        yield Problem(code="find.unreadable")
