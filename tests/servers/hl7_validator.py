"""HL7's instance validator as a judge that shares no code with ours: one JVM for many files."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HAPI = Path(__file__).resolve().parent / "hapi"
DEFINITIONS = HAPI.parents[2] / "docs" / "fhir"
"""Our own extensions: what they may hold and where they may stand is checked as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorFinding:
    """One thing the validator says of one file."""

    file: str
    severity: str
    location: str
    message: str


def missing_tool() -> str:
    """Return why the validator cannot run here, or nothing."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    return ""


def validate_files(
    paths: Iterable[Path], *, severity: str = "error", fhir: str = "r4"
) -> list[ValidatorFinding]:
    """Return what the validator finds in these JSON files and the JSON files below these folders.

    Errors: RuntimeError when it cannot be built or run, and when it has not seen every file.
    """
    named = [str(path) for path in paths]
    command = [str(HAPI / "hapi.sh"), "validate", "--fhir-version", fhir]
    command += ["--profiles", str(HAPI / "profiles"), "--profiles", str(DEFINITIONS)]
    command += ["--min-severity", severity, *named]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode not in {0, 1} or not run.stdout:
        raise RuntimeError(run.stderr or run.stdout)
    *lines, last = map(json.loads, run.stdout.splitlines())
    if last["files"] < len(named):
        raise RuntimeError(f"{last['files']} of {len(named)} files were validated")
    return [
        ValidatorFinding(
            file=line["file"],
            severity=line["severity"],
            location=line["location"] or "",
            message=line["message"],
        )
        for line in lines
    ]
