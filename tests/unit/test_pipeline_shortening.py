"""Long base64 is cut from what is checked, and nothing else is."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from dicom2fhir.pipeline.shortening import CHUNK, KEPT, shorten


def shortened(data: bytes) -> bytes:
    return shorten(io.BytesIO(data)).read()


def test_a_document_without_long_base64_stays_as_it_is() -> None:
    data = b'{"text": "' + b"words and more " * 200_000 + b'"}\n'
    assert shortened(data) == data


def test_long_base64_keeps_its_beginning_and_the_rest_of_four() -> None:
    for length in range(3 * CHUNK, 3 * CHUNK + 4):
        cut = shortened(b'{"data": "' + b"QUJD" * (length // 4) + b"QUJD"[: length % 4] + b'=="}')
        run = cut.removeprefix(b'{"data": "').removesuffix(b'=="}')
        assert KEPT <= len(run) <= 2 * KEPT
        assert run == (b"QUJD" * KEPT)[: len(run)]
        assert len(run) % 4 == length % 4


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([b'"', b" ", b"=", b"A"]), st.integers(0, 3 * KEPT)), max_size=8
    )
)
def test_what_is_cut_is_only_ever_base64(parts: list[tuple[bytes, int]]) -> None:
    data = b"".join(part * count for part, count in parts)
    cut = shortened(data)
    others = bytes.maketrans(b"", b"")
    assert cut.translate(others, b"A") == data.translate(others, b"A")
    assert cut.count(b"A") % 4 == data.count(b"A") % 4
