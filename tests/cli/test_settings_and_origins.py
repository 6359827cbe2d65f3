from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result


@pytest.fixture
def user_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    config = folder / "config"
    monkeypatch.setattr("typer.get_app_dir", lambda name: str(config / name))
    path = config / "dicom2fhir" / "dicom2fhir.toml"
    path.parent.mkdir(parents=True)
    return path


def zone(invoke: Callable[..., Result], *args: str, **env: str) -> str:
    """Return the line of --show-config that tells of --timezone."""
    result = invoke("convert", *args, "--show-config", env=env)
    assert result.exit_code == 0, result.stderr
    (line,) = [line for line in result.stdout.splitlines() if "timezone" in line]
    return line


def test_each_origin_wins_over_the_next(
    invoke: Callable[..., Result], folder: Path, user_file: Path
) -> None:
    assert zone(invoke) == "# timezone =  # not set"
    user_file.write_text('timezone = "Asia/Tokyo"')
    assert zone(invoke) == 'timezone = "Asia/Tokyo"  # the user\'s file'
    (folder / "dicom2fhir.toml").write_text('timezone = "Europe/Paris"')
    assert zone(invoke) == 'timezone = "Europe/Paris"  # ./dicom2fhir.toml'
    env = {"DICOM2FHIR_TIMEZONE": "Europe/Rome"}
    assert zone(invoke, **env) == 'timezone = "Europe/Rome"  # DICOM2FHIR_TIMEZONE'
    args = ["--timezone", "Europe/Oslo"]
    assert zone(invoke, *args, **env) == 'timezone = "Europe/Oslo"  # command line'


def test_a_named_file_is_read_instead_of_the_usual_ones(
    invoke: Callable[..., Result], folder: Path
) -> None:
    (folder / "dicom2fhir.toml").write_text('timezone = "Europe/Paris"')
    (folder / "own.toml").write_text('max-bytes = "20M"')
    assert zone(invoke, "--config", "own.toml") == "# timezone =  # not set"


def test_the_table_of_a_command_wins_over_the_top(
    invoke: Callable[..., Result], folder: Path
) -> None:
    (folder / "dicom2fhir.toml").write_text(
        'timezone = "Europe/Paris"\n[convert]\ntimezone = "Europe/Rome"\n[inspect]\nworkers = 1\n'
    )
    assert '"Europe/Rome"' in zone(invoke)


def test_what_show_config_prints_is_a_settings_file(
    invoke: Callable[..., Result], folder: Path
) -> None:
    (folder / "dicom2fhir.toml").write_text(
        'include = ["*.dcm", "a b"]\nprogress = false\nverbose = 2\nmax-entries = 7\n'
        '[issuers]\n"ST ELSEWHERE" = "https://elsewhere.example/mrn"\n'
    )
    text = invoke("convert", "--show-config").stdout
    kept = tomllib.loads(text)
    assert kept["convert"]["include"] == ["*.dcm", "a b"]
    assert kept["convert"]["progress"] is False
    assert kept["convert"]["verbose"] == 2
    assert kept["convert"]["max-entries"] == "7"
    assert kept["issuers"] == {"ST ELSEWHERE": "https://elsewhere.example/mrn"}
    (folder / "dicom2fhir.toml").write_text(text)
    assert tomllib.loads(invoke("convert", "--show-config").stdout) == kept


def test_settings_reach_the_run(invoke: Callable[..., Result], folder: Path, study: Path) -> None:
    (folder / "dicom2fhir.toml").write_text('output = "out"\nquiet = true\n')
    result = invoke("convert", str(study))
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", "")
    assert list(folder.glob("out/*.json"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timezon = 'Europe/Rome'", ["`timezon`", "Did you mean timezone?"]),
        ("max_bytes = '20M'", ["`max_bytes`", "Did you mean max-bytes?"]),
        ("[convert]\nformat = 'csv'", ["`format`", "[convert]"]),
        ("[covnert]\nfollow = true", ["`covnert`", "Did you mean convert?"]),
        ("show-config = true", ["`show-config`"]),
        ("follow = 'yes'", ["`follow`", "true or false"]),
        ("include = [1]", ["`include`", "a list of text"]),
        ("timezone = true", ["`timezone`", "text or a number"]),
        ("verbose = 'much'", ["`verbose`", "a number"]),
        ("timezone = 'Europe/Berln'", ["--timezone", "./dicom2fhir.toml", "Europe/Berlin?"]),
        ("fhir = 'R5'", ["--fhir", "./dicom2fhir.toml", "not in this version"]),
        ("[issuers]\nX = 1", ["[issuers]", "table of text"]),
        ("[issuers]\nX = 'urn:oid:1.2'\nY = '1.2.3'", ["Row 2 of [issuers]", "urn:oid:1.2.3"]),
        ("timezone = \nfollow = true", ["not TOML", "line 1"]),
        ("\udcff", ["not TOML"]),
    ],
)
def test_a_bad_setting_ends_with_6_and_says_where_it_stands(
    invoke: Callable[..., Result], folder: Path, study: Path, text: str, expected: list[str]
) -> None:
    (folder / "dicom2fhir.toml").write_bytes(text.encode(errors="surrogateescape"))
    result = invoke("convert", str(study), "-o", "out")
    assert result.exit_code == 6, result.stderr
    assert len(result.stderr.splitlines()) <= 2
    for part in expected:
        assert part in result.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DICOM2FHIR_TIMEZONE", "Europe/Berln"),
        ("DICOM2FHIR_FOLLOW", "perhaps"),
        ("DICOM2FHIR_VERBOSE", "much"),
        ("DICOM2FHIR_IDS", "own"),
    ],
)
def test_a_bad_environment_ends_with_6_and_names_the_variable(
    invoke: Callable[..., Result], study: Path, name: str, value: str
) -> None:
    result = invoke("convert", str(study), "-o", "out", env={name: value})
    assert result.exit_code == 6, result.stderr
    assert name in result.stderr


def test_flags_counts_and_lists_come_from_the_environment(invoke: Callable[..., Result]) -> None:
    env = {
        "DICOM2FHIR_FOLLOW": "yes",
        "DICOM2FHIR_PROGRESS": "off",
        "DICOM2FHIR_VERBOSE": "2",
        "DICOM2FHIR_WHERE": "Modality=CT Laterality=L",
    }
    kept = tomllib.loads(invoke("convert", "--show-config", env=env).stdout)["convert"]
    assert kept["follow"] is True
    assert kept["progress"] is False
    assert kept["verbose"] == 2
    assert kept["where"] == ["Modality=CT", "Laterality=L"]


def test_a_settings_file_that_is_missing_ends_with_6(invoke: Callable[..., Result]) -> None:
    result = invoke("convert", "--config", "missing.toml", "--show-config")
    assert result.exit_code == 6
    assert "--config" in result.stderr


def test_a_bad_source_date_epoch_ends_with_6(invoke: Callable[..., Result], study: Path) -> None:
    result = invoke(
        "convert", str(study), "-o", "out", "--provenance", env={"SOURCE_DATE_EPOCH": "noon"}
    )
    assert result.exit_code == 6
    assert "SOURCE_DATE_EPOCH" in result.stderr
