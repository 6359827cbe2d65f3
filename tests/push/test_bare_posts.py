"""What nothing tells from its copy: a POST without an id or condition is sent once by itself."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.deliver.server.client import Client
from faults import Fault, Script, Verb
from runs import Run, run_here, write_bare

if TYPE_CHECKING:
    from pathlib import Path

    from dicom2fhir.deliver.server.exchange import Reply, Request
    from fault_proxy import FaultProxy
    from recording_server import RecordingServer

DONE = [
    Fault(Verb.DROP_AFTER_COMMIT),
    Fault(Verb.TRUNCATE, "20"),
    Fault(Verb.WRONG_COUNT),
]
NOT_DONE = [
    Fault(Verb.DROP_BEFORE),
    Fault(Verb.RESET_UPLOAD),
    Fault(Verb.HTML),
    Fault(Verb.SERVER_ERROR, "500"),
    Fault(Verb.SERVER_ERROR, "502"),
    Fault(Verb.SERVER_ERROR, "504"),
]
"""The server has done nothing, and nobody can know."""
PROVEN = [
    Fault(Verb.THROTTLE, "1"),
    Fault(Verb.SERVER_ERROR, "503"),
    Fault(Verb.CONFLICT),
    Fault(Verb.PRECONDITION),
    Fault(Verb.TOO_LARGE),
]
ENDING = [
    Fault(Verb.UNAUTHORIZED),
    Fault(Verb.THROTTLE, "99999999999"),
    Fault(Verb.REDIRECT, "307"),
]


def push(folder: Path, proxy: FaultProxy, *more: str) -> Run:
    if not (folder / "bare").exists():
        (folder / "bare").mkdir()
        write_bare(folder / "bare" / "x.json", 2)
    to = ("--to", proxy.base, "--state", folder / "state")
    return run_here("push", *([] if "--dead" in more else [folder / "bare"]), *to, *more)


def count(server: RecordingServer) -> int:
    return len(server.store.of_type("Observation"))


def spoil(proxy: FaultProxy, fault: Fault) -> None:
    proxy.restart(Script({0: fault}, writes_only=True))


@pytest.mark.parametrize("fault", [*DONE, *NOT_DONE], ids=str)
def test_after_an_unclear_reply_it_is_sent_again_only_when_asked(
    recorder: RecordingServer, proxy: FaultProxy, tmp_path: Path, fault: Fault
) -> None:
    there = 2 if fault in DONE else 0
    spoil(proxy, fault)
    first = push(tmp_path, proxy)
    assert (first.code, count(recorder)) == (1, there), first
    assert "push.unknown" in first.stderr
    assert "with --retry-dead, once it is known" in first.stderr
    assert "trying again" not in first.stderr
    again = push(tmp_path, proxy)
    assert (again.code, count(recorder)) == (1, there), again
    assert "push.unknown" in again.stderr
    listed = push(tmp_path, proxy, "--dead").stdout
    assert listed.count("Observation/") == listed.count("unknown") == 2
    asked = push(tmp_path, proxy, "--retry-dead")
    assert (asked.code, count(recorder)) == (0, there + 2), asked
    assert push(tmp_path, proxy, "--dead").stdout == ""


@pytest.mark.parametrize("update_create", [True, False], ids=["client-ids", "server-ids"])
@pytest.mark.parametrize("fault", PROVEN, ids=str)
def test_after_a_reply_that_proves_that_nothing_was_done_it_is_sent_again(
    recorder: RecordingServer,
    proxy: FaultProxy,
    tmp_path: Path,
    fault: Fault,
    update_create: object,
) -> None:
    recorder.switches.update_create = bool(update_create)
    spoil(proxy, fault)
    run = push(tmp_path, proxy)
    assert (run.code, count(recorder)) == (0, 2), run
    assert "push.unknown" not in run.stderr


@pytest.mark.parametrize("fault", ENDING, ids=str)
def test_what_ends_a_run_before_anything_was_done_leaves_nothing_unknown(
    recorder: RecordingServer, proxy: FaultProxy, tmp_path: Path, fault: Fault
) -> None:
    spoil(proxy, fault)
    assert push(tmp_path, proxy).code in {4, 5, 6}
    again = push(tmp_path, proxy, "--retry-dead")
    assert (again.code, count(recorder)) == (0, 2), again


def test_a_half_whose_reply_was_lost_leaves_the_other_as_it_is(
    recorder: RecordingServer, proxy: FaultProxy, tmp_path: Path
) -> None:
    steps = {0: Fault(Verb.TOO_LARGE), 2: Fault(Verb.DROP_AFTER_COMMIT)}
    proxy.restart(Script(steps, writes_only=True))
    run = push(tmp_path, proxy)
    assert (run.code, count(recorder)) == (1, 2), run
    assert push(tmp_path, proxy, "--dead").stdout.count("unknown") == 1


def test_what_can_be_recognised_beside_it_is_no_unknown(
    recorder: RecordingServer, proxy: FaultProxy, tmp_path: Path
) -> None:
    spoil(proxy, Fault(Verb.DROP_AFTER_COMMIT))
    (tmp_path / "bare").mkdir()
    path = tmp_path / "bare" / "x.json"
    write_bare(path, 2)
    bundle = json.loads(path.read_bytes())
    bundle["entry"][0]["request"] = {"method": "PUT", "url": "Observation/known"}
    bundle["entry"][0]["resource"]["id"] = "known"
    path.write_text(json.dumps(bundle))
    assert push(tmp_path, proxy).code == 1
    assert push(tmp_path, proxy, "--dead").stdout.count("Observation/") == 1
    assert push(tmp_path, proxy, "--retry-dead").code == 0
    assert count(recorder) == 3


def test_a_second_question_whose_reply_was_lost_leaves_it_unknown(
    recorder: RecordingServer, proxy: FaultProxy, tmp_path: Path
) -> None:
    recorder.switches.mute = True
    recorder.switches.max_entries = 1
    proxy.restart(Script({1: Fault(Verb.DROP_BEFORE)}, writes_only=True))
    run = push(tmp_path, proxy)
    assert (run.code, count(recorder)) == (1, 0), run
    assert push(tmp_path, proxy, "--dead").stdout.count("unknown") == 2


def test_it_is_on_its_way_while_a_mute_server_is_asked_why(
    recorder: RecordingServer,
    proxy: FaultProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder.switches.mute = True
    recorder.switches.max_entries = 1
    states: list[int] = []
    send = Client.send

    def look(client: Client, request: Request) -> Reply:
        if request.method == "POST" and not request.path:
            with closing(sqlite3.connect(tmp_path / "state" / "outbox.db")) as outbox:
                found = outbox.execute("SELECT count(*) FROM item WHERE state = 'INFLIGHT'")
                states.append(found.fetchone()[0])
        return send(client, request)

    monkeypatch.setattr(Client, "send", look)
    assert push(tmp_path, proxy).code == 0
    assert states == [2, 2, 1, 1]
