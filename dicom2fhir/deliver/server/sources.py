"""The servers that bytes are asked of: the FHIR server, and those that studies name."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn

from dicom2fhir.deliver.server.dicomweb import StatusError
from dicom2fhir.deliver.server.exchange import (
    CredentialsError,
    Fault,
    NoReplyError,
    RedirectedError,
)
from dicom2fhir.deliver.server.retrying import FAILURES_IN_A_ROW
from dicom2fhir.errors import ConfigError, ServerUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dicom2fhir.deliver.server.exchange import Reply
    from dicom2fhir.deliver.server.steady import SteadyClient

UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
_DOWN: Final = {Fault.CONNECT, Fault.NOT_HTTP, Fault.NO_TOKEN}
"""What every other request to the server would meet too."""


class GivenUpError(Exception):
    """A server is not asked again in this run; `code` is a status or a fault.

    `refuses` tells that it is there, and does not take us.
    """

    def __init__(self, code: str, *, refuses: bool) -> None:
        super().__init__()
        self.code = code
        self.refuses = refuses


class FhirSource:
    """The FHIR server, without which there is no run; threads may share it."""

    is_elsewhere = False

    def __init__(self, client: SteadyClient) -> None:
        self.client = client
        self._unauthorized = 0
        self._lock = threading.Lock()

    def repeat(self, attempt: Callable[[], Reply]) -> Reply:
        """Make an attempt until it has a final reply, and return that.

        Errors: those of the client; CredentialsError after five 401 in a row: a token has expired
        """
        reply = self.client.repeat(attempt)
        with self._lock:
            self._unauthorized = self._unauthorized + 1 if reply.status == UNAUTHORIZED else 0
            if self._unauthorized >= FAILURES_IN_A_ROW:
                raise CredentialsError(
                    "The server does not take our credentials any more (401).",
                    hint="Give others, or ask its operator what it accepts.",
                )
        return reply


class Elsewhere:
    """A DICOMweb server, given up for the run once it is down or refuses us; threads may share it.

    Errors of both: GivenUpError; NoReplyError, StatusError, where another request may yet
    succeed
    """

    is_elsewhere = True

    def __init__(self, client: SteadyClient) -> None:
        self.client = client
        self._gone: GivenUpError | None = None

    def repeat(self, attempt: Callable[[], Reply]) -> Reply:
        """Make an attempt until it has a final reply, and return that."""

        def try_once() -> Reply:
            self._refuse_if_gone()  # another thread may have given it up during our wait
            return attempt()

        with self.asked():
            reply = self.client.repeat(try_once)
        if reply.status == UNAUTHORIZED or 300 <= reply.status < 400:  # noqa: PLR2004 - 3xx
            self._give_up(f"HTTP {reply.status}", refuses=True)
        return reply

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Give the server up where what is asked in this context shows that it is of no use."""
        self._refuse_if_gone()
        try:
            yield
        except NoReplyError as fault:
            if fault.fault not in _DOWN:
                raise
            self._give_up(fault.fault.value)
        except ServerUnreachableError:
            self._give_up("failing")
        except (RedirectedError, ConfigError) as fault:
            reply = fault.reply if isinstance(fault, RedirectedError | CredentialsError) else None
            if reply is not None and reply.status == FORBIDDEN:
                raise StatusError(reply) from None  # a search may be forbidden, and files not
            if reply is not None:
                self._give_up(f"HTTP {reply.status}", refuses=True)
            is_ours = isinstance(fault, CredentialsError)
            self._give_up("credentials" if is_ours else "tls", refuses=is_ours)

    def _refuse_if_gone(self) -> None:
        if self._gone is not None:
            raise GivenUpError(self._gone.code, refuses=self._gone.refuses)

    def _give_up(self, code: str, *, refuses: bool = False) -> NoReturn:
        self._gone = GivenUpError(code, refuses=refuses)
        raise GivenUpError(code, refuses=refuses)
