"""kill -9 at each change of state: the next run completes, with nothing twice and nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dicom2fhir
from holdings import Holdings, held_by
from places import ROOT
from runs import run_here, write_bare

if TYPE_CHECKING:
    from recording_server import RecordingServer

STUDY = ROOT / "samples" / "studies" / "mr_brain"
KILLED = """
import os, signal, sys
from dicom2fhir.deliver.server.outbox import Outbox
from dicom2fhir.options import PushOptions, ServerOptions
from dicom2fhir.pipeline.pushing import push

bundles, base, state, last, when = sys.argv[1:]
put, calls = Outbox.put, []

def put_or_die(self, items):
    calls.append(None)
    if len(calls) == int(last) and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    put(self, items)
    if len(calls) == int(last) and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)

Outbox.put = put_or_die
push(PushOptions(
    server=ServerOptions(base=base), sources=(bundles,), state=state, jobs=1, binary_raw_above=20000
))
print(len(calls))
"""


def run_killed(bundles: Path, base: str, state: Path, last: int, when: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(bundles), base, str(state), str(last), when],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(dicom2fhir.__file__).parent.parent)},
    )
    return done.returncode, done.stdout


def push_again(bundles: Path, base: str, state: Path) -> int:
    return run_here(
        *("push", bundles, "--to", base, "--state", state, "--jobs", "1"),
        *("--binary-raw-above", "20000"),
    ).code


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kills") / "bundles"
    assert run_here("convert", STUDY, "-o", folder).code == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["put", "conditional-put"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_killed_at_any_change_of_state_is_completed_by_the_next(
    bundles: Path, tmp_path: Path, recorder: RecordingServer, when: str, mode: str
) -> None:
    recorder.switches.update_create = mode == "put"
    code, calls = run_killed(bundles, recorder.base, tmp_path / "clean", 0, when)
    assert code == 0
    expected = held_by(recorder.store)
    for last in range(1, int(calls) + 1):
        recorder.empty()
        state = tmp_path / str(last)
        code, _ = run_killed(bundles, recorder.base, state, last, when)
        assert code == -signal.SIGKILL
        assert push_again(bundles, recorder.base, state) == 0
        found = held_by(recorder.store)
        assert (found.resources, found.binaries) == (expected.resources, expected.binaries)
        assert found.dangling == ()
        check_orphans(found, mode)
        written = len(recorder.written())
        assert push_again(bundles, recorder.base, state) == 0
        assert len(recorder.written()) == written


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("last", [1, 2])
def test_what_nothing_tells_from_its_copy_is_not_sent_again_after_a_kill(
    tmp_path: Path, recorder: RecordingServer, last: int, when: str
) -> None:
    write_bare(tmp_path / "bare.json", 2)
    state = tmp_path / "state"
    code, _ = run_killed(tmp_path / "bare.json", recorder.base, state, last, when)
    assert code == -signal.SIGKILL
    to = ("--to", recorder.base, "--state", state)
    again = run_here("push", tmp_path / "bare.json", *to)
    settled = (last, when) in {(1, "before"), (2, "after")}
    assert (again.code, "push.unknown" in again.stderr) == (0 if settled else 1, not settled)
    assert len(recorder.store.of_type("Observation")) == (0 if (last, when) == (1, "after") else 2)
    listed = run_here("push", "--dead", *to).stdout
    assert listed.count("unknown") == (0 if settled else 2)


def check_orphans(found: Holdings, mode: str) -> None:
    """A Binary whose id the server chose may be there once more where its reply was never read."""
    assert sum(found.orphans.values()) <= (0 if mode == "put" else 1)
