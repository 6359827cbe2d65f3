from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from deliver_cases import joined, payload
from dicom2fhir.bundle import encode_bundle
from dicom2fhir.bundle.encoding import (
    decode,
    decode_pieces,
    encode,
    encode_pieces,
    join_pieces,
)
from dicom2fhir.model import Bytes, Entry, size_of

if TYPE_CHECKING:
    from dicom2fhir.model import Piece

ONE, TWO = payload("one", 1), payload("two", 2)


def text(pieces: tuple[Piece, ...]) -> bytes:
    return b"".join(
        b64encode(bytes(piece.length)) if isinstance(piece, Bytes) else piece for piece in pieces
    )


@pytest.mark.parametrize("value", [{"b": 1, "a": ["\u0001", '"\u0001"', "ü"]}, [], "x", {}])
def test_json_without_bytes_is_one_piece(value: object) -> None:
    assert encode_pieces(value) == (orjson.dumps(value, option=orjson.OPT_SORT_KEYS),)
    assert encode_pieces(value) == (encode(value),)


def test_bytes_stand_between_the_pieces_in_the_order_of_the_keys() -> None:
    value = {"z": TWO, "a": {"data": ONE}, "m": [{"data": TWO}, 1, {"data": ONE}]}
    pieces = encode_pieces(value)
    assert pieces == (
        b'{"a":{"data":"',
        ONE,
        b'"},"m":[{"data":"',
        TWO,
        b'"},1,{"data":"',
        ONE,
        b'"}],"z":"',
        TWO,
        b'"}',
    )


@pytest.mark.parametrize("near", ["\\u0001", "\u0001 ", ' "\u0001" ', '"', "\\"])
def test_text_that_looks_like_the_mark_stays_text(near: str) -> None:
    value = {"a": near, "data": ONE, "z": [near, TWO]}
    plain = {"a": near, "data": "AA==", "z": [near, "AAA="]}
    assert text(encode_pieces(value)) == orjson.dumps(plain)


@pytest.mark.parametrize("value", [{"a": object()}, {1: 2}])
def test_what_is_no_json_is_refused(value: Any) -> None:  # noqa: ANN401 - anything at all
    with pytest.raises(TypeError):
        encode_pieces(value)


def test_neighbouring_text_is_joined() -> None:
    assert join_pieces((b"a", b"b", ONE, TWO, b"c")) == (b"ab", ONE, b"", TWO, b"c")
    assert join_pieces(()) == ()


@pytest.mark.parametrize(("length", "size"), [(0, 0), (1, 4), (2, 4), (3, 4), (4, 8), (300, 400)])
def test_bytes_count_as_their_base64(length: int, size: int) -> None:
    assert size_of((b"ab", payload("x", length))) == 2 + size


def test_a_bundle_is_as_large_as_what_is_written() -> None:
    entries = [
        Entry(full_url=f"urn:uuid:{number}", resource={"data": one}, request={"method": "PUT"})
        for number, one in enumerate((ONE, TWO, "AA=="))
    ]
    for count in range(4):
        bundle = encode_bundle("n", 1, 1, entries[:count])
        assert bundle.size == len(joined(bundle))
        assert len(orjson.loads(joined(bundle)).get("entry", ())) == count


@pytest.mark.parametrize(
    "number", ["10.50", "0.0", "-7", "1.20E+3", "0.000000120", "7.46000", "12345678901234567890123"]
)
def test_a_number_keeps_its_digits_however_often_it_is_read(number: str) -> None:
    data = f'{{"value":{number}}}'.encode()
    assert encode(decode(data)) == data
    assert encode_pieces(decode_pieces(encode_pieces(decode(data)))) == (data,)


@pytest.mark.parametrize(
    "text", [b'{"a":1.5,}', b'{"a":NaN}', b'{"a":1.5e}', b'{"a":1e-9,"b":"\xff"}']
)
def test_what_is_no_json_is_not_read(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever says that it is none
        decode(text)


def test_an_exponent_beyond_all_bounds_is_no_number() -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        decode(b'{"a":1e-99999999999999999999}')
