"""What `fetch` is asked for: ids on the command line, a patient's values in files only."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dicom2fhir.errors import UsageError
from dicom2fhir.options import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KINDS = ("study-uid", "accession", "patient")
MAX_VALUE = 1000
"""Characters of one value."""

_ID = re.compile(r"(?:ImagingStudy/)?([A-Za-z0-9.-]{1,64})")
_PATIENT = re.compile(r"Patient/[A-Za-z0-9.-]{1,64}")
_UID = re.compile(r"(urn:oid:)?[0-9]+(\.[0-9]+)*")
_HINT = "A REF is ImagingStudy/ID, Patient/ID, study-uid:FILE, accession:FILE or patient:FILE."


def read_references(texts: Sequence[str]) -> tuple[Wanted, ...]:
    """Return what is asked for, each once, in this order.

    Errors: UsageError, which repeats no value
    """
    if not texts:
        raise UsageError("Name what to fetch.", hint=_HINT)
    if sum(text.endswith(":-") for text in texts) > 1:
        raise UsageError("Standard input can be read once only.", hint="Use files.")
    found = (wanted for text in texts for wanted in _read(text))
    return tuple(dict.fromkeys(found))


def _read(text: str) -> Iterator[Wanted]:
    kind, colon, path = text.partition(":")
    if colon and kind in KINDS:
        for number, line in enumerate(_lines(path, kind), start=1):
            value = line.strip()
            if value:
                yield Wanted(kind=kind, value=_checked(kind, value, number))
    elif _PATIENT.fullmatch(text):
        yield Wanted(kind="patient", value=text)
    elif "." in text and _UID.fullmatch(text):
        raise UsageError(
            "A UID on the command line can be seen by everybody on this machine.",
            hint="Put it into a file: study-uid:FILE, or study-uid:- for standard input.",
        )
    elif found := _ID.fullmatch(text):
        yield Wanted(kind="id", value=found[1])
    else:
        raise UsageError("What to fetch is not named as it should be.", hint=_HINT)


def _lines(path: str, kind: str) -> list[str]:
    try:
        if path == "-":
            if sys.stdin is None:
                raise UsageError("Standard input is closed.", hint="Use a file.")
            return sys.stdin.buffer.read().decode("utf-8-sig").splitlines()
        return Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError):
        raise UsageError(
            f"The file after {kind}: cannot be read, or is no text.",
            hint="Values stand in a file, one a line: on the command line everybody sees them.",
        ) from None


def _checked(kind: str, value: str, number: int) -> str:
    """Return a value that a server can be asked for."""
    is_uid = _UID.fullmatch(value) is not None
    if len(value) > MAX_VALUE or not value.isprintable() or (kind == "study-uid" and not is_uid):
        raise UsageError(f"Line {number} of the values after {kind}: is no such value.")
    return value.removeprefix("urn:oid:") if kind == "study-uid" else value
