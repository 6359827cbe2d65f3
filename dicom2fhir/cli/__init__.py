"""The command line: parse, call, print, exit. No DICOM and no FHIR in here."""

from __future__ import annotations

import gc
import sys

YOUNG = 50_000
"""New objects between two looks for cycles: a run makes few, and importing alone asks for 50."""


def run() -> None:
    """Run the command that the command line names, and exit with its code."""
    gc.set_threshold(YOUNG)
    # The library is not to pay for Typer.
    try:
        from dicom2fhir.cli.program import app  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(130)

    app()
