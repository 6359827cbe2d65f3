"""Run whole processes: how long they take, and how much memory their tree holds at its peak."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KIB_PER_MIB = 1024
INTERVAL = 0.05
"""Seconds between two looks at the memory."""
TAIL = 2000
"""Characters of a failed command's messages that are shown."""


class CommandFailedError(Exception):
    """A measured command ended with a status other than 0."""


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> float:
    """Run a command to its end and return the seconds it took."""
    start = time.perf_counter()
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise CommandFailedError(f"{' '.join(command)}: {done.returncode}\n{done.stderr[-TAIL:]}")
    return seconds


def measure_memory(
    command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> float | None:
    """Run a command and return the peak of its tree's proportional set size in MiB.

    Shape: None where the system has no /proc/PID/smaps_rollup
    """
    peak = 0
    with subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while process.poll() is None:
            peak = max(peak, sum(_proportional_set(pid) for pid in _tree(process.pid)))
            time.sleep(INTERVAL)
    if process.returncode:
        raise CommandFailedError(f"{' '.join(command)}: {process.returncode}")
    return peak / KIB_PER_MIB if peak else None


def _tree(pid: int) -> list[int]:
    """List a process and all that it started."""
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        for children in Path(f"/proc/{current}/task").glob("*/children"):
            try:
                waiting += map(int, children.read_text().split())
            except OSError:
                continue
    return found


def _proportional_set(pid: int) -> int:
    """Give one process's share of memory in KiB; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1])
