"""What a push leaves on a server, and what it tells: merged, kept, refused, resumed."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from contextlib import nullcontext
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from faults import Fault, Script, Verb
from fhir_store import RefusedError, Store
from holdings import held_by
from places import ROOT
from runs import Run, run_here, write_bare

if TYPE_CHECKING:
    from pathlib import Path

    from fault_proxy import FaultProxy
    from recording_server import RecordingServer

STUDIES = ROOT / "samples" / "studies"
ALLOWED = re.compile(
    r"/fhir(/metadata|/[A-Z][A-Za-z]+/_search|/(Binary|ImagingStudy)(/[0-9a-f-]{36})?"
    r"|/Binary/[0-9a-f-]{36}/\$binary-access-read\?path=Binary)?"
)
"""Paths without a value of a patient."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One study of four files, another patient's of one."""
    folder = tmp_path_factory.mktemp("sources")
    shutil.copytree(STUDIES / "mr_brain", folder / "brain")
    shutil.copytree(STUDIES / "dx_chest", folder / "chest")
    return folder


@pytest.fixture(scope="module")
def bundles(sources: Path) -> Path:
    out = sources.parent / "bundles"
    assert run_here("convert", sources, "-o", out).code == 0
    return out


def push(bundles: Path, server: RecordingServer, *more: str | Path) -> Run:
    return run_here("push", bundles, "--to", server.base, *more)


def studies_of(server: RecordingServer) -> list[dict[str, Any]]:
    return [one.resource for one in server.store.of_type("ImagingStudy")]


def edit(bundles: Path, out: Path, kind: str, change: dict[str, Any]) -> Path:
    """Copy Bundles with these elements of every resource of a type changed."""
    out.mkdir()
    for path in bundles.glob("[!.]*.json"):
        bundle = json.loads(path.read_bytes())
        for entry in bundle["entry"]:
            if entry["resource"]["resourceType"] == kind:
                entry["resource"] |= change
        (out / path.name).write_text(json.dumps(bundle))
    return out


@pytest.mark.parametrize("update_create", [True, False], ids=["client-ids", "server-ids"])
def test_half_the_files_of_a_study_leave_it_whole(
    sources: Path, bundles: Path, recorder: RecordingServer, tmp_path: Path, update_create: object
) -> None:
    recorder.switches.update_create = bool(update_create)
    assert push(bundles, recorder).code == 0
    whole = held_by(recorder.store)
    files = sorted(path for path in (sources / "brain").rglob("*") if path.is_file())
    half = run_here("convert", *files[:2], "--media", "none", "-o", tmp_path / "half")
    assert half.code == 0
    again = push(tmp_path / "half", recorder)
    assert again.code == 0, again
    assert "push.merged" in again.stderr
    found = held_by(recorder.store)
    assert found.binaries == whole.binaries
    counts = sorted(study["numberOfInstances"] for study in studies_of(recorder))
    assert counts[-1] == len(files)


def test_a_study_that_would_shrink_is_left_alone_when_asked(
    sources: Path, bundles: Path, recorder: RecordingServer, tmp_path: Path
) -> None:
    assert push(bundles, recorder).code == 0
    before = studies_of(recorder)
    file = next(path for path in sorted((sources / "brain").rglob("*")) if path.is_file())
    assert run_here("convert", file, "-o", tmp_path / "one").code == 0
    run = push(tmp_path / "one", recorder, "--on-shrink", "fail")
    assert run.code == 1, run
    assert "push.would-shrink" in run.stderr
    assert studies_of(recorder) == before


def test_a_study_of_another_patient_is_never_overwritten(
    bundles: Path, recorder: RecordingServer
) -> None:
    assert push(bundles, recorder).code == 0
    for name, one in list(recorder.store.resources.items()):
        if name.startswith("ImagingStudy/"):
            other = {**one.resource, "subject": {"reference": "Patient/somebody-else"}}
            recorder.store.update(name, other)
    before = studies_of(recorder)
    run = push(bundles, recorder)
    assert run.code == 1, run
    assert "push.other-patient" in run.stderr
    assert studies_of(recorder) == before


def test_other_bytes_of_an_instance_stay_unless_asked(
    bundles: Path, recorder: RecordingServer, tmp_path: Path
) -> None:
    assert push(bundles, recorder).code == 0
    before = held_by(recorder.store)
    changed = tmp_path / "zeroed"
    assert run_here("convert", STUDIES / "mr_brain", "--zero-preamble", "-o", changed).code == 0
    different = json.dumps([path.read_text() for path in sorted(changed.glob("[!.]*.json"))])
    same = json.dumps([path.read_text() for path in sorted(bundles.glob("[!.]*.json"))])
    if different in same:
        pytest.skip("the sample has no preamble to zero")
    run = push(changed, recorder)
    assert held_by(recorder.store).binaries == before.binaries, run


@pytest.mark.parametrize("update_create", [True, False], ids=["client-ids", "server-ids"])
@pytest.mark.parametrize("most", ["max_entries", "max_bytes"])
def test_what_is_too_much_for_a_server_is_halved(
    bundles: Path, recorder: RecordingServer, most: str, update_create: object
) -> None:
    recorder.switches.update_create = bool(update_create)
    setattr(recorder.switches, most, {"max_entries": 2, "max_bytes": 30_000}[most])
    run = push(bundles, recorder, "--binary-raw-above", "1000")
    assert run.code == 0, run
    found = held_by(recorder.store)
    assert found.dangling == ()
    assert set(found.resources.values()) == {1}


def test_a_server_that_refuses_without_a_word_is_asked_why(
    bundles: Path, recorder: RecordingServer
) -> None:
    recorder.switches.mute = True
    recorder.switches.max_entries = 2
    run = push(bundles, recorder)
    assert run.code == 0, run
    assert set(held_by(recorder.store).resources.values()) == {1}


def test_a_server_that_runs_transactions_as_batches_is_found_out(
    bundles: Path, recorder: RecordingServer, tmp_path: Path
) -> None:
    recorder.switches.batch_as_transaction = True
    bad = edit(bundles, tmp_path / "bad", "Device", {"id": "another-than-the-url"})
    run = push(bad, recorder, "--state", tmp_path / "state")
    assert run.code in {1, 4}, run
    assert "push.refused" in run.stderr
    assert "400" in run.stderr
    assert "--retry-dead" in run.stderr


def test_what_may_come_to_be_twice_is_told(recorder: RecordingServer, tmp_path: Path) -> None:
    write_bare(tmp_path / "x.json")
    first = push(tmp_path / "x.json", recorder, "--state", tmp_path / "state")
    assert first.code == 0, first
    assert "push.unconditional" in first.stderr
    again = push(tmp_path / "x.json", recorder, "--state", tmp_path / "state")
    assert "push.unconditional" not in again.stderr
    assert len(recorder.store.of_type("Observation")) == 1


def test_an_empty_pipe_is_no_success(
    recorder: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom2fhir.pipeline.documents._source", lambda _: nullcontext(BytesIO()))
    run = run_here("push", "-", "--to", recorder.base)
    assert run.code == 3, run


def test_what_is_forbidden_is_told_in_codes_and_how_to_go_on(
    bundles: Path, recorder: RecordingServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def forbid(*_: object) -> None:
        raise RefusedError(403, "forbidden", "CANARY")

    monkeypatch.setattr(Store, "search", forbid)
    run = push(bundles, recorder, "--state", tmp_path / "state", "--jobs", "1")
    assert run.code == 6, run
    assert "(403 forbidden)" in run.stderr
    assert "CANARY" not in run.stderr
    assert "Next: the same command again.\n" in run.stderr
    assert "0 of 0" not in run.stderr


def test_where_a_redirect_points_is_told(bundles: Path, proxy: FaultProxy) -> None:
    proxy.restart(Script(dict.fromkeys(range(400), Fault(Verb.REDIRECT, "307")), writes_only=True))
    run = run_here("push", bundles, "--to", proxy.base)
    assert run.code == 4, run
    assert "307 to " in run.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_is_told_how_to_go_on(
    bundles: Path, proxy: FaultProxy, number: signal.Signals
) -> None:
    proxy.restart(Script(dict.fromkeys(range(400), Fault(Verb.THROTTLE, "200"))))
    command = [sys.executable, "-m", "dicom2fhir", "push", str(bundles), "--to", proxy.base]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "trying again" in process.stderr.readline()
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Run the same command again" in stderr


def test_a_wait_for_the_server_is_told(bundles: Path, proxy: FaultProxy) -> None:
    proxy.restart(Script({1: Fault(Verb.SERVER_ERROR, "503")}))
    run = run_here("push", bundles, "--to", proxy.base)
    assert run.code == 0, run
    assert "trying again" in run.stderr


def test_what_was_refused_is_listed_and_sent_again_only_when_asked(
    bundles: Path, recorder: RecordingServer, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    bad = edit(bundles, tmp_path / "bad", "Media", {"id": "another-than-the-url"})
    assert push(bad, recorder, "--state", state).code in {1, 4}
    writes = len(recorder.written())
    again = push(bad, recorder, "--state", state)
    assert "push.dead" in again.stderr
    assert len(recorder.written()) == writes
    listed = run_here("push", "--dead", "--to", recorder.base, "--state", state)
    assert "Media/" in listed.stdout
    assert push(bad, recorder, "--state", state, "--retry-dead").code in {1, 4}
    assert len(recorder.written()) > writes


def test_a_server_that_takes_no_raw_bytes_gets_base64(
    bundles: Path, recorder: RecordingServer
) -> None:
    recorder.switches.raw_binary = False
    run = push(bundles, recorder, "--binary-raw-above", "1000", "--verify", "all")
    assert run.code == 0, run
    assert "push.no-raw-binary" in run.stderr
    assert held_by(recorder.store).orphans == {}


def test_binaries_that_read_back_empty_are_read_by_the_operation_for_them(
    bundles: Path, recorder: RecordingServer
) -> None:
    recorder.switches.inflate_below = 1000
    run = push(bundles, recorder, "--binary-raw-above", "1000", "--verify", "all")
    assert run.code == 0, run


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Verb.HTML, 0), (Verb.TRUNCATE, 0), (Verb.UNPROCESSABLE, 5), (Verb.REDIRECT, 5)],
)
def test_a_binary_that_cannot_be_read_back_is_there_once_all_the_same(
    bundles: Path,
    recorder: RecordingServer,
    proxy: FaultProxy,
    tmp_path: Path,
    fault: Verb,
    code: int,
) -> None:
    recorder.switches.update_create = False
    command = ("push", bundles, "--to", proxy.base, "--jobs", "1", "--state")
    assert run_here(*command, tmp_path / "clean").code == 0
    clean = held_by(recorder.store)
    reads = [n for n, seen in enumerate(proxy.seen) if seen.first.startswith("GET /fhir/Binary/")]
    recorder.empty()
    proxy.restart(Script({reads[0]: Fault(fault, {Verb.REDIRECT: "302"}.get(fault, "20"))}))
    run = run_here(*command, tmp_path / "state")
    assert run.code == code, run
    proxy.restart()
    assert run_here(*command, tmp_path / "state", "--retry-dead").code == 0
    assert held_by(recorder.store) == clean


def test_a_raw_binary_may_be_read_by_who_may_read_of_its_patient(
    bundles: Path, recorder: RecordingServer
) -> None:
    assert push(bundles, recorder, "--binary-raw-above", "0").code == 0
    binaries = recorder.store.of_type("Binary")
    named = {one.resource["securityContext"]["reference"] for one in binaries}
    assert named == {one.name for one in recorder.store.of_type("Patient")}


@pytest.mark.parametrize("update_create", [True, False], ids=["client-ids", "server-ids"])
def test_raw_files_beside_bundles_are_sent_before_what_names_them(
    sources: Path, recorder: RecordingServer, tmp_path: Path, update_create: object
) -> None:
    recorder.switches.update_create = bool(update_create)
    raw = tmp_path / "raw"
    out = tmp_path / "out"
    assert run_here("convert", sources, "--raw-dir", raw, "-o", out).code == 0
    run = push(out, recorder, "--binaries", raw, "--state", tmp_path / "state")
    assert run.code == 0, run
    found = held_by(recorder.store)
    assert (found.dangling, found.orphans) == ((), {})
    assert found.binaries


def test_a_raw_file_that_is_not_what_its_list_says_is_refused(
    sources: Path, recorder: RecordingServer, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    assert (
        run_here("convert", sources / "chest", "--raw-dir", raw, "-o", tmp_path / "out").code == 0
    )
    line = json.loads((raw / "binaries.ndjson").read_text().splitlines()[0])
    (raw / line["path"]).write_bytes(b"x" * line["size"])
    run = push(tmp_path / "out", recorder, "--binaries", raw)
    assert run.code == 1, run
    assert "push.hash-mismatch" in run.stderr
    assert studies_of(recorder) == []


@pytest.mark.parametrize("update_create", [True, False], ids=["client-ids", "server-ids"])
def test_a_server_that_was_emptied_is_filled_again(
    bundles: Path, recorder: RecordingServer, tmp_path: Path, update_create: object
) -> None:
    recorder.switches.update_create = bool(update_create)
    state = tmp_path / "state"
    assert push(bundles, recorder, "--state", state).code == 0
    whole = held_by(recorder.store)
    recorder.empty()
    run = push(bundles, recorder, "--state", state)
    assert run.code == 0, run
    assert "push.emptied" in run.stderr
    assert held_by(recorder.store).without_orphans() == whole.without_orphans()
    again = push(bundles, recorder, "--state", state)
    assert "push.emptied" not in again.stderr


@pytest.mark.parametrize("update_create", [True, False], ids=["client-ids", "server-ids"])
def test_no_value_of_a_patient_leaves_the_bodies(
    bundles: Path, recorder: RecordingServer, tmp_path: Path, update_create: object
) -> None:
    recorder.switches.update_create = bool(update_create)
    state = tmp_path / "state"
    run = push(bundles, recorder, "--state", state, "--binary-raw-above", "1000", "-vv")
    assert run.code == 0, run
    values = set()
    for path in bundles.glob("[!.]*.json"):
        for entry in json.loads(path.read_bytes())["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] == "Patient":
                values |= {resource.get("birthDate", "")}
                values |= {one["value"] for one in resource.get("identifier", [])}
                values |= {one.get("family", "") for one in resource.get("name", [])}
            if resource["resourceType"] == "ImagingStudy":
                values |= {series["uid"] for series in resource["series"]}
    values = {value for value in values if value and not value.startswith("urn:uuid:")}
    assert values
    told = [run.stdout, run.stderr, *(str(one.headers) + one.path for one in recorder.record)]
    outbox = (state / "outbox.db").read_bytes()
    for value in values:
        assert value.encode() not in outbox
        assert not any(value in text for text in told)
    assert all(ALLOWED.fullmatch(one.path) for one in recorder.record)


def test_two_runs_on_one_state_end_the_second_with_8(
    bundles: Path, recorder: RecordingServer, tmp_path: Path
) -> None:
    from dicom2fhir.deliver.server.outbox import Outbox

    with Outbox(str(tmp_path), recorder.base):
        assert push(bundles, recorder, "--state", tmp_path).code == 8


@pytest.mark.parametrize("suffix", ["json", "ndjson", "ndjson.gz"])
def test_bundles_of_every_form_are_read(
    sources: Path, bundles: Path, recorder: RecordingServer, tmp_path: Path, suffix: str
) -> None:
    assert push(bundles, recorder).code == 0
    expected = held_by(recorder.store)
    recorder.empty()
    out = tmp_path / f"x.{suffix}"
    assert run_here("convert", sources, "-o", out).code == 0
    run = push(out, recorder, "--jobs", "3")
    assert run.code == 0, run
    assert held_by(recorder.store) == expected


def test_convert_to_a_server_leaves_what_push_leaves(
    sources: Path, bundles: Path, recorder: RecordingServer, tmp_path: Path
) -> None:
    assert push(bundles, recorder).code == 0
    expected = held_by(recorder.store)
    recorder.empty()
    run = run_here("convert", sources, "--to", recorder.base, "--state", tmp_path / "state")
    assert run.code == 0, run
    found = held_by(recorder.store)
    assert found.binaries == expected.binaries
    assert (found.dangling, found.orphans) == ((), {})


def test_a_server_that_refuses_everything_ends_with_4(
    bundles: Path, recorder: RecordingServer
) -> None:
    recorder.switches.fhir_version = "5.0.0"
    assert push(bundles, recorder).code == 4


def test_no_server_ends_with_5(bundles: Path) -> None:
    run = run_here("push", bundles, "--to", "http://127.0.0.1:9/fhir")
    assert run.code == 5, run


def test_what_ends_beside_the_first_refusal_has_its_say_too(
    tmp_path: Path, recorder: RecordingServer
) -> None:
    out, raw = tmp_path / "out", tmp_path / "raw"
    made = run_here("convert", STUDIES / "mr_brain", "-o", out, "--raw-dir", raw)
    assert made.code == 0, made
    stored = [path for path in raw.rglob("*") if path.is_file() and path.suffix != ".ndjson"]
    for path in stored:
        path.write_bytes(bytes(path.stat().st_size))
    run = run_here(
        *("push", out, "--to", recorder.base, "--binaries", raw, "--binary-raw-above", "0"),
        *("--jobs", "4", "--report", tmp_path / "report.json"),
    )
    assert run.code == 1, run
    report = json.loads((tmp_path / "report.json").read_text())
    counts = {one["code"]: one["count"] for one in report["problems"]}
    assert 1 < counts["push.hash-mismatch"] <= len(stored)
