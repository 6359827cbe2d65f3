"""What sending costs: requests, bytes, statuses, and how long the server took."""

from __future__ import annotations

import threading
import time
from array import array
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dicom2fhir.deliver.server.client import Client
from dicom2fhir.deliver.server.exchange import CredentialsError, NoReplyError, RedirectedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.deliver.server.client import Download
    from dicom2fhir.deliver.server.exchange import Reply, Request
    from dicom2fhir.options import ServerOptions

QUANTILES = (50, 95, 99)


class MeasuredClient(Client):
    """A client that counts what it sends; threads may share it."""

    def __init__(self, options: ServerOptions) -> None:
        super().__init__(options)
        self.statuses: Counter[str] = Counter()
        self.bytes = 0
        self._seconds = array("f")
        self._counting = threading.Lock()

    def send(self, request: Request) -> Reply:
        """Send a request and return its whole reply, whatever its status."""
        start = time.perf_counter()
        status = "aborted"
        try:
            reply = super().send(request)
            status = str(reply.status)
        except NoReplyError as fault:
            status = str(fault.fault)
            raise
        except RedirectedError as fault:
            status = str(fault.status)
            raise
        except CredentialsError:
            status = "credentials"
            raise
        finally:
            self._count(request, status, time.perf_counter() - start)
        return reply

    @contextmanager
    def open_stream(self, request: Request) -> Iterator[Download]:
        """Send a request and give its reply while it comes."""
        with super().open_stream(request) as download:
            self._count(request, str(download.status), None)
            yield download

    def latency(self) -> tuple[float, ...]:
        """Return in seconds what 50, 95 and 99 of 100 replies took at the most."""
        ordered = sorted(self._seconds)
        if not ordered:
            return ()
        last = len(ordered) - 1
        return tuple(round(ordered[min(last, len(ordered) * q // 100)], 3) for q in QUANTILES)

    def _count(self, request: Request, status: str, seconds: float | None) -> None:
        size = len(request.body) if isinstance(request.body, bytes) else request.length or 0
        with self._counting:
            self.statuses[status] += 1
            self.bytes += size
            if seconds is not None:
                self._seconds.append(seconds)
