"""The client against a server of bare sockets."""

from __future__ import annotations

import gzip
import logging
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.deliver.blocks import SourceChangedError
from dicom2fhir.deliver.server.client import Client
from dicom2fhir.deliver.server.exchange import (
    Fault,
    NoReplyError,
    RedirectedError,
    Reply,
    Request,
)
from dicom2fhir.errors import ServerRefusedError, UsageError
from wire import Clock, Wire, answer, close, drip, talk

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from wire import Answer

GET = Request(method="GET", path="metadata")
POST = Request(method="POST", body=b'{"resourceType":"Bundle"}')


def ask(*answers: Answer, request: Request = POST, **options: object) -> Reply:
    with talk(*answers, **options) as (_, client):  # type: ignore[arg-type]
        return client.send(request)


def fault_of(*answers: Answer, request: Request = POST, **options: object) -> NoReplyError:
    with pytest.raises(NoReplyError) as caught:
        ask(*answers, request=request, **options)
    return caught.value


def test_a_reply_comes_back_whatever_its_status() -> None:
    reply = ask(answer(422, b'{"a":1}', Content_Type="application/fhir+json; charset=UTF-8"))
    assert (reply.status, reply.json(), reply.is_success) == (422, {"a": 1}, False)
    assert reply.content_type == "application/fhir+json"


def test_a_body_that_is_no_json_is_none() -> None:
    assert ask(answer(200, b"<html>")).json() is None


def test_a_bundle_goes_to_the_base_itself_with_its_length_and_nothing_unneeded() -> None:
    with talk(answer(200)) as (wire, client):
        client.send(POST)
    (asked,) = wire.asked
    assert asked.line == "POST /fhir HTTP/1.1"
    assert asked.body == POST.body
    assert asked.headers.pop("host") == f"127.0.0.1:{wire.port}"
    assert asked.headers.pop("user-agent").startswith("dicom2fhir/")
    assert asked.headers == {
        "accept": "application/fhir+json",
        "accept-encoding": "identity",
        "content-length": str(len(POST.body)),  # type: ignore[arg-type]
    }


def test_headers_of_a_request_replace_ours() -> None:
    with talk(answer(200)) as (wire, client):
        client.send(Request(method="GET", path="Binary/7", headers={"accept": "application/dicom"}))
    assert wire.asked[0].headers["accept"] == "application/dicom"


@pytest.mark.parametrize("value", ["Patient/\r\nX-Injected: 1", "Patient/\n", "Patient/ä", "a\0b"])
def test_a_header_that_cannot_be_one_is_refused_before_anything_is_sent(value: str) -> None:
    request = Request(method="PUT", path="x", headers={"x-security-context": value})
    with talk(answer(200)) as (wire, client), pytest.raises(UsageError) as caught:
        client.send(request)
    assert "Patient" not in str(caught.value)
    assert wire.asked == []


def test_a_body_is_opened_anew_and_streamed_with_its_length() -> None:
    opened = []

    def body() -> Iterator[bytes]:
        opened.append(1)
        return iter([b"a" * 100_000, b"b" * 100_000])

    request = Request(method="PUT", path="Binary/7", body=body, length=200_000)
    with talk(answer(201)) as (wire, client):
        client.send(request)
        client.send(request)
    assert [len(asked.body) for asked in wire.asked] == [200_000, 200_000]
    assert "transfer-encoding" not in wire.asked[0].headers
    assert len(opened) == 2


@pytest.mark.parametrize("length", [9, 11])
def test_a_body_of_another_length_than_promised_is_a_changed_source(length: int) -> None:
    request = Request(method="PUT", path="x", body=lambda: iter([b"0123456789"]), length=length)
    with pytest.raises(SourceChangedError):
        ask(answer(200), request=request)


def test_an_error_of_the_body_itself_comes_through_as_it_is() -> None:
    def body() -> Iterator[bytes]:
        yield b"x"
        raise PermissionError

    with pytest.raises(PermissionError):
        ask(answer(200), request=Request(method="PUT", path="x", body=body, length=10))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed_and_names_only_status_and_host(status: int) -> None:
    place = "https://other.example/fhir?name=DOE"
    told = answer(status, Location=place)
    with talk(told) as (wire, client), pytest.raises(RedirectedError) as caught:
        client.send(POST)
    assert f"{status} and points to other.example;" in str(caught.value)
    assert "DOE" not in str(caught.value)
    assert len(wire.asked) == 1


def test_a_redirect_to_nonsense_is_a_redirect_all_the_same() -> None:
    with pytest.raises(RedirectedError):
        ask(answer(302, Location="ht!tp://[bad"))


def test_not_modified_is_no_redirect() -> None:
    assert ask(b"HTTP/1.1 304 Not Modified\r\n\r\n", request=GET).status == 304


def test_no_cookie_is_sent_back() -> None:
    with talk(answer(200, Set_Cookie="a=b")) as (wire, client):
        client.send(GET)
        client.send(GET)
    assert "cookie" not in wire.asked[1].headers


def test_a_link_of_the_server_is_asked_on_its_own_origin_only() -> None:
    with talk(answer(200)) as (wire, client):
        client.send(Request(method="GET", path=f"{wire.base}?_getpages=1"))
        with pytest.raises(ServerRefusedError):
            client.send(Request(method="GET", path="http://localhost:9/fhir?_getpages=1"))
    assert [asked.line for asked in wire.asked] == ["GET /fhir?_getpages=1 HTTP/1.1"]


def test_plain_http_to_another_host_is_refused_before_anything_is_sent() -> None:
    with Wire([answer(200)]) as wire, pytest.raises(UsageError, match="Plain http"):
        Client(wire.options(base="http://server.example/fhir"))


# --- time -------------------------------------------------------------------------------------


def test_a_server_that_drips_its_head_ends_by_our_own_clock() -> None:
    fault = fault_of(drip, clock=Clock(step=5.0))
    assert (fault.fault, fault.sent) == (Fault.DEADLINE, True)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_server_that_drips_its_body_ends_by_our_own_clock(
    streamed: bool,  # noqa: FBT001
) -> None:
    def body(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(0.005)

    with talk(body, clock=Clock(step=5.0)) as (_, client), pytest.raises(NoReplyError) as caught:
        read_all(client, streamed=streamed)
    assert caught.value.fault is Fault.DEADLINE


def read_all(client: Client, *, streamed: bool) -> int:
    if not streamed:
        return len(client.send(GET).body)
    with client.open_stream(GET) as download:
        return sum(len(chunk) for chunk in download)


def test_a_server_that_takes_a_body_in_drips_ends_by_our_own_clock() -> None:
    def sip(connection: socket.socket) -> None:
        while connection.recv(4096):
            time.sleep(0.002)

    request = Request(method="PUT", path="x", body=b"x" * 20_000_000)
    fault = fault_of(sip, request=request, deaf=True, clock=Clock(step=20.0))
    assert fault.fault is Fault.DEADLINE


def test_a_silent_server_is_idle() -> None:
    fault = fault_of(lambda _: time.sleep(1), idle_seconds=0.1)
    assert (fault.fault, fault.sent) == (Fault.IDLE, True)


def test_a_long_stream_may_take_longer_than_one_request() -> None:
    size = 20_000_000
    reply = answer(200, b"x" * size)
    with talk(reply, clock=Clock(step=0.5), total_seconds=5.0) as (_, client):
        assert read_all(client, streamed=True) == size


def test_time_that_others_take_with_what_was_received_does_not_count() -> None:
    clock = Clock()
    reply = answer(200, b"x" * 500_000)
    with talk(reply, clock=clock) as (_, client), client.open_stream(GET) as download:
        for _chunk in download:
            clock.now += 200.0


def test_a_request_that_others_abort_ends_at_once_and_no_other_begins() -> None:
    with talk(lambda _: time.sleep(2)) as (_wire, client):
        threading.Timer(0.1, client.abort).start()
        began = time.monotonic()
        for _ in range(2):
            with pytest.raises(NoReplyError) as caught:
                client.send(POST)
            assert caught.value.fault is Fault.ABORTED
        assert time.monotonic() - began < 1.5


# --- faults -----------------------------------------------------------------------------------


def test_nobody_listens() -> None:
    with Wire([answer(200)]) as wire:
        options = wire.options()
    with Client(options) as client, pytest.raises(NoReplyError) as caught:
        client.send(POST)
    assert (caught.value.fault, caught.value.sent) == (Fault.CONNECT, False)


@pytest.mark.parametrize(
    "said",
    [
        close,
        lambda connection: (connection.sendall(b"HTTP/1.1 200 OK\r\nX: "), close(connection)),
        lambda connection: (
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
            close(connection),
        ),
        lambda connection: (
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha"),
            close(connection),
        ),
    ],
)
def test_a_reply_that_ends_early_is_lost_and_may_have_been_done(said: Answer) -> None:
    fault = fault_of(said)
    assert (fault.fault, fault.sent) == (Fault.LOST, True)


@pytest.mark.parametrize(
    "said",
    [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"220 mail.example ESMTP\r\n\r\n", b"\x00\x01\x02\r\n\r\n"],
)
def test_what_is_no_http_is_said_to_be_none(said: bytes) -> None:
    assert fault_of(said).fault is Fault.NOT_HTTP


def test_an_endless_head_is_no_http() -> None:
    assert fault_of(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000).fault is Fault.NOT_HTTP


def test_a_connection_that_closed_between_requests_is_opened_anew() -> None:
    last_words = answer(200)

    def answer_and_close(connection: socket.socket) -> None:
        connection.sendall(last_words)
        close(connection)

    with talk(answer_and_close) as (wire, client):
        client.send(POST)
        time.sleep(0.05)
        client.send(POST)
    assert [asked.connection for asked in wire.asked] == [1, 2]


def test_a_connection_is_used_again() -> None:
    with talk(answer(200)) as (wire, client):
        for _ in range(3):
            client.send(POST)
    assert {asked.connection for asked in wire.asked} == {1}


def test_a_refusal_that_comes_before_the_body_was_read_is_a_reply() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.sendall(answer(413))
        close(connection)

    request = Request(method="PUT", path="x", body=b"x" * 30_000_000)
    assert ask(refuse, request=request, deaf=True).status == 413


def test_a_refusal_of_a_server_that_reads_no_further_is_a_reply() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.sendall(answer(413))
        time.sleep(1)

    request = Request(method="PUT", path="x", body=b"x" * 30_000_000)
    assert ask(refuse, request=request, deaf=True, idle_seconds=0.2).status == 413


# --- size -------------------------------------------------------------------------------------


def test_a_huge_reply_ends_at_the_cap() -> None:
    assert fault_of(answer(200, b"x" * 3_000_000), max_reply=1_000_000).fault is Fault.TOO_LARGE


def test_an_endless_reply_ends_at_the_cap() -> None:
    def forever(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    assert fault_of(forever, max_reply=1_000_000).fault is Fault.TOO_LARGE


def test_a_packed_reply_is_unpacked_though_it_was_not_asked_for() -> None:
    assert ask(answer(200, gzip.compress(b"{}"), Content_Encoding="gzip")).json() == {}


def test_a_gzip_bomb_ends_at_the_cap_of_what_it_unpacks_to() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    fault = fault_of(answer(200, bomb, Content_Encoding="gzip"), max_reply=1_000_000)
    assert fault.fault is Fault.TOO_LARGE


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"x" * 1000)[:-4], "gzip"),
        (b"nonsense", "gzip"),
        (b"x", "br"),
        (gzip.compress(gzip.compress(b"x")), "gzip, gzip"),
    ],
    ids=["cut", "nonsense", "unknown", "twice"],  # gzip writes the time, which is no name
)
def test_a_damaged_or_unknown_encoding_is_said_so(body: bytes, encoding: str) -> None:
    assert fault_of(answer(200, body, Content_Encoding=encoding)).fault is Fault.ENCODING


def test_a_stream_has_no_cap_but_what_tells_of_a_failure_has() -> None:
    much = b"x" * 2_000_000
    answers = (answer(200, much), answer(404, b"no"), answer(500, much))
    with talk(*answers, max_reply=1_000_000) as (_, client):
        with client.open_stream(GET) as download:
            assert (download.status, sum(map(len, download))) == (200, 2_000_000)
        with client.open_stream(GET) as download:
            assert download.read() == Reply(status=404, headers={"content-length": "2"}, body=b"no")
        with client.open_stream(GET) as download, pytest.raises(NoReplyError):
            download.read()


def test_a_stream_that_is_left_early_harms_no_later_request() -> None:
    with talk(answer(200, b"x" * 2_000_000), answer(200)) as (_, client):
        with client.open_stream(GET) as download:
            next(iter(download))
        assert client.send(GET).status == 200


# --- silence ----------------------------------------------------------------------------------


def test_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert ask(answer(200)).status == 200


def test_proxies_of_the_environment_are_used_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with Wire([answer(204)]) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        options = proxy.options(
            base="http://server.example/fhir", allow_http=True, use_proxy_env=True
        )
        with Client(options) as client:
            assert client.send(POST).status == 204
        assert proxy.asked[0].line == "POST http://server.example/fhir HTTP/1.1"
        with talk(answer(200), use_proxy_env=True) as (_wire, client):
            assert client.send(POST).status == 200


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(answer(200))
        fault_of(close)
    assert caplog.records == []


def test_values_say_nothing_of_bodies_paths_or_headers() -> None:
    request = Request(method="POST", path="Patient/1", body=b"DOE", headers={"a": "DOE"})
    reply = Reply(status=200, headers={"location": "DOE"}, body=b"DOE")
    assert "DOE" not in f"{request!r} {reply!r}"
    assert "Patient" not in repr(request)


def test_an_error_shows_nothing_of_the_library() -> None:
    fault = fault_of(close)
    assert (fault.__cause__, fault.__suppress_context__) == (None, True)
