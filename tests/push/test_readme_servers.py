"""What the README says of servers runs against one."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from recording_server import RecordingServer

SAMPLE = ROOT / "samples" / "studies" / "dx_chest"
BLOCK = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
LINES = [line for line in "".join(BLOCK).splitlines() if line.startswith("dicom2fhir ")]


def digests(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def test_a_study_goes_to_a_server_and_comes_back(tmp_path: Path, recorder: RecordingServer) -> None:
    (tmp_path / "study").symlink_to(SAMPLE)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FHIR_BASE": recorder.base}

    def run(line: str) -> str:
        program = f"{shlex.quote(sys.executable)} -m dicom2fhir "
        done = subprocess.run(
            ["bash", "-c", line.replace("dicom2fhir ", program, 1)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stderr.decode()

    run("dicom2fhir convert study/ -o out/ -q")
    convert, push, fetch, stow = LINES
    assert "--stow" in stow
    run(convert)
    run(push)
    recorder.forget()
    run(push)
    assert recorder.written() == []
    study = next(key for key in recorder.store.resources if key.startswith("ImagingStudy/"))
    run(fetch.replace("ImagingStudy/ID", study))
    assert digests(tmp_path / "back") == digests(SAMPLE)
