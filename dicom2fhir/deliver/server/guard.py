"""Connections under our own clock: a server that drips bytes never idles, but it ends in time."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import httpcore2

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Iterator

SHUT_RDWR = 2
BLOCK = 256 * 1024
"""Bytes given to a socket at a time: each block meets the clock."""


class Deadline:
    """The moment by which a request must be over.

    `sent` tells that a byte may have left, `ended` that the other side has closed.
    """

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._end = clock() + seconds
        self.sent = self.ended = False

    @property
    def left(self) -> float:
        """Return the seconds that are left; not above zero: it is over."""
        return self._end - self._clock()

    def extend(self, seconds: float) -> None:
        """Allow more time."""
        self._end += seconds

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let no time pass while others work with what was received."""
        left = self.left
        try:
            yield
        finally:
            self._end = self._clock() + left


class Guard(httpcore2.NetworkBackend):
    """Opens connections that obey the deadline of the thread which uses them."""

    def __init__(self) -> None:
        self._inner = httpcore2.SyncBackend()
        self._here = threading.local()
        self._open: WeakSet[_Stream] = WeakSet()
        self._lock = threading.Lock()
        self.aborted = False

    @contextmanager
    def until(self, deadline: Deadline) -> Iterator[None]:
        """Let this thread's connections obey the deadline."""
        before = getattr(self._here, "deadline", None)
        self._here.deadline = deadline
        try:
            yield
        finally:
            self._here.deadline = before

    def abort(self) -> None:
        """End all requests of all threads now, and refuse new ones."""
        self.aborted = True
        with self._lock:
            streams = list(self._open)
        for stream in streams:
            stream.shut()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,  # noqa: ANN401 - as httpcore2 hands it over
    ) -> httpcore2.NetworkStream:
        """Connect before the deadline."""
        limit = self.bound(timeout, httpcore2.ConnectTimeout)
        return self.watch(self._inner.connect_tcp(host, port, limit, local_address, socket_options))

    def watch(self, stream: httpcore2.NetworkStream) -> _Stream:
        """Return the stream under our clock."""
        watched = _Stream(stream, self)
        with self._lock:
            self._open.add(watched)
        return watched

    @property
    def deadline(self) -> Deadline:
        """Return what this thread must obey."""
        deadline: Deadline = self._here.deadline
        return deadline

    def bound(self, timeout: float | None, late: type[Exception]) -> float:
        """Return how many seconds one call may take.

        Errors: what `late` is, once the deadline has passed or all was aborted
        """
        left = self.deadline.left
        if left <= 0 or self.aborted:
            raise late
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore2.NetworkStream):
    """A connection that asks the clock before each call."""

    def __init__(self, inner: httpcore2.NetworkStream, guard: Guard) -> None:
        self._inner = inner
        self._guard = guard

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there."""
        limit = self._guard.bound(timeout, httpcore2.ReadTimeout)
        data = self._inner.read(max_bytes, limit)
        self._guard.deadline.ended = not data
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it, a block at a time."""
        self._guard.deadline.sent = True
        view = memoryview(buffer)
        while view:
            limit = self._guard.bound(timeout, httpcore2.WriteTimeout)
            try:
                self._inner.write(view[:BLOCK], limit)  # type: ignore[arg-type] # not copied
            except httpcore2.WriteTimeout:
                # A server that refuses a body may answer without reading it to its end: after a
                # write error httpcore2 reads the reply that may be there.
                raise httpcore2.WriteError from None
            view = view[BLOCK:]

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def shut(self) -> None:
        """Wake whoever waits for this connection."""
        connection: socket.socket = self._inner.get_extra_info("socket")
        with suppress(OSError):
            connection.shutdown(SHUT_RDWR)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Return the connection under TLS."""
        limit = self._guard.bound(timeout, httpcore2.ConnectTimeout)
        return self._guard.watch(self._inner.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore2 declares it
        """Return what is known of the connection."""
        return self._inner.get_extra_info(info)
