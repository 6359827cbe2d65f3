"""The primitive types: what is written rightly, and never laxer than the models."""

from __future__ import annotations

from typing import Any

import fhir_core.types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from dicom2fhir.check.models import model_of
from dicom2fhir.check.primitives import PRIMITIVES

model_of("Basic")  # sets the length of an id before any type is built

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'

GOOD = {
    "base64Binary": ["AAAA", "AA==", "QUJD\nQUJD"],
    "boolean": [True, False],
    "canonical": ["http://hl7.org/fhir/StructureDefinition/Patient|4.0.1", "#local"],
    "code": ["available", "a b", "<="],
    "date": ["2024", "2024-02", "2024-02-29", "0001-01-01"],
    "dateTime": [
        "2024",
        "2024-02",
        "2024-02-29",
        "2024-02-03T10:11:12Z",
        "2016-12-31T23:59:60+14:00",
    ],
    "decimal": [0, -1, 1.5, 1e-7, 10**400],
    "id": ["1", "1.2.840.10008", "a-B.9", "x" * 64],
    "instant": ["2024-02-03T10:11:12.123456789-05:30"],
    "integer": [0, -(2**31), 2**31 - 1],
    "markdown": ["*a*\n\nb"],
    "oid": ["urn:oid:1.2.840.10008", "urn:oid:2.25.0"],
    "positiveInt": [1, 2**31 - 1],
    "string": ["a", " a ", "a\r\n\tb", "山田^太郎", "\u00e4\u200b"],
    "time": ["10:11:12", "23:59:60.5"],
    "unsignedInt": [0, 2**31 - 1],
    "uri": [
        "urn:dicom:uid",
        "urn:oid:1.2.3",
        "urn:uuid:7d0b6a54-1f2e-5c3d-8a4b-000000000001",
        "Binary/1",
    ],
    "url": [
        "https://pacs.example.org:8443/dicom-web?x=y#z",
        "http://127.0.0.1/",
        "http://[::1]:8042/",
        "http://host_1.local",
        "http://bücher.example/",
        "mailto:a@example.org",
        "urn:uuid:7d0b6a54-1f2e-5c3d-8a4b-000000000001",
        "file:///a",
        "Binary/1",
    ],
    "uuid": ["urn:uuid:7d0b6a54-1f2e-5c3d-8a4b-000000000001"],
    "xhtml": [
        DIV.format("a &amp; b"),
        DIV.format("&#160;x<br/>"),
        DIV.format("<img src='#a'/>"),
    ],
}

BAD = {
    "base64Binary": ["", " ", "AAA", "A===", "AAAA=", "AA*A", "äAAA", 1],
    "boolean": ["true", 1, 0, None],
    "canonical": ["", "a b"],
    "code": ["", " a", "a ", "a  b", "a\x1fb", 1],
    "date": [
        "",
        "24",
        "0000",
        "2024-13",
        "2024-00",
        "2023-02-29",
        "2024-2-3",
        "2024-02-03T10:11:12Z",
        2024,
    ],
    "dateTime": [
        "2024-02-03T10:11:12",
        "2024-02-03T10:11Z",
        "2024-02-03T24:00:00Z",
        "2024-02-03 10:11:12Z",
        "2024-02-03T10:11:12+15:00",
        "2023-02-29T10:11:12Z",
        "2024-02-03T10:11:61Z",
        "\uff12024",
    ],
    "decimal": ["1.5", True, float("nan"), float("inf"), None],
    "id": ["", "x" * 65, "a_b", "a b", "ä", "a\n", 1],
    "instant": ["2024-02-03", "2024-02-03T10:11:12"],
    "integer": [1.0, True, "1", 2**31, -(2**31) - 1],
    "markdown": ["", " \n "],
    "oid": ["1.2.3", "urn:oid:3.1", "urn:oid:1.02", "urn:oid:1"],
    "positiveInt": [0, -1],
    "string": [
        "",
        " ",
        "\u00a0",
        "a\x00b",
        "a\x1bb",
        "a\ud800",
        "x" * (1024 * 1024 + 1),
        1,
        None,
        ["a"],
    ],
    "time": ["24:00:00", "10:11", "10:11:12Z"],
    "unsignedInt": [-1, 2**31, 1.5],
    "uri": [
        "",
        "a b",
        "urn:oid:1.02.3",
        "urn:uuid:7D0B6A54-1F2E-5C3D-8A4B-000000000001",
        "urn:uuid:1",
    ],
    "url": [
        "",
        "http://",
        "http://a:99999/",
        "http://1.2.3.999/",
        "http://[zz]/",
        "http://[1::2::3]/",
        "a b",
    ],
    "uuid": [
        "7d0b6a54-1f2e-5c3d-8a4b-000000000001",
        "urn:uuid:7D0B6A54-1F2E-5C3D-8A4B-000000000001",
    ],
    "xhtml": [
        "",
        "text",
        "<div>a</div>",
        DIV.format(""),
        DIV.format(" "),
        DIV.format("<script>1</script>"),
        DIV.format("<p onclick='x'>a</p>"),
        DIV.format("<b>a"),
        DIV.format("a&nbsp;b"),
        "<!DOCTYPE div>" + DIV.format("a"),
        '<p xmlns="http://www.w3.org/1999/xhtml">a</p>',
    ],
}


def cases(table: dict[str, list[Any]]) -> list[tuple[str, Any]]:
    return [(name, value) for name, values in table.items() for value in values]


def test_every_primitive_type_is_tried_with_good_and_bad_values() -> None:
    assert set(GOOD) == set(BAD) == set(PRIMITIVES)


@pytest.mark.parametrize(("name", "value"), cases(GOOD))
def test_a_value_of_right_form_holds(name: str, value: object) -> None:
    assert PRIMITIVES[name]([value])


@pytest.mark.parametrize(("name", "value"), cases(BAD))
def test_a_value_of_wrong_form_does_not_hold(name: str, value: object) -> None:
    assert not PRIMITIVES[name]([value])


@pytest.mark.parametrize(("name", "value"), cases(BAD))
def test_one_bad_value_spoils_a_column(name: str, value: object) -> None:
    assert not PRIMITIVES[name]([*GOOD[name], value])
    assert PRIMITIVES[name](GOOD[name] * 2)


LONG = 99
LETTERS = [*"a:/.?#@[]-_ 019T+Z%=\n\x00é", ""]

ADAPTERS = {
    name: TypeAdapter(getattr(fhir_core.types, f"{name[0].upper()}{name[1:]}Type"))
    for name in PRIMITIVES
    if name != "uuid"  # the models know version 4 only
}
TEXTS = [
    value for _, value in cases(GOOD) + cases(BAD) if isinstance(value, str) and len(value) < LONG
]


@st.composite
def near_values(draw: st.DrawFn) -> str:
    """A value of some type with a few characters put in, taken out or changed."""
    text = list(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text)))
        text[place : place + draw(st.integers(0, 1))] = draw(st.sampled_from(LETTERS))
    return "".join(text)


@given(value=near_values() | st.text() | st.integers() | st.floats() | st.booleans() | st.none())
def test_no_test_is_laxer_than_the_model_of_its_type(value: object) -> None:
    for name, adapter in ADAPTERS.items():
        if PRIMITIVES[name]([value]):
            try:
                adapter.validate_python(value)
            except ValidationError as error:
                pytest.fail(f"{name}: {error}")
