"""A FHIR server that takes everything and keeps nothing, so that whoever sends to it is measured.

    python benchmarks/_sink.py PORT_FILE

It answers as a server would that takes client ids: a CapabilityStatement, the reply to each
transaction, 201 for what is put. Bytes are received into one buffer and forgotten.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BUFFER = 1024 * 1024
WHOLE = 64 * BUFFER
"""Bytes; a Bundle that is larger is not looked into, and its reply has no entries."""
HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_MARK = b'"request":'
_REQUEST = re.compile(rb'"request":\{(?:"if\w+":"[^"]*",)?"method":"[A-Z]+","url":"([^"?]+)')
_CAPABILITY = (
    b'{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1","rest":[{"mode":"server",'
    b'"interaction":[{"code":"transaction"}],"resource":[%s]}]}'
)
_TYPE = (
    b'{"type":"%s","interaction":[{"code":"read"},{"code":"update"},{"code":"create"}],'
    b'"updateCreate":true,"conditionalCreate":true,"conditionalUpdate":true}'
)
_TYPES = (b"Patient", b"ImagingStudy", b"Binary", b"Endpoint", b"Media", b"Device")
_REPLY = b'{"resourceType":"Bundle","type":"transaction-response","entry":[%s]}'
_SEARCH = b'{"resourceType":"Bundle","type":"searchset","total":0}'
_ENTRY = b'{"response":{"status":"201 Created","location":"%s/_history/1"}}'


def serve(connection: socket.socket) -> None:
    """Answer the requests of one connection until it ends."""
    buffer = memoryview(bytearray(BUFFER))
    held = b""
    with connection:
        while True:
            while HEAD_END not in held:
                count = connection.recv_into(buffer)
                if not count:
                    return
                held += buffer[:count]
            head, _, held = held.partition(HEAD_END)
            if b"100-continue" in head:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = receive(connection, buffer, head, held)
            if body is None:
                return
            held = b""
            connection.sendall(answer(head, body))


def receive(
    connection: socket.socket, buffer: memoryview, head: bytes, held: bytes
) -> bytearray | None:
    """Receive a body; give it where it is small, None where the connection ended."""
    found = _LENGTH.search(head)
    length = int(found[1]) if found else 0
    kept = memoryview(bytearray(length if _is_bundle(head) and length <= WHOLE else 0))
    kept[: len(held)] = held[: len(kept)]
    at = len(held)
    while at < length:
        place = kept[at:] if kept else buffer[: length - at]
        count = connection.recv_into(place)
        if not count:
            return None
        at += count
    return kept.obj


def _is_bundle(head: bytes) -> bool:
    return head.startswith((b"POST /fhir ", b"POST /fhir/ "))


def answer(head: bytes, body: bytearray) -> bytes:
    """Give the reply to a request."""
    method, target, _ = head.split(b" ", 2)
    path = target.removeprefix(b"/fhir").strip(b"/")
    if method == b"GET" and path == b"metadata":
        types = b",".join(_TYPE % one for one in _TYPES)
        return reply(b"200 OK", _CAPABILITY % types)
    if method == b"GET":
        return reply(b"404 Not Found", b'{"resourceType":"OperationOutcome","issue":[]}')
    if path.endswith(b"_search"):
        return reply(b"200 OK", _SEARCH)
    if path:
        return reply(b"201 Created", b"", b"Location: /fhir/%s/_history/1\r\n" % path)
    entries = [created(url) for url in requests(body)]
    return reply(b"200 OK", _REPLY % b",".join(entries))


def requests(body: bytearray) -> Iterator[bytes]:
    """Yield the URL of each entry; looking for text is quicker than for a pattern."""
    position = -1
    while (position := body.find(_MARK, position + 1)) >= 0:
        found = _REQUEST.match(body, position)
        if found:
            yield found[1]


def created(url: bytes) -> bytes:
    return _ENTRY % (url if b"/" in url else b"%s/1" % url)


def reply(status: bytes, body: bytes, headers: bytes = b"") -> bytes:
    return (
        b"HTTP/1.1 %s\r\nContent-Type: application/fhir+json\r\n%sContent-Length: %d\r\n\r\n%s"
        % (status, headers, len(body), body)
    )


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    Path(sys.argv[1]).write_text(str(listener.getsockname()[1]))
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
