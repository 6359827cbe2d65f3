"""What sending costs: `push` and curl, the same bytes to the same server on loopback."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from _contenders import HERE, own_environment
from _figures import Timing
from _processes import measure_memory, run
from make_archive import write_archive

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPES = ((50, 3200), (1, 22400))
"""Files, and rows of each: 1 GB."""
SMALL = (1, 512)
NOISE = 16 * 1024 * 1024
OURS = [sys.executable, "-m", "dicom2fhir"]
CONVERT = [*OURS, "convert", "-q", "--media", "none"]
CURL = ["curl", "-sS", "-H", "Expect:", "-H"]
WAYS = ("Bundles", "raw Binaries", "convert --to")
RAW_LIST = "binaries.ndjson"


@dataclass(frozen=True)
class Source:
    """The same study as files, as Bundles with all bytes in them, and as Bundles beside them."""

    folder: Path
    files: int

    @property
    def dicom(self) -> Path:
        return self.folder / "dicom"

    @property
    def bundles(self) -> Path:
        return self.folder / "bundles.ndjson"

    @property
    def bare(self) -> Path:
        return self.folder / "bare.ndjson"

    @property
    def raw(self) -> Path:
        return self.folder / "raw"

    def ours(self, way: str, base: str) -> list[str]:
        """Give our command; nothing is read back, as curl reads nothing back."""
        sent = {
            "Bundles": ["push", self.bundles],
            "raw Binaries": ["push", self.bare, "--binaries", self.raw],
            "convert --to": ["convert", self.dicom, "--media", "none"],
        }[way]
        return [*OURS, *map(str, sent), "--to", base, "--verify", "none", "-q"]

    def curl(self, way: str, base: str) -> list[str]:
        """Give one curl that sends the same bytes over one connection."""
        if way == "Bundles":
            upload = ["Content-Type: application/fhir+json", "-X", "POST", "-T", str(self.bundles)]
            return [*CURL, *upload, base]
        lines = self.folder / "curl.txt"
        lines.write_text(
            "".join(
                f'upload-file = "{path}"\nurl = "{base}/Binary/{path.name}"\noutput = "/dev/null"\n'
                for path in sorted(self.raw.rglob("*"))
                if path.is_file() and path.name != RAW_LIST
            )
        )
        return [*CURL, "Content-Type: application/dicom", "-K", str(lines)]


def prepare_source(work: Path, files: int, rows: int) -> Source:
    """Write a study of so many images of noise, and its Bundles, unless they are there."""
    source = Source(work / f"push-{files}-{rows}", files)
    if not source.folder.exists():
        partial = Source(source.folder.with_suffix(".partial"), files)
        shutil.rmtree(partial.folder, ignore_errors=True)
        write_archive(partial.dicom, files=files, rows=rows, sparse=True)
        noise = random.Random(64).randbytes(NOISE)
        for path in partial.dicom.rglob("IM*"):
            fill_pixels(path, 2 * rows**2, noise)
        run([*CONVERT, str(partial.dicom), "-o", str(partial.bundles)], own_environment(), work)
        bare = ["--raw-dir", str(partial.raw), "-o", str(partial.bare)]
        run([*CONVERT, str(partial.dicom), *bare], own_environment(), work)
        partial.folder.rename(source.folder)
    return source


def fill_pixels(path: Path, size: int, noise: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(-size, os.SEEK_END)
        for start in range(0, size, len(noise)):
            file.write(noise[: size - start])


@contextmanager
def sink() -> Iterator[str]:
    """Serve what takes everything and keeps nothing; give its base."""
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "port"
        command = [sys.executable, str(HERE / "_sink.py"), str(port)]
        with subprocess.Popen(command) as process:
            try:
                while not (port.exists() and port.read_text()):
                    time.sleep(0.02)
                yield f"http://127.0.0.1:{port.read_text()}/fhir"
            finally:
                process.kill()


def time_pushes(work: Path, repeats: int) -> list[Timing]:
    """Time each way of ours and curl on each shape, in turn; memory in a run of its own."""
    small = prepare_source(work, *SMALL)
    timings = []
    environment = own_environment()
    with sink() as base:
        for files, rows in SHAPES:
            source = prepare_source(work, files, rows)
            for way in WAYS:
                ours = Timing(f"push {way}, {files}", files)
                curl = Timing(f"curl {way}, {files}", files)
                for _ in range(repeats):
                    ours.one_file.append(run(small.ours(way, base), environment, work))
                    curl.one_file.append(run(small.curl(way, base), environment, work))
                    ours.all_files.append(run(source.ours(way, base), environment, work))
                    curl.all_files.append(run(source.curl(way, base), environment, work))
                ours.peak_mib = measure_memory(source.ours(way, base), environment, work)
                timings += [ours, curl]
    return timings
