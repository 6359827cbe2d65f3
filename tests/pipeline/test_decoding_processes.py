"""A decoder that crashes, hangs or fills the memory costs one file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.model import Candidate, Picture, RenderRequest
from dicom2fhir.pipeline.decoding import Job
from dicom2fhir.pipeline.rendering import Renderer
from dicom2fhir.problems import Problem
from places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAMPLE = ROOT / "samples" / "studies" / "ct_thorax" / "S0002_THORAX_B30F" / "IM0001.dcm"
SYNTAX = "1.2.840.10008.1.2.1"
SABOTAGE = """
import os, time
import dicom2fhir.render as render
draw = render.render_frames
def sabotaged(stream, request):
    head = stream.read(8)
    stream.seek(0)
    if head == b"CRASHES!":
        os.abort()
    if head == b"HANGS...":
        time.sleep(600)
    if head == b"SWELLS!!":
        bytearray(16 << 30)
    if head == b"MISTAKEN":
        raise LookupError(head)
    yield from draw(stream, request)
render.render_frames = sabotaged
"""


@pytest.fixture
def sabotaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the decoding processes fail on files that begin with certain words."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(SABOTAGE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hook"))


def write(path: Path, word: bytes = b"") -> Path:
    """Write a copy of a sample whose preamble begins with the word."""
    data = SAMPLE.read_bytes()
    path.write_bytes(word + data[len(word) :])
    return path


def job(path: Path) -> Job:
    request = RenderRequest(transfer_syntax_uid=SYNTAX, frames=(1,))
    return Job(candidate=Candidate(path=str(path)), transfer_syntax_uid=SYNTAX, request=request)


@pytest.fixture
def renderer() -> Iterator[Renderer]:
    with Renderer(2, seconds=2) as made:
        yield made


@pytest.mark.usefixtures("sabotaged")
@pytest.mark.parametrize(
    ("word", "code"),
    [
        (b"CRASHES!", "pixels.crashed"),
        (b"HANGS...", "pixels.timeout"),
        (b"SWELLS!!", "pixels.too-large"),
        (b"MISTAKEN", "pixels.crashed"),
    ],
)
def test_one_bad_file_of_five_leaves_four_pictures(
    tmp_path: Path, renderer: Renderer, word: bytes, code: str
) -> None:
    jobs = [job(write(tmp_path / str(n), word if n == 2 else b"")) for n in range(5)]
    answers = dict(renderer.run(jobs))
    assert answers[2] == Problem(code=code)
    assert [n for n in range(5) if isinstance(answers[n], Picture)] == [0, 1, 3, 4]


def test_a_file_that_is_gone_is_told_as_unreadable(tmp_path: Path, renderer: Renderer) -> None:
    assert list(renderer.run([job(tmp_path / "gone")])) == [(0, Problem(code="find.unreadable"))]


def test_nothing_is_left_running_when_the_renderer_is_closed(tmp_path: Path) -> None:
    with Renderer(2) as renderer:
        list(renderer.run([job(write(tmp_path / "one"))]))
        program = renderer._program  # noqa: SLF001 - only the system can tell
        assert program is not None
        group = program.pid
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a process of the group is still there")


def test_the_decoders_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from dicom2fhir.pipeline.rendering import Renderer\n"
        "from dicom2fhir.pipeline.decoding import Job\n"
        "from dicom2fhir.model import Candidate, RenderRequest\n"
        f"request = RenderRequest(transfer_syntax_uid='{SYNTAX}', frames=(1,))\n"
        "job = Job(candidate=Candidate(path=sys.argv[1]), request=request,\n"
        f"          transfer_syntax_uid='{SYNTAX}')\n"
        "renderer = Renderer(2)\n"
        "list(renderer.run([job]))\n"
        "print(renderer._program.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    path = write(tmp_path / "one")
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        group = int(run.stdout.readline())
        run.send_signal(signal.SIGKILL)
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the decoders go on without the run")


@pytest.mark.usefixtures("sabotaged")
def test_a_crash_in_one_of_twenty_files_renders_nineteen_and_ends_with_1(tmp_path: Path) -> None:
    source = tmp_path / "in"
    shutil.copytree(SAMPLE.parent, source / "seed")
    seeds = sorted((source / "seed").iterdir())
    assert seeds
    data = SAMPLE.read_bytes()
    uid = next(data[at : at + 64].split(b"\0")[0] for at in [data.index(b"\x08\x00\x18\x00UI") + 8])
    shutil.rmtree(source / "seed")
    for number in range(20):
        other = uid[:-2] + b"%02d" % (10 + number)
        path = source / f"{number}.dcm"
        path.write_bytes(data.replace(uid, other))
        if number == 7:
            path.write_bytes(b"CRASHES!" + path.read_bytes()[8:])
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "dicom2fhir", "convert", str(source), "--media", "instance"]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "out"), "--report", str(report)],
        capture_output=True,
        check=False,
    )
    bundles = [json.loads(p.read_bytes()) for p in (tmp_path / "out").glob("[!.]*.json")]
    kinds = [e["resource"]["resourceType"] for bundle in bundles for e in bundle["entry"]]
    crashed = [item for item in json.loads(report.read_bytes())["items"] if "crash" in item["code"]]
    assert (done.returncode, kinds.count("Media"), len(crashed)) == (1, 19, 1)
    assert b"Traceback" not in done.stderr
