from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result


def sentence_of(result: Result, code: int) -> str:
    """Return what was said, which is one sentence and at most one hint."""
    assert result.exit_code == code, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert 1 <= len(lines) <= 2, result.stderr
    assert lines[0].startswith("dicom2fhir: ")
    assert not lines[0].endswith("..")
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--max-bytes", "20Q"], ["--max-bytes", "20M"]),
        (["--max-bytes", "0"], ["--max-bytes"]),
        (["--max-entries", "none"], ["--max-entries", "whole number"]),
        (["--workers", "0"], ["--workers", "whole number from 1"]),
        (["--timezone", "Europe/Berln"], ["--timezone", "Europe/Berlin?"]),
        (["--timezone", "../../etc/passwd"], ["--timezone", "IANA"]),
        (["--fhir", "R5"], ["--fhir", "not in this version", "R4 or R4B"]),
        (["--fhir", "STU3"], ["--fhir", "not in this version", "R4 or R4B"]),
        (["--fhir", "R9"], ["--fhir", "R4 or R4B"]),
        (["--ids", "clint"], ["--ids", "client or server", "Did you mean client?"]),
        (["--check", "quick"], ["--check", "full, fast, off"]),
        (["--overwrite", "yes"], ["--overwrite", "changed, always, never"]),
        (["--fail-on", "info"], ["--fail-on", "error, warning, never"]),
        (["--server-profile", "hapy"], ["--server-profile", "Did you mean hapi?"]),
        (["--dicom", "bytes"], ["--dicom", "binary, link, attachment, none"]),
        (["--dicom", "link"], ["--dicom link", "--dicomweb URL"]),
        *(
            (["--dicomweb", "https://p.example", "--dicom", other], ["--dicomweb", "--dicom link"])
            for other in ("none", "binary", "attachment")
        ),
        (["--ids", "server"], ["--dicom binary", "--ids server", "--raw-dir", "--dicom link"]),
        (["--server-profile", "medplum"], ["--ids server", "--raw-dir"]),
        (
            ["--raw-dir", "raw", "--dicom", "none", "--media", "none"],
            ["--raw-dir", "--dicom binary", "--media"],
        ),
        (["--media", "all"], ["--media", "series, instance, frame, none"]),
        (["--media-format", "jpg"], ["--media-format", "jpeg or png", "Did you mean jpeg?"]),
        (["--media-size", "0"], ["--media-size", "from 1 to 65500"]),
        (["--media-size", "1e3"], ["--media-size", "from 1 to 65500"]),
        (["--quality", "101"], ["--quality", "from 1 to 100"]),
        (["--window", "0"], ["--window", "from 1"]),
        (["--window", "40,0"], ["--window", "40,400"]),
        (["--window", "wide"], ["--window", "file, auto"]),
        (["--media-inline-below", "-1"], ["--media-inline-below", "20M"]),
        (["--max-attachment", "0"], ["--max-attachment", "20M"]),
        (["--fhir-base", "fhir.example"], ["--fhir-base", "http or https"]),
        (["--fhir-base", "https://u:p@fhir.example"], ["--fhir-base", "user or password"]),
        (["--raw-dir", "out"], ["--raw-dir and -o", "place of its own"]),
        (["--to", "ftp://fhir.example"], ["--to", "ftp://fhir.example"]),
        (["--dicomweb", "pacs.example"], ["--dicomweb", "http or https"]),
        (["--dicomweb", "ftp://pacs.example"], ["--dicomweb", "http or https"]),
        (["--dicomweb", "https://pacs.example/x?y=1"], ["--dicomweb", "query"]),
        (["--patient", "123"], ["--patient", "Patient/123"]),
        (["--patient-id-system", "1.2.3"], ["--patient-id-system", "urn:oid:1.2.3"]),
        (["--accession-system", "ris"], ["--accession-system", "absolute URI"]),
        (["--accession-system", "urn:oid:01.2"], ["--accession-system", "absolute URI"]),
        (["--accession-system", "URN:UUID:ris"], ["--accession-system", "absolute URI"]),
        (["--tag", "code"], ["--tag", "system|code"]),
        (["--security-label", "http://x.example|"], ["--security-label", "system|code"]),
        (["--timestamp", "2026-01-01"], ["--timestamp", "2026-01-31T12:00:00Z"]),
        (["--timestamp", "2026-13-01T00:00:00Z"], ["--timestamp"]),
        (["--charset", "Klingon"], ["--charset", "ISO_IR 192"]),
        (["--charset", "utf-8"], ["--charset", "Did you mean ISO_IR 192?"]),
        (["--charset", "ISO_IR 193"], ["--charset", "Did you mean ISO_IR"]),
        (["--where", "Modality"], ["--where", "Keyword=VALUE"]),
        (["--where", "Xyzzy=1"], ["--where", "`Xyzzy`"]),
        (["--where", "Modalty=CT"], ["--where", "`Modalty`", "Did you mean Modality?"]),
        (["--provenance"], ["--provenance", "--timestamp", "SOURCE_DATE_EPOCH"]),
        (
            ["--provenance", "--ids", "server", "--timestamp", "2026-01-01T00:00:00Z"],
            ["--provenance", "--ids server", "--ids client"],
        ),
        (["--temp-dir", "missing"], ["--temp-dir", "no such folder"]),
        (["--max-archive-bytes", "much"], ["--max-archive-bytes"]),
        (["--log-format", "xml"], ["--log-format", "text or json"]),
        (["--folow"], ["--folow", "--follow"]),
        (["--max-entries"], ["--max-entries"]),
    ],
)
def test_a_bad_option_gets_one_sentence_that_names_what_to_use(
    invoke: Callable[..., Result], study: Path, args: list[str], expected: list[str]
) -> None:
    said = sentence_of(invoke("convert", str(study), "-o", "out", *args), 2)
    for part in expected:
        assert part in said
    assert not (study.parent / "out").exists()


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("https://user:secret@pacs.example/", "password"),
        ("https://pacs.example/dicom-web?key=secret", "query"),
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(
    invoke: Callable[..., Result], study: Path, address: str, fault: str
) -> None:
    said = sentence_of(invoke("convert", str(study), "-o", "out", "--dicomweb", address), 2)
    assert fault in said
    assert "secret" not in said


def test_no_sources_are_asked_for(invoke: Callable[..., Result]) -> None:
    assert "Name what to convert" in sentence_of(invoke("convert"), 2)
    assert "Name what to inspect" in sentence_of(invoke("inspect"), 2)
    assert "Name what to explain" in sentence_of(invoke("explain"), 2)
    assert "Name what to validate" in sentence_of(invoke("validate"), 2)


@pytest.mark.parametrize("command", ["convert", "inspect", "explain", "validate"])
def test_a_path_that_does_not_exist_is_named_by_its_number(
    invoke: Callable[..., Result], command: str
) -> None:
    said = sentence_of(invoke(command, "DOE^JANE/missing"), 2)
    assert "Number 1 of the paths given does not exist" in said
    assert "DOE" not in said


def test_a_path_is_shown_where_that_was_asked_for(invoke: Callable[..., Result]) -> None:
    said = sentence_of(invoke("convert", "missing\x1b2J", "--show-paths"), 2)
    assert "`missing\\x1b2J` does not exist" in said


def test_an_unknown_command_is_suggested(invoke: Callable[..., Result]) -> None:
    assert "Did you mean convert?" in sentence_of(invoke("convrt"), 2)
    assert "convert, inspect, explain" in sentence_of(invoke("zzz"), 2)


def test_a_path_in_the_place_of_the_command_gets_advice(
    invoke: Callable[..., Result], folder: Path
) -> None:
    (folder / "DOE^JANE").mkdir()
    said = sentence_of(invoke("DOE^JANE"), 2)
    assert "dicom2fhir convert PATH" in said
    assert "DOE" not in said


@pytest.mark.parametrize(
    "args",
    [
        ["explain", "image.dcm", "DOE^JANE.dcm"],
        ["convert", "study", "--where", "PatientNam=DOE^JANE"],
        ["convert", "study", "--where", "DOE^JANE"],
        ["convert", "study", "--patient", "DOE^JANE"],
    ],
)
def test_what_may_tell_of_a_patient_is_not_repeated(
    invoke: Callable[..., Result], study: Path, args: list[str]
) -> None:
    assert study.is_dir()
    assert "DOE" not in sentence_of(invoke(*args), 2)


def test_no_command_shows_the_help_on_stderr(invoke: Callable[..., Result]) -> None:
    result = invoke()
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Commands:" in result.stderr


def test_a_folder_without_dicom_ends_with_3(invoke: Callable[..., Result], folder: Path) -> None:
    (folder / "empty").mkdir()
    result = invoke("convert", "empty", "-o", "out")
    assert result.exit_code == 3
    assert "No DICOM was found" in result.stderr
    assert not list(folder.glob("out/*.json"))


def test_a_filter_that_leaves_nothing_is_named(invoke: Callable[..., Result], study: Path) -> None:
    result = invoke("convert", str(study), "-o", "out", "--include", "*.nope")
    assert result.exit_code == 3
    assert "check the path, --include and --exclude." in result.stderr


def test_an_output_that_cannot_be_made_ends_with_7(
    invoke: Callable[..., Result], study: Path, folder: Path
) -> None:
    (folder / "file").write_text("")
    sentence_of(invoke("convert", str(study), "-o", "file/out/x.json"), 7)


@pytest.mark.parametrize("option", ["--report", "--log-file"])
def test_a_report_or_log_that_cannot_be_written_ends_with_7(
    invoke: Callable[..., Result], study: Path, folder: Path, option: str
) -> None:
    said = sentence_of(invoke("convert", str(study), "-o", "out", option, "no/folder/file"), 7)
    assert option in said
    assert not (folder / "out").exists()


@pytest.mark.parametrize("stdout", ["-", "/dev/stdout"])
def test_bundle_and_report_cannot_both_go_to_stdout(
    invoke: Callable[..., Result], study: Path, stdout: str
) -> None:
    assert "--report" in sentence_of(invoke("convert", str(study), "--report", stdout), 2)
    assert "--report" in sentence_of(invoke("inspect", str(study), "--report", stdout), 2)


def test_a_salt_that_is_missing_or_empty_ends_with_6(
    invoke: Callable[..., Result], study: Path, folder: Path
) -> None:
    (folder / "salt").write_text("\n")
    for path in ("salt", "missing"):
        said = sentence_of(invoke("convert", str(study), "-o", "out", "--id-salt-file", path), 6)
        assert "--id-salt-file" in said


def test_explain_wants_a_file_on_disk(invoke: Callable[..., Result]) -> None:
    assert "one file" in sentence_of(invoke("explain", "-"), 2)


@pytest.mark.parametrize("command", [[], ["convert"], ["inspect"], ["validate"], ["doctor"]])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_data_and_goes_to_stdout(
    invoke: Callable[..., Result], command: list[str], flag: str
) -> None:
    result = invoke(*command, flag)
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert "Examples:" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("command", [[], ["convert"], ["inspect"], ["validate"], ["doctor"]])
def test_help_fits_a_terminal_of_80_columns(
    invoke: Callable[..., Result], command: list[str]
) -> None:
    assert max(map(len, invoke(*command, "-h", env={"COLUMNS": "80"}).stdout.splitlines())) <= 80


def test_examples_come_before_the_options(invoke: Callable[..., Result]) -> None:
    text = invoke("convert", "--help").stdout
    assert text.index("Examples:") < text.index("Input:") < text.index("Output:")


def test_the_version_is_one_line(invoke: Callable[..., Result]) -> None:
    result = invoke("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("dicom2fhir ")
    assert result.stdout.count("\n") == 1
