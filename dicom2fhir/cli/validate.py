"""`dicom2fhir validate`: the check of any FHIR Bundle."""
# ruff: noqa: ARG001, PLR0917 - the parameters declare the options; the context has their values
# ruff: noqa: D301 - \b keeps the help's examples on their lines

import typer

from dicom2fhir.cli import parameters as p
from dicom2fhir.cli.session import Session, check_sources
from dicom2fhir.report.people import validation_line


def validate(
    ctx: typer.Context,
    bundles: p.Bundles = None,
    check: p.Level = "full",
    fail_on: p.FailOn = "error",
    report: p.Report = None,
    no_color: p.NoColor = False,
    show_paths: p.ShowPaths = False,
    quiet: p.Quiet = False,
    verbose: p.Verbose = 0,
    log_format: p.LogFormat = "text",
    log_file: p.LogFile = None,
    config: p.Config = None,
    show_config: p.ShowConfig = False,
) -> int:
    """Check FHIR Bundles: structure, codes, references, invariants.

    \b
    Examples:
      dicom2fhir validate out/
      dicom2fhir validate study.json --report report.json
    """
    session = Session(ctx)
    level = session.arguments.choice("check", p.LEVEL_CHOICES)
    limit = session.arguments.choice("fail_on", p.FAIL_ON_CHOICES)
    paths = session.arguments.texts("bundles")
    check_sources(session, paths, "Bundle files or folders of them")
    from dicom2fhir import pipeline  # noqa: PLC0415 - a bad command line does not pay for it

    outcome = pipeline.validate(paths, level, limit)
    return session.report(outcome, validation_line(outcome))
