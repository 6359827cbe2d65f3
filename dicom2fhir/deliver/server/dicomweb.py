"""DICOMweb retrieve and search, as far as we need them (PS3.18 10.4, 10.6)."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from dicom2fhir.deliver.server.exchange import Request
from dicom2fhir.deliver.server.multipart import MultipartError, PartReader, boundary_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.deliver.server.client import Download
    from dicom2fhir.deliver.server.exchange import Reply
    from dicom2fhir.deliver.server.steady import SteadyClient
    from dicom2fhir.model import Json

DICOM: Final = "application/dicom"
DICOM_JSON: Final = "application/dicom+json"
PAGE: Final = 500
"""Instances asked for at a time."""
MAX_PAGES: Final = 10_000

SOP_INSTANCE_UID: Final = "00080018"

# As stored (PS3.18 8.7.3.5.2): without `*` a server may send another transfer syntax.
_ACCEPTED: Final = (
    f'multipart/related; type="{DICOM}"; transfer-syntax=*',
    f"{DICOM}; transfer-syntax=*",
)
_NOT_ACCEPTABLE: Final = {400, 406, 415}
_OK: Final = 200
_EMPTY: Final = 204
# Longer than PS3.5 9.1 allows, as some files have them and servers store them.
_UID: Final = re.compile(r"[0-9][0-9.]{0,127}")


class Place(NamedTuple):
    """An instance by its UIDs."""

    study_uid: str
    series_uid: str
    sop_instance_uid: str

    @property
    def is_askable(self) -> bool:
        """Tell whether these UIDs are ones that a path may hold."""
        return all(map(_UID.fullmatch, self))


class DamagedReplyError(Exception):
    """What came is not whole, or not what was asked for."""


class StatusError(Exception):
    """The server did not give what was asked for."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply

    @property
    def status(self) -> int:
        """Return the status."""
        return self.reply.status


@contextmanager
def retrieve(client: SteadyClient, place: Place) -> Iterator[Iterator[bytes]]:
    """Give the file of an instance while it comes, in the transfer syntax that it is stored in.

    Errors: StatusError; DamagedReplyError while it is read; those of the client
    """
    path = f"studies/{place.study_uid}/series/{place.series_uid}/instances/{place.sop_instance_uid}"
    for accepted in _ACCEPTED:
        request = Request(method="GET", path=path, headers={"Accept": accepted})
        with client.open_stream(request) as download:
            is_last = accepted == _ACCEPTED[-1]
            if download.status in _NOT_ACCEPTABLE and not is_last:
                continue
            expect_success(download)
            yield _first_part(download)
            return


def expect_success(download: Download) -> None:
    """Go on only with a reply that is what was asked for.

    Errors: StatusError
    """
    if download.status != _OK:
        raise StatusError(download.read_refusal())


def _first_part(download: Download) -> Iterator[bytes]:
    content_type = download.headers.get("content-type", "")
    if not content_type.strip().casefold().startswith("multipart/"):
        yield from download
        return
    try:
        for count, (_, content) in enumerate(PartReader(iter(download), boundary_of(content_type))):
            if count:
                raise DamagedReplyError  # one instance has one part
            yield from content
    except MultipartError:
        raise DamagedReplyError from None


def has_instance(client: SteadyClient, place: Place) -> bool:
    """Tell whether a search finds the instance.

    Errors: those of the client; StatusError
    """
    path = f"studies/{place.study_uid}/series/{place.series_uid}/instances"
    found = _search(client, f"{path}?SOPInstanceUID={place.sop_instance_uid}&limit=1")
    return any(_value(one, SOP_INSTANCE_UID) == place.sop_instance_uid for one in found)


def list_series(client: SteadyClient, study_uid: str, series_uid: str) -> Iterator[Place]:
    """Yield every instance of a series, asking for a page at a time.

    Errors: those of the client; StatusError
    """
    path = f"studies/{study_uid}/series/{series_uid}/instances"
    seen: set[str] = set()
    for _ in range(MAX_PAGES):
        before = len(seen)
        for one in _search(client, f"{path}?limit={PAGE}&offset={before}"):
            uid = _value(one, SOP_INSTANCE_UID)
            if uid and uid not in seen:
                seen.add(uid)
                yield Place(study_uid, series_uid, uid)
        if len(seen) == before:  # some servers have smaller pages, some know no offset
            return


def _search(client: SteadyClient, path: str) -> list[Json]:
    reply = client.send(Request(method="GET", path=path, headers={"Accept": DICOM_JSON}))
    if reply.status == _EMPTY:
        return []
    if not reply.is_success:
        raise StatusError(reply)
    found = reply.json()
    return found if isinstance(found, list) else []


def _value(found: Json, tag: str) -> str:
    try:
        return str(found[tag]["Value"][0])
    except (LookupError, TypeError):
        return ""
