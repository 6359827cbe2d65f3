"""Addresses of a server: what a base may be, and which addresses lie below it."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urljoin, urlsplit

from dicom2fhir.errors import ConfigError, ServerRefusedError, UsageError

_PORTS = {"http": 80, "https": 443}
_NOT_IN_URLS = re.compile(r"[^\x21-\x7e]|[\\\"<>^`{|}]")
"""RFC 3986 2: what a URL never holds as it is."""
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|/")
_HOST = re.compile(r"[a-z0-9._:-]{1,253}")

_HINT = "Give the address as https://server.example/fhir."


def check_base(url: str, *, allow_http: bool = False) -> str:
    """Return this base URL without a trailing slash.

    Errors: UsageError, without the URL: it may hold a password
    """
    wrong = _find_wrong(url)
    if wrong:
        raise UsageError(wrong, hint=_HINT)
    parts = urlsplit(url)
    if not is_protected(url) and not allow_http:
        raise UsageError(
            "Plain http would show patient data and credentials to everybody on the way.",
            hint="Use https, or --allow-http where the network itself is protected.",
        )
    path = parts.path.rstrip("/")
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{path}"


def check_token_url(url: str) -> str:
    """Return this URL of whoever gives out tokens.

    Errors: ConfigError, without the URL
    """
    if _find_wrong(url, base=False) or not is_protected(url):
        raise ConfigError(
            "The address that gives out tokens must be a plain https one: secrets go there.",
            hint="Give --token-url with https, without user and fragment.",
        )
    return url


def is_protected(url: str) -> bool:
    """Tell whether nobody on the way can read what is sent to this URL."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Tell whether this host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port (RFC 6454 4)."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def name_host(url: str) -> str:
    """Return the host of a URL that somebody else wrote, fit to be shown."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    return host if _HOST.fullmatch(host) else "another address"


def resolve(base: str, path: str) -> str:
    """Return the URL of a path below the base, or of a link that the server sent.

    Errors: ServerRefusedError for a link to another origin, or out of the base by dots
    """
    linked = _ABSOLUTE.match(path) is not None
    try:
        url = urljoin(f"{base}/", path) if linked else _below(base, path)
        stays = origin_of(url) == origin_of(base) and "@" not in urlsplit(url).netloc
    except ValueError:
        stays, url = False, ""
    if not stays or _NOT_IN_URLS.search(path) or _has_dots(urlsplit(url)):
        raise ServerRefusedError(
            "An address that does not belong to the server was not asked: its links must stay on"
            " its own scheme, host and port.",
            hint="Give the address that the server itself uses in its links.",
        )
    return url.partition("#")[0]


def _below(base: str, path: str) -> str:
    return base + path if not path or path.startswith("?") else f"{base}/{path}"


def _has_dots(parts: SplitResult) -> bool:
    segments = parts.path.lower().replace("%2e", ".").replace("%2f", "/").split("/")
    return "." in segments or ".." in segments


def _find_wrong(url: str, *, base: bool = True) -> str:
    """Return what is wrong with the form of a URL in a sentence, or nothing."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "The address of the server is not a URL."
    rules = (
        (parts.scheme not in _PORTS, "The address of a server begins with https://."),
        ("@" in parts.netloc, "A user or password in the address would end up in logs."),
        (not url.isascii(), "Write the address in ASCII: names with other letters as xn--."),
        (_NOT_IN_URLS.search(url), "The address of the server holds a character that no URL has."),
        (not host or port == 0, "The address of the server names no host, or no port."),
        (
            "#" in url or (base and "?" in url),
            "The address of a server has no query and no fragment.",
        ),
        (_has_dots(parts), "The address of a server has no . or .. in its path."),
    )
    return next((sentence for broken, sentence in rules if broken), "")
