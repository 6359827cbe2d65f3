"""The ways a whole run can fail.

    Dicom2FhirError            exit
    ├── UsageError             2    the command line cannot be done as asked
    ├── NothingFoundError      3    no DICOM in the input
    ├── ServerRefusedError     4
    ├── ServerUnreachableError 5
    ├── ConfigError            6    a configuration file, a missing extra, credentials
    ├── OutputError            7    the output cannot be written
    ├── StateLockedError       8    another run holds the state folder
    └── OutputClosedError      141  whoever read our output has gone

A bad file is never an exception: it is a Problem.
"""

from __future__ import annotations

from typing import ClassVar


class Dicom2FhirError(Exception):
    """A run cannot go on. The message is one clear sentence without patient values."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(Dicom2FhirError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class NothingFoundError(Dicom2FhirError):
    """The input holds no DICOM."""

    exit_code = 3


class ServerRefusedError(Dicom2FhirError):
    """The server refused every Bundle, or lacks what we need."""

    exit_code = 4


class ServerUnreachableError(Dicom2FhirError):
    """The server cannot be reached now; running again may help."""

    exit_code = 5


class ConfigError(Dicom2FhirError):
    """A configuration file or a credential is wrong."""

    exit_code = 6


class OutputError(Dicom2FhirError):
    """The output cannot be written."""

    exit_code = 7


class StateLockedError(Dicom2FhirError):
    """Another run holds the state folder."""

    exit_code = 8


class OutputClosedError(Dicom2FhirError):
    """The reader of stdout or of a pipe has gone; the run ends quietly."""

    exit_code = 141
