"""Reading a Binary back, to compare what the server has with what was sent."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dicom2fhir.deliver.server.dicomweb import DamagedReplyError, StatusError
from dicom2fhir.deliver.server.exchange import Fault, NoReplyError, Reply, Request
from dicom2fhir.deliver.server.fetching import open_binary
from dicom2fhir.deliver.server.judging import Action
from dicom2fhir.deliver.server.retrying import Retrier
from dicom2fhir.deliver.server.steady import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom2fhir.deliver.server.client import Client
    from dicom2fhir.options import ServerOptions

_WITHOUT_BYTES = frozenset({"400", "404", "405", "406", "410", "415", "501"})
"""What a server answers that has taken a Binary and does not give its bytes."""


class Reader:
    """Reads Binaries of one server and asks again where a reply was lost; threads may share it."""

    def __init__(
        self, client: Client, options: ServerOptions, pause: Callable[[float], bool]
    ) -> None:
        self._client = client
        self._attempts = Attempts()
        self._retrier = Retrier(self._attempts, options, pause=pause)

    def digest(self, identity: str, media_type: str) -> str | None:
        """Return the SHA-256 of a Binary's bytes as the server gives them, in hex.

        "" where it gives none, None where it cannot answer now.
        Errors: those of Retrier.send
        """
        found: list[str] = []

        def attempt() -> Reply:
            digest = hashlib.sha256()
            try:
                with open_binary(self._client, identity, media_type) as chunks:
                    for chunk in chunks:
                        digest.update(chunk)
            except StatusError as fault:
                return fault.reply
            except DamagedReplyError:
                raise NoReplyError(Fault.LOST, sent=True) from None
            found.append(digest.hexdigest())
            return Reply(status=200)

        self._attempts.attempt = attempt
        outcome = self._retrier.send(Request(method="GET"))
        if outcome.action is Action.DONE:
            return found[-1]
        return "" if outcome.code in _WITHOUT_BYTES else None
