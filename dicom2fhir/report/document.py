"""The JSON report: versioned, for programs; fields are added, never removed or re-typed."""

from __future__ import annotations

import os
import stat
from base64 import b64encode
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from dicom2fhir.errors import OutputError
from dicom2fhir.report.summary import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dicom2fhir.model import Json
    from dicom2fhir.problems import PlacedProblem
    from dicom2fhir.report.summary import Outcome, ProblemRow

_BEGINNING = b'{\n  "report": "dicom2fhir"'
PAGE_BEGINNING = b"<!DOCTYPE html>\n<!-- dicom2fhir report -->\n"
REPORT_VERSION = "1.0"
"""Major.minor: within a major version fields are added, never removed or re-typed."""


def report_document(outcome: Outcome, command: str) -> dict[str, Json]:
    """Return the report as a dict; it may name paths, and never a UID, name, id or date."""
    delivery = {} if outcome.delivery is None else {"delivery": asdict(outcome.delivery)}
    return {
        "report": "dicom2fhir",
        "version": REPORT_VERSION,
        "tool": {"name": "dicom2fhir", "version": outcome.version},
        "command": command,
        "exit_code": outcome.exit_code,
        "counts": asdict(outcome.counts),
        "problems": [_problem(row) for row in outcome.problems],
        "timings": {timing.stage: round(timing.seconds, 6) for timing in outcome.timings},
        **delivery,
    }


def encode_report(
    outcome: Outcome, command: str, items: Iterable[PlacedProblem] = ()
) -> Iterator[bytes]:
    """Yield the report as indented JSON in UTF-8, every single Problem at its end.

    There may be millions of items, so they are written one by one.
    """
    import orjson  # noqa: PLC0415 - only a run that reports pays for it

    head = orjson.dumps(report_document(outcome, command), option=orjson.OPT_INDENT_2)
    yield head.removesuffix(b"\n}") + b',\n  "items": ['
    separator = b"\n    "
    for item in items:
        place = Place(path=item.label or "", tag=item.tag, element=item.element, detail=item.detail)
        yield separator + orjson.dumps({"code": item.code, "count": item.seen, **_place(place)})
        separator = b",\n    "
    yield b"]\n}\n" if separator == b"\n    " else b"\n  ]\n}\n"


def write_report(path: str, chunks: Iterable[bytes]) -> None:
    """Write the report, readable by its owner only, whole or not at all.

    Errors: OutputError when the place cannot be written
    """
    try:
        if _is_stream(path):
            with open(path, "wb") as stream:  # noqa: PTH123 - the path may hold any bytes
                stream.writelines(chunks)
        else:
            _replace(path, chunks)
    except OSError as error:
        raise OutputError(
            f"The report cannot be written: {error.strerror}.",
            hint="Give --report a file in a folder that exists and that you may write to.",
        ) from None


def can_write_report(path: str) -> bool:
    """Tell whether a report can be written there, before the work begins.

    A file that is there already is replaced only where it is an older report, or empty.
    """
    if os.path.isdir(path):  # noqa: PTH112 - the path may hold any bytes
        return False
    if os.path.isfile(path) and not is_report(path):  # noqa: PTH113 - as above
        return False
    folder = os.path.dirname(os.path.realpath(path))  # noqa: PTH120 - as above
    return os.access(path if _is_stream(path) else folder, os.W_OK)


def is_page(path: str) -> bool:
    """Tell whether the report of this name is a page for people."""
    return path.casefold().endswith((".html", ".htm"))


def is_report(path: str) -> bool:
    """Tell whether the file that is there is a report, or empty."""
    with suppress(OSError), open(path, "rb") as file:  # noqa: PTH123 - as above
        beginning = file.read(max(len(_BEGINNING), len(PAGE_BEGINNING)))
        return not beginning or beginning.startswith((_BEGINNING, PAGE_BEGINNING))
    return False


def _is_stream(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - as above
    except OSError:
        return False


def _replace(path: str, chunks: Iterable[bytes]) -> None:
    # a link is followed, so that what it leads to is replaced and not the link
    path = os.path.realpath(path)
    temporary = f"{path}.{os.getpid()}.part"
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - as above
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - as above
        raise


def _problem(row: ProblemRow) -> dict[str, Json]:
    return {
        "code": row.code,
        "severity": row.severity.value,
        "stage": row.stage,
        "message": row.message,
        "advice": row.advice,
        "count": row.count,
        "examples": [_place(place) for place in row.examples],
    }


def _place(place: Place) -> dict[str, str]:
    """Return what is known of the place.

    A path that is no UTF-8 is written readable in `path`, and whole in `path_base64`.
    """
    fields = asdict(place)
    raw = os.fsencode(place.path)
    try:
        fields["path"] = raw.decode()
    except UnicodeDecodeError:
        fields["path"] = raw.decode(errors="backslashreplace")
        fields["path_base64"] = b64encode(raw).decode("ascii")
    return {name: text for name, text in fields.items() if text}
