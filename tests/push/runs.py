"""Ways to run `dicom2fhir`: in this process with short waits, or as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import dicom2fhir

if TYPE_CHECKING:
    from collections.abc import Iterator

SCALE = 0.001
"""A wait of a second takes a millisecond here; what was asked for is counted in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How one run ended; `waited` are the seconds that it would have waited in between."""

    code: int
    stdout: str
    stderr: str
    waited: float = 0.0

    def __str__(self) -> str:
        """Return what a failed assertion shows."""
        return f"exit {self.code}\n{self.stdout[-2000:]}\n{self.stderr[-3000:]}"


@dataclass(slots=True)
class Waits:
    """The waits between tries that a run has asked for."""

    asked: list[float] = field(default_factory=list)

    def event(self) -> threading.Event:
        """Return an Event that waits only a fraction, and notes how long it should have."""
        waits = self.asked

        class Brief(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                waits.append(timeout or 0.0)
                return super().wait(None if timeout is None else timeout * SCALE)

        return Brief()


@contextmanager
def brief_waits() -> Iterator[Waits]:
    """Shorten the waits between tries."""
    from dicom2fhir.deliver.server import retrying

    waits = Waits()
    threads = SimpleNamespace(Event=waits.event, Lock=threading.Lock)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrying, "threading", threads)
        yield waits


def run_here(*arguments: str | Path) -> Run:
    """Run the command in this process, with short waits."""
    from dicom2fhir.cli.program import app

    with brief_waits() as waits:
        result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Run(
        code=result.exit_code,
        stdout=result.stdout,
        stderr=result.stderr,
        waited=sum(waits.asked),
    )


def run_command(*arguments: str | Path, seconds: float = 600) -> Run:
    """Run the command in a process of its own, as a user would."""
    done = subprocess.run(
        [sys.executable, "-m", "dicom2fhir", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        env={**os.environ, "PYTHONPATH": str(Path(dicom2fhir.__file__).parent.parent)},
    )
    return Run(code=done.returncode, stdout=done.stdout, stderr=done.stderr)
