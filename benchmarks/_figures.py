"""Figures from timings, and the bars they are held against."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

AGAINST_PEER = {"fast": 100, "full": 60}
AGAINST_BARE = {"one": 25, "two": 15}
AGAINST_BASE64 = 0.5
AGAINST_DCMTK = 1
AGAINST_CURL = 0.8
MEMORY = 300
"""MiB."""
START_UP = 0.6
HELP = 0.3
HELP_RATIO = 12
SAME_RATE = 0.2
NO_GROWTH = 1.1

ONE_FAST = "dicom2fhir fast, one worker"
ONE_FULL = "dicom2fhir full, one worker"
TWO_FAST = "dicom2fhir fast, default workers"
PEER = "peer 0.1.25"
BARE = "bare read"
FILES = ("dicom2fhir files, a folder", "dicom2fhir files, x.ndjson")
BASE64 = "base64 -w0"
PREVIEWS, DCMTK = "dicom2fhir previews", "dcmj2pnm"


@dataclass
class Timing:
    """One contender on one archive: seconds for all files and for one file, run by run."""

    name: str
    files: int
    all_files: list[float] = field(default_factory=list)
    one_file: list[float] = field(default_factory=list)
    peak_mib: float | None = None

    @property
    def per_file(self) -> float:
        """Seconds a file beyond start-up."""
        return (median(self.all_files) - median(self.one_file)) / max(1, self.files - 1)

    @property
    def rate(self) -> float:
        """Files a second beyond start-up; 0 when too few files to tell."""
        return 1 / self.per_file if self.per_file > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        more = {"seconds_per_file": self.per_file, "files_per_second": self.rate}
        return {**asdict(self), **more}


@dataclass(frozen=True)
class Bar:
    """A figure held against what it must reach."""

    what: str
    value: float
    bar: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


def rate_bars(timings: dict[str, Timing]) -> list[Bar]:
    """Hold the rates of one archive against those of the peer and of bare reading."""
    bars = []
    for check, name in (("fast", ONE_FAST), ("full", ONE_FULL)):
        if name in timings and PEER in timings:
            ratio = timings[name].rate / timings[PEER].rate
            what = f"times the rate of the peer, --check {check}, one worker"
            bars.append(Bar(what, ratio, AGAINST_PEER[check], at_least=True))
    if ONE_FAST in timings and BARE in timings:
        ratio = timings[ONE_FAST].per_file / timings[BARE].per_file
        bars.append(Bar("times the cost of a bare read, one worker", ratio, AGAINST_BARE["one"]))
    return bars


def large_bars(small: dict[str, Timing], large: dict[str, Timing]) -> list[Bar]:
    """Hold the rates of the large archive against bare reading and against the small archive."""
    bars = []
    if TWO_FAST in large and BARE in large:
        ratio = large[TWO_FAST].per_file / large[BARE].per_file
        bars.append(
            Bar("times the cost of a bare read, default workers", ratio, AGAINST_BARE["two"])
        )
    if ONE_FAST in large and ONE_FAST in small:
        loss = 1 - large[ONE_FAST].rate / small[ONE_FAST].rate
        bars.append(Bar("share of the rate lost on the large archive", loss, SAME_RATE))
    return bars


def byte_bars(timings: dict[str, Timing]) -> list[Bar]:
    """Hold the rates at which files become Binaries against that of base64 alone."""
    return [
        Bar(
            f"times the rate of base64 -w0, {name.partition(', ')[2]}",
            timings[BASE64].per_file / timings[name].per_file,
            AGAINST_BASE64,
            at_least=True,
        )
        for name in FILES
    ]


def push_bars(timings: dict[str, Timing]) -> list[Bar]:
    """Hold what we send, beyond start-up, against curl, and its memory against the limit."""
    bars = []
    for name, timing in timings.items():
        maker, _, what = name.partition(" ")
        if maker != "push":
            continue
        ratio = timings[f"curl {what}"].per_file / timing.per_file
        bars.append(Bar(f"times the rate of curl, {what}", ratio, AGAINST_CURL, at_least=True))
        bars.append(Bar(f"MiB at the peak, push {what}", timing.peak_mib or 0.0, MEMORY))
    return bars


def preview_bars(timings: dict[str, Timing]) -> list[Bar]:
    """Hold the time for all previews, start-up and all, against that of dcmtk."""
    ours, theirs = (median(timings[name].all_files) for name in (PREVIEWS, DCMTK))
    return [Bar("times the time of dcmj2pnm for 200 previews", ours / theirs, AGAINST_DCMTK)]


def memory_bars(archives: list[list[Timing]]) -> list[Bar]:
    """Hold the peaks against the limit, and against each other as archives grow."""
    bars, before = [], None
    for timings in archives:
        peaks = [
            timing.peak_mib
            for timing in timings
            if timing.name.startswith("dicom2fhir") and timing.peak_mib
        ]
        if not peaks:
            continue
        files, peak = timings[0].files, max(peaks)
        bars.append(Bar(f"MiB at the peak, {files:,} files", peak, MEMORY))
        if before and before[0] > 1000:  # noqa: PLR2004 -- below, start-up is most of it
            what = f"times the peak at {before[0]:,} files, {files:,} files"
            bars.append(Bar(what, peak / before[1], NO_GROWTH))
        before = (files, peak)
    return bars


def start_up_bars(seconds: dict[str, float]) -> list[Bar]:
    bars = []
    if "convert one file" in seconds:
        bars.append(Bar("seconds to convert one small file", seconds["convert one file"], START_UP))
    if "--help" in seconds:
        ratio = seconds["--help"] / seconds["empty Python"]
        bars.append(Bar("seconds for --help", seconds["--help"], HELP))
        bars.append(Bar("--help, times an empty Python", ratio, HELP_RATIO))
    return bars
