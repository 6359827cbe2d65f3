"""Text and numbers as FHIR allows them, and access to attributes by keyword."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json, Value


class Described(Protocol):
    """What DICOM attributes describe: a study, a series, an instance."""

    @property
    def attributes(self) -> Attributes:
        """Return the attributes."""


MAX_TEXT = 1024 * 1024
"""Characters of a FHIR string (R4 datatypes.html#string)."""

MAX_UNSIGNED = 2**31 - 1
"""The largest unsignedInt (R4 datatypes.html#unsignedInt)."""

# Control characters but tab, LF and CR (R4 datatypes.html#string), lone surrogates, noncharacters.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_WHOLE = re.compile(r"\+?0*([0-9]+?)(?:\.0*)?")
# Characters of a text whose clean form is remembered: titles and names recur, reports do not.
_CACHED = 256
_SHORT = len(str(MAX_UNSIGNED))


@lru_cache(maxsize=4096)
def _clean_short(text: str) -> str:
    return _FORBIDDEN.sub("", text).strip()


def clean(text: str) -> str:
    """Return the text as FHIR allows it: no control characters, trimmed, at most 1 MB."""
    if len(text) <= _CACHED:
        return _clean_short(text)
    return _FORBIDDEN.sub("", text).strip()[:MAX_TEXT].rstrip()


def every(attributes: Attributes, keyword: str) -> list[str]:
    """Return the values of a text attribute that say something, clean."""
    values = (clean(str(value)) for value in attributes.get(keyword, ()))
    return [value for value in values if value]


def first(attributes: Attributes, keyword: str) -> str:
    """Return the first value of a text attribute, clean, or ""."""
    values = attributes.get(keyword)
    return clean(str(values[0])) if values else ""


def whole(attributes: Attributes, keyword: str) -> str:
    """Return the text of an attribute of one value; a stray backslash belongs to it."""
    return clean("\\".join(str(value) for value in attributes.get(keyword, ())))


def items(attributes: Attributes, keyword: str) -> list[Mapping[str, list[Value]]]:
    """Return the items of a sequence."""
    return [item for item in attributes.get(keyword, ()) if isinstance(item, Mapping)]  # type: ignore[misc]


def bounded(text: str, context: Context, keyword: str, element: str) -> str:
    """Return the text clean and note it where FHIR's limit cuts it.

    Errors: Problem map.text-cut.
    """
    if len(text) <= _CACHED:
        return _clean_short(text)
    if len(text) > MAX_TEXT:
        context.note("map.text-cut", keyword, element)
    return clean(text)


def unsigned(text: str) -> int | None:
    """Return the whole number of an IS value, or None outside of 0 to 2147483647.

    >>> unsigned("7"), unsigned("+7.0"), unsigned("-7"), unsigned("1.5")
    (7, 7, None, None)
    """
    if len(text) < _SHORT and text.isdecimal() and text.isascii():
        return int(text)
    match = _WHOLE.fullmatch(text.strip())
    if match is None or len(match[1]) > _SHORT:
        return None
    value = int(match[1])
    return value if value <= MAX_UNSIGNED else None


def number_of(keyword: str, element: str) -> Callable[[Described, Context], Json]:
    """Return a builder for an IS attribute as FHIR's unsignedInt.

    Errors: Problem map.bad-number; the element is left out.
    """

    def build(source: Described, context: Context) -> Json:
        values = source.attributes.get(keyword)
        if not values:
            return None
        text = values[0]
        found = unsigned(text) if isinstance(text, str) else None
        if found is None and text != "":
            context.note("map.bad-number", keyword, element)
        return found

    build.__doc__ = "Return the whole number."
    return build


def text_of(keyword: str, element: str) -> Callable[[Attributes, Context], Json]:
    """Return a builder for the text of one attribute."""

    def build(attributes: Attributes, context: Context) -> Json:
        values = attributes.get(keyword)
        if not values:
            return None
        text = "\\".join(str(value) for value in values)
        return bounded(text, context, keyword, element)

    build.__doc__ = "Return the text, trimmed."
    return build
