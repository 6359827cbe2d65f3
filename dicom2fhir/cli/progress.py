"""How far a run is: a bar on a terminal, otherwise a plain line a minute."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dicom2fhir.report.people import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, TaskID

    from dicom2fhir.cli.terminal import Terminal
    from dicom2fhir.pipeline import Watch

MINUTE = 60.0
SHORT = 0.7
"""Seconds before a bar appears: a run that is over sooner needs none, and rich takes 0.1 s."""
STAGES = {"read": "Reading", "write": "Writing", "fetch": "Fetching", "push": "Sending"}


@contextmanager
def watch_run(terminal: Terminal, *, wanted: bool | None, bar: bool) -> Iterator[Watch]:
    """Yield what shows the progress of a run until the run ends."""
    if wanted is False or terminal.quiet:
        yield Lines(terminal, every=None)
    elif bar and terminal.interactive:
        shown = Bar(terminal)
        try:
            yield shown
        finally:
            shown.stop()
    else:
        yield Lines(terminal, every=MINUTE)


class Lines:
    """One plain line a minute; every stage and step goes to the log."""

    def __init__(self, terminal: Terminal, *, every: float | None) -> None:
        self._terminal = terminal
        self._every = every
        self._last = time.monotonic()

    def stage(self, name: str) -> None:
        """Note that a stage begins."""
        self._terminal.note("info", f"{STAGES.get(name, name)} begins", stage=name)

    def read(self, files: int) -> None:
        """Say now and then how many files were read."""
        if self._is_due():
            self._tell(f"{plural(files, 'file')} read so far", stage="read", files=files)

    def written(self, studies: int, total: int) -> None:
        """Say now and then how many studies were written."""
        if self._is_due():
            text = f"{studies:,} of {plural(total, 'study')} written so far"
            self._tell(text, stage="write", studies=studies, total=total)

    def _is_due(self) -> bool:
        now = time.monotonic()
        if self._every is None or now - self._last < self._every:
            return False
        self._last = now
        return True

    def _tell(self, text: str, **facts: object) -> None:
        if self._terminal.as_json:
            self._terminal.note("info", text, **facts)
        else:
            self._terminal.say(text)


class Bar:
    """A bar that moves, once the run has lasted a moment."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._began = time.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._name = ""

    def stage(self, name: str) -> None:
        """Begin a new bar for a new stage."""
        self._terminal.note("info", f"{STAGES.get(name, name)} begins", stage=name)
        self._name = STAGES.get(name, name)
        if self._progress is not None and self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None

    def read(self, files: int) -> None:
        """Move the bar to this number of files; how many there are is not known."""
        self._move(files, None, "files")

    def written(self, studies: int, total: int) -> None:
        """Move the bar to this number of studies."""
        self._move(studies, total, "studies")

    def stop(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()

    def _move(self, done: int, total: int | None, noun: str) -> None:
        if self._progress is None:
            if time.monotonic() - self._began < SHORT:
                return
            self._progress = _new_progress(color=self._terminal.color)
            self._progress.start()
        if self._task is None:
            self._task = self._progress.add_task(self._name, total=total, noun=noun)
        self._progress.update(self._task, completed=done, total=total)


def _new_progress(*, color: bool) -> Progress:
    # rich costs 0.1 s and is for terminals only
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,} {task.fields[noun]}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True, no_color=True if not color else None),
        transient=True,
    )
