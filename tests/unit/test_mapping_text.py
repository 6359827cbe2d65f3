"""Text and numbers as FHIR allows them."""

from __future__ import annotations

import pytest
from mapping_studies import instance, mapped, problems, series, study

from dicom2fhir.mapping.text import MAX_TEXT, clean, unsigned


def test_control_characters_go_but_tab_and_line_ends_stay() -> None:
    assert clean(" a\x00\x1b\tb\r\nc\x7f\x85 ") == "a\tb\r\nc"


def test_a_lone_surrogate_goes_for_json_cannot_hold_it() -> None:
    assert clean("a\ud800b") == "ab"


def test_blanks_of_other_scripts_stay_inside_a_text() -> None:
    assert clean("山田\u3000太郎") == "山田\u3000太郎"


def test_a_text_over_one_megabyte_is_cut_and_noted() -> None:
    long = study(StudyDescription=["x" * (MAX_TEXT + 5)])

    assert len(mapped(long)["description"]) == MAX_TEXT
    assert problems(long) == {"map.text-cut": 1}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("+7", 7),
        ("007", 7),
        (" 7 ", 7),
        ("7.0", 7),
        ("0", 0),
        ("2147483647", 2147483647),
        ("2147483648", None),
        ("9999999999999999999999", None),
        ("-7", None),
        ("1.5", None),
        ("1_0", None),
        ("٣", None),
        ("abc", None),
        ("", None),
    ],
)
def test_only_whole_numbers_of_fhir_are_numbers(text: str, number: int | None) -> None:
    assert unsigned(text) == number


def test_bad_numbers_are_left_out_and_counted_once_for_each_element() -> None:
    bad = study(
        series(
            instance(1, InstanceNumber=["-1"]),
            instance(2, InstanceNumber=["x"]),
            instance(3, InstanceNumber=["3"]),
            instance(4, InstanceNumber=[""]),
            SeriesNumber=["99999999999"],
        )
    )
    made = mapped(bad)["series"][0]

    assert "number" not in made
    assert [one.get("number") for one in made["instance"]] == [None, None, 3, None]
    assert problems(bad) == {"map.bad-number": 2}
