"""Fetch through a proxy that spoils requests: never a wrong file, and a second run completes."""

from __future__ import annotations

import hashlib
import json
from itertools import product
from typing import TYPE_CHECKING

import pytest

from calling import call
from certificates import Certificates
from fault_proxy import FaultProxy
from faults import FAULTS, TLS, Fault, Script, Verb, seeded
from places import ROOT
from recording_server import RecordingServer
from runs import Run, run_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCES = [ROOT / "samples" / "studies" / name for name in ("mr_brain", "dx_chest")]
POSITIONS = ("first", "middle", "last")
SEEDS = 100
SPARE_REQUESTS = 60

REFUSED = {
    Verb.CONFLICT,
    Verb.PRECONDITION,
    Verb.TOO_LARGE,
    Verb.UNPROCESSABLE,
    Verb.REDIRECT,
    Verb.HTML,
}
"""Answers that are not asked for again: 4 for a study, 1 for one of its files."""


def exits(fault: Fault) -> set[int]:
    """Return the codes that a run with this one fault may end with."""
    if fault.verb in TLS:
        return {6}
    if fault.verb == Verb.UNAUTHORIZED:
        return {1, 6}
    if fault.verb in REFUSED:
        return {1, 4}
    if fault == Fault(Verb.THROTTLE, "99999999999"):
        return {1, 5}
    return {0}


class Place:
    """A filled server behind a proxy, and what is fetched from it."""

    def __init__(self, proxy: FaultProxy, studies: list[str], authority: Path | None) -> None:
        self.proxy = proxy
        self.studies = studies
        self.authority = authority
        self.requests = 0

    def fetch(self, folder: Path) -> Run:
        # What is shown on a new connection is seen where there is no other that is still good.
        trust = ["--ca-file", self.authority, "--jobs", "1"] if self.authority else []
        return run_here("fetch", *self.studies, "--from", self.proxy.base, "-o", folder, *trust)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fetched") / "bundles"
    made = run_here("convert", *SOURCES, "-o", folder)
    assert made.code == 0, str(made)
    return folder


@pytest.fixture(scope="module")
def wanted() -> set[str]:
    """The SHA-256 of every file that is to come back."""
    files = [path for source in SOURCES for path in source.rglob("*") if path.is_file()]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def server(bundles: Path) -> Iterator[RecordingServer]:
    with RecordingServer() as filled:
        for path in sorted(bundles.glob("2*.json")):
            assert call(filled.base, "POST", "", json.loads(path.read_bytes()))[0] == 200
        yield filled


@pytest.fixture(scope="module")
def studies(server: RecordingServer) -> list[str]:
    return [one.name for one in server.store.of_type("ImagingStudy")]


@pytest.fixture(scope="module")
def plain(server: RecordingServer, studies: list[str]) -> Iterator[Place]:
    with FaultProxy(server.base) as proxy:
        yield Place(proxy, studies, None)


@pytest.fixture(scope="module")
def secure(
    server: RecordingServer, studies: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    certificates = Certificates()
    authority = certificates.write_authority(tmp_path_factory.mktemp("tls") / "ca.pem")
    with FaultProxy(server.base, certificates=certificates) as proxy:
        yield Place(proxy, studies, authority)


def digests(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.dcm")}


def count_requests(place: Place, folder: Path) -> int:
    """Return how many requests a run without faults takes, run once for each place."""
    if not place.requests:
        place.proxy.restart()
        run = place.fetch(folder)
        assert run.code == 0, str(run)
        place.requests = len(place.proxy.seen)
    return place.requests


def complete(place: Place, folder: Path, wanted: set[str]) -> None:
    """Hold what is there to be right, and a second run to bring the rest."""
    assert digests(folder) <= wanted
    place.proxy.restart()
    again = place.fetch(folder)
    assert again.code == 0, str(again)
    assert digests(folder) == wanted
    files = {path.name for path in folder.rglob("*") if path.is_file()}
    assert all(name.endswith(".dcm") for name in files), files


@pytest.mark.parametrize(("fault", "position"), list(product(FAULTS, POSITIONS)), ids=str)
def test_one_fault_leaves_no_wrong_file(
    request: pytest.FixtureRequest, wanted: set[str], in_memory: Path, fault: Fault, position: str
) -> None:
    place: Place = request.getfixturevalue("secure" if fault.verb in TLS else "plain")
    requests = count_requests(place, in_memory / "clean")
    number = {"first": 0, "middle": requests // 2, "last": requests - 1}[position]
    place.proxy.restart(Script({number: fault}))
    run = place.fetch(in_memory / "out")
    assert fault in [seen.fault for seen in place.proxy.seen], str(run)
    assert run.code in exits(fault), str(run)
    assert len(place.proxy.seen) <= requests + SPARE_REQUESTS
    assert place.proxy.elsewhere == []
    complete(place, in_memory / "out", wanted)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_script_of_faults_leaves_no_wrong_file(
    plain: Place, wanted: set[str], in_memory: Path, seed: int
) -> None:
    requests = count_requests(plain, in_memory / "clean")
    plain.proxy.restart(seeded(seed, share=0.1 + 0.1 * (seed % 5)))
    run = plain.fetch(in_memory / "out")
    assert run.code in {0, 1, 4, 5, 6}, str(run)
    assert len(plain.proxy.seen) <= 2 * requests + SPARE_REQUESTS
    complete(plain, in_memory / "out", wanted)
