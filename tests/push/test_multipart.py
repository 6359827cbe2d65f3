"""multipart/related as a stream: whatever the pieces are that it comes in."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliver_cases import Source, payload
from dicom2fhir.deliver.server.multipart import (
    MultipartError,
    PartReader,
    boundary_of,
    related_length,
    write_related,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUNDARY = b"b0"


def parts(document: bytes, step: int = 7) -> list[tuple[dict[str, str], bytes]]:
    chunks = (document[start : start + step] for start in range(0, len(document), step))
    return [(dict(head), b"".join(body)) for head, body in PartReader(chunks, BOUNDARY)]


@given(
    st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.integers(min_value=1, max_value=90)
)
def test_what_is_written_is_read_back_in_pieces_of_any_size(
    contents: list[bytes], step: int
) -> None:
    names = {str(number): content for number, content in enumerate(contents)}
    payloads = [payload(name, len(content)) for name, content in names.items()]
    boundary = b"never-in-the-data-of-this-test"
    written = b"".join(write_related(payloads, boundary, Source(dict(names)).read))
    assert len(written) == related_length(payloads, boundary)
    chunks = (written[start : start + step] for start in range(0, len(written), step))
    read = [(head["content-type"], b"".join(body)) for head, body in PartReader(chunks, boundary)]
    assert read == [("application/dicom", content) for content in contents]


def test_line_breaks_and_near_boundaries_within_a_part_stay() -> None:
    body = b"\r\n--b\r\n\r\n--\r\n"
    document = b"--b0\r\nContent-Type: x/y\r\n\r\n" + body + b"\r\n--b0--\r\n"
    assert parts(document) == [({"content-type": "x/y"}, body)]


def test_text_before_the_first_part_and_a_part_without_headers_are_taken() -> None:
    assert parts(b"ignore me\r\n--b0\r\n\r\nabc\r\n--b0--") == [({}, b"abc")]


def test_a_part_that_is_not_read_is_skipped() -> None:
    document = b"--b0\r\n\r\none\r\n--b0\r\n\r\ntwo\r\n--b0--"
    assert len(list(PartReader(iter([document]), BOUNDARY))) == 2


@pytest.mark.parametrize("end", [0, 3, 10, 24, 31])
def test_a_document_that_ends_early_is_told_from_a_whole_one(end: int) -> None:
    document = b"--b0\r\nA: b\r\n\r\n0123456789\r\n--b0--\r\n"
    with pytest.raises(MultipartError):
        parts(document[:end])


def test_headers_without_an_end_are_refused() -> None:
    with pytest.raises(MultipartError):
        parts(b"--b0\r\n" + b"x" * 40_000, step=1000)


def test_a_large_part_is_never_held_whole() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"--b0\r\n\r\n"
        for _ in range(640):
            yield bytes(64 * 1024)
        yield b"\r\n--b0--"

    tracemalloc.start()
    size = sum(len(piece) for _, body in PartReader(chunks(), BOUNDARY) for piece in body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 640 * 64 * 1024
    assert peak < 1024 * 1024


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary="a b"', b"a b"),
        ("multipart/related; Boundary=abc; start=x", b"abc"),
    ],
)
def test_the_boundary_is_read_as_servers_write_it(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


def test_a_multipart_type_without_boundary_is_refused() -> None:
    with pytest.raises(MultipartError):
        boundary_of("multipart/related")
