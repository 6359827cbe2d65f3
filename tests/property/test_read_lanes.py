"""Both lanes give the same, whatever runs are known, and no bytes whatever break the reader."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from read_cases import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    Case,
    Coder,
    MemorySource,
    big,
    explicit,
    file_meta,
    implicit,
)

from dicom2fhir.options import ReadOptions
from dicom2fhir.problems import CODES
from dicom2fhir.read import read_instance
from dicom2fhir.read.assemble import Assembly
from dicom2fhir.read.meta import read_meta
from dicom2fhir.read.runs import Runs
from dicom2fhir.read.scanner import scan, scan_elements
from dicom2fhir.read.slow import load_elements
from dicom2fhir.read.structure import DeclinedError, Encoding, Walk
from dicom2fhir.read.wanted import TOP, Items
from dicom2fhir.read.window import UnreadableError, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom2fhir.read.slow import Loaded
    from dicom2fhir.read.wanted import Raw

OPTIONS = ReadOptions(max_items=20, max_value=200, max_depth=8)
CODERS = ((explicit, EXPLICIT), (implicit, IMPLICIT), (big, BIG))
TAGS = sorted(TOP)
PRIVATE = (0x00091010, 0x00191020, 0x00291001, 0x00431099)
ITEM_TAGS = (0x00080100, 0x00080102, 0x00080104, 0x00080005, 0x00091010, 0x00400031, 0x00081199)
VRS = ("LO", "PN", "CS", "IS", "UI", "DA", "US", "FD", "UT", "UN", "OB", "SH")
CHARACTER_SET = 0x00080005
DEEPEST = 3
charsets = st.sampled_from([b"", b"ISO_IR 192", b"ISO_IR 100", b"\\ISO 2022 IR 87", b"NONE"])
values = st.one_of(
    st.sampled_from([b"", b"A", b"a\\b ", b"\0"]),
    st.binary(max_size=24),
    st.text(max_size=12).map(str.encode),
    st.binary(min_size=190, max_size=300),
)


@st.composite
def element(draw: st.DrawFn, coder: Coder, tag: int, depth: int = 0) -> bytes:
    """Draw one element: of the VR that the table has, of another one, or a sequence."""
    if tag == CHARACTER_SET:
        # pydicom itself fails where this is not text
        return coder.element(tag, "CS", draw(charsets))
    want = TOP.get(tag)
    vr = want.vr if want is not None and want.vr in VRS else draw(st.sampled_from(VRS))
    if draw(st.integers(0, 9)) == 0:
        vr = draw(st.sampled_from(VRS))
    if want is not None and want.items is not None:
        is_sequence = coder.implicit or vr == "UN" or draw(st.integers(0, 9)) > 1
    else:
        # by its dictionary pydicom knows better than an implicit sequence in place of a text
        can_be = tag in PRIVATE or not coder.implicit
        is_sequence = can_be and depth < DEEPEST and draw(st.integers(0, 9)) == 0
    if is_sequence:
        vr = draw(st.sampled_from(["SQ", "SQ", "SQ", "UN"]))
        return draw(sequence(implicit if vr == "UN" else coder, coder, tag, vr, depth))
    return coder.element(tag, vr, draw(values))


@st.composite
def sequence(draw: st.DrawFn, inner: Coder, outer: Coder, tag: int, vr: str, depth: int) -> bytes:
    """Draw a sequence; what is in one of VR UN is implicit (PS3.5 6.2.2)."""
    if outer.order == ">":
        inner, vr = outer, "SQ"
    items = []
    for _ in range(draw(st.integers(0, 3)) if depth < DEEPEST else 0):
        tags = sorted(draw(st.sets(st.sampled_from(ITEM_TAGS), max_size=4)))
        body = [draw(element(inner, one, depth + 1)) for one in tags]
        items.append(outer.item(*body, defined=draw(st.booleans())))
    return outer.sequence(tag, *items, defined=draw(st.booleans()), vr=vr)


@st.composite
def data_sets(draw: st.DrawFn, coder: Coder, syntax: str) -> bytes:
    """Draw a whole file with its four UIDs."""
    tags = draw(st.sets(st.sampled_from([*TAGS, *PRIVATE]), max_size=12))
    kept = {tag: draw(element(coder, tag)) for tag in tags if tag not in Case().elements}
    return Case(coder, syntax, elements=kept).data()


files = st.sampled_from(CODERS).flatmap(
    lambda one: data_sets(*one).map(lambda data: (data, one[0]))
)


def open_file(data: bytes, coder: Coder) -> tuple[Window, int, Encoding]:
    window = Window(MemorySource(data))
    encoding = Encoding(implicit=coder.implicit, little=coder.order == "<")
    return window, read_meta(window, 132).pos, encoding


def plain(value: Raw) -> object:
    """Return a raw value with its items as lists, to compare."""
    if not isinstance(value, Items):
        return value
    return [{tag: plain(one) for tag, one in item.items() if one} for item in value]


def outcome(walk: Walk, run: Callable[[], None]) -> tuple[object, ...]:
    """Return all that a walk may give."""
    error = ""
    try:
        run()
    except DeclinedError:
        error = "declined"
    except UnreadableError as fault:
        error = fault.code
    kept = {tag: plain(value) for tag, value in walk.values.items()}
    return error, kept, walk.problems, walk.pixels, walk.items


@settings(max_examples=150, deadline=None)
@given(files)
def test_both_lanes_give_the_same_instance(drawn: tuple[bytes, Coder]) -> None:
    data, coder = drawn
    window, pos, encoding = open_file(data, coder)
    walk: Walk | Loaded
    if encoding.little:
        walk = scan_elements(window, pos, encoding, TOP, OPTIONS)
    else:
        walk = Walk(window, encoding, OPTIONS)
        walk.top(pos, TOP)
    loaded = load_elements(window, pos, encoding, TOP, OPTIONS)
    meta = read_meta(window, 132)
    found = []
    for kept in (walk, loaded):
        assembly = Assembly(kept.values, meta, encoding.order, OPTIONS)
        instance = assembly.instance(EXPLICIT, part10=True)
        found.append((instance, assembly.problems, kept.problems, kept.pixels))
    assert found[0][0] is not None
    assert found[0] == found[1]


@st.composite
def series(draw: st.DrawFn) -> tuple[list[bytes], Coder]:
    """Draw files that share most of their bytes, some of them damaged."""
    coder, syntax = draw(st.sampled_from(CODERS[:2]))
    first = draw(data_sets(coder, syntax))
    drawn = [first]
    for _ in range(draw(st.integers(2, 7))):
        data = bytearray(draw(st.sampled_from(drawn)))
        for _ in range(draw(st.integers(0, 2))):
            at = draw(st.integers(0, len(data)))
            change = draw(st.sampled_from(["replace", "insert", "delete", "cut"]))
            piece = draw(st.binary(min_size=1, max_size=4))
            if change == "cut":
                del data[at:]
            else:
                data[at : at + (0 if change == "insert" else len(piece))] = (
                    b"" if change == "delete" else piece
                )
        drawn.append(bytes(data))
    return drawn, coder


@settings(max_examples=150, deadline=None)
@given(series())
def test_known_runs_change_nothing(drawn: tuple[list[bytes], Coder]) -> None:
    datas, coder = drawn
    runs = Runs()
    # often enough in sequence for a plan to be made, and then something else in its place
    for data in [*(data for data in datas for _ in range(6)), *datas]:
        if len(data) < 140:
            continue
        encoding = Encoding(implicit=coder.implicit)
        pos = len(file_meta(EXPLICIT if not coder.implicit else IMPLICIT))
        fresh = Walk(Window(MemorySource(data)), encoding, OPTIONS)
        known = Walk(Window(MemorySource(data)), encoding, OPTIONS)
        slow = Walk(Window(MemorySource(data)), encoding, OPTIONS)
        expected = outcome(slow, partial(slow.top, pos, TOP))
        assert outcome(fresh, partial(scan, fresh, pos, TOP, Runs())) == expected
        assert outcome(known, partial(scan, known, pos, TOP, runs)) == expected


@settings(max_examples=200, deadline=None)
@given(series(), st.booleans())
def test_no_bytes_break_the_reader(drawn: tuple[list[bytes], Coder], allow: bool) -> None:  # noqa: FBT001
    for data in drawn[0]:
        instance, problems, _lane = read_instance(
            MemorySource(data), ReadOptions(allow_truncated=allow)
        )
        assert all(problem.code in CODES for problem in problems)
        assert instance is not None or problems


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([b"", file_meta(), bytes(128) + b"DICM", struct.pack("<HHL", 8, 5, 0)]),
    st.binary(max_size=300),
)
def test_no_garbage_breaks_the_reader(head: bytes, garbage: bytes) -> None:
    result = read_instance(MemorySource(head + garbage), ReadOptions(allow_truncated=True))
    assert result.instance is not None or result.problems
