"""The bytes in the JSON of a Binary, as they come."""

from __future__ import annotations

import json
import tracemalloc
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom2fhir.deliver.server.binary_json import DamagedDataError, NoDataError, decode_data

if TYPE_CHECKING:
    from collections.abc import Iterator


def decode(document: bytes, step: int = 5) -> bytes:
    chunks = (document[start : start + step] for start in range(0, len(document), step))
    return b"".join(decode_data(chunks))


TEXTS = st.text(max_size=12)
META = st.recursive(
    TEXTS | st.sampled_from(["data", '"data":"', "}{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(min_size=1, max_size=80), META, st.integers(min_value=1, max_value=50))
def test_data_is_found_wherever_it_stands_and_however_it_comes(
    data: bytes, meta: object, step: int
) -> None:
    resource = {
        "resourceType": "Binary",
        "meta": {"data": meta, "x": ["data", meta]},
        "data": b64encode(data).decode(),
        "contentType": "application/dicom",
    }
    assert decode(json.dumps(resource).encode(), step) == data


@pytest.mark.parametrize(
    "text", ["+\\/8=", "\\u002b\\u002f8\\u003d", "+/\\n8=", " +/ 8\t=", "+\\/8\\u003D"]
)
@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_escapes_and_white_space_within_the_data_are_undone(text: str, step: int) -> None:
    assert decode(f'{{"data" : "{text}"}}'.encode(), step) == b"\xfb\xff"


@pytest.mark.parametrize(
    "document",
    [
        b"{}",
        b'{"resourceType":"Binary","contentType":"data"}',
        b'{"meta":{"data":"QUJD"}}',
        b'{"data":null}',
        b"<html>",
        b"",
    ],
)
def test_a_resource_without_data_is_told(document: bytes) -> None:
    with pytest.raises(NoDataError):
        decode(document)


@pytest.mark.parametrize("document", [b'{"data":"QUJ', b'{"data":"QUJ"}', b'{"data":"Q*JD"}'])
def test_data_that_ends_early_or_is_no_base64_is_told(document: bytes) -> None:
    with pytest.raises(DamagedDataError):
        decode(document)


def test_large_data_is_never_held_whole() -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"data":"'
        for _ in range(640):
            yield b"QUJD" * 16 * 1024
        yield b'"}'

    tracemalloc.start()
    size = sum(map(len, decode_data(chunks())))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 640 * 48 * 1024
    assert peak < 1024 * 1024
