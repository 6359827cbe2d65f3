"""A plain HTTP client for tests of the servers themselves, and for looking at what they hold."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

FHIR = "application/fhir+json"


def call(
    base: str,
    method: str,
    path: str = "",
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Mapping[str, str], bytes]:
    """Send one request; a body that is not bytes goes as JSON."""
    url = urlsplit(base)
    content = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
    given = {"Accept": FHIR, "Cache-Control": "no-cache", "Content-Type": FHIR, **(headers or {})}
    target = f"{url.path}{path}" if path.startswith("?") else f"{url.path}/{path}".rstrip("/")
    connection = HTTPConnection(str(url.hostname), url.port, timeout=300)
    try:
        connection.request(method, target, content, given)
        reply: HTTPResponse = connection.getresponse()
        return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def call_json(*arguments: Any, **named: Any) -> tuple[int, Any]:  # noqa: ANN401 - as `call`
    """Send one request and return its status and JSON."""
    status, _, body = call(*arguments, **named)
    return status, json.loads(body) if body else None


def search(base: str, kind: str, **query: str) -> list[dict[str, Any]]:
    """Return every resource of this type that matches, over all pages."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"_count": "1000", **query}).encode()
    status, bundle = call_json(base, "POST", f"{kind}/_search", body, form)
    assert status == 200, bundle
    found = []
    while True:
        found += [entry["resource"] for entry in bundle.get("entry", [])]
        links = {link["relation"]: link["url"] for link in bundle.get("link", [])}
        if "next" not in links:
            return [one for one in found if one["resourceType"] == kind]
        url = urlsplit(links["next"])
        root = f"{url.scheme}://{url.netloc}{url.path}"
        status, bundle = call_json(root, "GET", f"?{url.query}")
        assert status == 200, bundle
