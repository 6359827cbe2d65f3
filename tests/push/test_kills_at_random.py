"""kill -9 at any moment of a push or a fetch: the next run completes it, with nothing twice."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from forking import Forker

from holdings import held_by
from places import ROOT
from recording_server import RecordingServer
from runs import run_here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holdings import Holdings

FILES, STUDIES, ROWS = 60, 3, 16
MOMENTS = 100
SHARE = 10
"""Of the moments, those that are tried without --soak."""
MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
"""Where a synced write costs nothing; what a killed process has written is there all the same."""
LONGEST = 0.02
"""Seconds after a request in which a run is killed."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="no /proc")]


def moments(name: str) -> list[object]:
    """Return the numbers of all moments; most are left to those who ask for them."""
    soak = pytest.mark.soak
    return [
        pytest.param(number, id=f"{name}-{number}", marks=[soak] if number % SHARE else [])
        for number in range(MOMENTS)
    ]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def archive(place: Path) -> Path:
    command = [sys.executable, ROOT / "benchmarks" / "make_archive.py", place / "archive"]
    sizes = ["--files", FILES, "--studies", STUDIES, "--rows", ROWS]
    subprocess.run(
        [str(one) for one in (*command, *sizes)], check=True, capture_output=True, timeout=60
    )
    return place / "archive"


@pytest.fixture(scope="module")
def bundles(archive: Path, place: Path) -> Path:
    assert run_here("convert", archive, "--media", "none", "-o", place / "bundles").code == 0
    return place / "bundles"


@pytest.fixture(scope="module")
def forker(place: Path) -> Iterator[Forker]:
    with Forker(place / "said") as forker:
        yield forker


@pytest.fixture(scope="module")
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as server:
        yield server


class Pushing:
    """Pushes of the same Bundles to one server, and what a whole one leaves there."""

    def __init__(self, forker: Forker, server: RecordingServer, bundles: Path, mode: str) -> None:
        server.switches.update_create = mode == "put"
        self.forker = forker
        self.server = server
        self._arguments = ("push", bundles, "--to", server.base, "--binary-raw-above", "500")
        self.expected, self.requests = self._run_clean(bundles.parent / f"clean-{mode}")

    def push(self, state: Path, when: Callable[[], bool] | None = None) -> int:
        return self.forker.run(*self._arguments, "--state", state, when=when).code

    def _run_clean(self, state: Path) -> tuple[Holdings, int]:
        self.server.empty()
        assert self.push(state) == 0
        found = held_by(self.server.store)
        assert sum(found.binaries.values()) == FILES
        return found, len(self.server.record)


@pytest.fixture(scope="module", params=["put", "conditional-put"])
def pushing(
    request: pytest.FixtureRequest, forker: Forker, server: RecordingServer, bundles: Path
) -> Pushing:
    return Pushing(forker, server, bundles, request.param)


def at_random(server: RecordingServer, requests: int, seed: object) -> Callable[[], bool]:
    """Return what is true from a random moment on: so long after so many requests."""
    chance = random.Random(str(seed))  # noqa: S311 - a moment, no secret
    number, later = chance.randrange(requests), chance.uniform(0, LONGEST)
    start: list[float] = []

    def is_time() -> bool:
        if len(server.record) < number:
            return False
        start.append(time.monotonic())
        return start[-1] - start[0] >= later

    return is_time


@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("moment", moments("push"))
def test_a_push_killed_at_any_moment_is_completed_by_the_next(
    pushing: Pushing, place: Path, moment: int
) -> None:
    server, state = pushing.server, place / "state"
    shutil.rmtree(state, ignore_errors=True)
    server.empty()
    killed = pushing.push(state, at_random(server, pushing.requests, moment))
    assert killed in {-SIGKILL, 0}
    assert pushing.push(state) == 0
    found = held_by(server.store)
    assert (found.resources, found.binaries) == (
        pushing.expected.resources,
        pushing.expected.binaries,
    )
    assert found.dangling == ()
    # A Binary whose id the server chose may be there once more where its reply was never read: one
    # of each study that was under way.
    assert sum(found.orphans.values()) <= (0 if server.switches.update_create else STUDIES)
    written = len(server.written())
    assert pushing.push(state) == 0
    assert len(server.written()) == written


@pytest.fixture(scope="module")
def filled(server: RecordingServer, bundles: Path) -> RecordingServer:
    server.switches.update_create = True
    server.empty()
    assert run_here("push", bundles, "--to", server.base).code == 0
    return server


@pytest.fixture(scope="module")
def wanted(archive: Path) -> set[str]:
    return digests(archive)


def digests(folder: Path) -> set[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("moment", moments("fetch"))
def test_a_fetch_killed_at_any_moment_is_completed_by_the_next(
    filled: RecordingServer, forker: Forker, place: Path, wanted: set[str], moment: int
) -> None:
    out = place / "out"
    shutil.rmtree(out, ignore_errors=True)
    studies = [one.name for one in filled.store.of_type("ImagingStudy")]
    assert len(studies) == STUDIES
    filled.record.clear()
    command = ("fetch", *studies, "--from", filled.base, "-o", out)
    forker.run(*command, when=at_random(filled, FILES + STUDIES, moment))
    named = [path for path in out.rglob("*.dcm") if path.is_file()]
    assert {hashlib.sha256(path.read_bytes()).hexdigest() for path in named} <= wanted
    assert forker.run(*command).code == 0
    assert digests(out) == wanted
    assert sum(path.is_file() for path in out.rglob("*")) == FILES
