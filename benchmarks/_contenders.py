"""What is measured against what: the commands, each a whole process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).resolve().parent
PEER = (
    "dicom2fhir==0.1.25",
    "fhir.resources==8.1.0",
    "fhir-core==1.1.4",
    "annotated-types==0.7.0",
    "pydantic==2.11.9",
)
OURS = {
    "fast, one worker": ("--check", "fast", "--workers", "1"),
    "full, one worker": ("--check", "full", "--workers", "1"),
    "fast, default workers": ("--check", "fast"),
    "full, default workers": ("--check", "full"),
}
METADATA = ("--dicom", "none", "--media", "none")
BYTES = ("--dicom", "binary", "--media", "none")
ENCODE = 'find "$1" -type f -exec cat {} + | base64 -w0 > "$2" && sync "$2"'
PREVIEWS = ("--dicom", "none", "--media", "instance", "--media-size", "512")
DRAW = 'find "$1" -type f | while read -r f; do dcmj2pnm +oj +Wi 1 "$f" "$2" || exit 1; done'
SOURCE, OUTPUT = "{source}", "{output}"
LINES, FOLDER = "out.ndjson", "out"
CONVERT = (sys.executable, "-m", "dicom2fhir", "convert", SOURCE, "-q", "-o", OUTPUT)


@dataclass(frozen=True)
class Contender:
    """A command that is given a folder of DICOM files; most write Bundles."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    runs: int = 1
    """Runs in each round; a quick command needs more for a steady median."""
    output: str = LINES
    """Name of its output."""
    writes: bool = True
    """Whether it writes Bundles."""

    def filled(self, source: Path, output: Path) -> list[str]:
        places = {SOURCE: str(source), OUTPUT: str(output)}
        return [places.get(part, part) for part in self.command]


def own_environment() -> dict[str, str]:
    """Give an environment in which this checkout runs, without anybody's settings.

    An installed package has its bytecode, so the checkout may keep its own as well.
    """
    left_out = ("DICOM2FHIR_", "PYTHONDONTWRITEBYTECODE")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    return {**kept, "PYTHONPATH": str(HERE.parent), "NO_COLOR": "1"}


def our_contenders() -> list[Contender]:
    return [
        Contender(f"dicom2fhir {name}", (*CONVERT, *METADATA, *options), own_environment())
        for name, options in OURS.items()
    ]


def byte_contenders() -> list[Contender]:
    """List what writes the files themselves as base64, safe on the disk at the end."""
    command = (*CONVERT, *BYTES)
    encode = ("sh", "-c", ENCODE, "sh", SOURCE, OUTPUT)
    return [
        Contender("dicom2fhir files, a folder", command, own_environment(), output=FOLDER),
        Contender("dicom2fhir files, x.ndjson", command, own_environment()),
        Contender("base64 -w0", encode, dict(os.environ), output="out.txt", writes=False),
    ]


def preview_contenders() -> list[Contender]:
    """List what draws each image as JPEG; dcmtk takes a process for each."""
    draw = ("sh", "-c", DRAW, "sh", SOURCE, OUTPUT)
    return [
        Contender("dicom2fhir previews", (*CONVERT, *PREVIEWS), own_environment()),
        Contender("dcmj2pnm", draw, dict(os.environ), output="out.jpg", writes=False),
    ]


def plain_contenders() -> list[Contender]:
    environment = dict(os.environ)
    return [
        Contender(
            name, (sys.executable, str(HERE / script), SOURCE), environment, runs, writes=False
        )
        for name, script, runs in (
            ("pydicom", "_read_pydicom.py", 1),
            ("bare read", "_read_bare.py", 5),
        )
    ]


def peer_contender(python: Path) -> Contender:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    script = str(HERE / "_convert_peer.py")
    return Contender("peer 0.1.25", (str(python), script, SOURCE, OUTPUT), environment)


def find_peer(work: Path, python312: str | None) -> Path | None:
    """Return the Python of the peer's environment, which is made when there is none yet.

    Shape: None when there is no Python 3.12 to make it with
    """
    ready = os.environ.get("BENCH_PEER_PYTHON")
    if ready:
        return Path(ready)
    python = work / "peer" / "bin" / "python"
    if python.exists():
        return python
    base = python312 or shutil.which("python3.12")
    if base is None or subprocess.run([base, "--version"], check=False).returncode:
        return None
    subprocess.run([base, "-m", "venv", str(work / "peer")], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEER], check=True)
    return python
