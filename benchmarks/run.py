"""Measure dicom2fhir, its peer, pydicom and bare reading on the same files.

    python benchmarks/run.py [--files 1000] [--studies 1] [--large] [--bytes] [--previews]
        [--push] [--reports] [--json FILE] [--work DIR]

Rates are beyond start-up: (time for n files - time for 1 file) / (n - 1), whole processes, medians
of interleaved runs, page cache warm. docs/explanation/performance.md tells how to read them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from _contenders import (
    LINES,
    METADATA,
    Contender,
    byte_contenders,
    find_peer,
    our_contenders,
    own_environment,
    peer_contender,
    plain_contenders,
    preview_contenders,
)
from _figures import (
    MEMORY,
    Bar,
    Timing,
    byte_bars,
    large_bars,
    memory_bars,
    preview_bars,
    push_bars,
    rate_bars,
    start_up_bars,
)
from _processes import CommandFailedError, measure_memory, run
from _pushes import time_pushes
from _reports import measure_reports
from make_archive import ROWS, write_archive

JSON_VERSION = 1
LARGE_FILES, LARGE_STUDIES = 100_000, 200
HUGE_FILES, HUGE_STUDIES = 300_000, 600
LEFT_OUT_WHEN_LARGE = ("peer", "pydicom")
LARGE_REPEATS = 2
BYTE_FILES, BYTE_ROWS = 300, 512
PREVIEW_FILES = 200
SPARSE_FILES, SPARSE_ROWS = 1000, 2240
"""10 GB."""
INSTANCE_MARK = b'"sopClass":'
"""Stands once in each instance that an ImagingStudy lists."""


@dataclass(frozen=True)
class Archive:
    """A folder of so many files, and one of a single file of the same kind."""

    folder: Path
    single: Path
    files: int
    studies: int


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1000, help="files of the archive")
    parser.add_argument("--studies", type=int, default=1, help="studies of the archive")
    parser.add_argument("--large", action="store_true", help="100,000 and 300,000 files too")
    parser.add_argument("--previews", action="store_true", help="renders too, against dcmtk")
    parser.add_argument("--reports", action="store_true", help="large structured reports too")
    parser.add_argument("--bytes", action="store_true", help="files as Binaries too")
    parser.add_argument("--push", action="store_true", help="1 GB to a server too, against curl")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each; medians count")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go as JSON")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep archives and the peer here")
    parser.add_argument("--python312", metavar="PATH", help="Python 3.12 for the peer")
    parser.add_argument("--skip-peer", action="store_true", help="leave the peer out")
    parser.add_argument(
        "--only", action="append", metavar="TEXT", help="only contenders whose name holds TEXT"
    )
    return parser.parse_args()


def prepare_archive(
    work: Path, files: int, studies: int, rows: int = ROWS, *, sparse: bool = False
) -> Archive:
    """Write the archive unless it is there, and read it once so that the page cache holds it."""
    kind = f"ct{rows}-holes" if sparse else f"ct{rows}"
    folder = work / f"{kind}-{files}-{studies}"
    single = work / f"{kind}-1-1"
    for place, count, of_studies in ((folder, files, studies), (single, 1, 1)):
        if not place.exists():
            partial = place.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            write_archive(partial, files=count, studies=of_studies, rows=rows, sparse=sparse)
            partial.rename(place)
    for path in () if sparse else folder.rglob("IM*"):
        path.read_bytes()
    return Archive(folder, single, files, studies)


def clear_output(contender: Contender, work: Path) -> Path:
    output = work / contender.output
    if output.is_dir():
        shutil.rmtree(output)
    output.unlink(missing_ok=True)
    return output


def count_instances(path: Path) -> int:
    with path.open("rb") as lines:
        return sum(line.count(INSTANCE_MARK) for line in lines)


def run_fresh(contender: Contender, source: Path, files: int, work: Path) -> float:
    """Run a contender with no output of an earlier run in its way, and see that it did its work."""
    output = clear_output(contender, work)
    seconds = run(contender.filled(source, output), contender.environment, work)
    if contender.writes:
        listed = sum(map(count_instances, output.glob("*.json") if output.is_dir() else [output]))
        if listed != files:
            raise CommandFailedError(f"{contender.name} lists {listed} of {files} instances")
    return seconds


def time_contenders(
    contenders: list[Contender], archive: Archive, work: Path, repeats: int
) -> list[Timing]:
    timings = [Timing(contender.name, archive.files) for contender in contenders]
    for number in range(1, repeats + 1):
        say(f"{archive.files:,} files: run {number} of {repeats}")
        for contender, timing in zip(contenders, timings, strict=True):
            for _ in range(contender.runs):
                timing.one_file.append(run_fresh(contender, archive.single, 1, work))
                timing.all_files.append(run_fresh(contender, archive.folder, archive.files, work))
    add_memory(contenders, timings, archive, work)
    return timings


def add_memory(
    contenders: list[Contender], timings: list[Timing], archive: Archive, work: Path
) -> None:
    """Measure memory in runs of its own: looking at it takes time."""
    for contender, timing in zip(contenders, timings, strict=True):
        say(f"{archive.files:,} files: memory of {contender.name}")
        command = contender.filled(archive.folder, clear_output(contender, work))
        timing.peak_mib = measure_memory(command, contender.environment, work)


def time_start_up(work: Path, repeats: int, *, ours: bool) -> dict[str, float]:
    single = prepare_archive(work, 1, 1).single
    output = work / LINES
    module = [sys.executable, "-m", "dicom2fhir"]
    commands = {"empty Python": [sys.executable, "-c", "pass"]}
    if ours:
        commands["--help"] = [*module, "--help"]
        commands["convert one file"] = [
            *module, "convert", str(single), *METADATA, "--check", "fast", "-q", "-o", str(output)
        ]  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(2 * repeats):
        for name, command in commands.items():
            output.unlink(missing_ok=True)
            seconds[name].append(run(command, own_environment(), work))
    return {name: median(values) for name, values in seconds.items()}


def measure_bytes(work: Path, repeats: int) -> tuple[list[Timing], list[Bar]]:
    """Measure how files become Binaries, and what memory a study of 10 GB takes."""
    contenders = byte_contenders()
    archive = prepare_archive(work, BYTE_FILES, 1, BYTE_ROWS)
    timings = time_contenders(contenders, archive, work, repeats)
    say("10 GB: memory")
    large = prepare_archive(work, SPARSE_FILES, 1, SPARSE_ROWS, sparse=True)
    command = contenders[0].filled(large.folder, Path("/dev/null"))
    peak = measure_memory(command, contenders[0].environment, work) or 0.0
    return timings, [*byte_bars(by_name(timings)), Bar("MiB at the peak, 10 GB", peak, MEMORY)]


def measure_previews(work: Path, repeats: int) -> tuple[list[Timing], list[Bar]]:
    """Measure how images become pictures."""
    if shutil.which("dcmj2pnm") is None:
        say("No dcmj2pnm found: previews are left out. Debian has it in the package dcmtk.")
        return [], []
    archive = prepare_archive(work, PREVIEW_FILES, 1, BYTE_ROWS)
    timings = time_contenders(preview_contenders(), archive, work, repeats)
    return timings, preview_bars(by_name(timings))


def measure_pushes(work: Path, repeats: int) -> tuple[list[Timing], list[Bar]]:
    """Measure how 1 GB of Binaries goes to a server that keeps nothing."""
    if shutil.which("curl") is None:
        say("No curl found: pushes are left out.")
        return [], []
    say("1 GB: pushes")
    timings = time_pushes(work, repeats)
    return timings, push_bars(by_name(timings))


def choose_contenders(arguments: argparse.Namespace, work: Path) -> list[Contender]:
    contenders = [*our_contenders(), *plain_contenders()]
    if not arguments.skip_peer:
        python = find_peer(work, arguments.python312)
        if python is None:
            say("No Python 3.12 found: the peer is left out. Name one with --python312.")
        else:
            contenders.append(peer_contender(python))
    only = arguments.only or [""]
    return [each for each in contenders if any(text in each.name for text in only)]


def measure(arguments: argparse.Namespace, work: Path) -> tuple[dict[str, Any], list[Bar]]:
    contenders = choose_contenders(arguments, work)
    ours = any(contender.name.startswith("dicom2fhir") for contender in contenders)
    start_up = time_start_up(work, arguments.repeats, ours=ours)
    archive = prepare_archive(work, arguments.files, arguments.studies)
    small = time_contenders(contenders, archive, work, arguments.repeats)
    archives = [small]
    bars = rate_bars(by_name(small))
    if arguments.large:
        quick = [c for c in contenders if not c.name.startswith(LEFT_OUT_WHEN_LARGE)]
        archive = prepare_archive(work, LARGE_FILES, LARGE_STUDIES)
        large = time_contenders(quick, archive, work, LARGE_REPEATS)
        archive = prepare_archive(work, HUGE_FILES, HUGE_STUDIES)
        archives += [large, time_contenders(quick, archive, work, 1)]
        bars += large_bars(by_name(small), by_name(large))
    bars += [*memory_bars(archives), *start_up_bars(start_up)]
    if arguments.bytes:
        timings, more = measure_bytes(work, arguments.repeats)
        archives.append(timings)
        bars += more
    if arguments.previews:
        timings, more = measure_previews(work, arguments.repeats)
        archives.append(timings)
        bars += more
    if arguments.reports:
        bars += measure_reports(work, arguments.repeats)
    if arguments.push:
        timings, more = measure_pushes(work, arguments.repeats)
        archives.append(timings)
        bars += more
    figures = [timing for timings in archives for timing in timings]
    return {"start_up": start_up, "timings": figures}, bars


def by_name(timings: list[Timing]) -> dict[str, Timing]:
    return {timing.name: timing for timing in timings}


def describe_machine() -> dict[str, Any]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"python": platform.python_version(), "system": platform.platform(), "cores": cores}


def print_report(start_up: dict[str, float], timings: list[Timing], bars: list[Bar]) -> None:
    heads = f"{'start-up s':>12}{'ms a file':>11}{'files/s':>11}{'MiB':>7}"
    print(f"\n{'contender':36}{'files':>9}{heads}")
    for timing in timings:
        peak = f"{timing.peak_mib:.0f}" if timing.peak_mib else "-"
        print(
            f"{timing.name:36}{timing.files:>9,}{median(timing.one_file):>12.3f}"
            f"{1000 * timing.per_file:>11.4f}{timing.rate:>11,.1f}{peak:>7}"
        )
    print()
    for name, seconds in start_up.items():
        print(f"{name:36}{seconds:.3f} s")
    if bars:
        print(f"\n{'bar':60}{'measured':>10}{'bar':>10}")
    for bar in bars:
        sign = ">=" if bar.at_least else "<="
        wanted = f"{sign} {bar.bar:g}"
        print(f"{bar.what:60}{bar.value:>10.3g}{wanted:>10}  {'met' if bar.met else 'NOT MET'}")


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="dicom2fhir-bench-") as temporary:
        work = (arguments.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        try:
            figures, bars = measure(arguments, work)
        except CommandFailedError as failure:
            sys.exit(str(failure))
    print_report(figures["start_up"], figures["timings"], bars)
    if arguments.json:
        document = {
            "version": JSON_VERSION,
            "machine": describe_machine(),
            "start_up_seconds": figures["start_up"],
            "timings": [timing.as_json() for timing in figures["timings"]],
            "bars": [bar.as_json() for bar in bars],
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
