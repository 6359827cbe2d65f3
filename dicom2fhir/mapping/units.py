"""Units of measurement: which codes are UCUM, and the misspelt ones that reports hold (ucum.org).

A grammar and the atoms that imaging uses, not the whole of UCUM: what is not known here is written
as text, never as a code that a server would refuse.
"""

from __future__ import annotations

import re
from functools import lru_cache

UCUM = "http://unitsofmeasure.org"
_DESIGNATORS = frozenset({"UCUM", "UCM"})
"""Coding schemes that mean UCUM; the second is a slip of the pen."""

REPAIRS: dict[str, str] = {
    "X-ray sources": "{X-Ray_sources}",
    "{X-Ray sources}": "{X-Ray_sources}",
    "{SUVbw}g/ml": "g/ml{SUVbw}",
    "{SUVlbm}g/ml": "g/ml{SUVlbm}",
    "{SUVibw}g/ml": "g/ml{SUVibw}",
    "{SUVbsa}cm2/ml": "cm2/ml{SUVbsa}",
    "pulse/s": "{pulse}/s",
    "pulses/s": "{pulses}/s",
    "pulses": "{pulses}",
    "no units": "1",
    "HU": "[hnsf'U]",
}
"""Codes as they are stated and as UCUM writes them (PS3.16 CID 85, TID 10011, and practice)."""

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Gym2, mGycm, dGy*cm2, Gy.cm^2: a product of dose and length or area
    (re.compile(r"([cdmnu]?Gy)[.* ]?(c?m)\^?(2?)"), r"\1.\2\3"),
    # uAs, mAs: a product of current and time
    (re.compile(r"([mu]?A)\*?s"), r"\1.s"),
    # mm^2, g/cm^3
    (re.compile(r"((?:[a-zA-Z]+[./])?[a-zA-Z]+)\^([23])"), r"\1\2"),
)

# Metric atoms take a prefix (UCUM table 1 to 8), the others none.
_METRIC = """
m s g rad K C cd mol sr Hz N Pa J W A V F Ohm S Wb T H lm lx Bq Gy Sv L l ar t bar u eV pc cal R
Ci dyn erg G kat U [iU] [IU] m[Hg] m[H2O]
"""
_PLAIN = """
% [ppth] [ppm] [ppb] min h d wk mo a deg ' '' [pi] [in_i] [ft_i] [yd_i] [lb_av] [oz_av]
[hnsf'U] [arb'U] [MET] [Ch] [drp]
"""
_SPECIAL = ("Cel", "[degF]", "dB", "B", "Np", "[pH]")
_PREFIX = "(?:da|[YZEPTGMkhdcmunpfazy])"


def _any_of(atoms: str) -> str:
    # Longer ones first, so that `min` is not taken for `m`.
    return "|".join(re.escape(one) for one in sorted(atoms.split(), key=len, reverse=True))


_ANNOTATION = r"\{[!-z|~]*\}"
# What does not make a unit another one: annotations, and a 1 of which something is a part.
_EMPTY = re.compile(rf"{_ANNOTATION}|^1(?=/|$)")
_FACTOR = "[1-9][0-9]{0,8}"
_UNIT = rf"(?:10[*^]|(?:{_any_of(_PLAIN)})|{_PREFIX}?(?:{_any_of(_METRIC)}))(?:[+-]?[1-9][0-9]?)?"
_COMPONENT = rf"(?:(?:{_UNIT}|{_FACTOR})(?:{_ANNOTATION})?|{_ANNOTATION})"
_TERM = rf"{_COMPONENT}(?:[./]{_COMPONENT})*"
_GROUP = rf"(?:{_COMPONENT}|\({_TERM}\))"
_CODE = re.compile(
    rf"/?{_GROUP}(?:[./]{_GROUP})*|(?:{_any_of(' '.join(_SPECIAL))})(?:{_ANNOTATION})?"
)


@lru_cache(maxsize=1024)
def is_ucum(code: str) -> bool:
    """Tell a code of UCUM that is known here.

    >>> is_ucum("mGy.cm"), is_ucum("10*3/uL"), is_ucum("g/ml{SUVbw}"), is_ucum("{SUVbw}g/ml")
    (True, True, True, False)
    """
    return _CODE.fullmatch(code) is not None


@lru_cache(maxsize=1024)
def ucum_code(code: str, scheme: str) -> str:
    """Return the UCUM code that a unit states or was meant to state, "" where it is none.

    >>> ucum_code("Gym2", "UCUM"), ucum_code("mm", "UCM"), ucum_code("px", "UCUM")
    ('Gy.m2', 'mm', '')
    """
    if scheme not in _DESIGNATORS:
        return ""
    stated = code.strip()
    if is_ucum(stated):
        return stated
    repaired = REPAIRS.get(stated, "")
    for pattern, form in _PATTERNS:
        if not repaired and (found := pattern.fullmatch(stated)):
            repaired = found.expand(form)
    return repaired if is_ucum(repaired) else ""


@lru_cache(maxsize=1024)
def is_other_unit(words: str, code: str) -> bool:
    """Tell words that are a unit of UCUM by themselves, and another one than the code.

    >>> is_other_unit("mm", "cm"), is_other_unit("mL", "ml"), is_other_unit("centimeter", "cm")
    (True, False, False)
    """
    meant = ucum_code(words, "UCUM")
    return bool(meant) and _bare(meant) != _bare(code)


def _bare(code: str) -> str:
    # litre is both l and L
    return _EMPTY.sub("", code).replace("l", "L")
