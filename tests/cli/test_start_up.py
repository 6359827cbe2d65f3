"""What a command does not need, it does not load."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"pydicom", "numpy", "fhir", "pydantic", "rich", "orjson", "sqlite3", "asyncio", "PIL"}
CODE = """
import sys
sys.argv = ["dicom2fhir", *sys.argv[1:]]
from dicom2fhir.cli import run
try:
    run()
except SystemExit as end:
    assert not end.code, end.code
sys.stderr.write("\\nLOADED " + " ".join(sys.modules))
"""


def loaded_by(*args: str, folder: Path) -> set[str]:
    result = subprocess.run(
        [sys.executable, "-c", CODE, *args],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return set(result.stderr.rpartition("LOADED ")[2].split())


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["convert", "--help"]])
def test_help_loads_nothing_heavy(folder: Path, args: list[str]) -> None:
    assert not loaded_by(*args, folder=folder) & HEAVY


def test_help_loads_no_command(folder: Path) -> None:
    loaded = loaded_by("--help", folder=folder)
    assert "dicom2fhir.cli.program" in loaded
    assert not loaded & {"dicom2fhir.cli.convert", "dicom2fhir.pipeline", "dicom2fhir.options"}


@pytest.mark.parametrize("output", [["-o", "out"], ["-o", "out.json"], []])
def test_a_fast_conversion_loads_neither_pydicom_nor_models(study: Path, output: list[str]) -> None:
    loaded = loaded_by("convert", "study", "--check", "fast", *output, folder=study.parent)
    assert "orjson" in loaded
    assert not loaded & (HEAVY - {"orjson", "sqlite3"})


def test_the_package_itself_does_not_load_typer(folder: Path) -> None:
    code = "import sys, dicom2fhir, dicom2fhir.pipeline; sys.exit('typer' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, check=False, timeout=60)
    assert result.returncode == 0
