from __future__ import annotations

import gzip
import http.client
import json
import ssl
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from calling import call, call_json
from certificates import Certificates
from fault_proxy import FaultProxy
from faults import FAULTS, TLS, Fault, Script, Verb, seeded
from recording_server import RecordingServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENT = {"resourceType": "Patient", "identifier": [{"system": "urn:test", "value": "1"}]}
ENTRY = {"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}
BUNDLE = {"resourceType": "Bundle", "type": "transaction", "entry": [ENTRY, ENTRY]}
CUT = (http.client.HTTPException, OSError)


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as running:
        yield running


@pytest.fixture
def proxy(server: RecordingServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.base) as running:
        yield running


def fail_first(proxy: FaultProxy, verb: Verb, value: str = "") -> None:
    proxy.restart(Script({0: Fault(verb, value)}))


def test_every_verb_has_a_fault() -> None:
    assert len(Verb) == 24
    assert {fault.verb for fault in FAULTS} == set(Verb)


def test_without_a_script_everything_passes(server: RecordingServer, proxy: FaultProxy) -> None:
    status, answer = call_json(proxy.base, "POST", "", BUNDLE)
    assert (status, len(answer["entry"])) == (200, 2)
    assert server.store.counts() == {"Patient": 2}
    assert [seen.first for seen in proxy.seen] == ["POST /fhir HTTP/1.1"]


@pytest.mark.parametrize(
    ("verb", "kept"),
    [
        (Verb.DROP_BEFORE, {}),
        (Verb.DROP_AFTER_COMMIT, {"Patient": 2}),
        (Verb.RESET_UPLOAD, {}),
    ],
)
def test_a_dropped_connection_leaves_what_its_verb_says(
    server: RecordingServer, proxy: FaultProxy, verb: Verb, kept: dict[str, int]
) -> None:
    fail_first(proxy, verb)
    with pytest.raises(CUT):
        call(proxy.base, "POST", "", BUNDLE)
    assert server.store.counts() == kept
    assert call(proxy.base, "GET", "metadata")[0] == 200


def test_a_cut_answer_promises_more_than_it_holds(
    server: RecordingServer, proxy: FaultProxy
) -> None:
    fail_first(proxy, Verb.TRUNCATE, "20")
    with pytest.raises(http.client.IncompleteRead) as cut:
        call(proxy.base, "POST", "", BUNDLE)
    assert len(cut.value.partial) == 20
    assert server.store.counts() == {"Patient": 2}


def test_a_request_sent_twice_is_done_twice(server: RecordingServer, proxy: FaultProxy) -> None:
    fail_first(proxy, Verb.DUPLICATE)
    assert call(proxy.base, "POST", "", BUNDLE)[0] == 200
    assert server.store.counts() == {"Patient": 4}


@pytest.mark.parametrize(
    ("verb", "value", "status"),
    [
        (Verb.REDIRECT, "307", 307),
        (Verb.UNAUTHORIZED, "", 401),
        (Verb.CONFLICT, "", 409),
        (Verb.PRECONDITION, "", 412),
        (Verb.TOO_LARGE, "", 413),
        (Verb.UNPROCESSABLE, "", 422),
        (Verb.THROTTLE, "-5", 429),
        (Verb.SERVER_ERROR, "503", 503),
        (Verb.HTML, "", 200),
        (Verb.GZIP_BOMB, "3", 200),
    ],
)
def test_an_invented_answer_never_reaches_the_server(
    server: RecordingServer, proxy: FaultProxy, verb: Verb, value: str, status: int
) -> None:
    fail_first(proxy, verb, value)
    got, headers, body = call(proxy.base, "POST", "", BUNDLE)
    assert (got, server.record) == (status, [])
    if verb is Verb.THROTTLE:
        assert headers["retry-after"] == "-5"
    if verb is Verb.GZIP_BOMB:
        assert len(gzip.decompress(body)) == 3 << 20
    assert call(proxy.base, "POST", "", BUNDLE)[0] == 200


def test_a_bundle_can_lose_its_last_entry(server: RecordingServer, proxy: FaultProxy) -> None:
    fail_first(proxy, Verb.WRONG_COUNT)
    assert len(call_json(proxy.base, "POST", "", BUNDLE)[1]["entry"]) == 1
    assert server.store.counts() == {"Patient": 2}


def test_whoever_follows_a_redirect_is_seen(proxy: FaultProxy) -> None:
    fail_first(proxy, Verb.REDIRECT, "302")
    _, headers, _ = call(proxy.base, "POST", "", BUNDLE)
    root = proxy.base.removesuffix("/fhir")
    call(root, "POST", headers["location"].removeprefix("/"), BUNDLE)
    (leaked,) = proxy.elsewhere
    assert json.loads(leaked.body) == BUNDLE


def test_a_slow_answer_still_comes_whole(proxy: FaultProxy) -> None:
    for verb, value in ((Verb.DELAY, "0.05"), (Verb.DRIP, "20000")):
        fail_first(proxy, verb, value)
        assert len(call_json(proxy.base, "POST", "", BUNDLE)[1]["entry"]) == 2


def test_a_reordered_request_is_done_after_the_next_one(
    server: RecordingServer, proxy: FaultProxy
) -> None:
    fail_first(proxy, Verb.REORDER, "20")
    first = threading.Thread(target=call, args=(proxy.base, "POST", "Patient", PATIENT))
    first.start()
    while not proxy.seen:
        time.sleep(0.005)
    call(proxy.base, "GET", "metadata")
    first.join()
    assert [one.method for one in server.record] == ["GET", "POST"]


def test_an_idle_connection_can_end_without_a_word(proxy: FaultProxy) -> None:
    fail_first(proxy, Verb.CLOSE_IDLE)
    url = urlsplit(proxy.base)
    connection = http.client.HTTPConnection(str(url.hostname), url.port)

    def get() -> http.client.HTTPResponse:
        connection.request("GET", "/fhir/metadata")
        return connection.getresponse()

    reply = get()
    assert (reply.status, reply.getheader("connection")) == (200, None)
    reply.read()
    with pytest.raises(CUT):
        get()
    connection.close()


@pytest.mark.parametrize("verb", sorted(TLS))
def test_a_wrong_certificate_is_shown_once(
    server: RecordingServer, tmp_path: Path, verb: Verb
) -> None:
    certificates = Certificates()
    trusted = ssl.create_default_context(cafile=certificates.write_authority(tmp_path / "ca.pem"))

    def get() -> int:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", urlsplit(proxy.base).port, context=trusted
        )
        try:
            connection.request("GET", "/fhir/metadata")
            return connection.getresponse().status
        finally:
            connection.close()

    with FaultProxy(server.base, certificates=certificates) as proxy:
        assert get() == 200
        proxy.restart(Script({0: Fault(verb)}))
        with pytest.raises(CUT):
            get()
        with pytest.raises(ssl.SSLCertVerificationError):
            get()
        assert get() == 200


def test_positions_may_count_writes_only(server: RecordingServer, proxy: FaultProxy) -> None:
    proxy.restart(Script({1: Fault(Verb.UNPROCESSABLE)}, writes_only=True))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    got = [
        call(proxy.base, "GET", "metadata")[0],
        call(proxy.base, "POST", "", BUNDLE)[0],
        call(proxy.base, "POST", "Patient/_search", b"identifier=1", form)[0],
        call(proxy.base, "POST", "", BUNDLE)[0],
        call(proxy.base, "POST", "", BUNDLE)[0],
    ]
    assert got == [200, 200, 200, 422, 200]
    assert server.store.counts() == {"Patient": 4}


def test_a_seed_gives_the_same_script_and_another_one_another() -> None:
    assert seeded(1) == seeded(1)
    assert len({str(seeded(seed)) for seed in range(50)}) == 50
    verbs = {fault.verb for seed in range(300) for fault in seeded(seed).steps.values()}
    assert verbs == set(Verb) - TLS - {Verb.PASS}
