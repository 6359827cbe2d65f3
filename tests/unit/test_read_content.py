"""Content trees as attributes: whole, in every encoding, within limits."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from read_cases import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    Case,
    Coder,
    MemorySource,
    big,
    data_set,
    explicit,
    file_meta,
    implicit,
)

from dicom2fhir.options import ReadOptions
from dicom2fhir.read import ContentResult, read_content

if TYPE_CHECKING:
    from dicom2fhir.model import Attributes

SR = "1.2.840.10008.5.1.4.1.1.88.33"
CONTENT = 0x0040A730
PIXELS = 0x7FE00010
EVIDENCE = 0x0040A375


def read(data: bytes, **options: object) -> ContentResult:
    return read_content(MemorySource(data), ReadOptions(**options))  # type: ignore[arg-type]


def concept(coder: Coder, tag: int, value: str, meaning: str, *, defined: bool = True) -> bytes:
    return coder.sequence(
        tag,
        coder.item(
            coder.element(0x00080100, "SH", value),
            coder.element(0x00080102, "SH", "DCM"),
            coder.element(0x00080104, "LO", meaning),
            defined=defined,
        ),
        defined=defined,
    )


def number(coder: Coder, value: str, *, defined: bool = True) -> bytes:
    measured = coder.item(
        concept(coder, 0x004008EA, "mm", "mm", defined=defined),
        coder.element(0x0040A161, "FD", struct.pack(coder.order + "d", 1.5)),
        coder.element(0x0040A30A, "DS", value),
        defined=defined,
    )
    return coder.item(
        coder.element(0x0040A010, "CS", "CONTAINS"),
        coder.element(0x0040A040, "CS", "NUM"),
        concept(coder, 0x0040A043, "1", "Größe", defined=defined),
        coder.sequence(0x0040A300, measured, defined=defined),
        defined=defined,
    )


def outline(coder: Coder, *values: float) -> bytes:
    return coder.item(
        coder.element(0x0040A040, "CS", "SCOORD"),
        coder.element(0x00700022, "FL", struct.pack(f"{coder.order}{len(values)}f", *values)),
        coder.element(0x00700023, "CS", "POLYLINE"),
        coder.element(0x0040DB73, "UL", struct.pack(coder.order + "3L", 1, 2, 1)),
    )


def document(coder: Coder, syntax: str | None, *items: bytes, defined: bool = True) -> Case:
    case = Case(coder, syntax, SR).without(PIXELS)
    case.put(0x00080005, "CS", "ISO_IR 192")
    case.elements[CONTENT] = coder.sequence(CONTENT, *items, defined=defined)
    return case


def plain(syntax: str, coder: Coder, *, defined: bool = True) -> Case:
    items = number(coder, "1.50", defined=defined), outline(coder, 0.5, 2)
    return document(coder, syntax, *items, defined=defined)


def content(attributes: Attributes | None) -> list[Attributes]:
    assert attributes is not None
    return list(attributes["ContentSequence"])  # type: ignore[arg-type]


EXPECTED = [
    {
        "RelationshipType": ("CONTAINS",),
        "ValueType": ("NUM",),
        "ConceptNameCodeSequence": (
            {"CodeValue": ("1",), "CodingSchemeDesignator": ("DCM",), "CodeMeaning": ("Größe",)},
        ),
        "MeasuredValueSequence": (
            {
                "MeasurementUnitsCodeSequence": (
                    {
                        "CodeValue": ("mm",),
                        "CodingSchemeDesignator": ("DCM",),
                        "CodeMeaning": ("mm",),
                    },
                ),
                "FloatingPointValue": (1.5,),
                "NumericValue": ("1.50",),
            },
        ),
    },
    {
        "ValueType": ("SCOORD",),
        "GraphicData": (0.5, 2.0),
        "GraphicType": ("POLYLINE",),
        "ReferencedContentItemIdentifier": (1, 2, 1),
    },
]


@pytest.mark.parametrize("defined", [True, False])
@pytest.mark.parametrize(
    ("syntax", "coder"), [(EXPLICIT, explicit), (IMPLICIT, implicit), (BIG, big)]
)
def test_a_tree_is_the_same_in_every_encoding(syntax: str, coder: Coder, *, defined: bool) -> None:
    found = read(plain(syntax, coder, defined=defined).data())
    assert content(found.attributes) == EXPECTED
    assert found.problems == ()


def test_a_deflated_tree_is_inflated() -> None:
    deflater = zlib.compressobj(wbits=-15)
    body = deflater.compress(data_set(plain(EXPLICIT, explicit).elements)) + deflater.flush()
    assert content(read(file_meta(DEFLATED, SR) + body).attributes) == EXPECTED


def test_a_tree_without_preamble_and_meta_is_read() -> None:
    assert content(read(data_set(plain(EXPLICIT, explicit).elements)).attributes) == EXPECTED


def test_what_pydicom_reads_is_the_same() -> None:
    case = plain(EXPLICIT, explicit)
    # a delimiter at the top is left to pydicom
    case.elements[CONTENT] += explicit.end(0xE0DD)
    assert content(read(case.data()).attributes) == EXPECTED


def test_the_same_concept_again_is_the_same_value() -> None:
    case = document(explicit, EXPLICIT, *(number(explicit, str(value)) for value in range(3)))
    first, *others = content(read(case.data()).attributes)
    for other in others:
        assert other["ConceptNameCodeSequence"] is first["ConceptNameCodeSequence"]
    assert [item["MeasuredValueSequence"][0]["NumericValue"] for item in (first, *others)] == [  # type: ignore[index,call-overload]
        ("0",),
        ("1",),
        ("2",),
    ]


def test_an_empty_item_keeps_its_place() -> None:
    case = document(explicit, EXPLICIT, explicit.item(), number(explicit, "2"))
    empty, after = content(read(case.data()).attributes)
    assert (empty, after["ValueType"]) == ({}, ("NUM",))


def test_evidence_is_kept_of_any_sop_class() -> None:
    reference = explicit.item(explicit.element(0x00081155, "UI", "2.25.5"))
    series = explicit.item(explicit.sequence(0x00081199, reference))
    study = explicit.item(
        explicit.sequence(0x00081115, series), explicit.element(0x0020000D, "UI", "2.25.12")
    )
    case = plain(EXPLICIT, explicit)
    case.elements[EVIDENCE] = explicit.sequence(EVIDENCE, study)
    attributes = read(case.data()).attributes
    assert attributes is not None
    assert "CurrentRequestedProcedureEvidenceSequence" in attributes


def deep(levels: int, *, defined: bool) -> bytes:
    item = explicit.item(explicit.element(0x0040A040, "CS", "TEXT"), defined=defined)
    for _ in range(levels):
        below = explicit.sequence(CONTENT, item, defined=defined)
        item = explicit.item(below, defined=defined)
    return item


@pytest.mark.parametrize("defined", [True, False])
def test_items_below_the_limit_of_depth_are_left_out(*, defined: bool) -> None:
    case = document(explicit, EXPLICIT, deep(6, defined=defined), defined=defined)
    found = read(case.data(), max_depth=4)
    assert [(one.code, one.tag) for one in found.problems] == [("sr.too-deep", "(0040,A730)")]
    (item,) = content(found.attributes)
    for _ in range(2):
        (item,) = content(item)
    assert content(item) == [{}]


@pytest.mark.parametrize("defined", [True, False])
@pytest.mark.parametrize("levels", [500, 5000])
def test_a_tree_of_thousands_of_levels_stays_within_the_limit(
    levels: int, *, defined: bool
) -> None:
    case = document(explicit, EXPLICIT, deep(levels, defined=defined), defined=defined)
    found = read(case.data(), max_depth=10_000)
    assert {one.code for one in found.problems} <= {"sr.too-deep", "sr.unreadable"}
    assert found.problems


def test_many_coordinates_are_no_fault() -> None:
    case = document(explicit, EXPLICIT, outline(explicit, *range(5000)))
    found = read(case.data())
    assert len(content(found.attributes)[0]["GraphicData"]) == 5000
    assert found.problems == ()


def test_items_beyond_the_limit_are_left_out_with_a_problem() -> None:
    items = [number(explicit, str(value)) for value in range(100)]
    found = read(document(explicit, EXPLICIT, *items).data(), max_items=10)
    assert [one.code for one in found.problems] == ["read.items-limit"]
    assert 10 <= len(content(found.attributes)) < 100


@pytest.mark.parametrize("allow_truncated", [True, False])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_a_cut_tree_is_unreadable(keep: float, *, allow_truncated: bool) -> None:
    data = plain(EXPLICIT, explicit).data()
    found = read(data[: int(len(data) * keep)], allow_truncated=allow_truncated)
    assert found.attributes is None
    assert [one.code for one in found.problems] == ["sr.unreadable"]


def test_what_is_no_dicom_is_unreadable() -> None:
    found = read(b"plain text of no interest" * 20)
    assert found == ContentResult(None, found.problems)
    assert [(one.code, one.detail) for one in found.problems] == [
        ("sr.unreadable", "read.not-dicom")
    ]


def test_the_header_tells_that_there_is_a_tree_or_a_waveform() -> None:
    with_tree = plain(EXPLICIT, explicit).read().instance
    waveform = Case().put(0x54000100, "SQ", b"").read().instance
    neither = Case().read().instance
    assert with_tree is not None
    assert waveform is not None
    assert neither is not None
    assert "ContentSequence" in with_tree.attributes
    assert "WaveformSequence" in waveform.attributes
    assert neither.attributes.keys().isdisjoint({"ContentSequence", "WaveformSequence"})
