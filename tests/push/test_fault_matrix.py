"""Push through a proxy that spoils requests: the server ends with exactly what was to be there.

Where a spoiled run tells that something is left, the same command is run again without faults. Then
the server holds what a clean run gives, nothing twice, nothing lost, no version more; and the next
run writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import pytest

from certificates import Certificates
from fault_proxy import FaultProxy
from faults import FAULTS, TLS, Fault, Script, Verb, seeded
from holdings import Holdings, held_by
from places import ROOT
from recording_server import RecordingServer
from runs import Run, run_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STUDIES = ("mr_brain", "dx_chest", "us_heart")
MODES = {
    "put": {},
    "conditional-put": {"update_create": False},
    "conditional-create": {"update_create": False, "conditional_update": False},
    "search-first": {
        "update_create": False,
        "conditional_update": False,
        "conditional_create": False,
    },
}
"""What a server lacks that is written to in this mode."""
POSITIONS = ("first", "middle", "last")

EXITS: dict[Verb, set[int]] = {
    Verb.UNAUTHORIZED: {6},
    Verb.UNPROCESSABLE: {0, 1, 4},  # 0: bytes that were refused raw went as base64
    Verb.REDIRECT: {1, 4},
    Verb.TOO_LARGE: {0, 1},
    Verb.TLS_UNTRUSTED: {0, 6},  # 0: what is left went over a connection that was open already
    Verb.TLS_EXPIRED: {0, 6},
    Verb.TLS_WRONG_HOST: {0, 6},
}
"""The codes that a run may end with after one such fault; every other one is survived: 0."""
GIVEN_UP = {1, 5}
"""A wait that is longer than we wait: left for a later run."""
LOST_ANSWERS = {
    Verb.DROP_AFTER_COMMIT,
    Verb.TRUNCATE,
    Verb.DUPLICATE,
    Verb.WRONG_COUNT,
}
"""The server has done it and we cannot know, or it did it twice: an orphan may stay of a Binary
whose id the server chose."""
SEEDS = 300
SPARE_REQUESTS = 40
WAIT_BOUND = 600.0 * 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """What a run without faults leaves, and what it takes."""

    holdings: Holdings
    versions: dict[str, int]
    requests: int
    writes: int


@dataclass(slots=True)
class Stage:
    """One server behind one proxy, and the command that is run against them."""

    server: RecordingServer
    proxy: FaultProxy
    bundles: Path
    authority: Path | None = None

    def push(self, state: Path, *more: str) -> Run:
        """Run `push` once."""
        trust = ["--ca-file", str(self.authority)] if self.authority else []
        return run_here(
            *("push", self.bundles, "--to", self.proxy.base, "--state", state),
            *("--binary-raw-above", "20000", *trust, *more),
        )

    def empty(self, mode: str) -> None:
        """Begin anew with a server of this mode."""
        self.server.empty()
        self.server.switches.update_create = True
        self.server.switches.conditional_update = True
        self.server.switches.conditional_create = True
        for name, value in MODES[mode].items():
            setattr(self.server.switches, name, value)
        self.proxy.restart()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Bundles of three studies of three patients, in parts."""
    folder = tmp_path_factory.mktemp("matrix") / "bundles"
    sources = [ROOT / "samples" / "studies" / name for name in STUDIES]
    made = run_here("convert", *sources, "-o", folder, "--max-entries", "6")
    assert made.code == 0, str(made)
    return folder


@pytest.fixture(scope="module")
def stage(bundles: Path) -> Iterator[Stage]:
    with RecordingServer() as server, FaultProxy(server.base) as proxy:
        yield Stage(server, proxy, bundles)


@pytest.fixture(scope="module")
def tls_stage(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    certificates = Certificates()
    authority = certificates.write_authority(tmp_path_factory.mktemp("tls") / "ca.pem")
    with RecordingServer() as server, FaultProxy(server.base, certificates=certificates) as proxy:
        yield Stage(server, proxy, bundles, authority)


CLEAN: dict[str, Clean] = {}


def clean_run(stage: Stage, mode: str, folder: Path) -> Clean:
    """Return what a run without faults leaves in this mode, run once for each mode."""
    if mode not in CLEAN:
        stage.empty(mode)
        run = stage.push(folder / "clean")
        assert run.code == 0, str(run)
        CLEAN[mode] = Clean(
            holdings=held_by(stage.server.store),
            versions={name: one.version for name, one in stage.server.store.resources.items()},
            requests=len(stage.proxy.seen),
            writes=sum(seen.position >= 0 for seen in stage.proxy.seen if _writes(seen.first)),
        )
    return CLEAN[mode]


def _writes(first: str) -> bool:
    return not first.startswith("GET ") and "/_search " not in first


def finish(stage: Stage, state: Path, run: Run) -> None:
    """Run the command again without faults where something is left to do, and once more."""
    stage.proxy.restart()
    if run.code:
        again = stage.push(state, "--retry-dead")
        assert again.code == 0, str(again)
        assert again.waited <= WAIT_BOUND, str(again)
    before = len(stage.server.written())
    idle = stage.push(state)
    assert idle.code == 0, str(idle)
    assert stage.server.written()[before:] == []


def compare(stage: Stage, mode: str, clean: Clean, faults: list[Fault]) -> None:
    """Hold the server to what a clean run leaves."""
    found = held_by(stage.server.store)
    twice = any(fault.verb is Verb.DUPLICATE for fault in faults)
    if mode == "search-first" and twice:
        # No server that knows no conditions can tell a request sent twice from two requests.
        assert set(found.resources) == set(clean.holdings.resources)
    else:
        assert found.resources == clean.holdings.resources
        assert found.binaries == clean.holdings.binaries
    assert found.dangling == ()
    lost = sum(fault.verb in LOST_ANSWERS for fault in faults)
    if mode == "put":
        assert found.orphans == clean.holdings.orphans
        versions = {name: one.version for name, one in stage.server.store.resources.items()}
        client_ids = {name for name in clean.versions if name in versions}
        assert {name: versions[name] for name in client_ids} == {
            name: clean.versions[name] for name in client_ids
        }
    elif lost == 0:
        assert found.orphans == clean.holdings.orphans
    else:
        assert set(found.orphans) <= set(clean.holdings.binaries)


def check_patience(stage: Stage, run: Run, clean: Clean) -> None:
    """Hold a run to a bounded number of requests and a bounded time."""
    assert len(stage.proxy.seen) <= 2 * clean.requests + SPARE_REQUESTS, str(run)
    assert run.waited <= WAIT_BOUND, str(run)
    assert stage.proxy.elsewhere == []


def exits(fault: Fault) -> set[int]:
    """Return the codes that a run with this one fault may end with."""
    if fault == Fault(Verb.THROTTLE, "99999999999"):
        return GIVEN_UP
    return EXITS.get(fault.verb, {0})


@pytest.mark.parametrize(
    ("fault", "mode", "position"),
    list(product(FAULTS, MODES, POSITIONS)),
    ids=str,
)
def test_one_fault_leaves_the_server_as_without_it(
    request: pytest.FixtureRequest, in_memory: Path, fault: Fault, mode: str, position: str
) -> None:
    stage: Stage = request.getfixturevalue("tls_stage" if fault.verb in TLS else "stage")
    clean = clean_run(stage, mode, in_memory)
    number = {"first": 0, "middle": clean.writes // 2, "last": clean.writes - 1}[position]
    stage.empty(mode)
    stage.proxy.restart(Script({number: fault}, writes_only=True))
    run = stage.push(in_memory / "state")
    assert fault in [seen.fault for seen in stage.proxy.seen], str(run)
    assert run.code in exits(fault), str(run)
    check_patience(stage, run, clean)
    finish(stage, in_memory / "state", run)
    compare(stage, mode, clean, [fault])


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_script_of_faults_is_survived(stage: Stage, in_memory: Path, seed: int) -> None:
    mode = list(MODES)[seed % len(MODES)]
    clean = clean_run(stage, mode, in_memory)
    stage.empty(mode)
    stage.proxy.restart(seeded(seed, share=0.1 + 0.1 * (seed % 5)))
    run = stage.push(in_memory / "state")
    assert run.code in {0, 1, 4, 5, 6}, str(run)
    check_patience(stage, run, clean)
    faults = [seen.fault for seen in stage.proxy.seen]
    finish(stage, in_memory / "state", run)
    compare(stage, mode, clean, faults)


@pytest.mark.parametrize("mode", MODES)
def test_a_clean_run_writes_everything_once(stage: Stage, in_memory: Path, mode: str) -> None:
    stage.empty(mode)
    run = stage.push(in_memory / "state")
    assert run.code == 0, str(run)
    found = held_by(stage.server.store)
    assert (found.dangling, found.orphans) == ((), {})
    assert set(found.resources.values()) == {1}
    before = len(stage.server.written())
    assert stage.push(in_memory / "state").code == 0
    assert stage.server.written()[before:] == []
    assert stage.push(in_memory / "another").code == 0
    assert held_by(stage.server.store) == found


def test_a_server_that_replaces_a_fullurl_everywhere_holds_what_any_other_holds(
    stage: Stage, in_memory: Path
) -> None:
    clean = clean_run(stage, "conditional-put", in_memory)
    stage.empty("conditional-put")
    stage.server.switches.rewrites_all = True
    try:
        for state in ("one", "two"):
            run = stage.push(in_memory / state)
            assert run.code == 0, str(run)
            assert held_by(stage.server.store) == clean.holdings
    finally:
        stage.server.switches.rewrites_all = False
