"""The options, each declared once; a command names those it has.

Texts stay texts here: what they mean is found by `arguments` and `values`, so that a bad value
gets a sentence of ours and Typer need not load pydantic.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import typer

from dicom2fhir.cli.arguments import environment_name
from dicom2fhir.cli.settings import load_settings

INPUT = "Input"
OUTPUT = "Output"
CONTENT = "FHIR content"
LIMITS = "Bundle limits"
RUN = "Run"
TELL = "Messages and reports"
SETTINGS = "Settings"

DICOM_CHOICES, DICOM_LATER = ("none", "link"), ("binary", "attachment")
MEDIA_CHOICES, MEDIA_LATER = ("none",), ("series", "instance", "frame", "key", "all")
FHIR_CHOICES, FHIR_LATER = ("R4", "R4B"), ("R5", "STU3")
IDS_CHOICES = ("client", "server")
PROFILE_CHOICES = ("generic", "hapi", "medplum", "google", "azure", "aws")
CHECK_CHOICES = ("full", "fast", "off")
LEVEL_CHOICES = ("full", "fast")
OVERWRITE_CHOICES = ("changed", "always", "never")
FAIL_ON_CHOICES = ("error", "warning", "never")
LOG_CHOICES = ("text", "json")
TABLE_CHOICES = ("table", "json", "ndjson", "csv")
TEXT_CHOICES = ("text", "json")


def _option(*flags: str, group: str, text: str, metavar: str = "TEXT", **more: Any) -> Any:  # noqa: ANN401 - Typer's
    names = [flag.partition("/")[0] for flag in flags]
    return typer.Option(
        *flags,
        help=text,
        rich_help_panel=group,
        metavar=metavar,
        envvar=environment_name(max(names, key=len)),
        show_envvar=False,
        **more,
    )


def _choice(*flags: str, group: str, text: str, choices: tuple[str, ...]) -> Any:  # noqa: ANN401 - Typer's
    return _option(
        *flags,
        group=group,
        text=text,
        metavar="|".join(choices),
        autocompletion=lambda incomplete: [one for one in choices if one.startswith(incomplete)],
    )


Texts: TypeAlias = list[str] | None

# Input
Sources = Annotated[
    Texts,
    typer.Argument(
        metavar="SRC",
        help="Folders, files, globs, .zip and .tar archives; - reads paths from standard input.",
        rich_help_panel="Arguments",
        show_default=False,
    ),
]
Null = Annotated[
    bool, _option("-0", "--null", group=INPUT, text="Paths on standard input end with NUL.")
]
Include = Annotated[
    Texts,
    _option(
        "--include", group=INPUT, metavar="GLOB", text="Take only paths that match; repeatable."
    ),
]
Exclude = Annotated[
    Texts,
    _option("--exclude", group=INPUT, metavar="GLOB", text="Leave out paths that match; wins."),
]
Where = Annotated[
    Texts,
    _option(
        "--where",
        group=INPUT,
        metavar="KEYWORD=VALUE",
        text="Take only instances with this value, such as Modality=CT; repeated, all must hold.",
    ),
]
Follow = Annotated[bool, _option("--follow", group=INPUT, text="Follow symbolic links.")]
AllowTruncated = Annotated[
    bool,
    _option("--allow-truncated", group=INPUT, text="Convert files that end early all the same."),
]
Charset = Annotated[
    str | None,
    _option(
        "--charset",
        group=INPUT,
        metavar="TERM",
        text="Character set of files that state none, such as 'ISO_IR 192'.",
    ),
]
KeepRejected = Annotated[
    bool,
    _option("--keep-rejected", group=INPUT, text="Keep instances that a rejection note withdraws."),
]
MaxArchiveMembers = Annotated[
    str | None,
    _option(
        "--max-archive-members",
        group=INPUT,
        metavar="N",
        text="Members read from one archive.  [default: 1000000]",
    ),
]
MaxArchiveBytes = Annotated[
    str | None,
    _option(
        "--max-archive-bytes",
        group=INPUT,
        metavar="SIZE",
        text="Unpacked size of one archive.  [default: 64GiB]",
    ),
]
MaxArchiveRatio = Annotated[
    str | None,
    _option(
        "--max-archive-ratio",
        group=INPUT,
        metavar="N",
        text="Unpacked bytes for each packed byte of an archive.  [default: 200]",
    ),
]

# Output
Output = Annotated[
    str | None,
    _option(
        "-o",
        "--output",
        group=OUTPUT,
        metavar="OUT",
        text="A folder (one file a study), x.json (one Bundle), x.ndjson (a Bundle a line), "
        ".gz of these, or - for standard output.",
    ),
]
To = Annotated[str | None, _option("--to", group=OUTPUT, metavar="URL", text="Push.", hidden=True)]
Overwrite = Annotated[
    str,
    _choice(
        "--overwrite",
        group=OUTPUT,
        choices=OVERWRITE_CHOICES,
        text="Which files of an earlier run to replace.",
    ),
]
DryRun = Annotated[bool, _option("--dry-run", group=OUTPUT, text="Do everything but write.")]

# FHIR content
Dicom = Annotated[
    str | None,
    _choice(
        "--dicom",
        group=CONTENT,
        choices=DICOM_CHOICES,
        text="Where the images are: nowhere, or on the server of --dicomweb.  [default: none; "
        "with --dicomweb: link]",
    ),
]
DicomWeb = Annotated[
    str | None,
    _option(
        "--dicomweb",
        group=CONTENT,
        metavar="URL",
        text="DICOMweb server that holds the studies; written as an Endpoint.",
    ),
]
Media = Annotated[
    str, _choice("--media", group=CONTENT, choices=MEDIA_CHOICES, text="Renders of the images.")
]
Fhir = Annotated[
    str, _choice("--fhir", group=CONTENT, choices=FHIR_CHOICES, text="Version of FHIR.")
]
Ids = Annotated[
    str,
    _choice(
        "--ids",
        group=CONTENT,
        choices=IDS_CHOICES,
        text="Who chooses the ids: we (PUT) or the server (conditional requests).",
    ),
]
Timezone = Annotated[
    str | None,
    _option(
        "--timezone",
        group=CONTENT,
        metavar="NAME",
        text="Time zone of times that state none, such as Europe/Berlin; "
        "without it they become dates.",
    ),
]
Patient = Annotated[
    str | None,
    _option(
        "--patient",
        group=CONTENT,
        metavar="REF",
        text="Attach everything to a Patient that the server has, such as Patient/123.",
    ),
]
PatientIdSystem = Annotated[
    str | None,
    _option(
        "--patient-id-system",
        group=CONTENT,
        metavar="URI",
        text="Identifier system of Patient IDs that state no issuer.",
    ),
]
AccessionSystem = Annotated[
    str | None,
    _option(
        "--accession-system",
        group=CONTENT,
        metavar="URI",
        text="Identifier system of accession numbers that state no issuer.",
    ),
]
IdSaltFile = Annotated[
    str | None,
    _option(
        "--id-salt-file",
        group=CONTENT,
        metavar="FILE",
        text="Secret that goes into the ids of patients without an identifier system.",
    ),
]
Provenance = Annotated[
    bool, _option("--provenance", group=CONTENT, text="Add a Provenance to each Bundle.")
]
Timestamp = Annotated[
    str | None,
    _option(
        "--timestamp",
        group=CONTENT,
        metavar="INSTANT",
        text="When the Provenance was recorded.  [default: SOURCE_DATE_EPOCH]",
    ),
]
Tag = Annotated[
    Texts,
    _option("--tag", group=CONTENT, metavar="SYSTEM|CODE", text="Add to meta.tag; repeatable."),
]
SecurityLabel = Annotated[
    Texts,
    _option(
        "--security-label",
        group=CONTENT,
        metavar="SYSTEM|CODE",
        text="Add to meta.security; repeatable.",
    ),
]
Check = Annotated[
    str,
    _choice(
        "--check",
        group=CONTENT,
        choices=CHECK_CHOICES,
        text="Check each Bundle against the FHIR models, by compact tables, or not.",
    ),
]

# Bundle limits
Profile = Annotated[
    str | None,
    _choice(
        "--server-profile",
        group=LIMITS,
        choices=PROFILE_CHOICES,
        text="Cut Bundles to what this server takes.",
    ),
]
MaxEntries = Annotated[
    str | None,
    _option("--max-entries", group=LIMITS, metavar="N", text="Entries of one Bundle."),
]
MaxBytes = Annotated[
    str | None,
    _option("--max-bytes", group=LIMITS, metavar="SIZE", text="Size of one Bundle, such as 20M."),
]

# Run
State = Annotated[
    str | None,
    _option(
        "--state",
        group=RUN,
        metavar="DIR",
        text="Folder that remembers what was read, so that a later run reads only what is new.",
    ),
]
Workers = Annotated[
    str | None,
    _option(
        "--workers",
        group=RUN,
        metavar="N",
        text="Processes at most.  [default: as many as the work pays for]",
    ),
]
TempDir = Annotated[
    str | None, _option("--temp-dir", group=RUN, metavar="DIR", text="Where to unpack archives.")
]
FailOn = Annotated[
    str,
    _choice(
        "--fail-on",
        group=RUN,
        choices=FAIL_ON_CHOICES,
        text="From which severity the exit code is 1.",
    ),
]

# Messages and reports
Report = Annotated[
    str | None,
    _option("--report", group=TELL, metavar="FILE", text="Write a JSON report; it names paths."),
]
Format = Annotated[
    str, _choice("--format", group=OUTPUT, choices=TABLE_CHOICES, text="Form of the list.")
]
TextFormat = Annotated[
    str, _choice("--format", group=OUTPUT, choices=TEXT_CHOICES, text="Form of the answer.")
]
ShowPatients = Annotated[
    bool, _option("--show-patients", group=OUTPUT, text="Show names and ids of patients.")
]
Progress = Annotated[
    bool | None,
    _option(
        "--progress/--no-progress",
        group=TELL,
        text="Show how far the run is.  [default: on a terminal a bar, else a line a minute]",
        show_default=False,
    ),
]
NoColor = Annotated[bool, _option("--no-color", group=TELL, text="Print without colours.")]
ShowPaths = Annotated[
    bool,
    _option(
        "--show-paths",
        group=TELL,
        text="Name files in messages and logs also where nobody sits at a terminal.",
    ),
]
Quiet = Annotated[bool, _option("-q", "--quiet", group=TELL, text="Print errors only.")]
Verbose = Annotated[
    int,
    _option(
        "-v",
        "--verbose",
        group=TELL,
        text="Print more; -vv still more.",
        count=True,
        show_default=False,
    ),
]
LogFormat = Annotated[
    str, _choice("--log-format", group=TELL, choices=LOG_CHOICES, text="Form of the log.")
]
LogFile = Annotated[
    str | None, _option("--log-file", group=TELL, metavar="FILE", text="Write the log here.")
]

# Settings
Config = Annotated[
    str | None,
    _option(
        "--config",
        group=SETTINGS,
        metavar="FILE",
        text="Settings file to read instead of ./dicom2fhir.toml and the user's.",
        callback=load_settings,
        is_eager=True,
    ),
]
ShowConfig = Annotated[
    bool,
    typer.Option(
        "--show-config",
        rich_help_panel=SETTINGS,
        help="Print every option, its value and where it came from, and exit.",
    ),
]

# Other commands
File = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE", help="One DICOM file.", rich_help_panel="Arguments", show_default=False
    ),
]
Bundles = Annotated[
    Texts,
    typer.Argument(
        metavar="BUNDLE",
        help="Bundles (.json, .ndjson, .gz of these), folders of them, or - for standard input.",
        rich_help_panel="Arguments",
        show_default=False,
    ),
]
Level = Annotated[
    str,
    _choice("--check", group=RUN, choices=LEVEL_CHOICES, text="With the FHIR models, or without."),
]
