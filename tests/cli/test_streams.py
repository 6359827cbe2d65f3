"""Standard output carries data only; people are spoken to on stderr."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Run
    from typer.testing import Result

COMMAND = [sys.executable, "-m", "dicom2fhir"]


def on_a_terminal(*args: str, folder: Path, **env: str) -> tuple[int, str]:
    """Run the command where stdin, stdout and stderr are a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *args],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", "TERM": "xterm", **env},
    ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the terminal is gone with its last user
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    return process.returncode, b"".join(parts).decode().replace("\r\n", "\n")


@pytest.mark.parametrize("loud", [[], ["-vv"], ["-vv", "--log-format", "json"], ["-q"]])
def test_a_pipe_gets_exactly_one_bundle(run: Run, study: Path, loud: list[str]) -> None:
    result = run("convert", str(study), *loud)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["resourceType"] == "Bundle"


def test_a_dash_gets_the_same_as_a_pipe(run: Run, study: Path) -> None:
    assert run("convert", str(study), "-o", "-").stdout == run("convert", str(study)).stdout


def test_ndjson_to_a_file_leaves_stdout_empty(run: Run, study: Path) -> None:
    result = run("convert", str(study), "-o", "out.ndjson")
    assert (result.returncode, result.stdout) == (0, b"")
    (line,) = (study.parent / "out.ndjson").read_text().splitlines()
    assert json.loads(line)["type"] == "transaction"


def test_paths_come_in_on_stdin(run: Run, study: Path) -> None:
    listed = os.fsencode(study / "image.dcm")
    lines = run("convert", "-", "-q", stdin=listed + b"\n")
    zeros = run("convert", "-0", "-", "-q", stdin=listed + b"\0")
    assert json.loads(lines.stdout)["entry"]
    assert lines.stdout == zeros.stdout


@pytest.mark.parametrize("args", [["convert"], ["inspect", "--format", "ndjson"]])
def test_a_reader_that_leaves_ends_the_run_quietly(study: Path, args: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = subprocess.run(
            [*COMMAND, *args, str(study), "-q"],
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writer)
    assert result.returncode == 141
    assert result.stderr == b""


def test_head_takes_what_it_wants(study: Path) -> None:
    shell = f"{sys.executable} -m dicom2fhir convert -q '{study}' | head -c 10"
    result = subprocess.run(["bash", "-c", shell], capture_output=True, check=False, timeout=60)
    assert result.stdout == b'{"entry":['
    assert result.stderr == b""


def test_a_closed_stdout_does_not_matter_to_a_file(run: Run, study: Path) -> None:
    shell = f"exec {sys.executable} -m dicom2fhir convert '{study}' -o out >&-"
    result = subprocess.run(
        ["bash", "-c", shell], capture_output=True, cwd=study.parent, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert run("inspect", str(study), "-q").stdout


@pytest.mark.parametrize("command", ["doctor", "convert"])
def test_a_closed_stdout_is_an_output_error_where_it_is_needed(study: Path, command: str) -> None:
    source = f"'{study}'" if command == "convert" else ""
    shell = f"exec {sys.executable} -m dicom2fhir {command} {source} >&-"
    result = subprocess.run(["bash", "-c", shell], capture_output=True, check=False, timeout=60)
    assert result.returncode == 7
    assert b"Traceback" not in result.stderr


def test_nobody_at_all_is_there(study: Path) -> None:
    shell = f"exec {sys.executable} -m dicom2fhir convert '{study}' -o out <&- >&- 2>&-"
    result = subprocess.run(
        ["bash", "-c", shell], capture_output=True, cwd=study.parent, check=False, timeout=60
    )
    assert result.returncode == 0


def test_a_person_without_an_output_is_shown_what_there_is(study: Path) -> None:
    code, text = on_a_terminal("convert", "study", folder=study.parent)
    assert code == 2
    assert "CT" in text
    assert "-o out/" in text
    assert "{" not in text


def test_a_person_is_shown_paths_and_the_next_command(study: Path) -> None:
    (study / "cut.dcm").write_bytes((study / "image.dcm").read_bytes()[:-1])
    code, text = on_a_terminal("convert", "study", "-o", "out here", folder=study.parent)
    assert code == 1
    assert "study/cut.dcm" in text
    assert "Next: dicom2fhir validate 'out here'" in text


def test_nobody_is_shown_paths(run: Run, study: Path) -> None:
    (study / "cut.dcm").write_bytes((study / "image.dcm").read_bytes()[:-1])
    text = run("convert", "study", "-o", "out").stderr.decode()
    assert "cut.dcm" not in text
    assert "--report report.json names the files" in text
    assert "study/cut.dcm" in run("convert", "study", "--dry-run", "--show-paths").stderr.decode()


@pytest.mark.parametrize("plain", [["--no-color"], []])
def test_colours_can_be_left_out(study: Path, plain: list[str]) -> None:
    env = {} if plain else {"NO_COLOR": "1"}
    (study / "cut.dcm").write_bytes((study / "image.dcm").read_bytes()[:-1])
    args = ["convert", "study", "-o", "out", *plain]
    _, coloured = on_a_terminal("convert", "study", "--dry-run", folder=study.parent)
    _, text = on_a_terminal(*args, folder=study.parent, **env)
    assert "\x1b[1;31m" in coloured
    assert "\x1b[1;31m" not in text


def test_quiet_says_nothing_when_all_is_well(run: Run, study: Path) -> None:
    result = run("convert", str(study), "-o", "out", "-q")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_quiet_still_says_what_failed(run: Run, study: Path) -> None:
    (study / "cut.dcm").write_bytes((study / "image.dcm").read_bytes()[:-1])
    result = run("convert", str(study), "-o", "out", "-q")
    assert result.returncode == 1
    assert b"read.truncated" in result.stderr
    assert b"read.not-dicom" not in result.stderr


def test_the_last_line_sums_up(invoke: Callable[..., Result], study: Path) -> None:
    last = invoke("convert", str(study), "-o", "out").stderr.splitlines()[-1]
    assert last.startswith("2 files: 1 converted, 1 not DICOM; 1 study of 1 patient in 1 Bundle (")
    assert last.endswith("Next: dicom2fhir validate OUT")


def test_the_last_line_names_no_next_command_where_nothing_was_written(
    invoke: Callable[..., Result], study: Path
) -> None:
    last = invoke("convert", str(study), "-o", "out", "--where", "Modality=XX").stderr
    assert last.endswith("2 files: 0 converted, 1 filtered out, 1 not DICOM.\n")


def test_the_last_line_counts_only_patients_that_are_written(
    invoke: Callable[..., Result], study: Path
) -> None:
    last = invoke("convert", str(study), "-o", "x.json", "--patient", "Patient/1").stderr
    assert "; 1 study in 1 Bundle" in last


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_ends_with_its_code(
    study: Path, number: signal.Signals, code: int
) -> None:
    with subprocess.Popen(
        [*COMMAND, "convert", "-", "-o", "out.json", "-v"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=study.parent,
    ) as process:
        assert process.stderr is not None
        assert b"Reading begins" in process.stderr.readline()
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in stderr
    assert sorted(path.name for path in study.parent.iterdir()) == ["study"]
