"""Runs of the command in processes of their own that cost no start: they are forked.

python forking.py   reads argument lists as JSON lines; tells `pid` and then the exit status
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its exit code, or minus the signal that ended it; what it wrote."""

    code: int
    said: str


class Forker:
    """Starts runs of the command, one at a time."""

    def __init__(self, output: Path, **environment: str) -> None:
        import dicom2fhir

        self._output = output
        self._process = subprocess.Popen(
            [sys.executable, __file__, output],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(dicom2fhir.__file__).parent.parent),
                **environment,
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, *arguments: str | Path, when: Callable[[], bool] | None = None) -> Ended:
        """Run the command; kill it as soon as `when` says so."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps([str(one) for one in arguments])
        self._process.stdin.write(line.encode() + b"\n")
        pid = int(self._process.stdout.readline())
        if when is not None:
            while not when() and not select.select([self._process.stdout], [], [], 0.001)[0]:
                pass
            with suppress(ProcessLookupError):
                os.kill(pid, SIGKILL)
        code = int(self._process.stdout.readline())
        return Ended(code, self._output.read_text())


def serve(output: str) -> None:
    """Fork a run for each line."""
    from dicom2fhir.cli.program import app

    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            sys.argv[1:] = json.loads(line)
            app()
        os.write(1, b"%d\n" % pid)
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    serve(sys.argv[1])
