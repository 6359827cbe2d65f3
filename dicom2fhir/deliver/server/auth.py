"""What signs requests: tokens are fetched, renewed in time, and shown to nobody but one origin."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote_plus, urlencode

from dicom2fhir.deliver.server.address import check_token_url
from dicom2fhir.deliver.server.exchange import (
    CredentialsError,
    Fault,
    NoReplyError,
    Reply,
    Request,
)
from dicom2fhir.deliver.server.secret import (
    check_token,
    read_secret,
    read_variable,
    run_for_secret,
)
from dicom2fhir.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dicom2fhir.options import AuthOptions

    Ask: TypeAlias = Callable[[str, Request], Reply]
    """Sends a request to a URL, unsigned."""

RENEW_AFTER = 0.8
"""Of a token's life."""
SKEW = 60.0
"""Seconds by which clocks may differ before we say so."""
_OAUTH_ERRORS = frozenset(
    {
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)
"""RFC 6749 5.2; nothing else that a server says is shown."""
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Token:
    """What stands after the scheme, the seconds it lives where they are known, and who gave it."""

    value: str = field(repr=False)
    seconds: float | None = None
    url: str = ""


class Signer:
    """Holds one token for all threads.

    Errors of both methods: ConfigError, CredentialsError, NoReplyError
    """

    def __init__(self, scheme: str, fetch: Callable[[], Token], clock: Callable[[], float]) -> None:
        self.token_url = ""
        """Of whoever gave out the token; "" before, and for tokens of our own."""
        self._scheme = scheme
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._value = ""
        self._renew_at: float | None = None

    def sign(self) -> Mapping[str, str]:
        """Return the header that tells who we are."""
        with self._lock:
            due = self._renew_at is not None and self._clock() >= self._renew_at
            if not self._value or due:
                self._renew()
            return self._header()

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Fetch another token after this header was refused; tell whether there is another."""
        with self._lock:
            if self._header() == refused:
                self._renew()
            return self._header() != refused

    def _header(self) -> Mapping[str, str]:
        return {"Authorization": f"{self._scheme} {self._value}"}

    def _renew(self) -> None:
        asked = self._clock()
        token = self._fetch()
        self._value = token.value
        self.token_url = token.url
        self._renew_at = None if token.seconds is None else asked + token.seconds * RENEW_AFTER


def make_signer(
    options: AuthOptions, base: str, ask: Ask, clock: Callable[[], float]
) -> Signer | None:
    """Return what signs requests to this base, None where nothing does.

    Errors: ConfigError for options that do not go together
    """
    if options.kind == "none":
        return None
    if options.kind == "bearer":
        return Signer("Bearer", _bearer(options), clock)
    if options.kind == "basic":
        return Signer("Basic", _basic(options), clock)
    if options.kind in {"client-credentials", "smart-backend"}:
        return Signer("Bearer", Grant(options, base, ask).fetch, clock)
    raise ConfigError(
        "The kind of authentication is unknown.",
        hint="Choose none, bearer, basic, client-credentials or smart-backend.",
    )


def _bearer(options: AuthOptions) -> Callable[[], Token]:
    sources: tuple[tuple[str | None, Callable[[str, str], str]], ...] = (
        (options.token_file, read_secret),
        (options.token_env, read_variable),
        (options.token_command, run_for_secret),
    )
    given = [(place, read) for place, read in sources if place]
    if len(given) != 1:
        raise ConfigError(
            "A bearer token comes from one place.",
            hint="Give one of --token-file, --token-env and --token-command.",
        )
    ((place, read),) = given
    return lambda: Token(check_token(read(place, "token"), "token"))


def _basic(options: AuthOptions) -> Callable[[], Token]:
    user, path = options.user, options.password_file
    if not user or not path or ":" in user:
        raise ConfigError(
            "Basic authentication needs a user, without a colon, and the file of a password.",
            hint="Give --user and --password-file.",
        )

    def fetch() -> Token:
        password = read_secret(path, "password")
        return Token(b64encode(f"{user}:{password}".encode()).decode())

    return fetch


class Grant:
    """Asks for tokens as a client of its own (RFC 6749 4.4), by secret or by signed assertion."""

    def __init__(self, options: AuthOptions, base: str, ask: Ask) -> None:
        if not options.client_id:
            raise ConfigError("OAuth2 needs the id of this client.", hint="Give --client-id.")
        self._id = options.client_id
        self._options = options
        self._base = base
        self._ask = ask
        self._url = check_token_url(options.token_url) if options.token_url else ""
        self._prove = (
            self._by_secret() if options.kind == "client-credentials" else self._by_assertion()
        )

    def fetch(self) -> Token:
        """Return a new token.

        Errors: CredentialsError, NoReplyError
        """
        try:
            self._url = self._url or discover(self._base, self._ask)
            reply = self._ask(self._url, self._request())
        except NoReplyError as fault:  # the request that wants the token was not sent
            raise NoReplyError(fault.fault, sent=False) from None
        value, seconds = _read_token(reply)
        return Token(value, seconds, self._url)

    def _request(self) -> Request:
        form, headers = self._prove()
        form = {"grant_type": "client_credentials", "scope": self._options.scope, **form}
        return Request(
            method="POST",
            body=urlencode(form).encode(),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
                **headers,
            },
        )

    def _by_secret(self) -> Callable[[], tuple[dict[str, str], dict[str, str]]]:
        """Return what proves us by HTTP Basic, each part in form encoding (RFC 6749 2.3.1)."""
        path = self._options.client_secret_file
        if not path:
            raise ConfigError(
                "Client credentials need the file of a secret.", hint="Give --client-secret-file."
            )

        def prove() -> tuple[dict[str, str], dict[str, str]]:
            secret = read_secret(path, "client secret")
            pair = f"{quote_plus(self._id)}:{quote_plus(secret)}"
            return {}, {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

        return prove

    def _by_assertion(self) -> Callable[[], tuple[dict[str, str], dict[str, str]]]:
        path, algorithm = self._options.key_file, self._options.algorithm
        if not path:
            raise ConfigError("SMART Backend Services need a private key.", hint="Give --key-file.")
        from dicom2fhir.deliver.server.assertion import (  # noqa: PLC0415 - an extra, and heavy
            load_key,
            sign,
        )

        key = load_key(read_secret(path, "private key"), algorithm)

        def prove() -> tuple[dict[str, str], dict[str, str]]:
            return {
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": sign(key, algorithm, self._id, self._url),
            }, {}

        return prove


def discover(base: str, ask: Ask) -> str:
    """Return the token endpoint that the server names (SMART App Launch 2.2, conformance).

    Errors: ConfigError, NoReplyError
    """
    reply = ask(
        f"{base}/.well-known/smart-configuration",
        Request(method="GET", headers={"Accept": "application/json"}),
    )
    document = reply.json() if reply.is_success else None
    url = document.get("token_endpoint") if isinstance(document, dict) else None
    if not isinstance(url, str):
        raise ConfigError("The server does not say who gives out tokens.", hint="Give --token-url.")
    return check_token_url(url)


def _read_token(reply: Reply) -> tuple[str, float | None]:
    document = reply.json()
    found = document if isinstance(document, dict) else {}
    if reply.status in {408, 425, 429} or reply.status >= 500:  # noqa: PLR2004 - RFC 9110 15.6
        raise NoReplyError(Fault.NO_TOKEN, sent=False)
    value = found.get("access_token")
    if not reply.is_success or not isinstance(value, str):
        raise _refusal(reply, found.get("error"))
    return check_token(value, "token"), _read_seconds(found.get("expires_in"))


def _read_seconds(life: object) -> float | None:
    """Return a token's life; some write the number as text."""
    with suppress(ValueError):
        seconds = float(life) if isinstance(life, int | Decimal | str) else 0.0
        return seconds if seconds > 0 else None
    return None


def _refusal(reply: Reply, error: object) -> CredentialsError:
    code = error if isinstance(error, str) and error in _OAUTH_ERRORS else reply.status
    hint = "Check the client's id, its secret or key, and the scope."
    with suppress(TypeError, ValueError, LookupError):
        theirs = parsedate_to_datetime(reply.headers["date"]).timestamp()
        skew = time.time() - theirs
        if abs(skew) > SKEW:
            way = "ahead of" if skew > 0 else "behind"
            hint = f"The clock of this machine is {abs(skew):.0f} s {way} the server's: set it."
    return CredentialsError(f"No token was given to us ({code}).", hint=hint)
