"""`dicom2fhir doctor`: what is installed and what this machine offers."""
# ruff: noqa: ARG001 - the parameters declare the options; the context has their values
# ruff: noqa: D301 - \b keeps the help's examples on their lines

import platform
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

import typer

import dicom2fhir
from dicom2fhir.cli import parameters as p
from dicom2fhir.cli.session import Session, stdout_is_terminal, text_stdout
from dicom2fhir.pipeline.workers import count_cores
from dicom2fhir.report.people import size
from dicom2fhir.report.safe import safe

if TYPE_CHECKING:
    from dicom2fhir.model import Json

NEEDED = (
    "pydicom",
    "fhir.resources",
    "orjson",
    "typer",
    "rich",
    "numpy",
    "pillow",
    "pylibjpeg",
    "pylibjpeg-openjpeg",
    "pylibjpeg-rle",
    "pyjpegls",
    "python-gdcm",
)
OPTIONAL = {"imagecodecs": "12-bit JPEG: the codecs extra"}


def doctor(
    ctx: typer.Context,
    format: p.TextFormat = "text",  # noqa: A002 - the option's name
    config: p.Config = None,
    show_config: p.ShowConfig = False,
) -> int:
    """Show versions, what is installed, and what this machine offers.

    \b
    Examples:
      dicom2fhir doctor
      dicom2fhir doctor --format json
    """
    session = Session(ctx)
    facts = examine()
    stream = text_stdout()
    if session.arguments.choice("format", p.TEXT_CHOICES) == "json":
        import json  # noqa: PLC0415 - only for this form

        stream.write(json.dumps(facts, indent=2, ensure_ascii=stdout_is_terminal()) + "\n")
    else:
        stream.writelines(f"{line}\n" for line in _lines(facts))
    return 0 if all(facts["needed"].values()) else 1


def examine() -> dict[str, "Json"]:
    """Return what was found; a package that is missing has no version."""
    folder = tempfile.gettempdir()
    return {
        "dicom2fhir": dicom2fhir.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": count_cores(),
        "temp_free_bytes": shutil.disk_usage(folder).free,
        "needed": {name: _version(name) for name in NEEDED},
        "optional": {name: _version(name) for name in OPTIONAL},
        "decoders": _decoders(),
        "not_in_this_version": ["pushing to a server", "FHIR R5 and STU3"],
    }


def _decoders() -> dict[str, "Json"]:
    """Return what decodes each compressed transfer syntax, or how to get it."""
    if _version("pydicom") is None or _version("numpy") is None:
        return {}
    from dicom2fhir.render import list_decoders  # noqa: PLC0415 - imports every decoder

    return {
        row.name: {
            "transfer_syntax": row.transfer_syntax_uid,
            "decoders": list(row.decoders),
            "advice": row.advice,
        }
        for row in list_decoders()
    }


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - 0.03 s

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _lines(facts: dict[str, "Json"]) -> list[str]:
    rows = [
        ("dicom2fhir", facts["dicom2fhir"]),
        ("Python", f"{facts['python']} ({sys.implementation.name})"),
        ("platform", facts["platform"]),
        ("cores", str(facts["cores"])),
        ("temporary files", f"{size(facts['temp_free_bytes'])} free"),
        *(
            (name, version or "MISSING: install dicom2fhir again")
            for name, version in facts["needed"].items()
        ),
        *(
            (name, f"{version or 'not installed'} ({OPTIONAL[name]})")
            for name, version in facts["optional"].items()
        ),
        *(
            (name, ", ".join(row["decoders"]) or f"no decoder: {row['advice']}")
            for name, row in facts["decoders"].items()
        ),
        ("not in this version", ", ".join(facts["not_in_this_version"])),
    ]
    return [f"{name:<27} {safe(text)}" for name, text in rows]
