"""What a run did, for people: the counts, the Problems by code, one line at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dicom2fhir.problems import Severity
from dicom2fhir.report.safe import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from dicom2fhir.report.summary import Counts, Delivery, Outcome, Place, ProblemRow

SHOWN_EXAMPLES = 3
"""Places named for each code; the report file has a few more."""

_LEFT = (
    ("failed", "failed"),
    ("conflicts", "in conflict"),
    ("duplicates", "duplicate"),
    ("rejected", "rejected"),
    ("unchanged", "unchanged"),
    ("filtered", "filtered out"),
    ("not_dicom", "not DICOM"),
    ("other", "other"),
)
_IRREGULAR = {"study": "studies", "series": "series"}
_KILO = 1000


def headline(counts: Counts, verb: str = "converted") -> str:
    """Return one line that accounts for every file.

    >>> from dicom2fhir.report.summary import Counts
    >>> headline(Counts(files=3, converted=2, failed=1, studies=1, patients=1, bundles=1, bytes=9))
    '3 files: 2 converted, 1 failed; 1 study of 1 patient in 1 Bundle (9 bytes)'
    """
    parts = [f"{counts.converted:,} {verb}"]
    parts += [f"{n:,} {text}" for field, text in _LEFT if (n := getattr(counts, field))]
    line = f"{plural(counts.files, 'file')}: {', '.join(parts)}"
    if counts.studies:
        line += f"; {plural(counts.studies, 'study')}"
        # none where a phantom was imaged, or --patient names one that the server has
        line += f" of {plural(counts.patients, 'patient')}" if counts.patients else ""
    if counts.bundles:
        line += f" in {plural(counts.bundles, 'Bundle')}"
        line += f" ({size(counts.bytes)})" if counts.bytes else ""
    if counts.stored:
        line += f"; {plural(counts.stored, 'file')} on the DICOMweb server"
    return line


def number_line(counts: Counts) -> str:
    """Return one line that accounts for every number of the structured reports, "" without any.

    >>> from dicom2fhir.report.summary import Counts
    >>> number_line(Counts(reports=1, numbers=3, numbers_as_observations=2, numbers_omitted=1))
    '1 structured report with 3 numbers: 2 Observations, 1 left out'
    """
    if not counts.reports:
        return ""
    parts = [
        (plural(counts.numbers_as_observations, "Observation"), counts.numbers_as_observations),
        (plural(counts.numbers_as_components, "component"), counts.numbers_as_components),
        (f"{counts.numbers_omitted:,} left out", counts.numbers_omitted),
    ]
    told = ", ".join(text for text, count in parts if count)
    line = f"{plural(counts.reports, 'structured report')} with {plural(counts.numbers, 'number')}"
    return f"{line}: {told}" if told else line


def plural(count: int, noun: str) -> str:
    """Return the count with its noun.

    >>> plural(1, "file"), plural(2, "study")
    ('1 file', '2 studies')
    """
    return f"{count:,} {noun if count == 1 else _IRREGULAR.get(noun, noun + 's')}"


def size(count: int) -> str:
    """Return a number of bytes as people read it, in powers of 1000.

    >>> size(999), size(1_250_000)
    ('999 bytes', '1.2 MB')
    """
    if count < _KILO:
        return plural(count, "byte")
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= _KILO
        if amount < _KILO or unit == "TB":
            break
    return f"{amount:.1f} {unit}"


def problem_lines(rows: Sequence[ProblemRow], *, show_paths: bool) -> Iterator[str]:
    """Yield the Problems as plain lines: severity, code, count, what it means, what to do."""
    width = max((len(row.code) for row in rows), default=0)
    for row in rows:
        yield f"{row.severity.value:<8}{row.code:<{width}}  {row.count:>7,}  {row.message}"
        if row.advice:
            yield f"{'':8}{'':{width}}  {'':7}  {row.advice}"
        for line in example_lines(row, show_paths=show_paths):
            yield f"{'':8}{'':{width}}  {'':7}  {line}"


def example_lines(row: ProblemRow, *, show_paths: bool) -> list[str]:
    """Return where a fault was seen: attribute, element, and the path where it may be shown."""
    if row.severity is Severity.INFO:
        return []
    lines = (_where(place, show_paths=show_paths) for place in row.examples)
    return list(dict.fromkeys(line for line in lines if line))[:SHOWN_EXAMPLES]


def print_problems(
    rows: Sequence[ProblemRow], stream: TextIO, *, show_paths: bool, color: bool
) -> None:
    """Print the Problems as a table for a terminal."""
    # rich costs 0.05 s and is for terminals only
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    styles = {"error": "bold red", "warning": "yellow", "info": "dim"}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("Problem", no_wrap=True)
    table.add_column("Count", justify="right", no_wrap=True)
    table.add_column("What was found, and what to do", overflow="fold")
    for row in rows:
        text = Text(row.message)
        if row.advice:
            text.append(f"\n{row.advice}", style="italic")
        for line in example_lines(row, show_paths=show_paths):
            text.append(f"\n{line}", style="dim")
        severity = Text(row.severity.value, style=styles[row.severity.value])
        table.add_row(severity, row.code, f"{row.count:,}", text)
    Console(file=stream, no_color=True if not color else None, highlight=False, markup=False).print(
        table
    )


def _where(place: Place, *, show_paths: bool) -> str:
    facts = [place.tag, place.element, place.detail, place.path if show_paths else ""]
    return " ".join(safe(fact) for fact in facts if fact)


class Waiting(Protocol):
    """A wait for a server."""

    @property
    def seconds(self) -> float:
        """Return how long."""

    @property
    def code(self) -> str:
        """Return the status, or the reason why there is no reply."""


_SILENCE = {
    "connect": "The server cannot be reached",
    "lost": "The server closed the connection before it answered",
    "not-http": "The server did not answer in HTTP",
    "no-token": "The token was not to be had",
}
"""Why there is no reply, in words."""


def wait_line(wait: Waiting) -> str:
    """Return one line that says why nothing moves."""
    answered = f"The server answered HTTP {wait.code}"
    why = (
        answered if wait.code.isdecimal() else _SILENCE.get(wait.code, "The server did not answer")
    )
    return f"{why}; trying again in {wait.seconds:.0f} s."


def fetch_line(outcome: Outcome, *, dry_run: bool = False) -> str:
    """Return one line that accounts for every file that the server lists."""
    counts = outcome.counts
    parts = [
        (counts.converted, f"fetched ({size(counts.bytes)})"),
        (counts.unchanged, "there already"),
        (counts.failed, "failed"),
    ]
    told = ", ".join(f"{count:,} {text}" for count, text in parts if count)
    listed = f"{plural(counts.files, 'file')} of {plural(counts.studies, 'study')}"
    return f"{listed} listed" if dry_run and not told else f"{listed}: {told or 'nothing to fetch'}"


def validation_line(outcome: Outcome) -> str:
    """Return one line that says how many Bundles were checked and how many faults they have."""
    counts = outcome.counts
    found = dict.fromkeys(("error", "warning"), 0)
    for row in outcome.problems:
        if row.severity.value in found:
            found[row.severity.value] += row.count
    faults = ", ".join(plural(count, severity) for severity, count in found.items() if count)
    return (
        f"{plural(counts.bundles, 'Bundle')} in {plural(counts.files, 'file')}: {faults or 'valid'}"
    )


def delivery_lines(delivery: Delivery) -> Iterator[str]:
    """Yield what went to a server: how it was written to, how it answered, how fast."""
    if delivery.mode:
        yield f"Mode: {delivery.mode}"
    if delivery.requests:
        statuses = ", ".join(f"{code} x {count:,}" for code, count in delivery.statuses.items())
        line = f"{plural(delivery.requests, 'request')} ({statuses}), {size(delivery.bytes)} sent"
        if delivery.latency:
            times = " / ".join(f"{seconds:.3f}" for seconds in delivery.latency)
            line += f", replies within {times} s (50 / 95 / 99 %)"
        yield line


def delivery_line(delivery: Delivery) -> str:
    """Return one line that accounts for every resource.

    >>> from dicom2fhir.report.summary import Delivery
    >>> delivery_line(Delivery(studies=2, studies_done=1, resources=4, sent=2, left=2))
    '1 of 2 studies delivered: 2 resources sent, 2 left (50.0 %)'
    """
    line = f"{delivery.studies_done:,} of {plural(delivery.studies, 'study')} delivered: "
    parts = [f"{plural(delivery.sent, 'resource')} sent"]
    parts += [f"{delivery.unchanged:,} unchanged"] if delivery.unchanged else []
    parts += [f"{delivery.left:,} left"] if delivery.left else []
    there = delivery.resources - delivery.left
    share = f" ({100 * there / delivery.resources:.1f} %)" if delivery.left else ""
    return line + ", ".join(parts) + share
