"""`fetch` where some files cannot be had: what can be is written, and the rest is told."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from test_fetch import bundles, digests, fetch, instances, load, originals, pacs_with_study

from certificates import Certificates
from dicom2fhir.deliver.server.exchange import Fault, NoReplyError
from dicom2fhir.deliver.server.retrying import FAILURES_IN_A_ROW
from dicom2fhir.deliver.server.sources import Elsewhere, GivenUpError
from dicom2fhir.deliver.server.steady import SteadyClient
from dicom2fhir.options import ServerOptions
from fault_proxy import FaultProxy
from recording_server import RecordingServer, Reply
from runs import run_here, skipped_waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from dicom2fhir.deliver.server.exchange import Reply as ServerReply

__all__ = ["bundles"]

NOBODY = "http://127.0.0.1:9/dicom-web"
KIND = {"code": "dicom-wado-rs"}
UNKNOWN = {
    "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
    "valueCode": "unknown",
}
CONTENT = "/instance-content"


class Refusing(RecordingServer):
    """Refuses to read some resources."""

    refused: Mapping[str, Reply] = {}

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        found = super().answer(method, target, headers, body)
        name = target.partition("/fhir/")[2].partition("?")[0]
        return self.refused.get("/".join(name.split("/")[:2]), found)


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    with Refusing() as server:
        yield server


def refusal(status: int) -> Reply:
    issue = {"severity": "error", "code": "forbidden", "diagnostics": "SECRET"}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    location = {"Location": "http://192.0.2.1/elsewhere"} if status < 400 else {}
    return Reply(status, json.dumps(outcome).encode(), headers=location)


def move_elsewhere(server: RecordingServer, name: str, endpoint: dict[str, Any]) -> int:
    """Leave to the place of an Endpoint what its first series lists; return how much that is."""
    study = server.store.resources[name].resource
    series = study["series"][0]
    for one in series["instance"]:
        one["extension"] = [ext for ext in one["extension"] if not ext["url"].endswith(CONTENT)]
    series["endpoint"] = [{"reference": "#place"}]
    study["contained"] = [{"resourceType": "Endpoint", "id": "place", **endpoint}]
    moved = len(series["instance"])
    assert 1 < moved < len(originals())
    return moved


def binaries(server: RecordingServer, name: str) -> list[str]:
    found = [ext for one in instances(server, name) for ext in one["extension"]]
    return [ext["valueUri"] for ext in found if ext["url"].endswith(CONTENT)]


def told(folder: Path) -> dict[str, tuple[int, str]]:
    """Return count and first detail of the errors of a report, by code."""
    rows = json.loads((folder / "report.json").read_text())["problems"]
    return {
        row["code"]: (row["count"], row["examples"][0].get("detail", ""))
        for row in rows
        if row["severity"] == "error"
    }


# Places of which the FHIR server only knows


@contextmanager
def place(status: int) -> Iterator[tuple[dict[str, Any], Callable[[], int]]]:
    """Give an Endpoint whose server answers so, 0 for none, and what counts its requests."""
    if not status:
        yield {"connectionType": KIND, "address": NOBODY}, lambda: 0
        return
    with pacs_with_study() as pacs:
        pacs.ways.get_status = status
        yield {"connectionType": KIND, "address": pacs.base}, lambda: len(pacs.record)


@pytest.mark.parametrize("jobs", ["1", "4"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, ("fetch.place-unreachable", "connect")),
        (302, ("fetch.place-refused", "HTTP 302")),
        (401, ("fetch.place-refused", "HTTP 401")),
        (403, ("fetch.place-refused", "HTTP 403")),
        (404, ("fetch.place-refused", "HTTP 404")),
    ],
)
def test_what_lies_on_the_fhir_server_comes_whatever_becomes_of_another_place(
    recorder: RecordingServer,
    bundles: dict[str, Path],
    tmp_path: Path,
    status: int,
    expected: tuple[str, str],
    jobs: str,
) -> None:
    name = load(recorder, bundles["binary"])
    given = (name, "-o", tmp_path / "out", "--report", tmp_path / "report.json", "--jobs", jobs)
    with place(status) as (endpoint, asked):
        moved = move_elsewhere(recorder, name, endpoint)
        done = fetch(recorder, *given)
        assert done.code == 1, done
        code, detail = expected
        assert told(tmp_path) == {code: (moved, detail)}
        assert len(digests(tmp_path / "out")) == len(originals()) - moved
        if status in {302, 401}:
            assert asked() <= int(jobs)
    with pacs_with_study() as pacs:
        move_elsewhere(recorder, name, {"connectionType": KIND, "address": pacs.base})
        again = fetch(recorder, *given)
        assert len(pacs.record) == moved
    assert again.code == 0, again
    assert digests(tmp_path / "out") == originals()


def test_a_place_with_a_certificate_that_nobody_vouches_for_is_not_trusted(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    with FaultProxy(recorder.base, certificates=Certificates()) as proxy:
        moved = move_elsewhere(recorder, name, {"connectionType": KIND, "address": proxy.base})
        done = fetch(recorder, name, "-o", tmp_path / "out", "--report", tmp_path / "report.json")
        assert proxy.seen == []
    assert done.code == 1, done
    assert told(tmp_path) == {"fetch.place-unreachable": (moved, "tls")}
    assert len(digests(tmp_path / "out")) == len(originals()) - moved


def test_an_endpoint_without_an_address_is_told_of_each_instance(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    endpoint = {"connectionType": KIND, "_address": {"extension": [UNKNOWN]}}
    moved = move_elsewhere(recorder, name, endpoint)
    given = (name, "--report", tmp_path / "report.json")
    for way in (("-o", tmp_path / "out"), ("--dry-run",)):
        assert fetch(recorder, *given, *way).code == 1
        assert told(tmp_path) == {"fetch.no-address": (moved, "")}
    assert len(digests(tmp_path / "out")) == len(originals()) - moved
    with pacs_with_study() as pacs:
        done = fetch(recorder, *given, "-o", tmp_path / "out", "--dicomweb", pacs.base)
    assert done.code == 0, done
    assert digests(tmp_path / "out") == originals()


@pytest.mark.parametrize("status", [302, 401, 403])
def test_an_endpoint_that_may_not_be_read_leaves_the_rest_as_it_is(
    refusing: Refusing, bundles: dict[str, Path], tmp_path: Path, status: int
) -> None:
    name = load(refusing, bundles["binary"])
    moved = move_elsewhere(refusing, name, {})
    study = refusing.store.resources[name].resource
    study["series"][0]["endpoint"] = [{"reference": "Endpoint/e1"}]
    refusing.refused = {"Endpoint/e1": refusal(status)}
    done = fetch(refusing, name, "-o", tmp_path / "out", "--report", tmp_path / "report.json")
    assert done.code == 1, done
    assert told(tmp_path) == {"fetch.nowhere": (moved, "")}
    assert "fetch.bad-endpoint" in done.stderr
    assert len(digests(tmp_path / "out")) == len(originals()) - moved


@pytest.mark.parametrize("status", [0, 302, 401, 403])
def test_a_series_that_only_an_unusable_place_could_list_is_told(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path, status: int
) -> None:
    name = load(recorder, bundles["binary"])
    with place(status) as (endpoint, _):
        moved = move_elsewhere(recorder, name, endpoint)
        del recorder.store.resources[name].resource["series"][0]["instance"]
        done = fetch(recorder, name, "-o", tmp_path / "out", "--report", tmp_path / "report.json")
    assert done.code == 1, done
    assert told(tmp_path) == {"fetch.unlisted": (moved, f"HTTP {status}" if status else "connect")}
    assert len(digests(tmp_path / "out")) == len(originals()) - moved


def test_a_place_that_was_given_up_leaves_the_way_to_the_next_one(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    with pacs_with_study() as pacs:
        move_elsewhere(recorder, name, {"connectionType": KIND, "address": pacs.base})
        done = fetch(recorder, name, "-o", tmp_path / "out", "--dicomweb", NOBODY)
    assert done.code == 0, done
    assert digests(tmp_path / "out") == originals()


@pytest.mark.parametrize(("fault", "given_up_after"), [("connect", 1), ("lost", FAILURES_IN_A_ROW)])
def test_a_place_that_was_given_up_is_not_asked_again(fault: str, given_up_after: int) -> None:
    options = ServerOptions(base=NOBODY)
    tries = []

    def attempt() -> ServerReply:
        tries.append(1)
        raise NoReplyError(Fault(fault), sent=True)

    with skipped_waits(), SteadyClient(options) as client:
        elsewhere = Elsewhere(client)
        for number in range(1, 2 * FAILURES_IN_A_ROW):
            expected = GivenUpError if number >= given_up_after else NoReplyError
            with pytest.raises(expected):
                elsewhere.repeat(attempt)
    assert len(tries) == given_up_after * options.retry_tries


# Files that the FHIR server refuses


@pytest.mark.parametrize(
    ("status", "detail"),
    [(302, "HTTP 302"), (401, "HTTP 401 forbidden"), (403, "HTTP 403 forbidden")],
)
def test_a_binary_that_is_refused_is_a_fault_of_that_file_alone(
    refusing: Refusing, bundles: dict[str, Path], tmp_path: Path, status: int, detail: str
) -> None:
    name = load(refusing, bundles["binary"])
    given = (name, "-o", tmp_path / "out", "--report", tmp_path / "report.json")
    first, *_, last = binaries(refusing, name)
    refusing.refused = {first: refusal(status), last: refusal(status)}
    done = fetch(refusing, *given)
    assert done.code == 1, done
    assert told(tmp_path) == {"fetch.refused": (2, detail)}
    assert "SECRET" not in done.stderr + (tmp_path / "report.json").read_text()
    assert len(digests(tmp_path / "out")) == len(originals()) - 2
    refusing.refused = {}
    assert fetch(refusing, *given).code == 0
    assert digests(tmp_path / "out") == originals()


@pytest.mark.parametrize(("status", "code"), [(302, 4), (401, 6), (403, 6)])
def test_a_server_that_refuses_every_binary_is_told_by_the_exit_code(
    refusing: Refusing, bundles: dict[str, Path], tmp_path: Path, status: int, code: int
) -> None:
    name = load(refusing, bundles["binary"])
    refusing.refused = {one: refusal(status) for one in binaries(refusing, name)}
    done = fetch(refusing, name, "-o", tmp_path / "out")
    assert done.code == code, done
    assert digests(tmp_path / "out") == set()


@pytest.mark.parametrize(("status", "code"), [(302, 4), (401, 6), (403, 6)])
def test_a_server_that_refuses_the_study_ends_the_run(
    refusing: Refusing, bundles: dict[str, Path], tmp_path: Path, status: int, code: int
) -> None:
    name = load(refusing, bundles["binary"])
    refusing.refused = {name: refusal(status)}
    done = run_here("fetch", name, "--from", refusing.base, "-o", tmp_path / "out")
    assert done.code == code, done
