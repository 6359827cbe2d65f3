"""What is said when our own code fails, and what the logs hold."""

from __future__ import annotations

import json
import logging
import stat
import warnings
from typing import TYPE_CHECKING, NoReturn

import pytest

from dicom2fhir.errors import OutputClosedError, ServerRefusedError
from dicom2fhir.problems import Problem
from dicom2fhir.report.summary import Counts, Outcome, ProblemTally, Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

    from dicom2fhir.options import Options
    from dicom2fhir.pipeline import Watch

CANARY = "DOE^JANE"


@pytest.fixture(autouse=True)
def no_handlers_left() -> Iterator[None]:
    yield
    logger = logging.getLogger("dicom2fhir")
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()


def failing(error: BaseException) -> Callable[..., NoReturn]:
    def convert(*_: object) -> NoReturn:
        raise error

    return convert


def finished(options: Options, watch: Watch, *_: object) -> Outcome:
    """Stand in for the pipeline: two stages, a truncated file."""
    assert options.sources
    watch.stage("read")
    watch.read(2)
    watch.stage("write")
    watch.written(1, 1)
    tally = ProblemTally()
    tally.add(Problem(code="read.truncated"), f"{CANARY}/x.dcm")
    return Outcome(
        counts=Counts(files=2, dicom=2, converted=1, failed=1),
        problems=tally.rows(),
        timings=(Timing(stage="read", seconds=0.5),),
        version="1",
        exit_code=1,
    )


@pytest.fixture
def convert(
    invoke: Callable[..., Result], study: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Return a function that runs `convert` with another pipeline."""

    def call(pipeline: Callable[..., object], *args: str) -> Result:
        monkeypatch.setattr("dicom2fhir.pipeline.convert", pipeline)
        return invoke("convert", str(study), "-o", "out", *args)

    return call


def test_a_fault_tells_its_type_and_place_but_not_its_text(
    convert: Callable[..., Result],
) -> None:
    result = convert(failing(KeyError(CANARY)))
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert "KeyError at dicom2fhir/cli/convert.py:" in lines[0]
    assert "dicom2fhir doctor" in lines[1]
    assert CANARY not in result.output


def test_a_fault_with_vv_tells_the_frames_but_no_values(convert: Callable[..., Result]) -> None:
    result = convert(failing(ValueError(CANARY)), "-vv")
    assert "test_faults_and_logs.py:" in result.stderr
    assert "in convert" in result.stderr
    assert CANARY not in result.output
    assert "Traceback" not in result.stderr


def test_an_error_of_ours_is_a_sentence_a_hint_and_its_code(
    convert: Callable[..., Result],
) -> None:
    result = convert(failing(ServerRefusedError("The server refused it.", hint="Ask it why.")))
    assert result.exit_code == 4
    assert result.stderr == "dicom2fhir: The server refused it.\n  Ask it why.\n"


def test_a_message_is_made_harmless(convert: Callable[..., Result]) -> None:
    result = convert(failing(ServerRefusedError("It said \x1b[2J\n.")))
    assert result.stderr == "dicom2fhir: It said \\x1b[2J⏎.\n"


@pytest.mark.parametrize("error", [BrokenPipeError(), OutputClosedError("gone")])
def test_a_reader_that_has_gone_is_no_fault(
    convert: Callable[..., Result], error: Exception
) -> None:
    result = convert(failing(error))
    assert (result.exit_code, result.stderr) == (141, "")


def test_an_interrupt_is_130(convert: Callable[..., Result]) -> None:
    result = convert(failing(KeyboardInterrupt()))
    assert (result.exit_code, result.stderr) == (130, "dicom2fhir: Interrupted.\n")


def test_an_interrupt_that_python_has_wrapped_is_130(convert: Callable[..., Result]) -> None:
    wrapped = RuntimeError("Error calling __set_name__")
    wrapped.__cause__ = KeyboardInterrupt()
    result = convert(failing(wrapped))
    assert (result.exit_code, result.stderr) == (130, "dicom2fhir: Interrupted.\n")


def test_warnings_of_libraries_stay_away_from_the_user(convert: Callable[..., Result]) -> None:
    def warn(*_: object) -> Outcome:
        warnings.warn(f"Invalid value {CANARY}", UserWarning, stacklevel=1)
        logging.getLogger("pydicom").warning("Invalid value %s", CANARY)
        return Outcome(counts=Counts(dicom=1))

    for loud in ([], ["-vv"], ["--log-format", "json"]):
        result = convert(warn, *loud)
        assert result.exit_code == 0
        assert CANARY not in result.output


def test_a_json_log_is_one_ascii_object_a_line(convert: Callable[..., Result]) -> None:
    result = convert(finished, "--log-format", "json", "-vv")
    records = [json.loads(line) for line in result.stderr.splitlines()]
    assert result.stderr.isascii()
    assert all({"time", "level", "message"} <= record.keys() for record in records)
    assert [r["stage"] for r in records if r["message"].endswith("begins")] == ["read", "write"]
    (problem,) = [record for record in records if record.get("code")]
    assert problem["code"] == "read.truncated"
    assert problem["level"] == "error"
    assert "paths" not in problem
    assert records[-1]["exit_code"] == 1
    assert records[-1]["counts"]["failed"] == 1
    assert CANARY not in result.output


def test_a_json_log_names_paths_when_asked(convert: Callable[..., Result]) -> None:
    result = convert(finished, "--log-format", "json", "--show-paths")
    (problem,) = [one for one in map(json.loads, result.stderr.splitlines()) if one.get("code")]
    assert problem["paths"] == [f"{CANARY}/x.dcm"]


def test_a_quiet_json_log_holds_errors_only(convert: Callable[..., Result]) -> None:
    result = convert(finished, "--log-format", "json", "-q")
    assert [json.loads(line)["level"] for line in result.stderr.splitlines()] == ["error"]


def test_an_error_in_a_json_log_is_json_too(convert: Callable[..., Result]) -> None:
    error = ServerRefusedError("No.", hint="Ask.")
    result = convert(failing(error), "--log-format", "json")
    record = json.loads(result.stderr.splitlines()[-1])
    assert (record["level"], record["message"], record["hint"]) == ("error", "No.", "Ask.")


def test_verbose_tells_the_stages(convert: Callable[..., Result]) -> None:
    lines = convert(finished, "-v").stderr.splitlines()
    assert lines[0].endswith("info    Reading begins")
    assert lines[1].endswith("info    Writing begins")
    assert sum("read.truncated" in line for line in lines) == 1


def test_a_log_file_is_private_and_leaves_stderr_to_people(
    convert: Callable[..., Result], folder: Path
) -> None:
    result = convert(finished, "--log-file", "run.log", "--log-format", "json")
    assert "2 files: 1 converted, 1 failed." in result.stderr
    path = folder / "run.log"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert records[-1]["counts"]["files"] == 2
    assert CANARY not in path.read_text()


def test_a_log_file_grows(convert: Callable[..., Result], folder: Path) -> None:
    convert(finished, "--log-file", "run.log")
    before = len((folder / "run.log").read_text())
    convert(finished, "--log-file", "run.log")
    assert len((folder / "run.log").read_text()) == 2 * before


def test_the_report_is_written_and_may_name_paths(
    convert: Callable[..., Result], folder: Path
) -> None:
    result = convert(finished, "--report", "report.json")
    assert result.exit_code == 1
    report = json.loads((folder / "report.json").read_text())
    assert report["command"] == "convert"
    assert report["exit_code"] == 1
    assert report["problems"][0]["examples"] == [{"path": f"{CANARY}/x.dcm"}]


def test_the_report_can_go_to_stdout(convert: Callable[..., Result]) -> None:
    assert json.loads(convert(finished, "--report", "-").stdout)["counts"]["files"] == 2
