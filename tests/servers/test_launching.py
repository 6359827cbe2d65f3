from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import launching
from calling import call, call_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

pytestmark = [
    pytest.mark.xdist_group("real-servers"),
    pytest.mark.skipif(sys.platform != "linux", reason="LEFT OUT: /proc tells who listens where"),
]

SERVERS = {
    "hapi": launching.serve_hapi,
    "medplum": launching.serve_medplum,
    "sekmet": launching.serve_sekmet,
    "orthanc": launching.serve_orthanc,
}
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def listening(pid: int) -> set[str]:
    """Return the addresses that this process listens on, as /proc writes them."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(link)
        if target.startswith("socket:"):
            inodes.add(target.removeprefix("socket:[").removesuffix("]"))
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_listens_on_loopback_only_and_ends_with_its_block(name: str) -> None:
    serve: Callable[[], AbstractContextManager[launching.Running]] = SERVERS[name]
    try:
        with serve() as running:
            assert listening(running.pid) <= LOOPBACK
            assert listening(running.pid)
            path = "studies" if name == "orthanc" else "metadata"
            assert call(running.base, "GET", path)[0] == 200
    except launching.UnavailableError as missing:
        pytest.skip(f"LEFT OUT, no server: {missing}")
    assert not Path(f"/proc/{running.pid}").exists()
    with pytest.raises(ConnectionRefusedError):
        call(running.base, "GET", path)


@pytest.mark.slow
def test_the_memory_server_of_medplum_states_what_medplum_does() -> None:
    try:
        with launching.serve_medplum(TRANSACTIONS="0") as running:
            _, capability = call_json(running.base, "GET", "metadata")
            patient = {"resourceType": "Patient", "id": "10000000-0000-4000-8000-000000000000"}
            put = call(running.base, "PUT", f"Patient/{patient['id']}", patient)
    except launching.UnavailableError as missing:
        pytest.skip(f"LEFT OUT, no server: {missing}")
    (rest,) = capability["rest"]
    assert {one["updateCreate"] for one in rest["resource"]} == {False}
    assert {one["conditionalUpdate"] for one in rest["resource"]} == {True}
    assert put[0] == 404


def test_a_program_that_ends_at_once_is_told_with_what_it_said() -> None:
    command = [sys.executable, "-c", "print('no licence'); raise SystemExit(3)"]
    served = launching.serve("made-up", command, base="", answers="http://127.0.0.1:9/")
    with pytest.raises(launching.NotStartedError, match="no licence"):
        served.__enter__()


def test_an_installation_that_does_not_end_is_ended_with_all_that_it_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launching, "SECONDS", 0.5)
    with pytest.raises(launching.UnavailableError, match=r"made-up.*more than"):
        launching.install("made-up", ["sh", "-c", "sleep 600 & sleep 600"])
