"""Logs: `-v`, `--log-format json` and `--log-file`; the only place that sets up logging.

A record holds counts, codes and stages. Patient values never reach it, and paths only with
`--show-paths`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from dicom2fhir.errors import OutputError
from dicom2fhir.report.safe import safe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import TextIOWrapper

LOGGER = logging.getLogger("dicom2fhir")
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class JsonLines(logging.Formatter):
    """One ASCII JSON object a line, so that no value can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON: time (UTC), level, message, then its own facts."""
        line = {
            "time": _instant(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **_facts(record),
        }
        return json.dumps(line, ensure_ascii=True, default=str)


class TextLines(logging.Formatter):
    """Time, level and message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one harmless line."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        return f"{clock} {record.levelname.lower():<7} {safe(record.getMessage(), 400)}"


class _NotSaid(logging.Filter):
    """Keeps from stderr what people were told in another form: errors and the summary."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(record, "said", False)


def set_up_logs(*, verbosity: int, quiet: bool, as_json: bool, path: str | None) -> None:
    """Send our records to stderr, to a file, or to both.

    Errors: OutputError when the file cannot be written
    """
    level = logging.DEBUG if verbosity > 1 else logging.INFO
    _reset()
    formatter = JsonLines() if as_json else TextLines()
    if path is not None:
        _add(_file(path), formatter, level)
    if as_json and path is None:
        _add(logging.StreamHandler(sys.stderr), formatter, logging.ERROR if quiet else level)
    elif verbosity and not quiet:
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(_NotSaid())
        _add(handler, TextLines(), level)


def write_record(level: str, message: str, facts: Mapping[str, object], *, said: bool) -> None:
    """Write one record; `said` marks what people are told in another form as well."""
    LOGGER.log(_LEVELS[level], "%s", message, extra={"facts": facts, "said": said})


def _reset() -> None:
    # A failing handler prints the record's arguments; a closed stderr is no reason to.
    logging.raiseExceptions = False
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())  # else libraries' warnings go to stderr
    for handler in LOGGER.handlers[:]:
        LOGGER.removeHandler(handler)
        handler.close()
    LOGGER.propagate = False
    LOGGER.setLevel(logging.DEBUG)


def _add(handler: logging.Handler, formatter: logging.Formatter, level: int) -> None:
    handler.setFormatter(formatter)
    handler.setLevel(level)
    LOGGER.addHandler(handler)


class _PrivateFile(logging.FileHandler):
    """A log file that only its owner can read."""

    def _open(self) -> TextIOWrapper:
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return open(self.baseFilename, "a", encoding="utf-8", opener=opener)


def _file(path: str) -> logging.Handler:
    if _is_binary(path):
        raise OutputError(
            "The file of --log-file holds no text; it was left alone.",
            hint="Name a new file or an older log.",
        )
    try:
        return _PrivateFile(path)
    except OSError as error:
        raise OutputError(
            f"The log file cannot be written: {error.strerror}.",
            hint="Give --log-file a file in a folder that exists and that you may write to.",
        ) from None


def _is_binary(path: str) -> bool:
    """Tell whether a regular file is there that is no log: text holds no NUL, DICOM does."""
    if not os.path.isfile(path):  # noqa: PTH113 - the path may hold any bytes
        return False
    with suppress(OSError), open(path, "rb") as file:  # noqa: PTH123 - as above
        return b"\0" in file.read(4096)
    return False


def _facts(record: logging.LogRecord) -> Mapping[str, object]:
    facts: Mapping[str, object] = getattr(record, "facts", {})
    return facts


def _instant(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"
