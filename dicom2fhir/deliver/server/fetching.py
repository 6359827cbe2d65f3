"""From what a study lists to the bytes: by Binary, attachment or DICOMweb, as a stream."""

from __future__ import annotations

import binascii
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from pybase64 import b64decode

from dicom2fhir.deliver.server.address import check_base, origin_of
from dicom2fhir.deliver.server.binary_json import DamagedDataError, NoDataError, decode_data
from dicom2fhir.deliver.server.dicomweb import (
    DICOM,
    DamagedReplyError,
    StatusError,
    expect_success,
    list_series,
    retrieve,
)
from dicom2fhir.deliver.server.exchange import FHIR_JSON, PAGES, Request, media_type_of
from dicom2fhir.deliver.server.listing import ListedInstance, wado_address
from dicom2fhir.deliver.server.searching import id_of, read_resource
from dicom2fhir.deliver.server.steady import SteadyClient
from dicom2fhir.errors import UsageError
from dicom2fhir.options import AuthOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from dicom2fhir.deliver.server.client import Client, Download
    from dicom2fhir.deliver.server.dicomweb import Place
    from dicom2fhir.deliver.server.exchange import Reply
    from dicom2fhir.deliver.server.listing import ListedSeries, ListedStudy
    from dicom2fhir.deliver.server.retrying import Wait
    from dicom2fhir.model import Json, Resource
    from dicom2fhir.options import FetchOptions, ServerOptions

    Opened = AbstractContextManager[Iterator[bytes]]

JSON_TYPES: Final = {FHIR_JSON, "application/json", "application/json+fhir"}
_NOT_ACCEPTABLE: Final = {400, 406, 415}
_ELSEWHERE: Final = {404, 410, 501}
"""What a way to the bytes answers where another way may still lead to them."""


class NowhereError(Exception):
    """The study names no place of the bytes."""


class Fetcher:
    """Opens what studies name, on the FHIR server and on the DICOMweb servers of Endpoints.

    `strangers` counts the servers that were asked only because an Endpoint names them. They are
    asked without credentials: those belong to the origins that the options name. `refused` counts
    the addresses that are no address, or would be asked in the clear. Threads may share it.
    """

    def __init__(
        self, options: FetchOptions, on_wait: Callable[[Wait], None] = lambda _: None
    ) -> None:
        self._options = options
        self._on_wait = on_wait
        self._stack = ExitStack()
        self.fhir = self._stack.enter_context(SteadyClient(options.server, on_wait))
        self.strangers = self.refused = 0
        self._addresses: dict[str, str] = {}
        self._clients: dict[str, SteadyClient] = {}
        self._lock = threading.RLock()

    def abort(self) -> None:
        """End the requests of all threads."""
        for client in (self.fhir, *self._clients.values()):
            client.abort()

    def close(self) -> None:
        """Close every connection."""
        self._stack.close()

    def ways(self, instance: ListedInstance, study: ListedStudy) -> list[str]:
        """Return the names of the ways to the bytes: binary, attachment, dicomweb."""
        return [name for name, _ in self._ways(instance, study)]

    @contextmanager
    def open(self, instance: ListedInstance, study: ListedStudy) -> Iterator[Iterator[bytes]]:
        """Give the bytes of an instance while they come, by the first way that has them.

        Errors: NowhereError, StatusError, DamagedReplyError; those of the client
        """
        ways = [way for _, way in self._ways(instance, study)]
        if not ways:
            raise NowhereError
        with ExitStack() as stack:
            yield _first_open(stack, ways)

    @contextmanager
    def open_attachment(self, attachment: Json) -> Iterator[Iterator[bytes]]:
        """Give the bytes of an Attachment while they come.

        Errors: as `open`
        """
        binary = id_of(attachment.get("url"), "Binary")
        if binary:
            media_type = media_type_of(attachment.get("contentType"), "*/*")
            with open_binary(self.fhir, binary, media_type) as chunks:
                yield chunks
        elif isinstance(attachment.get("data"), str):
            yield iter([_decode(attachment["data"])])
        else:
            raise NowhereError

    def repeat(self, attempt: Callable[[], Reply]) -> Reply:
        """Make an attempt to fetch until it has a final reply, and return that."""
        return self.fhir.repeat(attempt)

    def list_series(self, series: ListedSeries, study: ListedStudy) -> list[ListedInstance]:
        """Return the instances that a DICOMweb server has of a series.

        Errors: StatusError, those of the client
        """
        for address in self._wado(series.endpoints, study):
            client = self._client(address)
            found = list_series(client, series.study_uid, series.series_uid)
            return [
                ListedInstance(place=place, stored=place, endpoints=series.endpoints)
                for place in found
            ]
        return []

    def _ways(
        self, instance: ListedInstance, study: ListedStudy
    ) -> Iterator[tuple[str, Callable[[], Opened]]]:
        if instance.binary:
            yield "binary", lambda: open_binary(self.fhir, instance.binary, DICOM)
        if instance.attachment:
            yield "attachment", lambda: self.open_attachment(instance.attachment)
        if instance.stored.is_askable:
            for address in self._wado(instance.endpoints, study):
                yield "dicomweb", partial(self._retrieve, address, instance.stored)

    def _retrieve(self, address: str, place: Place) -> Opened:
        return retrieve(self._client(address), place)

    def _wado(self, endpoints: tuple[str, ...], study: ListedStudy) -> list[str]:
        """Return the bases of DICOMweb retrieve; the one that the options name goes first."""
        chosen = self._options.dicomweb
        with self._lock:
            found = [self._address(one, study.contained) for one in endpoints]
        bases = [chosen.base] if chosen is not None else []
        return list(dict.fromkeys([*bases, *(one for one in found if one)]))

    def _address(self, reference: str, contained: Mapping[str, Resource]) -> str:
        if reference in contained:
            return self._checked(wado_address(contained[reference]))
        if reference not in self._addresses:
            identity = id_of(reference, "Endpoint")
            found = read_resource(self.fhir, "Endpoint", identity) if identity else None
            self._addresses[reference] = self._checked(wado_address(found or {}))
        return self._addresses[reference]

    def _checked(self, address: str) -> str:
        """Return an address that the server sent; "" for one that nobody may be asked at."""
        try:
            return check_base(address, allow_http=self._options.server.allow_http)
        except UsageError:
            self.refused += bool(address)
            return ""

    def _client(self, base: str) -> SteadyClient:
        """Return what speaks to a DICOMweb server, with the credentials of its own origin only."""
        with self._lock:
            if base not in self._clients:
                options = self._options
                known = [one for one in (options.dicomweb, options.server) if one is not None]
                same = [one for one in known if origin_of(one.base) == origin_of(base)]
                self.strangers += not same
                own = same[0] if same else _without_credentials(options.server)
                client = SteadyClient(replace(own, base=base), self._on_wait)
                self._clients[base] = self._stack.enter_context(client)
            return self._clients[base]


def _without_credentials(server: ServerOptions) -> ServerOptions:
    return replace(server, auth=AuthOptions(), client_certificate=None, client_key=None)


def _first_open(stack: ExitStack, ways: list[Callable[[], Opened]]) -> Iterator[bytes]:
    for way in ways[:-1]:
        try:
            return stack.enter_context(way())
        except (StatusError, NowhereError) as fault:
            if isinstance(fault, StatusError) and fault.status not in _ELSEWHERE:
                raise
    return stack.enter_context(ways[-1]())


@contextmanager
def open_binary(
    client: Client | SteadyClient, identity: str, media_type: str
) -> Iterator[Iterator[bytes]]:
    """Give the bytes of a Binary while they come, whichever way the server has them.

    Errors: StatusError; DamagedReplyError while they are read; those of the client
    """
    path = f"Binary/{identity}"
    for accepted in (media_type, FHIR_JSON):
        with client.open_stream(_get(path, accepted)) as download:
            if download.status in _NOT_ACCEPTABLE and accepted != FHIR_JSON:
                continue  # sekmet has Binaries in JSON only
            expect_success(download)
            content = _content(download, media_type)
            try:
                first = next(content, b"")
            except NoDataError:
                first = b""
            if first:
                yield chain((first,), content)
                return
        break
    # HAPI holds large Binaries outside the resource, which then reads back empty.
    with client.open_stream(_get(f"{path}/$binary-access-read?path=Binary", "*/*")) as download:
        expect_success(download)
        yield iter(download)


def _get(path: str, accepted: str) -> Request:
    return Request(
        method="GET", path=path, headers={"Accept": accepted, "Cache-Control": "no-cache"}
    )


def _content(download: Download, asked: str) -> Iterator[bytes]:
    media_type = download.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if media_type in PAGES and asked.partition(";")[0].strip().casefold() not in PAGES:
        raise DamagedReplyError
    if media_type not in JSON_TYPES:
        yield from download
        return
    try:
        yield from (chunk for chunk in decode_data(iter(download)) if chunk)
    except DamagedDataError:
        raise DamagedReplyError from None


def _decode(data: str) -> bytes:
    try:
        return b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise DamagedReplyError from None
