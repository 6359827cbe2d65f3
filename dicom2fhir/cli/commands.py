"""Our touches on Typer: commands loaded when named, help by groups, one way for runs to end.

Typer 0.29 converts each argument through pydantic, which costs every command 0.2 s. Our parameters
are text, flags, counts and lists of text, so `PlainCommand` converts them itself; everything else
is checked by `values`. Should a later Typer rename what is overridden, it is slower, not wrong.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import warnings
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from dicom2fhir.errors import (
    ConfigError,
    Dicom2FhirError,
    OutputClosedError,
    OutputError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import FrameType

    from dicom2fhir.cli.terminal import Terminal

_DISK_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
TERMINAL = "dicom2fhir.terminal"
"""Where a command keeps its Terminal in Typer's `Context.meta`."""
GO_ON = "dicom2fhir.go-on"
"""Where it keeps what tells a person who interrupts it how to go on."""

COMMANDS = {
    "convert": "Turn DICOM files into FHIR transaction Bundles.",
    "inspect": "List studies and series; write nothing.",
    "explain": "Show where each FHIR element of a file comes from.",
    "push": "Send Bundles to a FHIR server.",
    "fetch": "Bring studies back from a server.",
    "validate": "Check FHIR Bundles.",
    "doctor": "Show versions and what this machine offers.",
}
"""The commands in the order of the help; each is a module of this name."""
HELP_FLAGS = {"help_option_names": ["-h", "--help"]}
EPILOG = (
    "Every option can also be set in the environment (--max-bytes as DICOM2FHIR_MAX_BYTES) or in "
    "dicom2fhir.toml; see docs/reference/configuration.md."
)

INTERRUPTED = 130
TERMINATED = 143
CLOSED = OutputClosedError.exit_code
FAULT = 1

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class PlainParameter:
    """Converts the value of one parameter without pydantic."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401, ARG002 - Typer's
        """Return what the command is given for this text."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if param.type_descriptor.annotation is bool and isinstance(value, str):
            return _flag(value, param)
        if isinstance(value, str) and getattr(param, "count", False):
            return _count(value, param)
        return value


def _flag(text: str, param: Any) -> bool:  # noqa: ANN401 - Typer's
    if text.lower() not in _TRUE | _FALSE:
        raise ConfigError(f"{param.envvar} is neither true nor false.", hint="Set it to 1 or 0.")
    return text.lower() in _TRUE


def _count(text: str, param: Any) -> int:  # noqa: ANN401 - Typer's
    if not text.isdecimal():
        raise ConfigError(f"{param.envvar} is not a number.", hint="Set it to 0, 1 or 2.")
    return int(text)


def _convert_plainly(params: Iterable[Any]) -> None:
    plain = PlainParameter()
    for param in params:
        param.get_runtime_param = lambda: plain


class PlainCommand(TyperCommand):
    """A command whose options are converted plainly and listed by their groups."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's
        """Parse the arguments without loading pydantic."""
        _convert_plainly(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's
        """Write the options under the headings of their groups, in order of appearance."""
        groups: dict[str, list[tuple[str, str]]] = {}
        params: list[Any] = list(self.get_params(ctx))
        for param in params:
            record = param.get_help_record(ctx)
            if record is None:
                continue
            if param.param_type_name == "argument":
                record = (param.metavar + "..." * (param.nargs == -1), param.help)
            group = getattr(param, "rich_help_panel", None) or "Help"
            groups.setdefault(group, []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)


class Program(TyperGroup):
    """The program: every run ends here, with one clear sentence and one exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's
        """Parse the arguments without loading pydantic."""
        _convert_plainly(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - Typer's
        """Return the names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - Typer's
        """Load the module of a command when it is named."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            module = import_module(f"dicom2fhir.cli.{cmd_name}")
            self.commands[cmd_name] = _make_command(cmd_name, getattr(module, cmd_name))
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Typer's
        """Return the command that is named, or say which one may be meant."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise _no_such_command(args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 - Typer's
        """Write the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **extra: Any) -> NoReturn:  # noqa: ANN401 - Typer's
        """Run and exit."""
        extra["standalone_mode"] = False
        with _quiet_libraries(), _ended_by_signals() as asked:
            code = _end({}, lambda: super(Program, self).main(*args, **extra))
        if asked and code not in {INTERRUPTED, TERMINATED}:
            # Python drops what is raised in some callbacks, such as that of an import's lock.
            code = INTERRUPTED if asked[0] == signal.SIGINT else TERMINATED
        if code in {INTERRUPTED, TERMINATED} and threading.active_count() > 1:
            # All is put away; what a thread of the pool still waits for concerns nobody.
            sys.stderr.flush()
            os._exit(code)
        sys.exit(code)

    def invoke(self, ctx: Any) -> int:  # noqa: ANN401 - Typer's
        """Run the command that was named."""
        # Within Typer's own main, which would take a closed pipe for exit code 1.
        return _end(ctx.meta, lambda: super(Program, self).invoke(ctx))


def _no_such_command(word: str) -> UsageError:
    """Return what to say; the word may be a path, which is not to be repeated."""
    from dicom2fhir.cli.values import suggest  # noqa: PLC0415 - only for a wrong name

    hint = suggest(word, COMMANDS) or f"The commands are {', '.join(COMMANDS)}."
    if os.path.lexists(word):
        hint = "To convert a file or folder, type dicom2fhir convert PATH -o out/"
    return UsageError("There is no such command.", hint=hint)


def _make_command(name: str, function: Callable[..., int]) -> Any:  # noqa: ANN401 - Typer's
    one = typer.Typer(rich_markup_mode=None, add_completion=False)
    one.command(name, cls=PlainCommand, epilog=EPILOG, context_settings=HELP_FLAGS)(function)
    return get_command(one)


def _end(meta: Mapping[str, Any], call: Callable[[], Any]) -> int:
    """Return the exit code of the call; what went wrong is said in one sentence."""
    try:
        code = int(call() or 0)
        if sys.stdout is not None:  # closed by who started us
            sys.stdout.flush()
    except (typer.Exit, typer.Abort):
        raise
    except (BrokenPipeError, OutputClosedError):
        _drop_stdout()
        return CLOSED
    except Dicom2FhirError as error:
        _terminal(meta).error(str(error), error.hint)
        return error.exit_code
    except typer.TyperException as error:
        _terminal(meta).error(_sentence(error.format_message()), _help_hint(error))
        return UsageError.exit_code
    except (KeyboardInterrupt, _TerminatedError) as error:
        return _end_early(meta, error)
    except Exception as error:  # noqa: BLE001 - the last resort; its text may quote a patient
        return _end_by_fault(meta, error)
    return code


def _end_by_fault(meta: Mapping[str, Any], error: Exception) -> int:
    # Python before 3.12 wraps what comes while a class is made (__set_name__).
    if isinstance(error.__cause__, KeyboardInterrupt | _TerminatedError):
        return _end_early(meta, error.__cause__)
    # All files that we write have errors of their own; what is left is standard output.
    if isinstance(error, OSError) and error.errno in _DISK_FAULTS:
        _drop_stdout()
        reason = os.strerror(error.errno).lower()
        _terminal(meta).error(f"Standard output cannot be written: {reason}.")
        return OutputError.exit_code
    _terminal(meta).fault(error)
    return FAULT


def _end_early(meta: Mapping[str, Any], reason: BaseException) -> int:
    terminated = isinstance(reason, _TerminatedError)
    sentence = "Asked to end." if terminated else "Interrupted."
    _terminal(meta).error(sentence, meta.get(GO_ON, ""))
    return TERMINATED if terminated else INTERRUPTED


def _terminal(meta: Mapping[str, Any]) -> Terminal:
    from dicom2fhir.cli.terminal import Terminal  # noqa: PLC0415 - help does not need it

    terminal: Terminal = meta.get(TERMINAL, Terminal())
    return terminal


def _sentence(message: str) -> str:
    text = " ".join(message.split())
    if text.startswith("Got unexpected extra argument"):
        return "There are more arguments than the command takes."  # they may be paths
    return text if text.endswith((".", "?", ")")) else f"{text}."


def _help_hint(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"See {context.command_path} --help." if context is not None else ""


def _drop_stdout() -> None:
    """Keep the interpreter from complaining at exit that stdout is closed."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep warnings of libraries from the user: they quote values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _ended_by_signals() -> Iterator[list[int]]:
    """Let signals end the run like an exception, so that everything is put away.

    The list fills with the signals that came. One that our parent ignores is still ignored.
    """
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        asked.append(number)
        raise KeyboardInterrupt if number == signal.SIGINT else _TerminatedError

    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield asked
    finally:
        for number, handler in zip(numbers, before, strict=True):
            # Once asked, the program ends: another signal must not disturb the last of it.
            signal.signal(number, signal.SIG_IGN if asked else handler)


class _TerminatedError(BaseException):
    """The run was asked to end; no handler of faults is to catch it."""
