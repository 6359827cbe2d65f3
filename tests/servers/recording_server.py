"""A FHIR server in memory on loopback that remembers every request, for oracles of tests."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from fhir_store import RefusedError, Store, Stored, Switches
from transactions import outcome_of, run_bundle, shown, split_binary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from fhir_store import Resource

ROOT = "/fhir"
FHIR = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"
TYPES = (
    "Basic",
    "Binary",
    "BodyStructure",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Endpoint",
    "ImagingStudy",
    "Media",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "Provenance",
    "Specimen",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One request as it arrived, and how it was answered."""

    method: str
    path: str
    headers: Mapping[str, str]
    size: int
    sha256: str
    status: int
    body: bytes = field(repr=False)

    @property
    def writes(self) -> bool:
        """Tell whether this could change the server: no read, no search."""
        return self.method in {"POST", "PUT", "DELETE"} and not self.path.endswith("/_search")


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, a body and what headers tell beyond them."""

    status: int
    body: bytes = b""
    content_type: str = FHIR
    headers: Mapping[str, str] = field(default_factory=dict)


class RecordingServer:
    """`with RecordingServer(Switches(...)) as server:` serves at `server.base` until the end."""

    def __init__(self, switches: Switches | None = None) -> None:
        self.switches = switches or Switches()
        self.store = Store(self.switches)
        self.record: list[Recorded] = []
        self.lock = threading.Lock()
        self._http = _Listener(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        """Return the port of loopback."""
        return int(self._http.server_address[1])

    @property
    def base(self) -> str:
        """Return the FHIR base URL."""
        return f"http://127.0.0.1:{self.port}{ROOT}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        for one in list(self._http.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._http.server_close()
        self._thread.join()

    def written(self) -> list[Recorded]:
        """Return the requests that could have changed something."""
        return [one for one in self.record if one.writes]

    def forget(self) -> None:
        """Drop the record; the resources stay."""
        with self.lock:
            self.record.clear()
            self.store.writes.clear()

    def empty(self) -> None:
        """Drop the resources and the record."""
        self.forget()
        self.store.resources.clear()

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Do what one request asks, alone, and remember it."""
        with self.lock:
            try:
                reply = self._route(method, target, headers, body)
            except RefusedError as refused:
                reply = _json(refused.status, outcome_of(refused))
                if self.switches.mute and headers.get("prefer") == "return=minimal":
                    reply = Reply(refused.status, b"", "text/plain")
            recorded = Recorded(
                method=method,
                path=target,
                headers=headers,
                size=len(body),
                sha256=hashlib.sha256(body).hexdigest(),
                status=reply.status,
                body=body if len(body) < 1 << 20 else b"",
            )
            self.record.append(recorded)
            return reply

    def _route(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        url = urlsplit(target)
        if "|" in target:
            raise RefusedError(400, "invalid", "a bare bar in a URL")
        if url.path != ROOT and not url.path.startswith(f"{ROOT}/"):
            raise RefusedError(404, "not-found")
        path = url.path.removeprefix(ROOT).strip("/")
        if method == "GET" and path == "metadata":
            return _json(200, self.capability())
        wanted = self.switches.token
        if wanted and headers.get("authorization") != f"Bearer {wanted}":
            raise RefusedError(401, "login")
        if method == "GET":
            return self._get(path, parse_qsl(url.query, keep_blank_values=True), headers)
        return self._write(method, path, headers, body)

    def _get(self, path: str, query: list[tuple[str, str]], headers: Mapping[str, str]) -> Reply:
        kind, _, identity = path.partition("/")
        identity, _, operation = identity.partition("/")
        if not identity:
            return self._search(kind, query)
        stored = self.store.read(f"{kind}/{identity}")
        if operation == "$binary-access-read" and stored.content is not None:
            return Reply(200, stored.content, stored.resource["contentType"])
        hidden = self.switches.inflate_below and stored.content is not None
        inflated = not (hidden and len(stored.content or b"") > self.switches.inflate_below)
        raw = "json" not in headers.get("accept", "*/*") and stored.content is not None
        if raw and inflated and self.switches.raw_binary:
            return Reply(200, stored.content or b"", stored.resource["contentType"])
        tag = {"ETag": f'W/"{stored.version}"'}
        return _json(200, shown(self.store, stored), tag)

    def _search(self, kind: str, query: list[tuple[str, str]]) -> Reply:
        offset = next((int(value) for name, value in query if name == "_offset"), 0)
        found = self.store.search(kind, query)
        page = self.switches.page or len(found) or 1
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
        if found[offset : offset + page]:
            bundle["entry"] = [
                {"fullUrl": f"{self.base}/{one.name}", "resource": shown(self.store, one)}
                for one in found[offset : offset + page]
            ]
        if offset + page < len(found):
            # A page is asked for by what the server made up: no value comes into a URL.
            ids = ",".join(one.resource["id"] for one in found)
            link = f"{self.base}/{kind}?_id={ids}&_offset={offset + page}"
            bundle["link"] = [{"relation": "next", "url": link}]
        return _json(200, bundle)

    def _write(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        kind, _, rest = path.partition("/")
        content_type = headers.get("content-type", "")
        if method == "POST" and rest == "_search":
            if not content_type.startswith(FORM):
                raise RefusedError(415, "not-supported")
            return self._search(kind, parse_qsl(body.decode(), keep_blank_values=True))
        if kind == "Binary" and not content_type.startswith(FHIR):
            return self._write_raw(method, rest, headers, body)
        if not content_type.startswith((FHIR, "application/json")):
            raise RefusedError(415, "not-supported")
        try:
            resource = json.loads(body)
        except ValueError:
            raise RefusedError(400, "structure") from None
        if method == "POST" and not path:
            return _json(200, run_bundle(self.store, resource, self.base, len(body)))
        if self.switches.max_bytes and len(body) > self.switches.max_bytes:
            raise RefusedError(413, "too-long")
        return self._write_one(method, path, headers, resource)

    def _write_one(
        self, method: str, path: str, headers: Mapping[str, str], resource: Resource
    ) -> Reply:
        kind, _, identity = path.partition("/")
        resource, content = split_binary(self.store, resource)
        if method == "POST" and not identity and kind == resource.get("resourceType"):
            return self._written(self.store.create(resource, content), new=True)
        if method == "PUT" and identity:
            match = headers.get("if-match", "")
            stored, new = self.store.update(path, resource, content, match)
            return self._written(stored, new=new)
        raise RefusedError(405, "not-supported")

    def _write_raw(
        self, method: str, identity: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        if not self.switches.raw_binary:
            raise RefusedError(500, "exception", "bytes that are not JSON")
        if self.switches.max_binary and len(body) > self.switches.max_binary:
            raise RefusedError(413, "too-long")
        content_type = headers.get("content-type", "application/octet-stream")
        resource: Resource = {"resourceType": "Binary", "contentType": content_type}
        if "x-security-context" in headers:
            resource["securityContext"] = {"reference": headers["x-security-context"]}
        if method == "POST" and not identity:
            return self._written(self.store.create(resource, body), new=True)
        if method == "PUT" and identity:
            match = headers.get("if-match", "")
            stored, new = self.store.update(f"Binary/{identity}", resource, body, match)
            return self._written(stored, new=new)
        raise RefusedError(405, "not-supported")

    def _written(self, stored: Stored, *, new: bool) -> Reply:
        headers = {
            "ETag": f'W/"{stored.version}"',
            "Location": f"{self.base}/{stored.name}/_history/{stored.version}",
        }
        resource: dict[str, Any] = shown(self.store, stored)
        resource.pop("data", None)
        return _json(201 if new else 200, resource, headers)

    def capability(self) -> Resource:
        """Return the CapabilityStatement that fits the switches."""
        switches = self.switches
        resources = [
            {
                "type": kind,
                "versioning": "versioned-update",
                "updateCreate": switches.update_create,
                "conditionalCreate": switches.conditional_create,
                "conditionalUpdate": switches.conditional_update,
                "searchParam": [{"name": "identifier", "type": "token"}],
            }
            for kind in TYPES
        ]
        codes = ["batch", *(["transaction"] if switches.transaction else [])]
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": "2026-01-01",
            "kind": "instance",
            "software": {"name": "recording server"},
            "fhirVersion": switches.fhir_version,
            "format": ["json"],
            "rest": [
                {
                    "mode": "server",
                    "resource": resources,
                    "interaction": [{"code": code} for code in codes],
                }
            ],
        }


def _json(status: int, resource: Resource, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(resource).encode(), FHIR, headers or {})


class _Listener(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, recorder: RecordingServer) -> None:
        self.recorder = recorder
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:
        # A client may go at any moment: that is what the tests are about.
        with contextlib.suppress(OSError):
            super().handle()

    def respond(self) -> None:
        body = b"".join(self.pieces())
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.recorder.answer(self.command, self.path, headers, body)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815 - http.server's names

    def pieces(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            yield self.exactly(int(self.headers.get("content-length", 0)))
            return
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            yield self.exactly(size)
            self.rfile.readline()
        self.rfile.readline()

    def exactly(self, length: int) -> bytes:
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionAbortedError
        return body

    def log_message(self, *_: object) -> None:
        """Say nothing: the record does."""
