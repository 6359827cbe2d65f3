"""What every command does around its work: settle how to speak, report, name the exit code."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dicom2fhir.cli.arguments import Arguments
from dicom2fhir.cli.commands import TERMINAL
from dicom2fhir.cli.parameters import LOG_CHOICES
from dicom2fhir.cli.terminal import Terminal, is_terminal
from dicom2fhir.errors import OutputError, UsageError
from dicom2fhir.report.document import can_write_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO, TextIO

    import typer

    from dicom2fhir.options import Options
    from dicom2fhir.problems import PlacedProblem
    from dicom2fhir.report.summary import Outcome

STDOUT = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}


class Session:
    """One run of one command: its arguments and its terminal."""

    def __init__(self, ctx: typer.Context) -> None:
        self.command = ctx.command.name or ""
        self.arguments = Arguments(ctx)
        self.terminal = _terminal(self.arguments)
        self._reported = False
        if self.terminal.logs:
            _set_up_logs(self.arguments, self.terminal)
        ctx.meta[TERMINAL] = self.terminal
        if self.arguments.flag("show_config"):
            from dicom2fhir.cli.settings import print_settings  # noqa: PLC0415 - asked for seldom

            print_settings(ctx, self.arguments)
        self._check_report()

    @property
    def report_path(self) -> str | None:
        """Return where the report goes: `-` for standard output by whatever name."""
        path = self.arguments.text("report")
        return "-" if path in STDOUT else path

    def report(self, outcome: Outcome, line: str, next_step: str = "") -> int:
        """Write the report unless that is done, say what was done, and return the exit code."""
        if not self._reported:
            self.write_report(outcome)
        self.terminal.outcome(outcome, line, next_step)
        return outcome.exit_code

    def write_report(self, outcome: Outcome, items: Iterable[PlacedProblem] = ()) -> None:
        """Write the report where `--report` says, with every single Problem."""
        self._reported = True
        path = self.report_path
        if path is None:
            return
        from dicom2fhir.report.document import encode_report, write_report  # noqa: PLC0415

        chunks = encode_report(outcome, self.command, items)
        if path == "-":
            sys.stdout.buffer.writelines(chunks)
        else:
            write_report(path, chunks)

    def _check_report(self) -> None:
        """Refuse a report that could not be written before the work begins."""
        path = self.report_path
        if path is None or path == "-":
            return
        if not can_write_report(path):
            raise OutputError(
                "The report cannot be written there.",
                hint="Give --report a new file or an older report in a folder you may write to.",
            )

    def refuse_sources(self, sources: Sequence[str], output: str | None = None) -> None:
        """Keep report, log and state out of the input and apart from the output.

        Errors: UsageError
        """
        named = {
            f"--{name.replace('_', '-')}": self.arguments.text(name)
            for name in ("report", "log_file", "state")
        }
        from pathlib import Path  # noqa: PLC0415 - a run that writes nothing beside needs it not

        from dicom2fhir.deliver import refuse_sources  # noqa: PLC0415 - the same

        for option, path in named.items():
            if path in {None, "-"}:
                continue
            refuse_sources(Path(str(path)), sources, option)
            if output is not None and os.path.realpath(str(path)) == os.path.realpath(output):
                raise UsageError(
                    f"{option} and -o are the same place.", hint="Give each a place of its own."
                )


def _terminal(arguments: Arguments) -> Terminal:
    in_json = arguments.text("log_format") is not None
    in_json = in_json and arguments.choice("log_format", LOG_CHOICES) == "json"
    log_file = arguments.text("log_file")
    quiet = arguments.flag("quiet")
    verbosity = arguments.count("verbose")
    return Terminal(
        quiet=quiet,
        verbosity=verbosity,
        color=not arguments.flag("no_color"),
        show_paths=arguments.flag("show_paths"),
        as_json=in_json and log_file is None,
        logs=in_json or log_file is not None or (verbosity > 0 and not quiet),
    )


def _set_up_logs(arguments: Arguments, terminal: Terminal) -> None:
    from dicom2fhir.cli.logs import set_up_logs  # noqa: PLC0415 - asked for seldom

    set_up_logs(
        verbosity=terminal.verbosity,
        quiet=terminal.quiet,
        as_json=arguments.text("log_format") == "json",
        path=arguments.text("log_file"),
    )


def check_sources(session: Session, sources: tuple[str, ...], what: str) -> None:
    """Refuse a command line without sources, or with one that does not exist.

    Errors: UsageError
    """
    if not sources:
        raise UsageError(
            f"Name what to {session.command}: {what}.",
            hint=f"dicom2fhir {session.command} --help shows examples.",
        )
    for number, source in enumerate(sources, start=1):
        is_pattern = any(character in source for character in "*?[")
        if source != "-" and not is_pattern and not os.path.lexists(source):
            named = session.terminal.path(source, f"Number {number} of the paths given")
            raise UsageError(f"{named} does not exist.", hint="Check the path.")


def say_what_to_check(options: Options) -> str:
    """Return the sentence for a run that found no DICOM."""
    filtered = options.find.include or options.find.exclude
    look_at = "the path, --include and --exclude" if filtered else "the path"
    return f"No DICOM was found; it is recognised by content, so check {look_at}."


def stdin_list() -> BinaryIO:
    """Return standard input, where a list of paths comes from.

    Errors: UsageError when it is closed
    """
    if sys.stdin is None:
        raise UsageError("Standard input is closed, so there is no list.", hint="Name the sources.")
    return sys.stdin.buffer


def stdout_is_terminal() -> bool:
    """Tell whether a person looks at standard output."""
    return is_terminal(sys.stdout)


def text_stdout() -> TextIO:
    """Return standard output for text: UTF-8 into a pipe, whatever the locale says."""
    stream = sys.stdout
    if stream is None:  # closed by who started us
        raise OutputError("Standard output is closed.", hint="Send it to a file or a pipe.")
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        if is_terminal(stream):
            reconfigure(errors="backslashreplace")
        else:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    return stream
