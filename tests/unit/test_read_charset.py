"""Text in every character set, and the repair of what is not in the one it declares."""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_charset_files
from read_cases import Case, MemorySource, codes, explicit

from dicom2fhir.options import ReadOptions
from dicom2fhir.read import read_instance
from dicom2fhir.read.charset import decode_text, find_charset

NAME = 0x00100010


def decode(raw: bytes, charset: str = "", *, name: bool = True) -> tuple[str, bool]:
    return decode_text(raw, find_charset(charset.encode()), name=name)


def charset_files() -> list[Path]:
    """Return pydicom's files of character sets that hold a name."""
    return sorted(Path(path) for path in get_charset_files("*.dcm") if "SQEncoding" not in path)


@pytest.mark.parametrize("path", charset_files(), ids=lambda path: path.stem)
def test_names_are_decoded_as_pydicom_decodes_them(path: Path) -> None:
    result = read_instance(MemorySource(path.read_bytes()), ReadOptions())
    assert result.instance is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = str(pydicom.dcmread(path).PatientName)
    (name,) = result.instance.patient["PatientName"]
    assert str(name).rstrip("=") == expected
    assert "read.charset" not in codes(result)


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("ISO_IR 100", b"M\xfcller", "Müller"),
        ("ISO_IR 101", b"W\xb1s", "Wąs"),
        ("ISO_IR 144", b"\xbb\xee", "Лю"),
        ("ISO_IR 203", b"\xbcuvre \xa4", "Œuvre €"),
        ("ISO 2022 IR 6\\ISO 2022 IR 203", b"\x1b-b\xbcuvre", "Œuvre"),
        ("ISO_IR 192", "山田^太郎".encode(), "山田^太郎"),
        ("GB18030", "王^小东".encode("gb18030"), "王^小东"),
        ("GBK", "王^小东".encode("gbk"), "王^小东"),
        ("ISO_IR 13", b"\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ"),
        ("ISO_IR 166", b"\xa1\xd2", "กา"),
        ("\\ISO 2022 IR 87", b"Yamada=\x1b$B;3ED\x1b(B", "Yamada=山田"),
        ("\\ISO 2022 IR 149", b"Hong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce", "Hong=洪^吉"),
        ("\\ISO 2022 IR 58", b"Wang=\x1b$)A\xcd\xf5", "Wang=王"),
        ("ISO 2022 IR 100\\ISO 2022 IR 144", b"M\xfc^\x1b-L\xbb\xee", "Mü^Лю"),
    ],
)
def test_text_is_decoded_by_its_character_set(charset: str, raw: bytes, text: str) -> None:
    assert decode(raw, charset) == (text, False)


@pytest.mark.parametrize(
    ("misspelt", "right"),
    [
        ("ISO-IR 100", "ISO_IR 100"),
        ("ISO_IR_100", "ISO_IR 100"),
        ("ISO IR 100", "ISO_IR 100"),
        ("ISO_IR 144 ", "ISO_IR 144"),
        ("ISO_2022_IR_101", "ISO 2022 IR 101"),
        ("ISO 2022-IR 149", "ISO 2022 IR 149"),
        ("iso_ir 192", "ISO_IR 192"),
        ("UTF-8", "ISO_IR 192"),
        ("ISO_IR 149", "ISO 2022 IR 149"),
    ],
)
def test_misspelt_terms_are_understood(misspelt: str, right: str) -> None:
    found = find_charset(misspelt.encode())
    assert found.known
    assert found.codec == find_charset(right.encode()).codec


@pytest.mark.parametrize("charset", ["", "ISO_IR 6", "ISO_IR 100", "\\ISO 2022 IR 87"])
def test_utf_8_is_recognised_where_latin_is_declared(charset: str) -> None:
    assert decode("Müller".encode(), charset) == ("Müller", True)


def test_latin_text_without_a_character_set_is_repaired() -> None:
    assert decode(b"M\xfcller") == ("Müller", True)
    assert decode(b"M\xfcller", "ISO_IR 100") == ("Müller", False)
    assert decode(b"\x93M\xfcller\x94", "ISO_IR 100") == ("“Müller”", True)


def test_latin_text_declared_as_utf_8_is_repaired() -> None:
    assert decode(b"M\xfcller", "ISO_IR 192") == ("Müller", True)
    assert decode(b"\x81\xfc", "ISO_IR 192") == ("\x81ü", True)


def test_a_character_that_was_cut_at_the_end_is_left_out() -> None:
    assert decode("Mü".encode()[:-1], "ISO_IR 192") == ("M", True)
    assert decode("山田".encode("gb18030")[:-1], "GB18030") == ("山", True)


def test_utf_8_is_recognised_behind_any_other_set() -> None:
    assert decode("Łódź".encode(), "ISO_IR 192") == ("Łódź", False)
    assert decode("山".encode(), "\\ISO 2022 IR 149") == ("山", True)


def test_bytes_in_no_set_are_replaced() -> None:
    text, repaired = decode(b"\xb5\xff\xff", "GB18030")
    assert repaired
    assert "�" in text


def test_korean_without_escapes_is_taken_for_the_second_set() -> None:
    assert decode("홍길동".encode("euc_kr"), "\\ISO 2022 IR 149") == ("홍길동", True)


def test_an_escape_left_out_behind_a_caret_is_repaired() -> None:
    raw = b"\x1b$)C" + "홍".encode("euc_kr") + b"^" + "길동".encode("euc_kr")
    assert decode(raw, "\\ISO 2022 IR 149") == ("홍^길동", True)


def test_an_unknown_escape_is_left_out() -> None:
    assert decode(b"A\x1b%9B", "ISO 2022 IR 6\\ISO 2022 IR 100") == ("A%9B", True)


def test_a_backslash_within_a_character_does_not_part_values() -> None:
    raw = "俓".encode("gbk")
    assert raw.endswith(b"\\")
    instance = Case().put(0x00080005, "CS", "GBK").put(0x00081030, "LO", raw).read().instance
    assert instance is not None
    assert instance.study["StudyDescription"] == ("俓",)


def read_name(term: str | None, raw: bytes, **options: str) -> tuple[object, list[str]]:
    case = Case().put(NAME, "PN", raw)
    if term is not None:
        case.put(0x00080005, "CS", term)
    result = case.read(**options)
    assert result.instance is not None
    return result.instance.patient["PatientName"], codes(result)


def test_an_unknown_term_is_a_problem_and_text_is_read_as_far_as_it_goes() -> None:
    assert read_name("KLINGON", b"Smith ") == (("Smith",), ["read.charset-unknown"])
    assert read_name("KLINGON", "Mü".encode() + b" ") == (
        ("Mü",),
        ["read.charset-unknown", "read.charset"],
    )


def test_the_option_says_what_a_missing_or_unknown_set_is() -> None:
    raw = "Люба".encode("iso8859-5")
    assert read_name(None, raw, charset="ISO_IR 144") == (("Люба",), [])
    assert read_name("KLINGON", raw, charset="ISO_IR 144") == (
        ("Люба",),
        ["read.charset-unknown"],
    )
    assert read_name("ISO_IR 100", raw, charset="ISO_IR 144")[0] != ("Люба",)


def test_an_item_may_have_a_character_set_of_its_own() -> None:
    def meaning(raw: bytes) -> bytes:
        return explicit.element(0x00080104, "LO", raw)

    own = explicit.element(0x00080005, "CS", "ISO_IR 144")
    case = Case().put(0x00080005, "CS", "ISO_IR 100")
    case.elements[0x00081032] = explicit.sequence(
        0x00081032,
        explicit.item(own, meaning("Люба".encode("iso8859-5"))),
        explicit.item(meaning(b"M\xfcll")),
    )
    result = case.read()
    assert codes(result) == []
    assert result.instance is not None
    assert result.instance.study["ProcedureCodeSequence"] == (
        {"CodeMeaning": ("Люба",)},
        {"CodeMeaning": ("Müll",)},
    )


def test_a_repair_names_the_attribute_and_is_counted() -> None:
    item = explicit.item(explicit.element(0x00080104, "LO", "Mü".encode() + b" "))
    case = Case()
    case.elements[0x00081032] = explicit.sequence(0x00081032, item, item)
    result = case.read()
    assert [(one.code, one.tag, one.count) for one in result.problems] == [
        ("read.charset", "(0008,0104)", 2)
    ]
