"""A proxy on loopback that spoils the requests its script names, and passes on the others."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from faults import TLS, Fault, Script, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO, Self

    from certificates import Certificates

PASS = Fault(Verb.PASS)
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a reply: its first line, its headers and its body, decoded from chunks."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def get(self, name: str) -> str:
        """Return the value of a header, "" where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def writes(self) -> bool:
        """Tell whether this request could change the server: no read, no search."""
        method, _, rest = self.first.partition(" ")
        return method in {"POST", "PUT", "DELETE"} and "/_search " not in rest

    def encode(self, length: int | None = None) -> bytes:
        """Return what goes over the wire, with this Content-Length."""
        kept = [(key, value) for key, value in self.headers if key.lower() not in HOP]
        kept.append(("Content-Length", str(len(self.body) if length is None else length)))
        lines = [self.first, *(f"{key}: {value}" for key, value in kept), "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that came to the proxy, and what was done to it."""

    first: str
    fault: Fault
    position: int


class _Gone(Exception):  # noqa: N818 - no error: the connection ends here
    """This connection is over."""


@dataclass(slots=True)
class _Order:
    """Counts the requests that are done, for those that wait for another."""

    done: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self) -> None:
        with self.changed:
            self.done += 1
            self.changed.notify_all()

    def wait_for_one(self, seconds: float) -> None:
        with self.changed:
            wanted = self.done + 1
            self.changed.wait_for(lambda: self.done >= wanted, seconds)


class FaultProxy:
    """`with FaultProxy(server.base) as proxy:` listens at `proxy.base`.

    `script` may be replaced between runs; `restart` counts from 0 again. With certificates it
    speaks TLS to its clients, and plain HTTP to the server all the same.
    """

    def __init__(
        self, upstream: str, script: Script | None = None, certificates: Certificates | None = None
    ) -> None:
        url = urlsplit(upstream)
        self._upstream = (str(url.hostname), url.port or 80)
        self._path = url.path
        self._certificates = certificates
        self._wrong_certificate = ""
        self._lock = threading.Lock()
        self._order = _Order()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = False
        self.script = script or Script()
        self.seen: list[Seen] = []
        self.elsewhere: list[Message] = []
        """What came to the place that redirects lead to: nothing should."""

    @property
    def base(self) -> str:
        """Return the base URL for clients."""
        scheme = "https" if self._certificates else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}{self._path}"

    def restart(self, script: Script | None = None) -> None:
        """Forget what was seen and begin a script."""
        with self._lock:
            self.script = script or Script()
            self.seen.clear()
            self.elsewhere.clear()
            self._wrong_certificate = ""

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        thread.start()
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]

    def _accept(self) -> None:
        while not self._ended:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        plain = connection
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._certificates:
                connection = self._secure(connection, self._certificates)
            with connection.makefile("rb") as stream:
                while self._exchange(connection, stream):
                    pass
        except (OSError, _Gone):
            pass
        finally:
            for one in (connection, plain):
                self._open.discard(one)
                with contextlib.suppress(OSError):
                    one.close()

    def _secure(self, connection: socket.socket, certificates: Certificates) -> socket.socket:
        with self._lock:
            wrong, self._wrong_certificate = self._wrong_certificate, ""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificates.of(wrong).configure_cert(context)
        secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(secured)
        try:
            secured.do_handshake()
        except OSError:
            self._open.discard(secured)
            secured.close()
            raise
        return secured

    def _exchange(self, connection: socket.socket, stream: BinaryIO) -> bool:
        """Do one request; tell whether the connection goes on."""
        head = _read_head(stream)
        if head is None:
            return False
        if head.first.split(" ")[1].startswith("/elsewhere"):
            self.elsewhere.append(_with_body(head, stream))
            connection.sendall(_refusal(404).encode())
            return False
        fault = self._next_fault(head)
        if fault.verb is Verb.RESET_UPLOAD:
            stream.read(int(head.get("content-length") or 0) // 2)
            _reset(connection)
        request = _with_body(head, stream)
        if fault.verb in TLS:
            self._wrong_certificate = fault.verb
            raise _Gone
        if fault.verb is Verb.DROP_BEFORE:
            raise _Gone
        reply = _CANNED[fault.verb](fault) if fault.verb in _CANNED else None
        if reply is None:
            reply = self._forward(request, fault)
        _send_reply(connection, reply, fault)
        return fault.verb is not Verb.CLOSE_IDLE and head.get("connection") != "close"

    def _next_fault(self, head: Message) -> Fault:
        with self._lock:
            counted = [one for one in self.seen if one.position >= 0]
            counts = head.writes or not self.script.writes_only
            position = len(counted) if counts else -1
            fault = self.script.at(position) if counts else PASS
            self.seen.append(Seen(head.first, fault, position))
        return fault

    def _forward(self, request: Message, fault: Fault) -> Message:
        if fault.verb is Verb.DELAY:
            time.sleep(float(fault.value))
        if fault.verb is Verb.REORDER:
            self._order.wait_for_one(float(fault.value))
        reply = self._ask(request)
        if fault.verb is Verb.DUPLICATE:
            reply = self._ask(request)
        self._order.add()
        if fault.verb is Verb.DROP_AFTER_COMMIT:
            raise _Gone
        return _without_last_entry(reply) if fault.verb is Verb.WRONG_COUNT else reply

    def _ask(self, request: Message) -> Message:
        with socket.create_connection(self._upstream, 300) as server:
            server.sendall(request.encode())
            with server.makefile("rb") as stream:
                head = _read_head(stream)
                if head is None:
                    raise _Gone
                return _with_body(head, stream)


def _read_head(stream: BinaryIO) -> Message | None:
    first = stream.readline().decode("latin-1").strip()
    if not first:
        return None
    headers = []
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    return Message(first, tuple(headers))


def _with_body(head: Message, stream: BinaryIO) -> Message:
    if head.get("transfer-encoding").lower() != "chunked":
        length = int(head.get("content-length") or 0)
        body = stream.read(length)
        if len(body) < length:
            raise _Gone
        return Message(head.first, head.headers, body)
    pieces = []
    while size := int(stream.readline().split(b";")[0] or b"0", 16):
        pieces.append(stream.read(size))
        stream.readline()
    stream.readline()
    return Message(head.first, head.headers, b"".join(pieces))


def _send_reply(connection: socket.socket, reply: Message, fault: Fault) -> None:
    if fault.verb is Verb.TRUNCATE:
        cut = Message(reply.first, reply.headers, reply.body[: int(fault.value)])
        connection.sendall(cut.encode(length=max(len(reply.body), int(fault.value) + 1)))
        raise _Gone
    if fault.verb is not Verb.DRIP:
        connection.sendall(reply.encode())
        return
    whole, step = reply.encode(), 0.02
    size = max(1, round(float(fault.value) * step))
    for start in range(0, len(whole), size):
        connection.sendall(whole[start : start + size])
        time.sleep(step)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise _Gone


def _without_last_entry(reply: Message) -> Message:
    with contextlib.suppress(ValueError):
        bundle = json.loads(reply.body)
        if bundle.get("type") == "transaction-response":
            bundle["entry"] = bundle["entry"][:-1]
            return Message(reply.first, reply.headers, json.dumps(bundle).encode())
    return reply


def _refusal(status: int, code: str = "processing", **headers: str) -> Message:
    issue = {"severity": "error", "code": code, "diagnostics": "of the fault proxy"}
    body = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return _reply(status, "application/fhir+json", body, named)


def _reply(
    status: int, content_type: str, body: bytes, headers: list[tuple[str, str]] | None = None
) -> Message:
    first = f"HTTP/1.1 {status} Made-Up"
    return Message(first, (("Content-Type", content_type), *(headers or [])), body)


@cache
def _bomb(mebibytes: str) -> bytes:
    return gzip.compress(bytes(int(mebibytes) << 20), 6)


def _bombing(fault: Fault) -> Message:
    packed = [("Content-Encoding", "gzip")]
    return _reply(200, "application/fhir+json", _bomb(fault.value), packed)


_CANNED: Mapping[Verb, Callable[[Fault], Message]] = {
    Verb.REDIRECT: lambda fault: _refusal(int(fault.value), Location="/elsewhere"),
    Verb.UNAUTHORIZED: lambda _: _refusal(401, "login", WWW_Authenticate="Bearer"),
    Verb.CONFLICT: lambda _: _refusal(409, "conflict"),
    Verb.PRECONDITION: lambda _: _refusal(412, "conflict"),
    Verb.TOO_LARGE: lambda _: _refusal(413, "too-long"),
    Verb.UNPROCESSABLE: lambda _: _refusal(422, "invariant"),
    Verb.THROTTLE: lambda fault: _refusal(429, "throttled", Retry_After=fault.value),
    Verb.SERVER_ERROR: lambda fault: _refusal(int(fault.value), "exception"),
    Verb.HTML: lambda _: _reply(200, "text/html", b"<html>Please log in.</html>"),
    Verb.GZIP_BOMB: _bombing,
}
