from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom2fhir.mapping.units import REPAIRS, is_other_unit, is_ucum, ucum_code


@pytest.mark.parametrize(
    "code",
    [
        *[
            "mm",
            "mGy.cm",
            "Gy.m2",
            "10*-6",
            "10*3/uL",
            "/min",
            "{pulse}/s",
            "[hnsf'U]",
            "mm[Hg]",
            "1",
        ],
        *[
            "g/ml{SUVbw}",
            "ml/min/{1.73_m2}",
            "(mm/s)/kg",
            "um2/s",
            "%",
            "deg",
            "Cel",
            "kg/m2",
            "dB",
        ],
    ],
)
def test_a_code_of_ucum_is_known(code: str) -> None:
    assert ucum_code(code, "UCUM") == code


@pytest.mark.parametrize(
    "code",
    [
        *[
            "",
            "px",
            "mGycm",
            "{X-Ray sources}",
            "{SUVbw}g/ml",
            "Gy.cm^2",
            "mm ",
            "pulse/s",
            "kVp",
            "m/",
        ],
        *[".m", "Cel/s", "kmin", "m--2", "{a", "{é}", "mm2 ", "1e3", "[HF]"],
    ],
)
def test_what_is_no_ucum_is_not_taken_for_it(code: str) -> None:
    assert not is_ucum(code)


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("mGycm", "mGy.cm"),
        ("uAs", "uA.s"),
        ("Gym2", "Gy.m2"),
        ("Gy.cm^2", "Gy.cm2"),
        ("dGy*cm2", "dGy.cm2"),
        ("pulse/s", "{pulse}/s"),
        ("X-ray sources", "{X-Ray_sources}"),
        ("{X-Ray sources}", "{X-Ray_sources}"),
        ("{SUVbw}g/ml", "g/ml{SUVbw}"),
        ("mm^2", "mm2"),
    ],
)
def test_a_misspelt_code_is_repaired_and_never_converted(stated: str, meant: str) -> None:
    assert ucum_code(stated, "UCUM") == meant


def test_every_repair_gives_ucum() -> None:
    assert all(map(is_ucum, REPAIRS.values()))
    assert not any(map(is_ucum, REPAIRS))


def test_a_code_of_another_scheme_is_no_ucum_but_for_a_slip_of_the_pen() -> None:
    assert ucum_code("mm", "99ACME") == ""
    assert ucum_code("mm", "UCM") == "mm"


@given(st.text(max_size=40))
def test_what_is_taken_for_ucum_is_ascii_without_blanks(text: str) -> None:
    if is_ucum(text):
        assert re.fullmatch(r"[!-~]+", text)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        *[("mL", "ml"), ("centimeter", "cm"), ("events", "{events}"), ("g/ml", "g/ml{SUVbw}")],
        *[("HU", "[hnsf'U]"), ("mGycm", "mGy.cm"), ("1/min", "/min"), ("px", "1"), ("", "mm")],
    ],
)
def test_words_that_say_the_same_or_no_unit_of_ucum_contradict_no_code(
    words: str, code: str
) -> None:
    assert not is_other_unit(words, code)
