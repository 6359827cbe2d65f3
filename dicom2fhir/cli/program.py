"""The program: its commands and the options it has without one."""

# ruff: noqa: D301 - \b keeps the help's examples on their lines

import sys
from typing import Annotated

import typer

from dicom2fhir import __version__
from dicom2fhir.cli.commands import HELP_FLAGS, Program

app = typer.Typer(
    cls=Program,
    name="dicom2fhir",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP_FLAGS,
)


def _show_version(value: bool) -> None:  # noqa: FBT001 - Typer passes the flag
    if value:
        typer.echo(f"dicom2fhir {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def main(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Turn folders of DICOM files into FHIR transaction Bundles.

    \b
    Examples:
      dicom2fhir inspect archive/
      dicom2fhir convert study/ -o out/
      dicom2fhir convert study/ --dicomweb "$PACS" -o study.json
      dicom2fhir validate out/
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), file=sys.stderr)
        raise typer.Exit(2)
