"""The options of what is measured: structured reports, header scalars, waveforms."""

from __future__ import annotations

from typing import Annotated

from dicom2fhir.cli.parameters import choice, option

MEASUREMENTS = "Measurements"

OBSERVATIONS_CHOICES = ("all", "none")
DOSE_CHOICES = ("all", "events", "summary")
STATUS_CHOICES = ("stated", "final")

Observations = Annotated[
    str,
    choice(
        "--observations",
        group=MEASUREMENTS,
        choices=OBSERVATIONS_CHOICES,
        text="Make Observations and DiagnosticReports of structured reports, or not.",
    ),
]
Dose = Annotated[
    str,
    choice(
        "--dose",
        group=MEASUREMENTS,
        choices=DOSE_CHOICES,
        text="Of a dose report: every number, one Observation for each irradiation event, or the "
        "totals alone.",
    ),
]
SrStatus = Annotated[
    str,
    choice(
        "--sr-status",
        group=MEASUREMENTS,
        choices=STATUS_CHOICES,
        text="Status of reports: as their flags state, where unverified ones are preliminary; or "
        "always final.",
    ),
]
MaxSrItems = Annotated[
    str | None,
    option(
        "--max-sr-items",
        group=MEASUREMENTS,
        metavar="N",
        text="Content items read from one report.  [default: 100000]",
    ),
]
MaxSrDepth = Annotated[
    str | None,
    option(
        "--max-sr-depth",
        group=MEASUREMENTS,
        metavar="N",
        text="Levels of content items, 128 at the most.  [default: 64]",
    ),
]
Vitals = Annotated[
    bool,
    option(
        "--vitals",
        group=MEASUREMENTS,
        text="Make Observations of size and weight in the header, and of its dose where no dose "
        "report is in the input.",
    ),
]
Waveforms = Annotated[
    bool,
    option(
        "--waveforms",
        group=MEASUREMENTS,
        text="Make an Observation of each channel of a waveform; they are large.",
    ),
]
