"""`dicom2fhir inspect`: what is there, without writing anything."""
# ruff: noqa: ARG001, PLR0917 - the parameters declare the options; the context has their values
# ruff: noqa: D301 - \b keeps the help's examples on their lines

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from dicom2fhir.cli import parameters as p
from dicom2fhir.cli.assembly import input_options
from dicom2fhir.cli.progress import watch_run
from dicom2fhir.cli.session import (
    Session,
    check_sources,
    say_what_to_check,
    stdin_list,
    text_stdout,
)
from dicom2fhir.errors import NothingFoundError, UsageError
from dicom2fhir.report.people import headline

if TYPE_CHECKING:
    from dicom2fhir.cli.images import Graphics
    from dicom2fhir.options import Options


def inspect(
    ctx: typer.Context,
    sources: p.Sources = None,
    null: p.Null = False,
    include: p.Include = None,
    exclude: p.Exclude = None,
    where: p.Where = None,
    follow: p.Follow = False,
    allow_truncated: p.AllowTruncated = False,
    charset: p.Charset = None,
    keep_rejected: p.KeepRejected = False,
    max_archive_members: p.MaxArchiveMembers = None,
    max_archive_bytes: p.MaxArchiveBytes = None,
    max_archive_ratio: p.MaxArchiveRatio = None,
    format: p.Format = "table",  # noqa: A002 - the option's name
    show_patients: p.ShowPatients = False,
    images: p.Images = False,
    workers: p.Workers = None,
    temp_dir: p.TempDir = None,
    fail_on: p.FailOn = "error",
    report: p.Report = None,
    report_names: p.ReportNames = False,
    progress: p.Progress = None,
    no_color: p.NoColor = False,
    show_paths: p.ShowPaths = False,
    quiet: p.Quiet = False,
    verbose: p.Verbose = 0,
    log_format: p.LogFormat = "text",
    log_file: p.LogFile = None,
    config: p.Config = None,
    show_config: p.ShowConfig = False,
) -> int:
    """List the studies and series of DICOM files; write nothing.

    \b
    Examples:
      dicom2fhir inspect archive/
      dicom2fhir inspect archive/ --show-patients --images
      dicom2fhir inspect archive/ --format ndjson | jq .modalities
    """
    session = Session(ctx)
    options = input_options(session.arguments)
    form = session.arguments.choice("format", p.TABLE_CHOICES)
    check_sources(session, options.sources, "folders, files, archives, or - for paths on stdin")
    if "-" in session.reports:
        raise UsageError(
            "The list and the report cannot both go to standard output.",
            hint="Give --report a file.",
        )
    graphics = _find_graphics(session, form) if images else None
    if graphics is not None or session.wants_pictures:
        options = replace(options, render=replace(options.render, thumbnails=True))
    return list_studies(session, options, form, show_patients=show_patients, graphics=graphics)


def _find_graphics(session: Session, form: str) -> "Graphics | None":
    """Return how pictures can be shown; None, after a sentence, where they cannot."""
    if form != "table":
        raise session.arguments.bad("images", "Pictures go with --format table only.")
    from dicom2fhir.cli.images import NO_GRAPHICS, find_graphics  # noqa: PLC0415 - asked for seldom

    graphics = find_graphics()
    if graphics is None:
        session.terminal.say(NO_GRAPHICS)
    return graphics


def list_studies(
    session: Session,
    options: "Options",
    form: str,
    *,
    show_patients: bool,
    graphics: "Graphics | None" = None,
) -> int:
    """Print the studies of the sources and what there is to say; return the exit code."""
    from dicom2fhir import pipeline  # noqa: PLC0415 - a bad command line does not pay for it
    from dicom2fhir.report.studies import print_studies  # noqa: PLC0415 - the same

    listing = stdin_list() if "-" in options.sources else None
    wanted = session.arguments.switch("progress")
    with watch_run(session.terminal, wanted=wanted, bar=True) as watch:
        found = pipeline.inspect(options, watch, listing)
    outcome = found.outcome
    color = session.terminal.color
    print_studies(found.rows, text_stdout(), form, show_patients=show_patients, color=color)
    if graphics is not None:
        from dicom2fhir.cli.images import print_pictures  # noqa: PLC0415 - asked for seldom

        print_pictures(found.cards, text_stdout(), graphics, show_patients=show_patients)
    sys.stdout.flush()
    session.write_report(outcome, cards=found.cards)
    next_step = (
        say_what_to_check(options) if outcome.exit_code == NothingFoundError.exit_code else ""
    )
    return session.report(outcome, headline(outcome.counts, "listed"), next_step)
