"""The reference pages say what the program does."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dicom2fhir import errors
from dicom2fhir.bundle import PROFILES
from dicom2fhir.cli import commands, parameters
from dicom2fhir.report.document import REPORT_VERSION, encode_report
from dicom2fhir.report.studies import FORMATS
from dicom2fhir.report.summary import Counts, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

ROOT = Path(__file__).resolve().parent.parent.parent
REFERENCE = ROOT / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page(name), re.DOTALL)


def test_the_page_of_the_commands_is_fresh() -> None:
    spec = importlib.util.spec_from_file_location(
        "generate_cli_docs", ROOT / "scripts" / "generate_cli_docs.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert page("cli.md") == module.render(), "run scripts/generate_cli_docs.py"


def test_every_exit_code_is_documented() -> None:
    listed = {
        int(code) for code in re.findall(r"^\| (\d+) \|", page("exit-codes.md"), re.MULTILINE)
    }
    ours = {
        one.exit_code
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.Dicom2FhirError)
    }
    ours |= {0, commands.INTERRUPTED, commands.TERMINATED}
    assert listed == ours


def test_the_example_of_the_report_has_every_field_of_the_report() -> None:
    (example,) = (json.loads(block) for block in blocks("report.md", "json"))
    report = json.loads(b"".join(encode_report(Outcome(), "convert")))
    assert example.keys() == report.keys()
    assert example["counts"].keys() == report["counts"].keys()
    assert example["version"] == REPORT_VERSION


@pytest.mark.parametrize("name", [field.name for field in fields(Counts)])
def test_every_count_is_documented(name: str) -> None:
    assert f"`{name}`" in page("report.md").partition("## Counts")[2]


def test_the_example_of_a_settings_file_works(invoke: Callable[..., Result], folder: Path) -> None:
    (block,) = blocks("configuration.md", "toml")
    (folder / "dicom2fhir.toml").write_text(block)
    wanted = tomllib.loads(block)
    shown = tomllib.loads(invoke("convert", "--show-config").stdout)
    assert wanted["convert"].items() <= shown["convert"].items()
    assert shown["convert"]["timezone"] == wanted["timezone"]
    assert shown["issuers"] == wanted["issuers"]
    assert tomllib.loads(invoke("inspect", "--show-config").stdout)["inspect"]["show-patients"]


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_server_profile_is_documented_with_its_limits(name: str) -> None:
    (row,) = [
        line for line in page("configuration.md").splitlines() if line.startswith(f"| `{name}`")
    ]
    profile = PROFILES[name]
    for limit in (profile.max_entries, profile.max_bytes, profile.max_resource_bytes):
        assert limit is None or f"| {limit:,} |" in row
    for limit in (profile.max_conditional_entries, profile.max_updates):
        assert limit is None or str(limit) in row
    assert (profile.ids == "server") == ("--ids server" in row)


def test_choices_are_the_same_wherever_they_stand() -> None:
    assert set(parameters.PROFILE_CHOICES) == set(PROFILES)
    assert parameters.TABLE_CHOICES == FORMATS
