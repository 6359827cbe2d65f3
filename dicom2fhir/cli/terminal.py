"""What people are told on stderr: sentences, summaries and faults, never a patient's value."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicom2fhir.problems import Severity
from dicom2fhir.report.people import print_problems, problem_lines
from dicom2fhir.report.safe import safe

if TYPE_CHECKING:
    from dicom2fhir.report.summary import Outcome, ProblemRow

LONGEST_SENTENCE = 400
"""Characters of one sentence of ours; a value within it is cut sooner."""


def is_terminal(stream: Any) -> bool:  # noqa: ANN401 - whatever stands in for a stream
    """Tell whether a person looks at this stream."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """How a run speaks to people.

    `logs` says that a log is kept, on stderr or in a file; with `as_json` it is all of stderr.
    """

    quiet: bool = False
    verbosity: int = 0
    color: bool = True
    show_paths: bool = False
    as_json: bool = False
    logs: bool = False

    @property
    def interactive(self) -> bool:
        """Tell whether a person reads stderr."""
        return not self.as_json and is_terminal(sys.stderr)

    @property
    def shows_paths(self) -> bool:
        """Tell whether paths may be shown: to a person, or where they were asked for."""
        return self.show_paths or self.interactive

    def path(self, path: str, stand_in: str) -> str:
        """Return the path where it may be shown, else what stands for it."""
        return f"`{safe(path)}`" if self.shows_paths else stand_in

    def say(self, line: str) -> None:
        """Print one line for people."""
        if not self.as_json and not self.quiet:
            self._print(line)

    def error(self, sentence: str, hint: str = "") -> None:
        """Say in one sentence why the run ends, and what to do."""
        if self.logs:
            self._log("error", sentence, {"hint": hint} if hint else {})
        if not self.as_json:
            self._print(f"dicom2fhir: {safe(sentence, LONGEST_SENTENCE)}")
            if hint:
                self._print(f"  {safe(hint, LONGEST_SENTENCE)}")

    def outcome(self, outcome: Outcome, line: str, next_step: str = "") -> None:
        """Say what was done: the Problems by code, one line at the end, what to type next."""
        if self.logs:
            self._log_outcome(outcome, line)
        if self.as_json:
            return
        rows = outcome.problems
        if self.quiet:
            rows = tuple(row for row in rows if row.severity is Severity.ERROR)
        if rows:
            self._problems(rows)
        self.say(f"{line}. {next_step}".rstrip())

    def fault(self, error: Exception) -> None:
        """Say where our own code failed; the error's text may quote a patient and is not shown."""
        from dicom2fhir.cli.faults import describe_fault, frames  # noqa: PLC0415 - rarely needed

        self.error(
            describe_fault(error),
            "Please report it with this line and the output of `dicom2fhir doctor`.",
        )
        if self.verbosity > 1 and not self.as_json:
            for frame in frames(error.__traceback__):
                self._print(f"  {frame}")

    def _problems(self, rows: tuple[ProblemRow, ...]) -> None:
        if self.interactive:
            print_problems(rows, sys.stderr, show_paths=self.shows_paths, color=self.color)
            return
        for line in problem_lines(rows, show_paths=self.shows_paths):
            self._print(line)

    def _log_outcome(self, outcome: Outcome, line: str) -> None:
        from dataclasses import asdict  # noqa: PLC0415 - logs are asked for seldom

        for row in outcome.problems:
            facts: dict[str, object] = {"code": row.code, "count": row.count, "stage": row.stage}
            if self.show_paths:
                facts["paths"] = [place.path for place in row.examples if place.path]
            self._log(row.severity.value, row.message, facts)
        for timing in outcome.timings:
            facts = {"stage": timing.stage, "seconds": timing.seconds}
            self._log("debug", f"{timing.stage} took {timing.seconds} s", facts)
        facts = {"exit_code": outcome.exit_code, "counts": asdict(outcome.counts)}
        self._log("info", f"{line}.", facts)

    def _log(self, level: str, message: str, facts: dict[str, object]) -> None:
        from dicom2fhir.cli.logs import write_record  # noqa: PLC0415 - logs are asked for seldom

        write_record(level, message, facts, said=not self.as_json)

    def note(self, level: str, message: str, **facts: object) -> None:
        """Write a record to the log, where one is kept."""
        if self.logs:
            from dicom2fhir.cli.logs import write_record  # noqa: PLC0415 - as above

            write_record(level, message, facts, said=False)

    @staticmethod
    def _print(line: str) -> None:
        with suppress(OSError, ValueError, AttributeError):  # nobody is there to be told
            sys.stderr.write(f"{line}\n")
