"""`dicom2fhir convert`: DICOM in, FHIR transaction Bundles out."""
# ruff: noqa: ARG001, PLR0917 - the parameters declare the options; the context has their values
# ruff: noqa: D301 - \b keeps the help's examples on their lines

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from dicom2fhir.cli import content_parameters as c
from dicom2fhir.cli import measurement_parameters as m
from dicom2fhir.cli import parameters as p
from dicom2fhir.cli import push_parameters as d
from dicom2fhir.cli import server_parameters as s
from dicom2fhir.cli.assembly import conversion_options
from dicom2fhir.cli.deliveries import (
    next_delivery,
    report_delivery,
    say_how_to_go_on,
    say_waits,
)
from dicom2fhir.cli.progress import watch_run
from dicom2fhir.cli.session import (
    STDOUT,
    Session,
    check_sources,
    say_what_to_check,
    stdin_list,
    stdout_is_terminal,
)
from dicom2fhir.errors import NothingFoundError, UsageError
from dicom2fhir.report.document import is_page
from dicom2fhir.report.people import delivery_line, headline, number_line
from dicom2fhir.report.safe import safe

if TYPE_CHECKING:
    from dicom2fhir.options import Options
    from dicom2fhir.report.summary import Outcome

SOME_FAILED, NO_DICOM = 1, NothingFoundError.exit_code


def convert(
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
    output: p.Output = None,
    to: d.To = None,
    overwrite: p.Overwrite = "changed",
    dry_run: p.DryRun = False,
    dicom: c.Dicom = None,
    dicomweb: c.DicomWeb = None,
    fhir_base: c.FhirBase = None,
    raw_dir: c.RawDir = None,
    zero_preamble: c.ZeroPreamble = False,
    max_attachment: c.MaxAttachment = None,
    media: c.Media = "series",
    media_format: c.MediaFormat = "jpeg",
    media_size: c.MediaSize = None,
    quality: c.Quality = None,
    window: c.Window = None,
    media_inline_below: c.MediaInlineBelow = None,
    render_burned_in: c.RenderBurnedIn = False,
    render_labels: c.RenderLabels = False,
    observations: m.Observations = "all",
    dose: m.Dose = "all",
    sr_status: m.SrStatus = "stated",
    max_sr_items: m.MaxSrItems = None,
    max_sr_depth: m.MaxSrDepth = None,
    vitals: m.Vitals = False,
    waveforms: m.Waveforms = False,
    fhir: c.Fhir = "R4",
    ids: c.Ids = "client",
    timezone: c.Timezone = None,
    patient: c.Patient = None,
    patient_id_system: c.PatientIdSystem = None,
    accession_system: c.AccessionSystem = None,
    id_salt_file: c.IdSaltFile = None,
    provenance: c.Provenance = False,
    timestamp: c.Timestamp = None,
    tag: c.Tag = None,
    security_label: c.SecurityLabel = None,
    check: c.Check = "full",
    server_profile: p.Profile = None,
    max_entries: p.MaxEntries = None,
    max_bytes: p.MaxBytes = None,
    jobs: d.Jobs = None,
    binary_raw_above: d.BinaryRawAbove = None,
    verify: d.Verify = "sample",
    on_shrink: d.OnShrink = "merge",
    replace_bytes: d.ReplaceBytes = False,
    retry_dead: d.RetryDead = False,
    stow: s.Stow = None,
    stow_token_file: s.StowTokenFile = None,
    stow_token_env: s.StowTokenEnv = None,
    stow_token_command: s.StowTokenCommand = None,
    stow_user: s.StowUser = None,
    stow_password_file: s.StowPasswordFile = None,
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
    state: p.State = None,
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
    """Turn DICOM files into FHIR transaction Bundles.

    \b
    Examples:
      dicom2fhir convert study/ -o out/
      dicom2fhir convert archive/ --where Modality=CT -o ct.ndjson.gz
      dicom2fhir convert study/ --dicomweb "$PACS" -o study.json
      dicom2fhir convert study/ --dicom none --media instance -o pictures/
      dicom2fhir convert archive/ -o out/ --report report.html
      dicom2fhir convert archive/ --to "$FHIR_BASE" --state nightly/
      dicom2fhir convert archive/ --stow "$PACS" --to "$FHIR_BASE"
      find new/ -print0 | dicom2fhir convert -0 - --state nightly/ -o new.ndjson
      dicom2fhir convert study/ |
        curl -H 'Content-Type: application/fhir+json' -d @- "$FHIR_BASE"
    """
    session = Session(ctx)
    options = conversion_options(
        session.arguments, _output(output, elsewhere=dry_run or to is not None or stow is not None)
    )
    if session.wants_pictures:
        options = replace(options, render=replace(options.render, thumbnails=True))
    check_sources(session, options.sources, "folders, files, archives, or - for paths on stdin")
    elsewhere = options.push or options.stow or options.dry_run
    if options.output.path is None and not elsewhere:
        return _show_instead(session, options)
    session.refuse_sources(options.sources, options.output.path)
    if options.output.path in STDOUT and "-" in session.reports:
        raise UsageError(
            "The Bundle and the report cannot both go to standard output.",
            hint="Give -o or --report a file.",
        )
    from dicom2fhir import pipeline  # noqa: PLC0415 - a bad command line does not pay for it

    listing = stdin_list() if "-" in options.sources else None
    bar = not (options.output.path == "-" and stdout_is_terminal())
    if options.push or options.stow:
        say_how_to_go_on(session, options.state)
    with watch_run(session.terminal, wanted=progress, bar=bar) as watch:
        outcome = pipeline.convert(
            options, watch, listing, session.write_report, say_waits(session)
        )
    line = "; ".join(filter(None, (headline(outcome.counts), number_line(outcome.counts))))
    if outcome.delivery is not None and outcome.delivery.studies:
        line = f"{line}; {delivery_line(outcome.delivery)}"
    return report_delivery(session, outcome, line, _next_step(session, options, outcome))


def _output(output: str | None, *, elsewhere: bool) -> str | None:
    """Return where the Bundles go: into a pipe when nothing is named and one is there."""
    if output is not None or elsewhere or stdout_is_terminal():
        return output
    return "-"


def _show_instead(session: Session, options: "Options") -> int:
    """Show a person who named no output what there is, and how to go on."""
    from dicom2fhir.cli.inspect import list_studies  # noqa: PLC0415 - the exception

    code = list_studies(session, options, "table", show_patients=False)
    if code == NO_DICOM:
        return code
    raise UsageError(
        "Nothing was written: no output was named.",
        hint="Add -o out/ for a file a study, -o study.json for one Bundle, -o - for this screen.",
    )


def _next_step(session: Session, options: "Options", outcome: "Outcome") -> str:
    if outcome.exit_code == NO_DICOM:
        return say_what_to_check(options)
    if again := next_delivery(outcome, options.state):
        return again
    may_look = session.terminal.shows_paths or not all(map(is_page, session.reports))
    if outcome.exit_code == SOME_FAILED and not may_look:
        return "--report report.json names the files."
    if options.dry_run:
        return "Nothing was written; run it again without --dry-run."
    path = options.output.path
    if path is None or path == "-" or not outcome.counts.bundles:
        return ""
    shown = safe(shlex.quote(path)) if session.terminal.shows_paths else "OUT"
    return f"Next: dicom2fhir validate {shown}"
