"""The decimals of NUM items, with every digit that DICOM states.

DICOM:  NumericValue (0040,A30A), FloatingPointValue (0040,A161), Rational Numerator and Denominator
Value (0040,A162 and A163); PS3.3 C.18.1, PS3.5 6.2 (DS)
FHIR:   decimal (R4 datatypes.html#decimal)
"""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal, Inexact
from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBER: Final = re.compile(
    r"(?P<sign>[+-]?)0*(?P<whole>\d*)(?:\.(?P<part>\d*))?(?P<power>[eE][+-]?\d+)?", re.ASCII
)
_LONGEST: Final = 64
"""Characters of a number; DS has at most 16, and no one needs more."""
_MOST_POWER: Final = 308
"""Beyond it a double is infinite or zero, and so is the number for most who read JSON."""
_FULL: Final = 14
"""Characters of a DS from which on digits may have been cut to fit its 16."""
_NEAR: Final = 1e-6
"""How far a cut value may be from the whole one, relative to it."""
_DIGITS: Final = Context(prec=17)
_SINGLE: Final = Struct("<f")


def exact_decimal(text: str) -> str:
    """Return a DS as the decimal that JSON can hold, or "" where it is no number.

    Digits stay as they are, so that `10.50` does; `+5`, `.5`, `5.` and `007` are written `5`,
    `0.5`, `5` and `7`. A comma is no decimal point: nobody can tell it from one of thousands.
    """
    text = text.strip(" \0\t\r\n")
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None or not any(
        character.isdigit() for character in text.lower().partition("e")[0]
    ):
        return ""
    power = found["power"] or ""
    if power and abs(int(power[1:])) > _MOST_POWER:
        return ""
    sign = found["sign"].replace("+", "")
    part = f".{found['part']}" if found["part"] else ""
    exact = f"{sign}{found['whole'] or '0'}{part}{power}"
    return exact if math.isfinite(float(exact)) else ""


def best_decimal(
    text: str, floating: float | None = None, rational: tuple[int, int] | None = None
) -> str:
    """Return the decimal of one value: DS, unless that was cut and another states more.

    A value that differs from a DS that is whole does not change it.
    """
    stated = exact_decimal(text)
    fuller = _of_rational(rational) or _of_float(floating)
    if not fuller or (text.strip() and not stated):
        return stated
    if not stated:
        return fuller
    cut = len(text.strip()) >= _FULL and Decimal(stated) != Decimal(fuller)
    return fuller if cut and math.isclose(float(stated), float(fuller), rel_tol=_NEAR) else stated


def _of_float(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else exact_decimal(repr(value))


def _of_rational(value: tuple[int, int] | None) -> str:
    """Return a fraction that ends, exactly; another one as precise as a double."""
    if value is None or value[1] == 0:
        return ""
    context = _DIGITS.copy()
    quotient = context.divide(Decimal(value[0]), Decimal(value[1]))
    if context.flags[Inexact]:
        return exact_decimal(repr(value[0] / value[1]))
    return exact_decimal(str(quotient))


def exact_floats(values: Sequence[object]) -> tuple[str, ...]:
    """Return single precision numbers (FL) as the shortest text that means them."""
    return tuple(_shortest(value) if isinstance(value, float) else str(value) for value in values)


def _shortest(value: float) -> str:
    # 6 digits always survive single precision, 9 always tell two of them apart
    for digits in (6, 7, 8):
        text = f"{value:.{digits}g}"
        if _single(float(text)) == value:
            return text
    return f"{value:.9g}"


def _single(value: float) -> float:
    single: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    return single
