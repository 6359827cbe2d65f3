"""`dicom2fhir explain`: where each FHIR element of a file comes from."""
# ruff: noqa: ARG001, PLR0917 - the parameters declare the options; the context has their values
# ruff: noqa: D301 - \b keeps the help's examples on their lines

import json
from typing import TYPE_CHECKING

import typer

from dicom2fhir.cli import content_parameters as c
from dicom2fhir.cli import measurement_parameters as m
from dicom2fhir.cli import parameters as p
from dicom2fhir.cli.assembly import map_options, report_options
from dicom2fhir.cli.session import Session, check_sources, stdout_is_terminal, text_stdout
from dicom2fhir.cli.values import charset as parse_charset
from dicom2fhir.errors import UsageError
from dicom2fhir.model import decimal_text
from dicom2fhir.options import Options, ReadOptions
from dicom2fhir.report.safe import safe, safe_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dicom2fhir.mapping import Explained
    from dicom2fhir.model import Json

LONGEST_VALUE = 4000
"""Characters of one value: it is what the command exists to show."""
HIDDEN = "hidden; --show-patients shows it"
PERSONAL = ("Patient", "Practitioner")
"""Resources whose values tell who somebody is."""
NAMES = frozenset(
    {
        "PatientName",
        "ReferringPhysicianName",
        "NameOfPhysiciansReadingStudy",
        "PerformingPhysicianName",
        "OperatorsName",
        "PersonName",
        "VerifyingObserverSequence",
    }
)
"""Attributes that name somebody, also in an element of another resource."""
WORDS = frozenset(
    {
        "DiagnosticReport.text",
        "DiagnosticReport.conclusion",
        "DiagnosticReport.presentedForm",
        "Observation.valueString",
        "Observation.component.valueString",
    }
)
"""Elements with words of a report, in which anybody may be named."""


def explain(
    ctx: typer.Context,
    file: p.File = None,
    allow_truncated: p.AllowTruncated = False,
    charset: p.Charset = None,
    dicomweb: c.DicomWeb = None,
    observations: m.Observations = "all",
    dose: m.Dose = "all",
    sr_status: m.SrStatus = "stated",
    max_sr_items: m.MaxSrItems = None,
    max_sr_depth: m.MaxSrDepth = None,
    vitals: m.Vitals = False,
    fhir: c.Fhir = "R4",
    timezone: c.Timezone = None,
    patient: c.Patient = None,
    patient_id_system: c.PatientIdSystem = None,
    accession_system: c.AccessionSystem = None,
    format: p.TextFormat = "text",  # noqa: A002 - the option's name
    show_patients: p.ShowPatients = False,
    no_color: p.NoColor = False,
    show_paths: p.ShowPaths = False,
    quiet: p.Quiet = False,
    verbose: p.Verbose = 0,
    log_format: p.LogFormat = "text",
    log_file: p.LogFile = None,
    config: p.Config = None,
    show_config: p.ShowConfig = False,
) -> int:
    """Show each FHIR element of one file, the DICOM attribute it comes from, and the clause.

    \b
    Examples:
      dicom2fhir explain image.dcm
      dicom2fhir explain image.dcm --timezone Europe/Berlin --format json
    """
    session = Session(ctx)
    form = session.arguments.choice("format", p.TEXT_CHOICES)
    options = Options(
        map=map_options(session.arguments),
        report=report_options(session.arguments),
        read=ReadOptions(
            allow_truncated=allow_truncated,
            charset=session.arguments.parsed("charset", parse_charset),
        ),
    )
    check_sources(session, (file,) if file else (), "one DICOM file")
    if not file or file == "-":
        raise UsageError("explain looks at one file that is on disk.", hint="Name its path.")
    from dicom2fhir import pipeline  # noqa: PLC0415 - a bad command line does not pay for it

    elements = pipeline.explain(file, options)
    texts = _json if form == "json" else _lines
    shown = texts(elements, show_patients=show_patients)
    text_stdout().writelines(map(safe_json, shown) if stdout_is_terminal() else shown)
    return 0


def _lines(elements: "Iterable[Explained]", *, show_patients: bool) -> "Iterator[str]":
    for one in elements:
        attributes = ", ".join(f"{keyword} {tag}".strip() for keyword, tag in one.attributes)
        value = _json_text(_value(one, show_patients))
        item = f"; content item {one.item}" if one.item else ""
        yield f"{one.element} = {safe(value, LONGEST_VALUE)}\n"
        yield f"    from {attributes or 'no attribute'}; {one.source}{item}\n"


def _json(elements: "Iterable[Explained]", *, show_patients: bool) -> "Iterator[str]":
    rows = [
        {
            "element": one.element,
            "value": _value(one, show_patients),
            "attributes": [{"keyword": keyword, "tag": tag} for keyword, tag in one.attributes],
            "source": one.source,
            **({"content_item": one.item} if one.item else {}),
        }
        for one in elements
    ]
    yield _json_text(rows, indent=2) + "\n"


def _json_text(value: "Json", indent: int | None = None) -> str:
    """Return JSON with every digit of a Decimal; no FHIR string holds the mark around them."""
    text = json.dumps(
        value,
        ensure_ascii=False,
        indent=indent,
        default=lambda number: f"\x01{decimal_text(number)}\x01",
    )
    return text.replace('"\\u0001', "").replace('\\u0001"', "")


def _value(one: "Explained", show_patients: bool) -> "Json":  # noqa: FBT001 - its only option
    kind = one.element.partition(".")[0].partition("[")[0]
    personal = (
        kind in PERSONAL
        or one.element in WORDS
        or any(keyword in NAMES for keyword, _ in one.attributes)
    )
    return HIDDEN if personal and not show_patients else one.value
