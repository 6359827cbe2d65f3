"""What every command does around its work: settle how to speak, report, name the exit code."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dicom2fhir.cli.arguments import Arguments
from dicom2fhir.cli.commands import GO_ON, TERMINAL
from dicom2fhir.cli.parameters import LOG_CHOICES
from dicom2fhir.cli.terminal import Terminal, is_terminal
from dicom2fhir.errors import OutputError, UsageError
from dicom2fhir.report.document import can_write_report, is_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO, TextIO

    import typer

    from dicom2fhir.options import Options
    from dicom2fhir.problems import PlacedProblem
    from dicom2fhir.report.pictures import StudyCard
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
        self._meta = ctx.meta
        if self.arguments.flag("show_config"):
            from dicom2fhir.cli.settings import print_settings  # noqa: PLC0415 - asked for seldom

            print_settings(ctx, self.arguments)
        self._check_report()

    def say_if_interrupted(self, sentence: str) -> None:
        """Have whoever interrupts the run told how to go on."""
        self._meta[GO_ON] = sentence

    def report(self, outcome: Outcome, line: str, next_step: str = "") -> int:
        """Write the report unless that is done, say what was done, and return the exit code."""
        if not self._reported:
            self.write_report(outcome)
        self.terminal.outcome(outcome, line, next_step)
        return outcome.exit_code

    def write_report(
        self,
        outcome: Outcome,
        items: Iterable[PlacedProblem] = (),
        cards: Iterable[StudyCard] = (),
    ) -> None:
        """Write the reports where `--report` says.

        The JSON has every single Problem, the page a card for each study.
        """
        self._reported = True
        from dicom2fhir.report.document import encode_report, write_report  # noqa: PLC0415

        for path in self.reports:
            if is_page(path):
                chunks = self._encode_page(outcome, cards)
            else:
                chunks = encode_report(outcome, self.command, items)
            if path == "-":
                sys.stdout.buffer.writelines(chunks)
            else:
                write_report(path, chunks)

    def _encode_page(self, outcome: Outcome, cards: Iterable[StudyCard]) -> Iterator[bytes]:
        from dicom2fhir.report.page import encode_page  # noqa: PLC0415 - asked for seldom

        show_names = self.arguments.flag("report_names")
        return encode_page(outcome, self.command, cards, show_names=show_names)

    @property
    def reports(self) -> tuple[str, ...]:
        """Return where the reports go: `-` for standard output by whatever name."""
        return tuple("-" if path in STDOUT else path for path in self.arguments.texts("report"))

    @property
    def wants_pictures(self) -> bool:
        """Tell whether a report shows the images."""
        return any(is_page(path) for path in self.reports)

    def _check_report(self) -> None:
        """Refuse a report that could not be written before the work begins."""
        pages = [is_page(path) for path in self.reports]
        if len(pages) != len(set(pages)):
            raise self.arguments.bad("report", "At most one JSON file and one page can be written.")
        if not all(path == "-" or can_write_report(path) for path in self.reports):
            raise OutputError(
                "The report cannot be written there.",
                hint="Give --report a new file or an older report in a folder you may write to.",
            )

    def refuse_sources(self, sources: Sequence[str], output: str | None = None) -> None:
        """Keep report, log, state and raw bytes out of the input and apart from the output.

        Errors: UsageError
        """
        named = [("--report", path) for path in self.reports if path != "-"]
        named += [
            (f"--{name.replace('_', '-')}", path)
            for name in ("log_file", "state", "raw_dir")
            if (path := self.arguments.text(name)) not in {None, "-"}
        ]
        from pathlib import Path  # noqa: PLC0415 - a run that writes nothing beside needs it not

        from dicom2fhir.deliver import refuse_sources  # noqa: PLC0415 - the same

        for option, path in named:
            refuse_sources(Path(path), sources, option)
            if output is not None and os.path.realpath(path) == os.path.realpath(output):
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
