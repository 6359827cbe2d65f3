"""An interrupt ends a run of several processes at once, however often it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CT = ROOT / "samples" / "studies" / "ct_thorax" / "S0002_THORAX_B30F" / "IM0001.dcm"


@pytest.mark.parametrize("gap", [0.02, 0.1])
def test_a_second_interrupt_changes_nothing(gap: float, tmp_path: Path) -> None:
    data = CT.read_bytes()
    (tmp_path / "s").mkdir()
    for number in range(9000):
        (tmp_path / "s" / f"{number}").write_bytes(data)
    process = subprocess.Popen(
        [sys.executable, "-m", "dicom2fhir", "convert", "s", "-o", "x.ndjson", "--workers", "2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
    )
    try:
        time.sleep(1.5)
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
