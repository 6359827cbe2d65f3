"""From what a study lists to the bytes: by Binary, attachment or DICOMweb, as a stream."""

from __future__ import annotations

import binascii
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from pybase64 import b64decode

from dicom2fhir.deliver.server.address import check_base, origin_of
from dicom2fhir.deliver.server.binary_json import DamagedDataError, NoDataError, decode_data
from dicom2fhir.deliver.server.dicomweb import (
    DICOM,
    DamagedReplyError,
    expect_success,
    list_series,
    retrieve,
)
from dicom2fhir.deliver.server.exchange import (
    FHIR_JSON,
    PAGES,
    CredentialsError,
    Request,
    media_type_of,
)
from dicom2fhir.deliver.server.listing import ListedInstance, wado_address
from dicom2fhir.deliver.server.searching import id_of, read_resource
from dicom2fhir.deliver.server.sources import Elsewhere, FhirSource
from dicom2fhir.deliver.server.steady import SteadyClient
from dicom2fhir.errors import ServerRefusedError, UsageError
from dicom2fhir.options import AuthOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from dicom2fhir.deliver.server.client import Client, Download
    from dicom2fhir.deliver.server.listing import ListedSeries, ListedStudy
    from dicom2fhir.deliver.server.retrying import Wait
    from dicom2fhir.model import Json, Resource
    from dicom2fhir.options import FetchOptions, ServerOptions

    Opened = AbstractContextManager[Iterator[bytes]]

JSON_TYPES: Final = {FHIR_JSON, "application/json", "application/json+fhir"}
_NOT_ACCEPTABLE: Final = {400, 406, 415}


class NowhereError(Exception):
    """An attachment has neither bytes nor a place of them."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to bytes: binary, attachment, dicomweb or media; `open` makes one attempt.

    Errors of `open`: NowhereError, StatusError, DamagedReplyError; those of Client
    """

    name: str
    source: FhirSource | Elsewhere
    open: Callable[[], Opened]


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
        self._source = FhirSource(self.fhir)
        self.strangers = self.refused = 0
        self._addresses: dict[str, str | None] = {}
        self._elsewhere: dict[str, Elsewhere] = {}
        self._lock = threading.RLock()

    def abort(self) -> None:
        """End the requests of all threads."""
        for client in (self.fhir, *(one.client for one in self._elsewhere.values())):
            client.abort()

    def close(self) -> None:
        """Close every connection."""
        self._stack.close()

    def ways(self, instance: ListedInstance, study: ListedStudy) -> list[Way]:
        """Return the ways to the bytes, those that are best first."""
        return list(self._ways(instance, study))

    def lacks_address(self, instance: ListedInstance, study: ListedStudy) -> bool:
        """Tell whether an Endpoint is said to have the instance, but not where that is."""
        with self._lock:
            return any(self._address(one, study.contained) == "" for one in instance.endpoints)

    def way_to_attachment(self, attachment: Json) -> Way:
        """Return the way to the bytes of an Attachment."""
        return Way("media", self._source, lambda: self._open_attachment(attachment))

    @contextmanager
    def _open_attachment(self, attachment: Json) -> Iterator[Iterator[bytes]]:
        binary = id_of(attachment.get("url"), "Binary")
        if binary:
            media_type = media_type_of(attachment.get("contentType"), "*/*")
            with open_binary(self.fhir, binary, media_type) as chunks:
                yield chunks
        elif isinstance(attachment.get("data"), str):
            yield iter([_decode(attachment["data"])])
        else:
            raise NowhereError

    def list_series(self, series: ListedSeries, study: ListedStudy) -> list[ListedInstance]:
        """Return the instances that a DICOMweb server has of a series.

        Errors: StatusError, GivenUpError, NoReplyError
        """
        for address in self._wado(series.endpoints, study):
            place = self._at(address)
            with place.asked():
                found = list(list_series(place.client, series.study_uid, series.series_uid))
            return [
                ListedInstance(place=place, stored=place, endpoints=series.endpoints)
                for place in found
            ]
        return []

    def _ways(self, instance: ListedInstance, study: ListedStudy) -> Iterator[Way]:
        if instance.binary:
            yield Way(
                "binary", self._source, lambda: open_binary(self.fhir, instance.binary, DICOM)
            )
        if instance.attachment:
            yield replace(self.way_to_attachment(instance.attachment), name="attachment")
        if instance.stored.is_askable:
            for address in self._wado(instance.endpoints, study):
                place = self._at(address)
                yield Way("dicomweb", place, partial(retrieve, place.client, instance.stored))

    def _wado(self, endpoints: tuple[str, ...], study: ListedStudy) -> list[str]:
        """Return the bases of DICOMweb retrieve; the one that the options name goes first."""
        chosen = self._options.dicomweb
        with self._lock:
            found = [self._address(one, study.contained) for one in endpoints]
        bases = [chosen.base] if chosen is not None else []
        return list(dict.fromkeys([*bases, *(one for one in found if one)]))

    def _address(self, reference: str, contained: Mapping[str, Resource]) -> str | None:
        """Return where an Endpoint is, "" where it does not say so, None where it is of no use."""
        if reference in contained:
            return self._checked(wado_address(contained[reference]))
        if reference not in self._addresses:
            self._addresses[reference] = self._checked(wado_address(self._read(reference)))
        return self._addresses[reference]

    def _read(self, reference: str) -> Resource:
        """Return an Endpoint; an empty one where it may not be read, or there is none."""
        identity = id_of(reference, "Endpoint")
        try:
            return (read_resource(self.fhir, "Endpoint", identity) if identity else None) or {}
        except ServerRefusedError:
            pass
        except CredentialsError as fault:
            if fault.reply is None:
                raise
        self.refused += 1
        return {}

    def _checked(self, address: str | None) -> str | None:
        """Return an address that the server sent; None for one that nobody may be asked at."""
        if not address:
            return address
        try:
            return check_base(address, allow_http=self._options.server.allow_http)
        except UsageError:
            self.refused += 1
            return None

    def _at(self, base: str) -> Elsewhere:
        """Return a DICOMweb server, which gets the credentials of its own origin only."""
        with self._lock:
            if base not in self._elsewhere:
                options = self._options
                known = [one for one in (options.dicomweb, options.server) if one is not None]
                same = [one for one in known if origin_of(one.base) == origin_of(base)]
                self.strangers += not same
                own = same[0] if same else _without_credentials(options.server)
                client = SteadyClient(replace(own, base=base), self._on_wait)
                self._elsewhere[base] = Elsewhere(self._stack.enter_context(client))
            return self._elsewhere[base]


def _without_credentials(server: ServerOptions) -> ServerOptions:
    return replace(server, auth=AuthOptions(), client_certificate=None, client_key=None)


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
