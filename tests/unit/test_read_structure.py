"""The structural walk: depth, items, large values, and where the file ends."""

from __future__ import annotations

import struct

import pytest
from read_cases import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    UNDEFINED,
    Case,
    Coder,
    MemorySource,
    big,
    codes,
    explicit,
    implicit,
    read,
)

from dicom2fhir.options import ReadOptions
from dicom2fhir.read import read_instance

GIB = 1 << 30
LITTLE = [(explicit, EXPLICIT), (implicit, IMPLICIT)]
EVERY = [*LITTLE, (big, BIG)]
PROCEDURE = 0x00081032


def nested(levels: int, coder: Coder = explicit, *, vr: str = "SQ") -> bytes:
    """Return private sequences of undefined length, each in the item of the one before."""
    head = coder.element(0x00091010, vr, b"", UNDEFINED)
    item = struct.pack(f"{coder.order}HHL", 0xFFFE, 0xE000, UNDEFINED)
    return (head + item) * levels + (coder.end(0xE00D) + coder.end(0xE0DD)) * levels


@pytest.mark.parametrize(("coder", "syntax"), EVERY)
@pytest.mark.parametrize(("levels", "expected"), [(10, []), (64, []), (65, ["read.too-deep"])])
def test_sequences_may_be_nested_as_deep_as_the_limit(
    coder: Coder, syntax: str, levels: int, expected: list[str]
) -> None:
    result = Case(coder, syntax, elements={0x00091010: nested(levels, coder)}).read()
    assert codes(result) == expected
    assert (result.instance is None) == bool(expected)


@pytest.mark.parametrize(("coder", "syntax"), EVERY)
def test_a_hundred_thousand_levels_are_too_deep(coder: Coder, syntax: str) -> None:
    result = Case(coder, syntax, elements={0x00091010: nested(100_000, coder)}).read()
    assert codes(result) == ["read.too-deep"]


def test_levels_of_defined_length_are_stepped_over_whole() -> None:
    body = b""
    for _ in range(500):
        body = explicit.sequence(0x00091010, explicit.item(body))
    assert codes(Case(elements={0x00091010: body}).read()) == []


def test_a_sequence_of_unknown_vr_and_undefined_length_is_implicit_inside() -> None:
    inner = implicit.element(0x00080100, "SH", "1234")
    case = Case()
    case.elements[PROCEDURE] = explicit.sequence(
        PROCEDURE, explicit.item(inner, defined=False), defined=False, vr="UN"
    )
    instance = case.read().instance
    assert instance is not None
    assert instance.study == {"ProcedureCodeSequence": ({"CodeValue": ("1234",)},)}
    assert instance.series == {"Modality": ("CT",)}


@pytest.mark.parametrize(("coder", "syntax"), EVERY)
@pytest.mark.parametrize("defined", [True, False])
def test_items_are_read_whatever_form_their_length_has(
    coder: Coder, syntax: str, *, defined: bool
) -> None:
    unknown = coder.sequence(
        0x00091010, coder.item(coder.element(0x00091011, "LO", "x")), defined=defined
    )
    item = coder.item(
        coder.element(0x00080100, "SH", "1234"),
        coder.element(0x00080104, "LO", "Head"),
        unknown,
        defined=defined,
    )
    case = Case(coder, syntax)
    case.elements[PROCEDURE] = coder.sequence(PROCEDURE, item, item, defined=defined)
    instance = case.read().instance
    assert instance is not None
    code = {"CodeValue": ("1234",), "CodeMeaning": ("Head",)}
    assert instance.study == {"ProcedureCodeSequence": (code, code)}


@pytest.mark.parametrize(("coder", "syntax"), EVERY)
def test_items_past_the_limit_are_left_unread(coder: Coder, syntax: str) -> None:
    case = Case(coder, syntax)
    items = [coder.item(coder.element(0x00080100, "SH", f"{number:02d}")) for number in range(10)]
    case.elements[PROCEDURE] = coder.sequence(PROCEDURE, *items)
    result = case.read(max_items=3)
    assert codes(result) == ["read.items-limit"]
    assert result.instance is not None
    assert len(result.instance.study["ProcedureCodeSequence"]) == 3
    assert result.instance.series == {"Modality": ("CT",)}
    assert codes(case.read(max_items=10)) == []


@pytest.mark.parametrize("tag", [PROCEDURE, 0x00091010])
@pytest.mark.parametrize("defined", [True, False])
def test_a_million_empty_items_are_survived(tag: int, *, defined: bool) -> None:
    case = Case()
    case.elements[tag] = explicit.sequence(
        tag, b"\xfe\xff\x00\xe0\0\0\0\0" * 1_000_000, defined=defined
    )
    result = case.read()
    assert codes(result) == (["read.items-limit"] if tag == PROCEDURE else [])
    assert result.instance is not None


def test_a_flood_of_items_before_garbage_is_never_given_to_pydicom() -> None:
    case = Case()
    flood = b"\xfe\xff\x00\xe0\0\0\0\0" * 200 + b"garbage!" * 2
    case.elements[0x00091010] = explicit.element(0x00091010, "SQ", flood, UNDEFINED)
    assert codes(case.read(max_items=100)) == ["read.malformed"]


@pytest.mark.parametrize(("coder", "syntax"), EVERY)
def test_a_value_over_the_limit_is_left_out(coder: Coder, syntax: str) -> None:
    case = Case(coder, syntax).put(0x00100010, "PN", "N" * 300)
    result = case.read(max_value=100)
    assert [(one.code, one.tag) for one in result.problems] == [("read.value-limit", "(0010,0010)")]
    assert result.instance is not None
    assert result.instance.patient == {"PatientID": ("P1",)}


@pytest.mark.parametrize(("coder", "syntax"), EVERY)
def test_an_attribute_of_more_values_than_the_limit_is_left_out(coder: Coder, syntax: str) -> None:
    case = Case(coder, syntax).put(0x00081070, "PN", "A\\B\\C\\D")
    result = case.read(max_values=3)
    assert [(one.code, one.tag) for one in result.problems] == [("read.value-limit", "(0008,1070)")]
    assert result.instance is not None
    assert result.instance.series == {"Modality": ("CT",)}
    assert codes(case.read(max_values=4)) == []


@pytest.mark.parametrize(("coder", "syntax"), EVERY)
def test_what_is_kept_in_all_has_a_limit(coder: Coder, syntax: str) -> None:
    case = Case(coder, syntax)
    items = [coder.item(coder.element(0x00080104, "LO", "M" * 3000)) for _ in range(30)]
    case.elements[PROCEDURE] = coder.sequence(PROCEDURE, *items)
    # Again and again: what the scanner has learned makes no difference.
    for _ in range(4):
        result = case.read(max_kept=10_000)
        limited = [(one.code, one.tag) for one in result.problems]
        assert limited == [("read.value-limit", "(0008,0104)")]
        assert result.instance is not None
        # 64 KiB of an element are free.
        assert len(result.instance.study["ProcedureCodeSequence"]) == 21
    assert codes(case.read()) == []


def test_pydicom_is_not_given_more_than_it_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(big, BIG)
    item = big.item(big.element(0x00191010, "OB", bytes(6000)), defined=False)
    case.elements[0x00191001] = big.sequence(0x00191001, item, item, defined=False)
    assert codes(case.read()) == []
    monkeypatch.setattr("dicom2fhir.read.slow._MOST_READ", 10_000)
    assert codes(case.read()) == ["read.malformed"]


class SparseSource(MemorySource):
    """A file whose values are holes: their bytes are zero and may not be read in bulk."""

    def __init__(self, pieces: list[bytes | int]) -> None:
        self.pieces = pieces
        self.size = sum(piece if isinstance(piece, int) else len(piece) for piece in pieces)

    def read_at(self, offset: int, length: int) -> bytes:
        assert length <= 1 << 20
        found, start = b"", 0
        for piece in self.pieces:
            size = piece if isinstance(piece, int) else len(piece)
            low = max(offset - start, 0)
            high = min(offset + length - start, size)
            if low < high:
                found += bytes(high - low) if isinstance(piece, int) else piece[low:high]
            start += size
        return found


@pytest.mark.parametrize(("coder", "syntax"), EVERY)
@pytest.mark.parametrize("length", [15 << 20, 4 * GIB - 16])
def test_large_values_that_nobody_wants_are_stepped_over(
    coder: Coder, syntax: str, length: int
) -> None:
    data = Case(coder, syntax).data()
    cut = data.rindex(coder.element(0x0020000D, "UI", "2.25.12"))
    hole = coder.element(0x00191010, "OB", b"", length)
    source = SparseSource([data[:cut], *([hole, length] * 5), data[cut:]])
    result = read_instance(source, ReadOptions())
    assert codes(result) == []
    assert result.instance is not None
    assert result.instance.study_uid == "2.25.12"


@pytest.mark.parametrize(("coder", "syntax"), EVERY)
@pytest.mark.parametrize("length", [0x7FFFFFF0, 0xFFFFFFF0])
def test_a_length_beyond_the_end_is_a_truncated_file(
    coder: Coder, syntax: str, length: int
) -> None:
    case = Case(coder, syntax)
    case.elements[0x00191010] = coder.element(0x00191010, "OB", b"ten bytes.", length)
    assert codes(case.read()) == ["read.truncated"]


def test_a_truncated_file_is_converted_when_asked() -> None:
    data = Case().data()[:-1]
    assert read(data).instance is None
    result = read(data, allow_truncated=True)
    assert codes(result) == ["read.truncated-kept"]
    assert result.instance is not None
    assert result.instance.patient == {"PatientID": ("P1",)}


def test_native_pixels_shorter_than_the_image_are_truncated() -> None:
    case = Case().put(0x00280010, "US", b"\4\0").put(0x00280011, "US", b"\4\0")
    case.put(0x00280100, "US", b"\x10\0").put(0x00280008, "IS", "2")
    assert codes(case.read()) == ["read.truncated"]
    assert codes(case.read(allow_truncated=True)) == ["read.truncated-kept"]
    assert codes(case.put(0x7FE00010, "OW", bytes(64)).read()) == []


def test_half_of_the_chrominance_is_not_missing() -> None:
    case = Case().put(0x00280010, "US", b"\2\0").put(0x00280011, "US", b"\2\0")
    case.put(0x00280100, "US", b"\x08\0").put(0x00280002, "US", b"\3\0")
    case.put(0x00280004, "CS", "YBR_FULL_422").put(0x7FE00010, "OB", bytes(8))
    assert codes(case.read()) == []
    assert codes(case.put(0x00280004, "CS", "YBR_FULL").read()) == ["read.truncated"]


@pytest.mark.parametrize(
    "behind",
    [
        b"",
        b"\0",
        bytes(5000),
        explicit.element(0xFFFCFFFC, "OB", bytes(126)),
        b"some words that a writer left behind",
    ],
)
@pytest.mark.parametrize("encapsulated", [True, False])
def test_what_follows_the_pixels_is_no_fault(behind: bytes, *, encapsulated: bool) -> None:
    case = Case(syntax="1.2.840.10008.1.2.4.50" if encapsulated else EXPLICIT)
    if encapsulated:
        case.elements[0x7FE00010] = explicit.sequence(
            0x7FE00010, explicit.item(), explicit.item(b"ab"), defined=False, vr="OB"
        )
    assert codes(read(case.data() + behind)) == []


@pytest.mark.parametrize("held", [3, 9, 40])
def test_padding_that_is_cut_short_is_a_truncated_file(held: int) -> None:
    padding = explicit.element(0xFFFCFFFC, "OB", bytes(126))
    assert codes(read(Case().data() + padding[:held])) == ["read.truncated"]


@pytest.mark.parametrize(
    ("behind", "expected"), [(bytes(7), []), (b"\x20\0\1", ["read.truncated"])]
)
def test_a_few_bytes_before_any_pixels_are_a_cut_header(behind: bytes, expected: list[str]) -> None:
    report = Case(sop_class="1.2.840.10008.5.1.4.1.1.66").without(0x7FE00010)
    assert codes(read(report.data() + behind)) == expected


def test_encapsulated_pixels_without_their_end_are_truncated() -> None:
    case = Case(syntax="1.2.840.10008.1.2.4.50")
    case.elements[0x7FE00010] = explicit.sequence(
        0x7FE00010, explicit.item(), explicit.item(bytes(1000)), defined=False, vr="OB"
    )
    data = case.data()
    assert codes(read(data)) == []
    assert {codes(read(data[:-cut]))[0] for cut in (1, 4, 8, 500)} == {"read.truncated"}


def test_elements_with_a_vr_of_the_future_are_stepped_over() -> None:
    case = Case(elements={0x00091010: b"\x09\0\x10\x10ZZ\4\0abcd"})
    assert codes(case.read()) == []


def test_an_implicit_element_among_explicit_ones_is_read() -> None:
    case = Case()
    case.elements[0x00100020] = implicit.element(0x00100020, "LO", "P1")
    instance = case.read().instance
    assert instance is not None
    assert instance.patient == {"PatientID": ("P1",)}


@pytest.mark.parametrize(
    ("tag", "vr", "raw", "expected"),
    [
        (0x00200013, "US", b"\7\0", {"InstanceNumber": ("7",)}),
        (0x00200013, "UN", b"7 ", {"InstanceNumber": ("7",)}),
        (0x00080008, "LO", b"A\\B ", {"ImageType": ("A", "B")}),
        (0x00200013, "SQ", b"", {}),
    ],
)
def test_a_wrong_vr_is_read_by_the_table_where_that_can_be(
    tag: int, vr: str, raw: bytes, expected: dict[str, tuple[str, ...]]
) -> None:
    instance = Case().put(tag, vr, raw).read().instance
    assert instance is not None
    assert instance.attributes == expected


def test_text_in_place_of_a_sequence_is_left_out() -> None:
    instance = Case().put(PROCEDURE, "LO", "Head").read().instance
    assert instance is not None
    assert instance.study == {}
