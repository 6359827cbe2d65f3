"""`dicom2fhir fetch`: the way back, from a server to files."""
# ruff: noqa: ARG001, PLR0917 - the parameters declare the options; the context has their values
# ruff: noqa: D301 - \b keeps the help's examples on their lines

from typing import TYPE_CHECKING

import typer

from dicom2fhir.cli import parameters as p
from dicom2fhir.cli import server_parameters as s
from dicom2fhir.cli import values
from dicom2fhir.cli.deliveries import say_waits
from dicom2fhir.cli.progress import watch_run
from dicom2fhir.cli.references import read_references
from dicom2fhir.cli.server_options import dicomweb_options, server_options
from dicom2fhir.cli.session import Session, stdout_is_terminal, text_stdout
from dicom2fhir.errors import UsageError
from dicom2fhir.options import FetchOptions
from dicom2fhir.report.people import fetch_line

if TYPE_CHECKING:
    from dicom2fhir.pipeline.bringing import FetchRow


def fetch(
    ctx: typer.Context,
    references: s.References = None,
    from_: s.From = None,
    output: s.Folder = None,
    renders: s.Renders = False,
    verify: s.Verify = False,
    dry_run: s.ListOnly = False,
    jobs: s.FetchJobs = None,
    token_file: s.TokenFile = None,
    token_env: s.TokenEnv = None,
    token_command: s.TokenCommand = None,
    user: s.User = None,
    password_file: s.PasswordFile = None,
    client_id: s.ClientId = None,
    client_secret_file: s.ClientSecretFile = None,
    key_file: s.KeyFile = None,
    key_algorithm: s.KeyAlgorithm = "RS384",
    token_url: s.TokenUrl = None,
    scope: s.Scope = None,
    allow_http: s.AllowHttp = False,
    use_proxy_env: s.UseProxyEnv = False,
    ca_file: s.CaFile = None,
    client_certificate: s.ClientCertificate = None,
    client_key: s.ClientKey = None,
    timeout: s.Timeout = None,
    dicomweb: s.FetchDicomWeb = None,
    dicomweb_token_file: s.DicomWebTokenFile = None,
    dicomweb_token_env: s.DicomWebTokenEnv = None,
    dicomweb_token_command: s.DicomWebTokenCommand = None,
    dicomweb_user: s.DicomWebUser = None,
    dicomweb_password_file: s.DicomWebPasswordFile = None,
    fail_on: p.FailOn = "error",
    report: p.Report = None,
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
    """Bring studies back from a server: DICOM files, byte for byte, and renders.

    \b
    Examples:
      dicom2fhir fetch ImagingStudy/4f2c --from "$FHIR_BASE" -o study/
      dicom2fhir fetch accession:numbers.txt --from "$FHIR_BASE" --dry-run
      echo "$UID" | dicom2fhir fetch study-uid:- --from "$FHIR_BASE" -o study/
    """
    session = Session(ctx)
    options = _options(session)
    if dry_run and "-" in session.reports:
        raise UsageError(
            "The list and the report cannot both go to standard output.",
            hint="Give --report a file.",
        )
    from dicom2fhir import pipeline  # noqa: PLC0415 - a bad command line does not pay for it

    bar = not (dry_run and stdout_is_terminal())
    session.say_if_interrupted("Run the same command again: it goes on from there.")
    with watch_run(session.terminal, wanted=progress, bar=bar) as watch:
        outcome = pipeline.fetch(options, watch, _print_row, say_waits(session))
    return session.report(outcome, fetch_line(outcome, dry_run=dry_run))


def _options(session: Session) -> FetchOptions:
    arguments = session.arguments
    server = server_options(arguments, "from_")
    if server is None:
        raise UsageError("Name the server to fetch from.", hint="Give --from URL.")
    folder, dry_run = arguments.text("output"), arguments.flag("dry_run")
    if folder in {None, "", "-"} and not dry_run:
        raise UsageError(
            "Name the folder that the files go to.", hint="Give -o DIR, or --dry-run to list them."
        )
    return FetchOptions(
        server=server,
        wanted=read_references(arguments.texts("references")),
        dicomweb=dicomweb_options(arguments, "dicomweb"),
        path=folder,
        renders=arguments.flag("renders"),
        verify=arguments.flag("verify"),
        dry_run=dry_run,
        jobs=arguments.parsed("jobs", values.whole_number) or FetchOptions(server=server).jobs,
        fail_on=arguments.choice("fail_on", p.FAIL_ON_CHOICES),
    )


def _print_row(row: "FetchRow") -> None:
    print("\t".join((row.path, row.way, row.sha256 or "-")), file=text_stdout())
