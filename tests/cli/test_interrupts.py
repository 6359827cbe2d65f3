"""An interrupt ends a run of several processes at once, however often it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from places import ROOT

CT = ROOT / "samples" / "studies" / "ct_thorax" / "S0002_THORAX_B30F" / "IM0001.dcm"


def wait_for_processes(pid: int, count: int) -> None:
    """Wait until a process has started so many others."""
    for _ in range(600):
        if len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()) >= count:
            return
        time.sleep(0.05)
    pytest.fail("the processes did not start")


@pytest.mark.parametrize("gap", [0.02, 0.1])
def test_a_second_interrupt_changes_nothing(gap: float, tmp_path: Path) -> None:
    data = CT.read_bytes()
    (tmp_path / "s").mkdir()
    for number in range(3000):
        (tmp_path / "s" / f"{number}").write_bytes(data)
    process = subprocess.Popen(
        [*f"{sys.executable} -m dicom2fhir convert - -o x.ndjson --workers 2".split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    try:
        # The list does not end, so the run waits for more with all its processes started.
        process.stdin.write(b"".join(b"s/%d\n" % number for number in range(3000)))
        process.stdin.flush()
        wait_for_processes(process.pid, 2)
        process.send_signal(signal.SIGINT)
        time.sleep(gap)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in said
    assert str(tmp_path).encode() not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]
