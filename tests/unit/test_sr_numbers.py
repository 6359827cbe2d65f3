"""Decimals keep every digit that DICOM states."""

from __future__ import annotations

import json
import math
import re
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom2fhir.sr.numbers import best_decimal, exact_decimal, exact_floats

FHIR_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
DIGITS = st.text("0123456789", max_size=5)
STATED = st.builds(
    lambda sign, whole, part, power, blank: f"{blank}{sign}{whole}{part}{power}{blank}",
    st.sampled_from(["", "+", "-"]),
    DIGITS,
    st.one_of(st.just(""), DIGITS.map(lambda digits: "." + digits)),
    st.sampled_from(["", "e2", "E+02", "E-3", "e-10"]),
    st.sampled_from(["", " ", "\0"]),
).filter(lambda text: any(character.isdigit() for character in text.lower().partition("e")[0]))


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("10.50", "10.50"),
        ("10.0", "10.0"),
        (" 5 ", "5"),
        ("+5", "5"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("007.50", "7.50"),
        ("000", "0"),
        ("-0.0", "-0.0"),
        ("1E3", "1E3"),
        ("1.e-3", "1e-3"),
        ("9007199254740993", "9007199254740993"),
        ("10.50/ 15.00", ""),
        ("3,5", ""),
        ("1_000", ""),
        ("٣", ""),
        ("", ""),
        (".", ""),
        ("-", ""),
        ("E5", ""),
        (".E5", ""),
        ("nan", ""),
        ("Infinity", ""),
        ("0x10", ""),
        ("1E400", ""),
        ("1E-999999999", ""),
        ("9" * 100, ""),
        ("1 2", ""),
    ],
)
def test_a_decimal_string_is_written_as_stated_or_not_at_all(text: str, exact: str) -> None:
    assert exact_decimal(text) == exact


@given(STATED)
def test_every_decimal_string_is_json_and_fhir_of_the_same_value(text: str) -> None:
    exact = exact_decimal(text)
    assert FHIR_DECIMAL.fullmatch(exact)
    assert Decimal(exact) == Decimal(text.strip(" \0"))
    assert float(json.loads(exact)) == float(text.strip(" \0"))
    assert exact_decimal(exact) == exact


@given(st.text(max_size=20))
def test_any_text_is_a_fhir_decimal_or_none(text: str) -> None:
    exact = exact_decimal(text)
    assert exact == "" or FHIR_DECIMAL.fullmatch(exact)


@pytest.mark.parametrize(
    ("text", "floating", "rational", "exact"),
    [
        ("10.50", 10.5, None, "10.50"),
        ("0.33333333333333", 1 / 3, None, "0.3333333333333333"),
        ("0.33333333333333", None, (1, 3), "0.3333333333333333"),
        ("0.12345678901234", 0.12345678901234, None, "0.12345678901234"),
        ("0.5", None, (1, 2), "0.5"),
        ("", 2.5, None, "2.5"),
        ("", None, (-1, 8), "-0.125"),
        ("", None, (1, 0), ""),
        ("", math.nan, None, ""),
        ("", math.inf, None, ""),
        ("10.5", 11.0, None, "10.5"),
        ("1.2345678901234E1", 99.0, None, "1.2345678901234E1"),
        ("10.50/ 15.00", 10.5, None, ""),
    ],
)
def test_a_fuller_value_counts_only_where_the_string_was_cut(
    text: str, floating: float | None, rational: tuple[int, int] | None, exact: str
) -> None:
    assert best_decimal(text, floating, rational) == exact


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_a_double_cut_to_sixteen_characters_comes_back_whole(value: float) -> None:
    cut = f"{value:.14f}"[:16]
    assert math.isclose(float(best_decimal(cut, value)), value, rel_tol=1e-9)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_coordinate_comes_back_from_its_text(value: float) -> None:
    (text,) = exact_floats((value,))
    assert struct.pack("<f", float(text)) == struct.pack("<f", value)


def test_coordinates_are_as_short_as_they_were_stated() -> None:
    single = struct.unpack("<3f", struct.pack("<3f", 0.1, 45, 1234.5678))
    assert exact_floats(single) == ("0.1", "45", "1234.5677")
