from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom2fhir.report.safe import LONGEST, safe, safe_json

HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("Müller^Jörg", "Müller^Jörg"),
        ("山田 太郎", "山田 太郎"),
        ("\u3000wide\u3000", "\u3000wide\u3000"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b2J", "\\x9b2J"),
        ("\x7f\x00\t", "\\x7f\\x00\\x09"),
        ("two\nlines", "two⏎lines"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028para\u2029", "line\\u2028para\\u2029"),
        ("bytes\udcff\udc80", "bytes\\xff\\x80"),
        ("lone\ud800", "lone\\ud800"),
    ],
)
def test_what_a_terminal_could_obey_is_made_visible(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text(st.characters()))
def test_nothing_harmful_ever_passes(text: str) -> None:
    assert not {unicodedata.category(c) for c in safe(text)} & HARMFUL


@given(st.text(st.characters(), max_size=500))
def test_what_is_shown_is_never_longer_than_the_limit(text: str) -> None:
    assert len(safe(text)) <= LONGEST


def test_a_text_that_is_cut_says_so() -> None:
    assert safe("x" * 500) == "x" * (LONGEST - 1) + "…"


def test_a_text_of_exactly_the_limit_is_whole() -> None:
    assert safe("x" * LONGEST) == "x" * LONGEST


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_for_a_terminal_still_means_the_same(text: str) -> None:
    encoded = safe_json(json.dumps({"value": text}, ensure_ascii=False))
    assert json.loads(encoded) == {"value": text}
    assert not {unicodedata.category(c) for c in encoded} & HARMFUL
