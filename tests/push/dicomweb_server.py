"""A DICOMweb server in memory on loopback, with the ways in which real ones differ."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from dicom2fhir.deliver.server.dicomweb import Place
from dicom2fhir.deliver.server.multipart import PartReader, boundary_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MULTIPART = 'multipart/related; type="application/dicom"'
UID = re.compile(rb"UID=([0-9.]+)/([0-9.]+)/([0-9.]+);")


def dicom(place: Place, *, filler: bytes = b"") -> bytes:
    """Return what stands for a DICOM file here: it tells its UIDs."""
    meta = b"\x02\x00\x10\x00UI\x02\x001\x00"
    head = bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00" + len(meta).to_bytes(4, "little") + meta
    return head + f"UID={'/'.join(place)};".encode() + filler


@dataclass(slots=True, kw_only=True)
class Ways:
    """How this server behaves; all may be changed while it runs."""

    duplicate_reason: int = 0
    """The reason with which it refuses what it has; 0: it says that it stored it (Orthanc)."""
    refuses: dict[str, int] = field(default_factory=dict)
    """Reason by SOP Instance UID."""
    poison: str = ""
    """An instance that ends the reading of a batch: 400, and what came before stays (Orthanc)."""
    silent: bool = False
    """An answer tells nothing of what was stored."""
    rewrites_meta: bool = False
    max_body: int = 0
    status: int = 0
    """What every STOW is answered, nothing stored."""
    get_status: int = 0
    """What every GET is answered."""
    single_part: bool = False
    """Only `Accept: application/dicom` is known."""
    page: int = 1000
    token: str = ""


class DicomWebServer:
    """`with DicomWebServer() as server:` serves at `server.base` until the end."""

    def __init__(
        self, ways: Ways | None = None, place_of: Callable[[bytes], Place] | None = None
    ) -> None:
        self.ways = ways or Ways()
        self.place_of = place_of or _place_of
        self.stored: dict[Place, bytes] = {}
        self.record: list[tuple[str, str, Mapping[str, str], int]] = []
        self._http = _Listener(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))

    @property
    def base(self) -> str:
        """Return the base of the service."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/dicom-web"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def posts(self) -> int:
        """Return how many times files were sent."""
        return sum(method == "POST" for method, *_ in self.record)

    def store(self, content_type: str, body: bytes) -> tuple[int, Any]:
        """Take a STOW request."""
        if self.ways.status:
            return self.ways.status, None
        if self.ways.max_body and len(body) > self.ways.max_body:
            return 413, None
        stored, failed = [], []
        for _, content in PartReader(iter([body]), boundary_of(content_type)):
            data = b"".join(content)
            place = self.place_of(data)
            if place.sop_instance_uid == self.ways.poison:
                return 400, {}
            reason = self.ways.refuses.get(place.sop_instance_uid, 0)
            reason = reason or (self.ways.duplicate_reason if place in self.stored else 0)
            if reason:
                failed.append(_item(place, reason))
                continue
            self.stored.setdefault(place, self._kept(data))
            stored.append(_item(place))
        answer: dict[str, Any] = {"00081199": {"vr": "SQ", "Value": stored}} if stored else {}
        if failed:
            answer["00081198"] = {"vr": "SQ", "Value": failed}
        status = 200 if not failed else 202 if stored else 409
        return status, {} if self.ways.silent else answer

    def _kept(self, data: bytes) -> bytes:
        if not self.ways.rewrites_meta:
            return data
        length = int.from_bytes(data[140:144], "little")
        meta = b"\x02\x00\x10\x00UI\x06\x001.2.3\x00"
        return data[:140] + len(meta).to_bytes(4, "little") + meta + data[144 + length :]


def _place_of(data: bytes) -> Place:
    found = UID.search(data)
    assert found is not None
    return Place(*(uid.decode() for uid in found.groups()))


def _item(place: Place, reason: int = 0) -> dict[str, Any]:
    item: dict[str, Any] = {"00081155": {"vr": "UI", "Value": [place.sop_instance_uid]}}
    return {**item, "00081197": {"vr": "US", "Value": [reason]}} if reason else item


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: DicomWebServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._note(len(body))
        status, answer = self.server.owner.store(self.headers["Content-Type"], body)
        text = b"" if answer is None else json.dumps(answer).encode()
        self._send(status, text, "application/dicom+json")

    def do_GET(self) -> None:
        self._note(0)
        owner, ways = self.server.owner, self.server.owner.ways
        if ways.token and self.headers.get("Authorization") != f"Bearer {ways.token}":
            self._send(401, b"")
            return
        if ways.get_status:
            self._send(ways.get_status, b"")
            return
        url = urlsplit(self.path)
        parts = url.path.removeprefix("/dicom-web/").split("/")
        if len(parts) == 5:
            self._search(parts, parse_qs(url.query))
            return
        data = owner.stored.get(Place(parts[1], parts[3], parts[5]))
        if data is None:
            self._send(404, b"")
        elif "multipart" not in self.headers["Accept"]:
            self._send(200, data, "application/dicom")
        elif ways.single_part:
            self._send(406, b"")
        else:
            body = b"--xyz\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n--xyz--"
            self._send(200, body, f"{MULTIPART}; boundary=xyz")

    def _search(self, parts: list[str], query: dict[str, list[str]]) -> None:
        owner = self.server.owner
        wanted = query.get("SOPInstanceUID", [""])[0]
        found = [
            {"00080018": {"vr": "UI", "Value": [place.sop_instance_uid]}}
            for place in owner.stored
            if place[:2] == (parts[1], parts[3]) and wanted in {"", place.sop_instance_uid}
        ]
        offset, limit = int(query.get("offset", ["0"])[0]), int(query["limit"][0])
        page = found[offset : offset + min(limit, owner.ways.page)]
        self._send(200 if page else 204, json.dumps(page).encode() if page else b"")

    def _note(self, size: int) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.owner.record.append((self.command, self.path, headers, size))

    def _send(self, status: int, body: bytes, kind: str = "application/dicom+json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
