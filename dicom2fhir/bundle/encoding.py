"""JSON with sorted keys, cut where bytes stand in it that are read only when they are delivered."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import orjson

from dicom2fhir.model import Bytes, decimal_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dicom2fhir.model import Json, Piece

_MARK = "\x01"
"""Stands for bytes while JSON is made: no FHIR string holds it (R4 datatypes.html#string)."""
_QUOTED = orjson.dumps(_MARK)
_QUOTE = b'"'
_OPTION = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
# Numbers that a float, or an integer of 64 bits, may not hold; finding more costs time, not truth.
_DIGITS = 18
_may_lose = re.compile(rb'(?:"\s*:|[\[,])\s*-?(?:[0-9]+[.eE]|[0-9]{%d})' % (_DIGITS + 1)).search


def encode(value: Json) -> bytes:
    """Return JSON of what holds no bytes."""
    return orjson.dumps(value, _exact, _OPTION)


def encode_pieces(value: Json) -> tuple[Piece, ...]:
    """Return JSON in pieces, one unless the value holds bytes; a Decimal keeps all its digits."""
    met: list[Bytes] = []

    def note(found: object) -> str | orjson.Fragment:
        if not isinstance(found, Bytes):
            return _exact(found)
        met.append(found)
        return _MARK

    data = orjson.dumps(value, note, _OPTION)
    if not met:
        return (data,)
    texts = data.split(_QUOTED)
    pieces: list[Piece] = [texts[0]]
    for found, text in zip(met, texts[1:], strict=True):
        pieces += (_QUOTE, found, _QUOTE + text)
    return join_pieces(pieces)


def _exact(found: object) -> orjson.Fragment:
    """Return the JSON of a Decimal: FHIR's decimal has a precision (R4 datatypes.html#decimal)."""
    if not isinstance(found, Decimal):
        raise TypeError
    return orjson.Fragment(decimal_text(found))


def decode(data: bytes) -> Json:
    """Return the value of JSON; numbers that are not whole, or very long, are exact Decimals.

    Errors: ValueError where it is no JSON
    """
    # orjson decides what is JSON, and reads alone what has nothing to lose.
    value: Json = orjson.loads(data)
    if not _may_lose(data):
        return value
    try:
        return json.loads(data, parse_float=Decimal, parse_int=_whole)
    except (ArithmeticError, RecursionError) as error:
        raise ValueError from error


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) <= _DIGITS else Decimal(text)


def decode_pieces(pieces: Iterable[Piece]) -> Json:
    """Return the value of JSON in pieces, with bytes as values: the reverse of `encode_pieces`.

    Errors: ValueError where it is no JSON
    """
    listed = list(pieces)
    met = [piece for piece in listed if isinstance(piece, Bytes)]
    texts = (piece if isinstance(piece, bytes) else _QUOTED[1:-1] for piece in listed)
    value = decode(b"".join(texts))
    return _restore(value, iter(met)) if met else value


def _restore(value: Json, met: Iterator[Bytes]) -> Json:
    """Put the bytes back in the place of their marks, in the order of the text."""
    if value == _MARK:
        return next(met)
    if isinstance(value, dict):
        return {key: _restore(inner, met) for key, inner in value.items()}
    if isinstance(value, list):
        return [_restore(inner, met) for inner in value]
    return value


def join_pieces(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return the pieces with neighbouring text joined."""
    joined: list[Piece] = []
    run: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            run.append(piece)
        else:
            joined += (b"".join(run), piece)
            run = []
    return (*joined, b"".join(run)) if run else tuple(joined)
