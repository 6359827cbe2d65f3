"""Large structured reports: how long a whole conversion takes, and what memory."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from _contenders import CONVERT, LINES, METADATA, Contender, own_environment
from _figures import Bar
from _processes import measure_memory, run

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "sr"))

ITEMS, ELEMENTS = 6_500, 160_000
SECONDS = {ITEMS: 2, ELEMENTS: 15}
MEBIBYTES = {ITEMS: 200, ELEMENTS: 300}
NAMES = {ITEMS: f"a report of {ITEMS:,} items", ELEMENTS: f"a report of {ELEMENTS:,} elements"}
GUARD = ("--max-sr-items", "200000")
"""The larger report has fewer items than the guard; its codes and values are items as well."""


def dose_report(events: int) -> Dataset:
    from dose_reports import projection_dose  # noqa: PLC0415 - the writer of the tests

    return projection_dose("benchmark", planes=2, events=events)


def write_report(size: int, path: Path) -> None:
    """Write a dose report of so many content items, or of so many elements."""
    from writer import items_below, write  # noqa: PLC0415 - the writer of the tests

    counts = [
        sum(1 for _ in (items_below(report) if size == ITEMS else report.iterall()))
        for report in (dose_report(0), dose_report(1))
    ]
    events = -(-(size - counts[0]) // (counts[1] - counts[0]))
    write(dose_report(events), path)


def measure_reports(work: Path, repeats: int) -> list[Bar]:
    """Convert each report with every number in it, whole processes."""
    bars = []
    for size, name in NAMES.items():
        source = work / f"report-{size}.dcm"
        if not source.exists():
            write_report(size, source)
        converter = Contender(name, (*CONVERT, *METADATA, *GUARD), own_environment())
        output = work / LINES
        seconds = []
        for _ in range(repeats):
            output.unlink(missing_ok=True)
            command = converter.filled(source, output)
            seconds.append(run(command, converter.environment, work))
        output.unlink(missing_ok=True)
        peak = measure_memory(command, converter.environment, work) or 0.0
        bars += [
            Bar(f"seconds for {name}", median(seconds), SECONDS[size]),
            Bar(f"MiB at the peak, {name}", peak, MEBIBYTES[size]),
        ]
    return bars
