"""Reading a Binary back as it is, in whichever form the server gives it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dicom2fhir.deliver.server.binary_json import DamagedDataError, NoDataError, decode_data
from dicom2fhir.deliver.server.exchange import FHIR_JSON, Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.deliver.server.client import Client, Download

_JSON = {FHIR_JSON, "application/json", "application/json+fhir"}
_OK = 200
EXTERNAL = "$binary-access-read?path=Binary"
"""HAPI gives Binaries of more than 10 MiB by this operation alone."""


def read_digest(client: Client, identity: str, media_type: str) -> str:
    """Return the SHA-256 of a Binary's bytes as the server gives them, "" where it gives none.

    Errors: NoReplyError
    """
    for path, accept in (
        (f"Binary/{identity}", media_type),
        (f"Binary/{identity}", FHIR_JSON),
        (f"Binary/{identity}/{EXTERNAL}", "*/*"),
    ):
        headers = {"Accept": accept, "Cache-Control": "no-cache"}
        with client.open_stream(Request(method="GET", path=path, headers=headers)) as download:
            found = _digest(download, media_type) if download.status == _OK else ""
        if found:
            return found
    return ""


def _digest(download: Download, media_type: str) -> str:
    given = download.headers.get("content-type", "").partition(";")[0].strip().lower()
    chunks: Iterable[bytes] = iter(download)
    if given in _JSON and media_type.partition(";")[0].strip().lower() not in _JSON:
        chunks = decode_data(iter(download))
    digest = hashlib.sha256()
    try:
        for chunk in chunks:
            digest.update(chunk)
    except (NoDataError, DamagedDataError):
        return ""
    return digest.hexdigest()
