"""Values as the rest of the program gets them."""

from __future__ import annotations

import struct

import pytest
from read_cases import Case

from dicom2fhir.read.decode import numbers, split_text


@pytest.mark.parametrize(
    ("vr", "text", "values"),
    [
        ("LO", " Head \0", ("Head",)),
        ("CS", "A\\ B\\\\C ", ("A", "B", "", "C")),
        ("CS", "\\\\", ()),
        ("LO", "   ", ()),
        ("UI", "1.2.3\0", ("1.2.3",)),
        ("DS", " 1.5\\2 ", ("1.5", "2")),
        ("PN", "Doe^John=山^田 ", ("Doe^John=山^田",)),
        ("LO", "a\x1b\x07b\x85c", ("abc",)),
        ("UT", " two\r\n\tlines\x00\x0c ", (" two\r\n\tlines",)),
        ("ST", "one\\value", ("one\\value",)),
        ("UR", "http://x/y\\z ", ("http://x/y\\z",)),
        ("UC", "a\\b", ("a", "b")),
        ("LT", "\0\0", ()),
    ],
)
def test_text_is_parted_and_stripped(vr: str, text: str, values: tuple[str, ...]) -> None:
    assert split_text(text, vr) == values


@pytest.mark.parametrize(
    ("vr", "raw", "order", "values"),
    [
        ("US", b"\1\0\2\0", "<", (1, 2)),
        ("US", b"\0\1", ">", (1,)),
        ("SS", b"\xff\xff", "<", (-1,)),
        ("UL", b"\0\0\1\0", "<", (65536,)),
        ("FD", struct.pack("<d", 0.5), "<", (0.5,)),
        ("US", b"\1\0\2", "<", (1,)),
        ("US", b"", "<", ()),
    ],
)
def test_binary_numbers_are_numbers(
    vr: str, raw: bytes, order: str, values: tuple[float, ...]
) -> None:
    assert numbers(raw, vr, order) == values


def test_files_of_one_series_share_their_mappings() -> None:
    first = Case().put(0x00200013, "IS", "1").read().instance
    second = Case().put(0x00200013, "IS", "2").read().instance
    assert first is not None
    assert second is not None
    assert first.patient is second.patient
    assert first.series is second.series
    assert first.attributes == {"InstanceNumber": ("1",)}
    assert second.attributes == {"InstanceNumber": ("2",)}


def test_what_is_remembered_is_bounded() -> None:
    for number in range(3000):
        result = (
            Case().put(0x00200013, "IS", str(number)).put(0x00100020, "LO", f"P{number}").read()
        )
        assert result.instance is not None
        assert result.instance.patient == {"PatientID": (f"P{number}",)}
        assert result.instance.attributes == {"InstanceNumber": (str(number),)}
