"""The command line: parse, call, print, exit. No DICOM and no FHIR in here."""

from __future__ import annotations


def run() -> None:
    """Run the command that the command line names, and exit with its code."""
    # The library is not to pay for Typer.
    from dicom2fhir.cli.program import app  # noqa: PLC0415

    app()
