"""A disk that is full, or fails: exit 7, nothing half written, and the next run completes."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from forking import Forker

from holdings import held_by
from places import ROOT
from recording_server import RecordingServer
from runs import run_here

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDY = ROOT / "samples" / "studies" / "mr_brain"
TRIED = 1
"""Calls of each place, beside the first, that fail without --soak; with it all of them."""
FAULTS = {"full": errno.ENOSPC, "broken": errno.EIO}

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("disk")]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what, preloaded, makes a disk fail; skip where it cannot be made."""
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("LEFT OUT, no failing disk: Linux and a C compiler are needed")
    library = tmp_path_factory.mktemp("shim") / "faulty_disk.so"
    source = Path(__file__).with_name("faulty_disk.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True, timeout=60
    )
    return library


class Disk:
    """The command on a disk of which a given call fails, and all calls after it."""

    def __init__(self, forker: Forker, plan: Path, root: Path) -> None:
        self.root = root
        self._forker = forker
        self._plan = plan
        self._count = plan.with_name(plan.name + ".count")

    def run(self, command: list[str | Path], below: Path, first: int, fault: int) -> int:
        """Run the command; from the `first` call on, what writes there meets the fault."""
        self._count.unlink(missing_ok=True)
        self._plan.write_text(f"{first} {fault} {below}")
        return self._forker.run(*command).code

    @property
    def calls(self) -> int:
        """Return how many calls the last run has made there, in all its processes."""
        return sum(map(int, self._count.read_text().split()))


@pytest.fixture(scope="module")
def disk(shim: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    root = tmp_path_factory.mktemp("disk")
    plan = root / "plan"
    with Forker(root / "said", LD_PRELOAD=str(shim), DISK_PLAN=str(plan)) as forker:
        yield Disk(forker, plan, root)


@pytest.fixture(scope="module")
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as server:
        yield server


@dataclass(slots=True)
class Place:
    """A command, the folder in which it meets the fault, and what it is to leave behind."""

    disk: Disk
    server: RecordingServer
    name: str
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.disk.root / self.name

    def command(self) -> list[str | Path]:
        """Return the command line."""
        lines = self.disk.root / "bundles.ndjson"
        push = ["push", lines, "--to", self.server.base, "--binary-raw-above", "20000"]
        state = self.folder / "state"
        return {
            "push-state": [*push, "--state", state],
            "push-report": [*push, "--report", self.folder / "report.json"],
            "push-unpacks": [push[0], f"{lines}.gz", *push[2:], "--temp-dir", self.folder],
            "convert-state": ["convert", STUDY, *push[2:4], "--state", state],
            "convert-temporary": ["convert", STUDY, *push[2:4], "--temp-dir", self.folder],
            "fetch": ["fetch", *self.studies(), "--from", self.server.base, "-o", self.folder],
        }[self.name]

    def studies(self) -> list[str]:
        """Return the ids of what the server has."""
        return [one.name for one in self.server.store.of_type("ImagingStudy")]

    def empty(self) -> None:
        """Begin anew."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        if self.name != "fetch":
            self.server.empty()

    def run(self, first: int = 0, fault: int = 0) -> int:
        """Run the command."""
        return self.disk.run(self.command(), self.folder, first, fault)

    def left(self) -> object:
        """Return what is to be the same whatever happened."""
        if self.name == "fetch":
            paths = [path for path in self.folder.rglob("*") if path.is_file()]
            return {path.relative_to(self.folder): path.read_bytes() for path in paths}
        found = held_by(self.server.store)
        return found.resources, found.binaries, found.orphans, found.dangling


@pytest.fixture
def bundles(disk: Disk, server: RecordingServer) -> RecordingServer:
    """The server, filled; its Bundles are on the disk."""
    lines = disk.root / "bundles.ndjson"
    for out in (lines, Path(f"{lines}.gz")):
        assert out.exists() or run_here("convert", STUDY, "-o", out).code == 0
    assert run_here("push", lines, "--to", server.base).code == 0
    return server


PLACES = (
    "fetch",
    "push-state",
    "push-report",
    "push-unpacks",
    "convert-state",
    "convert-temporary",
)


@pytest.mark.parametrize(("name", "fault"), list(product(PLACES, FAULTS)))
def test_a_disk_that_fails_at_any_call_costs_another_run_and_nothing_else(
    request: pytest.FixtureRequest, disk: Disk, bundles: RecordingServer, name: str, fault: str
) -> None:
    place = Place(disk, bundles, name)
    place.empty()
    assert place.run() == 0
    whole, calls = place.left(), disk.calls
    assert calls
    tried = range(1, calls + 1)
    chosen = random.Random(name + fault).sample(tried, min(calls, TRIED))  # noqa: S311
    for first in tried if request.config.getoption("--soak") else sorted({1, *chosen}):
        place.empty()
        assert place.run(first, FAULTS[fault]) == 7, first
        assert not [path for path in place.folder.rglob("*") if path.suffix == ".tmp"]
        assert place.run() == 0
        assert place.left() == whole


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["fetch", "inspect"])
def test_a_list_that_cannot_be_written_is_exit_7(bundles: RecordingServer, command: str) -> None:
    studies = [one.name for one in bundles.store.of_type("ImagingStudy")]
    arguments = {
        "fetch": ["fetch", *studies, "--dry-run", "--from", bundles.base],
        "inspect": ["inspect", STUDY],
    }[command]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dicom2fhir", *map(str, arguments)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    assert done.returncode == 7, done.stderr
    assert "no space left" in done.stderr
