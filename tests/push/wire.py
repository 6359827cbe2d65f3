"""A server of bare sockets on loopback: it says exactly what a test tells it to."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Self, TypeAlias

from dicom2fhir.deliver.server.client import Client
from dicom2fhir.options import ServerOptions

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    Answer: TypeAlias = bytes | Callable[[socket.socket], None]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return a whole reply; `_` in the names of headers stands for a hyphen."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def close(connection: socket.socket) -> None:
    """End the connection without a word."""
    connection.shutdown(socket.SHUT_RDWR)  # close alone would wait for who reads it


def drip(connection: socket.socket) -> None:
    """Send bytes of a head one by one, as long as somebody listens."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Slow: 1\r\n")
        time.sleep(0.005)


@dataclass
class Wire:
    """Answers requests one after another; the last answer is repeated.

    With `deaf` it answers as soon as the head is there, and reads no body.
    """

    answers: list[Answer]
    context: ssl.SSLContext | None = None
    deaf: bool = False
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in [self._listening, *self._connections]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    @property
    def base(self) -> str:
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/fhir"

    def options(self, **changes: object) -> ServerOptions:
        """Return the options that lead here."""
        return ServerOptions(**{"base": self.base, "idle_seconds": 5.0, **changes})  # type: ignore[arg-type]

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._connections.append(connection)
                number = len(self._connections)
                threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            with suppress(OSError, ValueError):
                if self.context is not None:
                    connection = self.context.wrap_socket(connection, server_side=True)
                    self._connections[number - 1] = connection
                with connection.makefile("rb") as stream:
                    while line := stream.readline().decode().strip():
                        self._answer(connection, stream, line, number)
        finally:
            connection.close()

    def _answer(self, connection: socket.socket, stream: BinaryIO, line: str, number: int) -> None:
        headers = {}
        while field_line := stream.readline().decode().strip():
            name, _, value = field_line.partition(":")
            headers[name.lower()] = value.strip()
        size = 0 if self.deaf else int(headers.get("content-length", "0"))
        body = stream.read(size)
        said = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(Asked(line=line, headers=headers, body=body, connection=number))
        if isinstance(said, bytes):
            connection.sendall(said)
        else:
            said(connection)


@contextmanager
def talk(
    *answers: Answer,
    clock: Callable[[], float] = time.monotonic,
    deaf: bool = False,
    **options: object,
) -> Iterator[tuple[Wire, Client]]:
    """Give a server that says this, and a client that leads to it."""
    wire = Wire(list(answers), deaf=deaf)
    with wire, Client(wire.options(**options), clock=clock) as client:
        yield wire, client


@dataclass
class Clock:
    """A clock that moves by a step each time it is looked at."""

    step: float = 0.0
    now: float = 1000.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now
