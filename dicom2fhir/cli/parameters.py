"""The options, each declared once; a command names those it has.

Those of what is written are in `content_parameters`.

Texts stay texts here: what they mean is found by `arguments` and `values`, so that a bad value
gets a sentence of ours and Typer need not load pydantic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from dicom2fhir.cli.arguments import environment_name
from dicom2fhir.cli.settings import load_settings

INPUT = "Input"
OUTPUT = "Output"
LIMITS = "Bundle limits"
RUN = "Run"
TELL = "Messages and reports"
SETTINGS = "Settings"

PROFILE_CHOICES = ("generic", "hapi", "medplum", "google", "azure", "aws")
LEVEL_CHOICES = ("full", "fast")
OVERWRITE_CHOICES = ("changed", "always", "never")
FAIL_ON_CHOICES = ("error", "warning", "never")
LOG_CHOICES = ("text", "json")
TABLE_CHOICES = ("table", "json", "ndjson", "csv")
TEXT_CHOICES = ("text", "json")


def option(*flags: str, group: str, text: str, metavar: str = "TEXT", **more: Any) -> Any:  # noqa: ANN401 - Typer's
    """Return an option whose environment variable is named for its longest flag."""
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


def choice(*flags: str, group: str, text: str, choices: tuple[str, ...]) -> Any:  # noqa: ANN401 - Typer's
    """Return an option that is one of these words."""
    return option(
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
    bool, option("-0", "--null", group=INPUT, text="Paths on standard input end with NUL.")
]
Include = Annotated[
    Texts,
    option(
        "--include", group=INPUT, metavar="GLOB", text="Take only paths that match; repeatable."
    ),
]
Exclude = Annotated[
    Texts,
    option("--exclude", group=INPUT, metavar="GLOB", text="Leave out paths that match; wins."),
]
Where = Annotated[
    Texts,
    option(
        "--where",
        group=INPUT,
        metavar="KEYWORD=VALUE",
        text="Take only instances with this value, such as Modality=CT; repeated, all must hold.",
    ),
]
Follow = Annotated[bool, option("--follow", group=INPUT, text="Follow symbolic links.")]
AllowTruncated = Annotated[
    bool,
    option("--allow-truncated", group=INPUT, text="Convert files that end early all the same."),
]
Charset = Annotated[
    str | None,
    option(
        "--charset",
        group=INPUT,
        metavar="TERM",
        text="Character set of files that state none, such as 'ISO_IR 192'.",
    ),
]
KeepRejected = Annotated[
    bool,
    option("--keep-rejected", group=INPUT, text="Keep instances that a rejection note withdraws."),
]
MaxArchiveMembers = Annotated[
    str | None,
    option(
        "--max-archive-members",
        group=INPUT,
        metavar="N",
        text="Members read from one archive.  [default: 1000000]",
    ),
]
MaxArchiveBytes = Annotated[
    str | None,
    option(
        "--max-archive-bytes",
        group=INPUT,
        metavar="SIZE",
        text="Unpacked size of one archive.  [default: 64GiB]",
    ),
]
MaxArchiveRatio = Annotated[
    str | None,
    option(
        "--max-archive-ratio",
        group=INPUT,
        metavar="N",
        text="Unpacked bytes for each packed byte of an archive.  [default: 200]",
    ),
]

# Output
Output = Annotated[
    str | None,
    option(
        "-o",
        "--output",
        group=OUTPUT,
        metavar="OUT",
        text="A folder (one file a study), x.json (one Bundle), x.ndjson (a Bundle a line), "
        ".gz of these, or - for standard output.",
    ),
]
Overwrite = Annotated[
    str,
    choice(
        "--overwrite",
        group=OUTPUT,
        choices=OVERWRITE_CHOICES,
        text="Which files of an earlier run to replace.",
    ),
]
DryRun = Annotated[bool, option("--dry-run", group=OUTPUT, text="Do everything but write.")]

# Bundle limits
Profile = Annotated[
    str | None,
    choice(
        "--server-profile",
        group=LIMITS,
        choices=PROFILE_CHOICES,
        text="Cut Bundles to what this server takes.",
    ),
]
MaxEntries = Annotated[
    str | None,
    option("--max-entries", group=LIMITS, metavar="N", text="Entries of one Bundle."),
]
MaxBytes = Annotated[
    str | None,
    option("--max-bytes", group=LIMITS, metavar="SIZE", text="Size of one Bundle, such as 20M."),
]

# Run
State = Annotated[
    str | None,
    option(
        "--state",
        group=RUN,
        metavar="DIR",
        text="Folder that remembers what was read, so that a later run reads only what is new.",
    ),
]
Workers = Annotated[
    str | None,
    option(
        "--workers",
        group=RUN,
        metavar="N",
        text="Processes at most.  [default: as many as the work pays for]",
    ),
]
TempDir = Annotated[
    str | None, option("--temp-dir", group=RUN, metavar="DIR", text="Where to unpack archives.")
]
FailOn = Annotated[
    str,
    choice(
        "--fail-on",
        group=RUN,
        choices=FAIL_ON_CHOICES,
        text="From which severity the exit code is 1.",
    ),
]

# Messages and reports
Report = Annotated[
    list[Path] | None,  # texts that stand in the environment with `:` between, as on PATH
    option(
        "--report",
        group=TELL,
        metavar="FILE",
        text="Write a report: JSON, which names paths, or a page with pictures for x.html; "
        "one of each may be given.",
    ),
]
ReportNames = Annotated[
    bool,
    option(
        "--report-names",
        group=TELL,
        text="Show patients, dates, descriptions, UIDs and paths on the page of --report.",
    ),
]
Format = Annotated[
    str, choice("--format", group=OUTPUT, choices=TABLE_CHOICES, text="Form of the list.")
]
TextFormat = Annotated[
    str, choice("--format", group=OUTPUT, choices=TEXT_CHOICES, text="Form of the answer.")
]
ShowPatients = Annotated[
    bool, option("--show-patients", group=OUTPUT, text="Show names and ids of patients.")
]
Images = Annotated[
    bool,
    option(
        "--images",
        group=OUTPUT,
        text="Show a thumbnail of each series, in terminals that can (kitty, iTerm2, sixel).",
    ),
]
Progress = Annotated[
    bool | None,
    option(
        "--progress/--no-progress",
        group=TELL,
        text="Show how far the run is.  [default: on a terminal a bar, else a line a minute]",
        show_default=False,
    ),
]
NoColor = Annotated[bool, option("--no-color", group=TELL, text="Print without colours.")]
ShowPaths = Annotated[
    bool,
    option(
        "--show-paths",
        group=TELL,
        text="Name files in messages and logs also where nobody sits at a terminal.",
    ),
]
Quiet = Annotated[bool, option("-q", "--quiet", group=TELL, text="Print errors only.")]
Verbose = Annotated[
    int,
    option(
        "-v",
        "--verbose",
        group=TELL,
        text="Print more; -vv still more.",
        count=True,
        show_default=False,
    ),
]
LogFormat = Annotated[
    str, choice("--log-format", group=TELL, choices=LOG_CHOICES, text="Form of the log.")
]
LogFile = Annotated[
    str | None, option("--log-file", group=TELL, metavar="FILE", text="Write the log here.")
]

# Settings
Config = Annotated[
    str | None,
    option(
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
    choice("--check", group=RUN, choices=LEVEL_CHOICES, text="With the FHIR models, or without."),
]
