"""Ways to run `dicom2fhir`: in this process without its waits, or as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import dicom2fhir

if TYPE_CHECKING:
    from collections.abc import Iterator


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


class Waits:
    """A clock that each wait moves on, for the thread that waits: nobody sits it out."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._here = threading.local()

    def clock(self) -> float:
        """Return the seconds of a real clock and those that this thread has skipped."""
        return time.monotonic() + getattr(self._here, "skipped", 0.0)

    def pause(self, seconds: float) -> bool:
        """Skip so many seconds; nothing was aborted meanwhile."""
        self.asked.append(seconds)
        self._here.skipped = getattr(self._here, "skipped", 0.0) + seconds
        return False


@contextmanager
def skipped_waits() -> Iterator[Waits]:
    """Skip the waits between tries, by the clock and the pause that a Retrier takes."""
    from dicom2fhir.deliver.server.retrying import Retrier

    waits = Waits()
    defaults = Retrier.__init__.__kwdefaults__
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(defaults, "clock", waits.clock)
        patch.setitem(defaults, "pause", waits.pause)
        yield waits


def run_here(*arguments: str | Path) -> Run:
    """Run the command in this process, without its waits."""
    from dicom2fhir.cli.program import app

    with skipped_waits() as waits:
        result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Run(
        code=result.exit_code,
        stdout=result.stdout,
        stderr=result.stderr,
        waited=sum(waits.asked),
    )


def write_bare(path: Path, entries: int = 1) -> None:
    """Write a Bundle as other tools do: Observations without an id or condition."""
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": {
                    "resourceType": "Observation",
                    "status": "final",
                    "code": {"text": f"x{number}"},
                },
                "request": {"method": "POST", "url": "Observation"},
            }
            for number in range(entries)
        ],
    }
    path.write_text(json.dumps(bundle))


def run_command(*arguments: str | Path, seconds: float = 300) -> Run:
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
