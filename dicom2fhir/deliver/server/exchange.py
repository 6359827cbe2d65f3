"""What is asked of a server, what it answers, and how it can fail to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from dicom2fhir.bundle.encoding import decode
from dicom2fhir.errors import ConfigError, ServerRefusedError, ServerUnreachableError

if TYPE_CHECKING:
    from dicom2fhir.model import Json

FHIR_JSON = "application/fhir+json"
"""Without a charset parameter: Medplum takes a Binary with one for raw bytes."""
PAGES = frozenset({"text/html", "application/xhtml+xml"})
"""What is answered by somebody on the way, such as a portal that wants a log-in."""

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MEDIA_TYPE = re.compile(rf"""{_WORD}/{_WORD}([ \t]*;[ \t]*{_WORD}=({_WORD}|"[ !#-\[\]-~]*"))*""")

Body: TypeAlias = bytes | Callable[[], Iterable[bytes]]
"""Bytes, or what opens them anew each time they are sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request.

    `path` is relative to the base ("" is the base itself), or a link that the server sent, and
    holds no value of a patient. `length` is needed where the body is opened.
    """

    method: str
    path: str = field(default="", repr=False)
    body: Body = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply, whatever its status. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def is_success(self) -> bool:
        """Tell whether the status is 2xx; a Bundle may yet hold refused entries."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110 15.3

    @property
    def content_type(self) -> str:
        """Return the media type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Json:
        """Return the body as JSON, None where it is none."""
        try:
            return decode(self.body)
        except ValueError:
            return None


def media_type_of(stated: object, otherwise: str) -> str:
    """Return what a resource states as its media type, where a header may hold it (RFC 9110 8.3.1).

    >>> media_type_of("image/jpeg", "*/*"), media_type_of("image", "*/*")
    ('image/jpeg', '*/*')
    """
    is_one = isinstance(stated, str) and _MEDIA_TYPE.fullmatch(stated)
    return str(stated) if is_one else otherwise


class Fault(StrEnum):
    """Why there is no reply."""

    CONNECT = "connect"
    LOST = "lost"
    IDLE = "idle"
    DEADLINE = "deadline"
    NOT_HTTP = "not-http"
    TOO_LARGE = "too-large"
    ENCODING = "encoding"
    NO_TOKEN = "no-token"  # noqa: S105 - a reason, no secret
    ABORTED = "aborted"


_SENTENCES: Mapping[Fault, str] = {
    Fault.CONNECT: "The server cannot be reached.",
    Fault.LOST: "The server closed the connection before it answered.",
    Fault.IDLE: "The server was silent for too long.",
    Fault.DEADLINE: "The server took too long for one request.",
    Fault.NOT_HTTP: "What answered is no HTTP server.",
    Fault.TOO_LARGE: "The server's reply is larger than is allowed here.",
    Fault.ENCODING: "The server's reply has an encoding that was not asked for, or is damaged.",
    Fault.NO_TOKEN: "Whoever gives out tokens cannot do so now.",
    Fault.ABORTED: "The request was given up.",
}


class NoReplyError(ServerUnreachableError):
    """There is no reply. Where `sent`, the server may have done what it was asked."""

    def __init__(self, fault: Fault, *, sent: bool) -> None:
        super().__init__(_SENTENCES[fault], hint="Run again later; what was delivered stays.")
        self.fault = fault
        self.sent = sent


class RedirectedError(ServerRefusedError):
    """The server points elsewhere; a redirect would lose a body or show it to another host."""

    def __init__(self, status: int, host: str) -> None:
        super().__init__(
            f"The server answered {status} and points to {host}; redirects are never followed.",
            hint="Give the address to which it points, if you trust it.",
        )
        self.status = status
        self.host = host

    @property
    def reply(self) -> Reply:
        """Return the reply, as far as anybody looks at it."""
        return Reply(status=self.status)


class CredentialsError(ConfigError):
    """The server, or whoever gives out its tokens, does not take our credentials.

    `reply` is that of the server, None where it was not asked.
    """

    def __init__(self, message: str, *, hint: str = "", reply: Reply | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reply = reply
