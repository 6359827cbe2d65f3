"""The primitive types of FHIR (R4 datatypes.html): which JSON values are written rightly.

Each test takes all values that one element has in many objects at once, so that a study of 10,000
instances costs a few calls for each element, not for each instance. No test is laxer than the
fhir.resources model of its type.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from math import inf
from typing import Protocol, TypeAlias

from dicom2fhir.check.narrative import is_narrative
from dicom2fhir.model import Bytes, Json

Column: TypeAlias = Sequence[Json]
"""The values that one element has in several objects."""


class PrimitiveTest(Protocol):
    """A test of a column, called like all others: what references resolve to is of no use to it."""

    def __call__(self, values: Column, scope: object = None, /) -> bool:
        """Tell whether each value has the right form."""


MAX_STRING = 1024 * 1024
MAX_INTEGER = 2**31 - 1

UUID = r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OID = r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"
_YEAR = r"(?!0000)[0-9]{4}"
_DAY = r"-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
# A host whose last label is a number has to be an IPv4 address (url.spec.whatwg.org).
_HOST = (
    rf"(?:{_OCTET}(?:\.{_OCTET}){{3}}|\[(?P<v6>[0-9A-Fa-f:.]+)\]"
    r"|(?![^\s:/?#]*?(?<![^./@])[0-9][0-9A-Fa-fx]*\.?(?:[:/?#]|$))[\w\-.~!$&'()*+,;=]+)"
)
_PORT = r"(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4})"
_URL = (
    rf"(?:https?|wss?|ftp)://(?:[^\s/?#@]*@)?{_HOST}(?::{_PORT})?(?:[/?#]\S*)?"
    rf"|{UUID}|{_OID}|file:///\S*"
    r"|(?!(?:https?|wss?|ftp|file|urn:uuid|urn:oid):)[A-Za-z][A-Za-z0-9+.-]*:\S+"
    r"|/?[A-Za-z0-9\-.#]+(?:[/?]\S*)?"
)

_url = re.compile(_URL).fullmatch
_is_code = re.compile(r"\S+(?:\s\S+)*").fullmatch
_uri = re.compile(rf"{UUID}|{_OID}|(?!urn:(?:uuid|oid):)\S+").fullmatch
_is_date = re.compile(rf"{_YEAR}(?:-(?:0[1-9]|1[0-2])|{_DAY})?").fullmatch
_is_date_time = re.compile(rf"{_YEAR}(?:-(?:0[1-9]|1[0-2])|{_DAY}(?:T{_CLOCK}{_ZONE})?)?").fullmatch
_is_instant = re.compile(rf"{_YEAR}{_DAY}T{_CLOCK}{_ZONE}").fullmatch
_unprintable = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]").search

_DAY_END = len("YYYY-MM-DD")


def _is_text(value: str) -> bool:
    """Tell a string from one that is empty, blank, too long or holds control characters."""
    return (
        0 < len(value) <= MAX_STRING
        and not value.isspace()
        and (value.isprintable() or not _unprintable(value))
    )


def _is_plain_code(value: str) -> bool:
    return bool(_is_code(value)) and _is_text(value)


def _on_calendar(value: str) -> bool:
    if len(value) < _DAY_END:
        return True
    try:
        date.fromisoformat(value[:_DAY_END])
    except ValueError:
        return False
    return True


def _is_uri(value: str) -> bool:
    return bool(_uri(value)) and _is_text(value)


def _is_url(value: str) -> bool:
    found = _url(value)
    if found is None or not _is_text(value):
        return False
    if found["v6"] is None:
        return True
    from ipaddress import IPv6Address  # noqa: PLC0415  few addresses are of that kind

    try:
        IPv6Address(found["v6"])
    except ValueError:
        return False
    return True


def _is_base64(value: str) -> bool:
    """Tell whether this is RFC 4648 base64; R4 allows white space between its groups."""
    packed = "".join(value.split())
    # The decoder, even when strict, forgives padding after a whole group.
    if not packed or len(packed) % 4 or packed.endswith("===") or not value.isascii():
        return False
    try:
        binascii.a2b_base64(packed, strict_mode=True)
    except ValueError:
        return False
    return True


def _texts(is_valid: Callable[[str], object]) -> PrimitiveTest:
    """Return the test of a column of JSON strings; each distinct one is looked at once."""

    def holds(values: Column, _: object = None) -> bool:
        if len(values) == 1:
            value = values[0]
            return type(value) is str and bool(is_valid(value))
        return set(map(type, values)) == {str} and all(map(is_valid, set(values)))

    return holds


def _are_base64(values: Column, _: object = None) -> bool:
    """Test base64; bytes that are encoded when they are delivered cannot be wrong."""
    texts = [value for value in values if type(value) is not Bytes]
    return not texts or _texts(_is_base64)(texts)


def _days(is_valid: Callable[[str], object]) -> PrimitiveTest:
    return _texts(lambda value: is_valid(value) and _on_calendar(value))


def _integers(least: int) -> PrimitiveTest:
    def holds(values: Column, _: object = None) -> bool:
        return (
            set(map(type, values)) == {int} and min(values) >= least and max(values) <= MAX_INTEGER
        )

    return holds


def _are_decimals(values: Column, _: object = None) -> bool:
    # Not math.isfinite: it cannot take an int of any size.
    kinds = {int, float, Decimal}
    return set(map(type, values)) <= kinds and all(-inf < value < inf for value in values)


def _are_booleans(values: Column, _: object = None) -> bool:
    return set(map(type, values)) == {bool}


PRIMITIVES: dict[str, PrimitiveTest] = {
    "base64Binary": _are_base64,
    "boolean": _are_booleans,
    "canonical": _texts(_is_uri),
    "code": _texts(_is_plain_code),
    "date": _days(_is_date),
    "dateTime": _days(_is_date_time),
    "decimal": _are_decimals,
    "id": _texts(re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch),
    "instant": _days(_is_instant),
    "integer": _integers(-(2**31)),
    "markdown": _texts(_is_text),
    "oid": _texts(re.compile(_OID).fullmatch),
    "positiveInt": _integers(1),
    "string": _texts(_is_text),
    "time": _texts(re.compile(_CLOCK).fullmatch),
    "unsignedInt": _integers(0),
    "uri": _texts(_is_uri),
    "url": _texts(_is_url),
    "uuid": _texts(re.compile(UUID).fullmatch),
    "xhtml": _texts(is_narrative),
}
"""Primitive type to the test of a column of its values. Columns are never empty."""
