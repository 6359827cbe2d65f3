"""One HTTP client for every server: bounded in time and size, bound to one origin, silent.

It follows no redirect, keeps no cookie, and looks into the environment for nothing, unless proxies
are asked for. Import it only where a command is about to connect.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import dicom2fhir
from dicom2fhir.deliver.blocks import SourceChangedError
from dicom2fhir.deliver.server.address import check_base, name_host, origin_of, resolve
from dicom2fhir.deliver.server.ahead import read_ahead
from dicom2fhir.deliver.server.auth import make_signer
from dicom2fhir.deliver.server.exchange import (
    FHIR_JSON,
    CredentialsError,
    Fault,
    NoReplyError,
    RedirectedError,
    Reply,
    Request,
)
from dicom2fhir.errors import ConfigError, UsageError

try:
    import httpx2

    from dicom2fhir.deliver.server.guard import Deadline, Guard
    from dicom2fhir.deliver.server.tls import explain_tls, make_context
except ImportError:
    raise ConfigError(
        "Speaking to a server needs the push extra.",
        hint="Install it: pip install 'dicom2fhir-cli[push]'.",
    ) from None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from dicom2fhir.options import ServerOptions

__all__ = ["Client", "Download", "Fault", "NoReplyError", "Reply", "Request"]

MIN_RATE = 16 * 1024
"""Bytes a second; what is streamed may take this much longer than the time of one request."""
AHEAD_ABOVE = 1024 * 1024
"""Bytes; what opens a longer body works ahead of the network."""
_CHUNK = 64 * 1024
_NOT_MODIFIED = 304
_NO_VALUE = re.compile(r"[^\t\x20-\x7e]")
"""What no value of a header holds, in ASCII (RFC 9110 5.5)."""
_UNAUTHORIZED = 401

_HEADERS = {
    "User-Agent": f"dicom2fhir/{dicom2fhir.__version__}",
    "Accept": FHIR_JSON,
    "Accept-Encoding": "identity",
}

logging.getLogger("httpcore2").setLevel(logging.CRITICAL)  # it logs headers, and so tokens


class Download:
    """A reply whose body is read as it comes, or whole where it is short."""

    def __init__(self, reply: Reply, chunks: Iterator[bytes], limit: int) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self._chunks = chunks
        self._limit = limit

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes, unbounded in number but not in time.

        Errors: NoReplyError where they end early
        """
        return self._chunks

    def read(self) -> Reply:
        """Return the whole reply, such as one that tells what went wrong.

        Errors: NoReplyError, also where it is larger than a reply may be
        """
        return Reply(status=self.status, headers=self.headers, body=b"".join(self._capped()))

    def read_refusal(self) -> Reply:
        """Return a reply that refuses, with its body where that is JSON that can be had."""
        reply = Reply(status=self.status, headers=self.headers)
        if not reply.content_type.endswith("json"):
            return reply
        try:
            return self.read()
        except NoReplyError:
            return reply

    def _capped(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._chunks:
            size += len(chunk)
            if size > self._limit:
                raise NoReplyError(Fault.TOO_LARGE, sent=True)
            yield chunk


class Client:
    """Speaks to one server; threads may share it.

    Errors of every request: NoReplyError, RedirectedError, CredentialsError after a second 401,
    ConfigError for what TLS finds, ServerRefusedError for a link that leaves the server,
    SourceChangedError for an opened body that is not as long as it was said to be, UsageError for
    a header that cannot be sent
    """

    def __init__(
        self, options: ServerOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.base = check_base(options.base, allow_http=options.allow_http)
        self._options = options
        self._clock = clock
        self._guard = Guard()
        self._ways: dict[tuple[str, str | None], httpx2.HTTPTransport] = {}
        self._lock = threading.Lock()
        self._bodies = 0  # on their way now
        self._way_to(self.base)  # what is wrong with a certificate is told before anything is sent
        self._signer = make_signer(options.auth, self.base, self._ask, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def token_url(self) -> str:
        """Return the address that gave out the token in use, "" where none did."""
        return "" if self._signer is None else self._signer.token_url

    def close(self) -> None:
        """Close every connection."""
        for way in self._ways.values():
            way.close()

    def abort(self) -> None:
        """End the requests of all threads now, as on an interrupt; new ones are refused."""
        self._guard.abort()

    def send(self, request: Request) -> Reply:
        """Send a request and return its whole reply, whatever its status."""
        with self._signed(request, streamed=False) as download:
            return download.read()

    @contextmanager
    def open_stream(self, request: Request) -> Iterator[Download]:
        """Send a request and give its reply while it comes, without a cap on its size."""
        with self._signed(request, streamed=True) as download:
            yield download

    @contextmanager
    def _signed(self, request: Request, *, streamed: bool) -> Iterator[Download]:
        url = resolve(self.base, request.path)
        signature = self._sign()
        with self._open(url, request, signature, streamed=streamed) as download:
            if download.status != _UNAUTHORIZED:
                yield download
                return
            refusal = download.read_refusal()
        if self._signer is not None and self._signer.renew(signature):
            with self._open(url, request, self._sign(), streamed=streamed) as download:
                if download.status != _UNAUTHORIZED:
                    yield download
                    return
                refusal = download.read_refusal()
        raise CredentialsError(
            "The server does not take our credentials (401).",
            hint="Give others, or ask its operator what it accepts.",
            reply=refusal,
        )

    def _sign(self) -> Mapping[str, str]:
        return {} if self._signer is None else self._signer.sign()

    def _ask(self, url: str, request: Request) -> Reply:
        """Send a request that carries no signature, to whoever gives out tokens."""
        with self._open(url, request, {}, streamed=False) as download:
            return download.read()

    @contextmanager
    def _open(
        self, url: str, request: Request, signature: Mapping[str, str], *, streamed: bool
    ) -> Iterator[Download]:
        deadline = Deadline(self._clock, self._options.total_seconds)
        way = self._way_to(url)
        asked = self._prepare(url, request, signature, deadline)
        with self._explained(deadline):
            response = way.handle_request(asked)
        try:
            if not deadline.sent:
                raise RuntimeError("httpx2 went round our clock")
            reply = Reply(status=response.status_code, headers=dict(response.headers))
            _refuse_redirect(reply)
            encoding = reply.headers.get("content-encoding", "").strip().lower()
            chunks = _unpack(self._received(response, deadline, streamed=streamed), encoding)
            yield Download(reply, chunks, self._options.max_reply)
        finally:
            response.close()

    def _prepare(
        self, url: str, request: Request, signature: Mapping[str, str], deadline: Deadline
    ) -> httpx2.Request:
        if any(_NO_VALUE.search(value) for value in request.headers.values()):
            raise UsageError(
                "A media type or a security context of a Binary holds what no HTTP header can.",
                hint="Correct it in the Bundle.",
            )
        headers = httpx2.Headers(_HEADERS)
        headers.update(request.headers)
        headers.update(signature)
        content: bytes | Iterator[bytes]
        if isinstance(request.body, bytes):
            content = request.body
        else:
            content = self._pace(request, deadline)
            headers["Content-Length"] = str(request.length)
        limits = httpx2.Timeout(self._options.idle_seconds, connect=self._options.connect_seconds)
        return httpx2.Request(
            request.method,
            url,
            headers=headers,
            content=content,
            extensions={"timeout": limits.as_dict()},
        )

    def _pace(self, request: Request, deadline: Deadline) -> Iterator[bytes]:
        """Yield a body as it is opened, of the length that was promised; it has time by its length.

        Only a body that goes alone is worked on ahead: of several one fills the pauses of another.
        """
        assert not isinstance(request.body, bytes)  # noqa: S101 - for mypy
        left = request.length or 0
        blocks = request.body()
        with self._lock:
            ahead = left > AHEAD_ABOVE and not self._bodies
            self._bodies += 1
        try:
            for chunk in read_ahead(blocks) if ahead else blocks:
                left -= len(chunk)
                if left < 0:
                    break
                deadline.extend(len(chunk) / MIN_RATE)
                yield chunk
        finally:
            with self._lock:
                self._bodies -= 1
        if left:
            raise SourceChangedError

    def _received(
        self, response: httpx2.Response, deadline: Deadline, *, streamed: bool
    ) -> Iterator[bytes]:
        """Yield the body as it came; the clock runs only while we wait for it."""
        assert isinstance(response.stream, httpx2.SyncByteStream)  # noqa: S101 - for mypy
        raw = iter(response.stream)
        while True:
            with self._explained(deadline):
                chunk = next(raw, None)
            if chunk is None:
                break
            if streamed:
                deadline.extend(len(chunk) / MIN_RATE)
            with deadline.stopped():
                yield chunk

    @contextmanager
    def _explained(self, deadline: Deadline) -> Iterator[None]:
        """Turn what the library raises into errors of ours, which hold nothing of a request."""
        try:
            with self._guard.until(deadline):
                yield
        except httpx2.HTTPError as fault:
            found = explain_tls(fault) or NoReplyError(
                self._name(fault, deadline), sent=deadline.sent
            )
        else:
            return
        raise found from None

    def _name(self, fault: httpx2.HTTPError, deadline: Deadline) -> Fault:
        if self._guard.aborted:
            return Fault.ABORTED
        if deadline.left <= 0:
            return Fault.DEADLINE
        if deadline.ended and isinstance(fault, httpx2.ProtocolError):
            return Fault.LOST
        kinds = (
            (httpx2.ConnectTimeout, Fault.CONNECT),
            (httpx2.TimeoutException, Fault.IDLE),
            (httpx2.ConnectError, Fault.CONNECT),
            (httpx2.ProxyError, Fault.CONNECT),
            (httpx2.NetworkError, Fault.LOST),
        )
        return next((name for kind, name in kinds if isinstance(fault, kind)), Fault.NOT_HTTP)

    def _way_to(self, url: str) -> httpx2.HTTPTransport:
        """Return the connections to this URL: direct ones, or those by a proxy."""
        proxy = _find_proxy(url) if self._options.use_proxy_env else None
        scheme = urlsplit(url).scheme
        kind = scheme, proxy
        with self._lock:
            if kind not in self._ways:
                context = make_context(self._options, scheme)
                way = httpx2.HTTPTransport(verify=context, trust_env=False, proxy=proxy)
                # The only place where a clock can stand: below HTTP and TLS, at each call of a
                # socket. The library has no public name for it.
                way._pool._network_backend = self._guard  # noqa: SLF001
                self._ways[kind] = way
            return self._ways[kind]


def _unpack(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Return the chunks without the encoding, which some servers choose unasked."""
    if encoding in {"", "identity"}:
        return chunks
    if encoding not in {"gzip", "x-gzip"}:
        raise NoReplyError(Fault.ENCODING, sent=True)
    return _gunzip(chunks)


def _gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what was packed, never much at a time: a small reply may hold gigabytes."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)  # RFC 1952 framing
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                yield unpacker.decompress(rest, _CHUNK)
                rest = unpacker.unconsumed_tail
    except zlib.error:
        raise NoReplyError(Fault.ENCODING, sent=True) from None
    if not unpacker.eof:
        raise NoReplyError(Fault.ENCODING, sent=True)


def _refuse_redirect(reply: Reply) -> None:
    """Stop at 3xx: a POST would become an empty GET, or a Bundle go to another host."""
    if not 300 <= reply.status < 400 or reply.status == _NOT_MODIFIED:  # noqa: PLR2004 - 3xx
        return
    raise RedirectedError(reply.status, name_host(reply.headers.get("location", "")))


def _find_proxy(url: str) -> str | None:
    """Return the proxy that the environment names for this URL."""
    scheme, host, _ = origin_of(url)
    return None if proxy_bypass(host) else getproxies().get(scheme)
