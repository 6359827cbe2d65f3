"""`dicom2fhir push`: Bundles made earlier, to a FHIR server."""
# ruff: noqa: ARG001, PLR0917 - the parameters declare the options; the context has their values
# ruff: noqa: D301 - \b keeps the help's examples on their lines

from typing import TYPE_CHECKING

import typer

from dicom2fhir.cli import parameters as p
from dicom2fhir.cli import push_parameters as d
from dicom2fhir.cli import server_parameters as s
from dicom2fhir.cli.deliveries import (
    next_delivery,
    report_delivery,
    say_how_to_go_on,
    say_waits,
)
from dicom2fhir.cli.progress import watch_run
from dicom2fhir.cli.push_options import push_options
from dicom2fhir.cli.session import Session, check_sources, text_stdout
from dicom2fhir.errors import UsageError
from dicom2fhir.report.people import delivery_line

if TYPE_CHECKING:
    from dicom2fhir.options import PushOptions
    from dicom2fhir.report.summary import Outcome


def push(
    ctx: typer.Context,
    bundles: p.Bundles = None,
    to: d.To = None,
    ids: d.Ids = None,
    jobs: d.Jobs = None,
    binaries: d.Binaries = None,
    binary_raw_above: d.BinaryRawAbove = None,
    verify: d.Verify = "sample",
    on_shrink: d.OnShrink = "merge",
    replace_bytes: d.ReplaceBytes = False,
    retry_dead: d.RetryDead = False,
    dead: d.Dead = False,
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
    state: d.PushState = None,
    temp_dir: p.TempDir = None,
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
    """Send Bundles made earlier to a FHIR server: each resource once, whatever happens on the way.

    \b
    Examples:
      dicom2fhir push out/ --to "$FHIR_BASE" --state sent/
      dicom2fhir push out/ --binaries raw/ --to "$FHIR_BASE" --token-file token
      dicom2fhir push --dead --to "$FHIR_BASE" --state sent/
    """
    session = Session(ctx)
    options = push_options(session.arguments)
    if options is None:
        raise UsageError("Name the server to send to.", hint="Give --to URL.")
    if dead:
        return _list_dead(options)
    check_sources(session, options.sources, "Bundle files or folders of them")
    from dicom2fhir import pipeline  # noqa: PLC0415 - a bad command line does not pay for it

    say_how_to_go_on(session, options.state)
    with watch_run(session.terminal, wanted=progress, bar=True) as watch:
        outcome = pipeline.push(options, watch, say_waits(session))
    again = next_delivery(outcome, options.state)
    return report_delivery(session, outcome, _line(outcome), again)


def _line(outcome: "Outcome") -> str:
    return delivery_line(outcome.delivery) if outcome.delivery is not None else ""


def _list_dead(options: "PushOptions") -> int:
    if options.state is None:
        raise UsageError("--dead needs the state that remembers.", hint="Give --state DIR.")
    from dicom2fhir import pipeline  # noqa: PLC0415 - a bad command line does not pay for it

    for item in pipeline.list_dead(options):
        print(f"{item.key}\t{item.code}", file=text_stdout())
    return 0
