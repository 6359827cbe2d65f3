from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dicom2fhir.cli import progress
from dicom2fhir.cli.terminal import Terminal
from dicom2fhir.options import Options, OutputOptions
from dicom2fhir.pipeline import Unwatched, convert

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STUDY_UID = "1.2.826.0.1.3680043.10.1.1"


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    def lines() -> list[str]:
        return capsys.readouterr().err.splitlines()

    return lines


def test_where_nobody_looks_a_line_a_minute_is_enough(
    clock: Clock, said: Callable[[], list[str]]
) -> None:
    with progress.watch_run(Terminal(), wanted=None, bar=True) as watch:
        watch.stage("read")
        for second in range(150):
            clock.now = second
            watch.read(second * 100)
        watch.stage("write")
        clock.now = 180.0
        watch.written(1, 3)
    assert said() == [
        "6,000 files read so far",
        "12,000 files read so far",
        "1 of 3 studies written so far",
    ]


@pytest.mark.parametrize(
    ("terminal", "wanted"), [(Terminal(quiet=True), None), (Terminal(), False)]
)
def test_no_progress_means_none(
    clock: Clock,
    said: Callable[[], list[str]],
    terminal: Terminal,
    wanted: bool | None,  # noqa: FBT001 - a test's parameter
) -> None:
    with progress.watch_run(terminal, wanted=wanted, bar=True) as watch:
        watch.stage("read")
        clock.now = 1000.0
        watch.read(7)
        watch.written(1, 1)
    assert said() == []


def test_a_short_run_on_a_terminal_shows_no_bar(
    clock: Clock, said: Callable[[], list[str]]
) -> None:
    bar = progress.Bar(Terminal())
    bar.stage("read")
    clock.now = 0.1
    bar.read(5)
    bar.stop()
    assert said() == []


def test_a_bar_appears_after_a_moment(
    clock: Clock, said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    bar = progress.Bar(Terminal(color=False))
    bar.stage("read")
    clock.now = 1.0
    bar.read(1234)
    bar.stage("write")
    bar.written(2, 5)
    bar.stop()
    text = "\n".join(said())
    assert "Reading" in text
    assert "Writing" in text
    assert "2 studies" in text


def test_a_study_that_cannot_be_written_counts_as_done(study: Path, folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / f"{STUDY_UID}.json").write_text("mine")
    seen = []

    class Recorder(Unwatched):
        def written(self, studies: int, total: int) -> None:
            seen.append((studies, total))

    options = Options(sources=(str(study),), output=OutputOptions(path=str(folder / "out")))
    assert convert(options, Recorder()).counts.failed == 1
    assert seen == [(1, 1)]
