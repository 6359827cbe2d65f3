"""What option values mean: each function takes text, and raises ValueError with one sentence."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from dicom2fhir.report.safe import safe

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIZE = re.compile(r"(\d+)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
# FHIR R4 datatypes.html#oid, #uuid: what these two hold is checked, in lower case
_ABSOLUTE_URI = re.compile(
    r"urn:oid:[0-2](\.(0|[1-9]\d*))+|urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?!(?i:urn:(oid|uuid):))[A-Za-z][A-Za-z0-9+.-]*:\S+"
)
_OID = re.compile(r"[0-2](\.\d+)+")
_PATIENT = re.compile(r"(https?://\S+/)?Patient/[A-Za-z0-9.-]{1,64}")
# FHIR R4 datatypes.html#instant
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_CENTER_WIDTH = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)", re.ASCII)
MAX_SIDE = 65_500
_CODE = re.compile(r"\S+( \S+)*")

CHARSETS = (
    *(f"ISO_IR {n}" for n in (6, 13, 100, 101, 109, 110, 126, 127, 138, 144, 148, 166, 192, 203)),
    *(f"ISO 2022 IR {n}" for n in (6, 13, 58, 87, 100, 101, 109, 110, 126, 127, 138, 144, 148)),
    *(f"ISO 2022 IR {n}" for n in (149, 159, 166, 203)),
    "GB18030",
    "GBK",
)
"""Defined terms of Specific Character Set (PS3.3 C.12.1.1.2)."""
UIDS = {
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "TransferSyntaxUID",
}
"""What `--where` can ask for beside the attribute table."""
_CHARSET_NAMES = {
    "utf8": "ISO_IR 192",
    "latin1": "ISO_IR 100",
    "iso88591": "ISO_IR 100",
    "iso885915": "ISO_IR 203",
    "shiftjis": "ISO_IR 13",
}


class SecretValueError(ValueError):
    """A value that must not be repeated: it may hold a password or tell of a patient."""


def suggest(word: str, known: Iterable[str]) -> str:
    """Return the hint that names the nearest known word; empty when none is near."""
    by_folded = {one.casefold(): one for one in known}
    near = get_close_matches(word.casefold(), by_folded, n=1)
    return f"Did you mean {by_folded[near[0]]}?" if near else ""


def whole_number(text: str) -> int:
    """Return a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("is not a whole number from 1")
    return int(text)


def byte_count(text: str) -> int:
    """Return a number of bytes: 20000000, 20M (powers of 1000) or 20MiB (powers of 1024).

    >>> byte_count("20M"), byte_count("1 KiB")
    (20000000, 1024)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or int(match[1]) < 1:
        raise ValueError("is not a size: write 20M, 20MiB or 20000000")
    power = " kmgt".index(match[2].lower() or " ")
    unit: int = (1024 if match[3] else 1000) ** power
    return int(match[1]) * unit


def time_zone(text: str) -> str:
    """Return the name of an IANA time zone."""
    from zoneinfo import ZoneInfo, available_timezones  # noqa: PLC0415 - only with --timezone

    try:
        ZoneInfo(text)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        pass
    except KeyError:
        pass
    else:
        return text
    near = suggest(text, available_timezones())
    raise ValueError(f"is not an IANA time zone such as Europe/Berlin. {near}".rstrip())


def byte_limit(text: str) -> int:
    """Return a number of bytes, which may be 0."""
    return 0 if text.strip() == "0" else byte_count(text)


def pixel_count(text: str) -> int:
    """Return a number of pixels that a picture's side may have (JPEG counts in 16 bits)."""
    if not text.isdecimal() or not 1 <= int(text) <= MAX_SIDE:
        raise ValueError(f"is not a whole number from 1 to {MAX_SIDE}")
    return int(text)


def percentage(text: str) -> int:
    """Return the quality of a JPEG picture."""
    if not text.isdecimal() or not 1 <= int(text) <= 100:  # noqa: PLR2004 - of a hundred
        raise ValueError("is not a whole number from 1 to 100")
    return int(text)


def window(text: str) -> str:
    """Return `file`, the number of a window, `center,width`, or `auto`.

    >>> window("AUTO"), window("2"), window("-600, 1500.0")
    ('auto', '2', '-600,1500')
    """
    folded = text.strip().casefold()
    if folded in {"file", "auto"}:
        return folded
    if folded.isdecimal() and folded.isascii() and int(folded):
        return str(int(folded))
    match = _CENTER_WIDTH.fullmatch(folded)
    # A width below 1 has no range of values (PS3.3 C.11.2.1.2.1).
    if match is None or float(match[2]) < 1:
        raise ValueError("is not file, auto, a number from 1, or a center and width such as 40,400")
    return f"{float(match[1]):.10g},{float(match[2]):.10g}"


def dicomweb_address(text: str) -> str:
    """Return a DICOMweb service base without a trailing slash and without `/studies`."""
    return web_address(text).removesuffix("/studies").rstrip("/")


def web_address(text: str) -> str:
    """Return the base of a web service without a trailing slash."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - only with --dicomweb and --fhir-base

    if "@" in text:
        raise SecretValueError("holds a user or password, and would be part of every Endpoint")
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
        parts = None
    if not valid or parts is None or re.search(r"\s", text):
        raise ValueError("is not an http or https address")
    if parts.query or parts.fragment:
        # A key may stand there.
        raise SecretValueError("holds a query or fragment; give the service base alone")
    return text.rstrip("/")


def absolute_uri(text: str) -> str:
    """Return an identifier system (FHIR R4 datatypes.html#Identifier: an absolute URI)."""
    if _OID.fullmatch(text):
        raise ValueError(f"is an OID, not a URI: write urn:oid:{text}")
    if not _ABSOLUTE_URI.fullmatch(text):
        raise ValueError("is not an absolute URI such as https://hospital.example/mrn")
    return text


def patient_reference(text: str) -> str:
    """Return a reference to a Patient that the server has."""
    if not _PATIENT.fullmatch(text):
        raise SecretValueError("is not a reference such as Patient/123")
    return text


def coding(text: str) -> str:
    """Return `system|code` for meta.tag or meta.security."""
    system, bar, code = text.partition("|")
    if not bar or not _CODE.fullmatch(code):
        raise ValueError("is not of the form system|code")
    absolute_uri(system)
    return text


def instant(text: str) -> str:
    """Return a FHIR instant."""
    from datetime import datetime  # noqa: PLC0415 - only with --timestamp

    try:
        datetime.fromisoformat(text)
        valid = bool(_INSTANT.fullmatch(text))
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("is not an instant such as 2026-01-31T12:00:00Z")
    return text


def epoch_instant(text: str) -> str:
    """Return the FHIR instant of SOURCE_DATE_EPOCH, seconds since 1970 in UTC."""
    from datetime import UTC, datetime  # noqa: PLC0415 - only with --provenance

    try:
        moment = datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError("is not a number of seconds since 1970") from None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def charset(text: str) -> str:
    """Return a defined term of Specific Character Set (PS3.3 C.12.1.1.2)."""
    if text in CHARSETS:
        return text
    usual = _CHARSET_NAMES.get(re.sub(r"[^a-z0-9]", "", text.lower()))
    near = f"Did you mean {usual}?" if usual else suggest(text, CHARSETS)
    raise ValueError(f"is not a DICOM character set such as ISO_IR 192. {near}".rstrip())


def condition(text: str) -> tuple[str, str]:
    """Return the keyword and the value of `Modality=CT`."""
    from dicom2fhir.read.attributes import TABLE  # noqa: PLC0415 - only with --where

    keyword, equals, value = text.partition("=")
    if not equals or not value:
        raise SecretValueError("is not of the form Keyword=VALUE, such as Modality=CT")
    known = {row.attribute.keyword for row in TABLE if row.attribute.vr != "SQ"} | UIDS
    if keyword not in known:
        near = suggest(keyword, known)
        named = f"asks for `{safe(keyword)}`, which is no attribute that is read"
        raise SecretValueError(f"{named}. {near}".rstrip())
    return keyword, value
