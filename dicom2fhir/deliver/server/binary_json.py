"""The bytes in the JSON of a Binary, decoded as they come (R4 binary.html, json.html)."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Final

from pybase64 import b64decode

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_HEAD: Final = 1024 * 1024
"""Bytes of JSON before the data: meta and extensions."""

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_DATA = re.compile(rb'"data"\s*:\s*"')
_ESCAPE = re.compile(rb"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED: Final = {b"/": b"/", b"n": b"", b"r": b"", b"t": b""}
_LONGEST_ESCAPE: Final = 6
_SPACE: Final = b" \t\r\n"
_GROUP: Final = 4
"""Characters that base64 decodes by themselves (RFC 4648 4)."""


class NoDataError(Exception):
    """The JSON is that of a resource without data."""


class DamagedDataError(Exception):
    """The data is no base64, or ends early."""


def decode_data(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the bytes of `data` at the top of the resource, however large.

    Errors: NoDataError before the first bytes; DamagedDataError
    """
    rest = b""
    for text in _data_text(chunks):
        ready = rest + text.translate(None, _SPACE)
        whole = len(ready) - len(ready) % _GROUP
        try:
            yield b64decode(ready[:whole], validate=True)
        except (binascii.Error, ValueError):
            raise DamagedDataError from None
        rest = ready[whole:]
    if rest:
        raise DamagedDataError


def _data_text(chunks: Iterator[bytes]) -> Iterator[bytes]:
    held = _find_data(chunks)
    while (end := held.find(b'"')) < 0:
        # An escape may go on in the next chunk.
        cut = held.rfind(b"\\", max(0, len(held) - _LONGEST_ESCAPE))
        cut = len(held) if cut < 0 else cut
        yield _unescape(held[:cut])
        more = next(chunks, None)
        if more is None:
            raise DamagedDataError
        held = held[cut:] + more
    yield _unescape(held[:end])
    for _ in chunks:  # what follows is read, so that the connection can serve again
        pass


def _find_data(chunks: Iterator[bytes]) -> bytes:
    """Return what came after the quotation mark that begins the data."""
    held = b""
    for chunk in chunks:
        held += chunk
        start = _start_of_data(held)
        if start is not None:
            return held[start:]
        if len(held) > MAX_HEAD:
            break
    raise NoDataError


def _start_of_data(held: bytes) -> int | None:
    depth = 0
    for token in _TOKEN.finditer(held):
        text = token[0]
        if text in b"{[":
            depth += 1
        elif text in b"}]":
            depth -= 1
        elif depth == 1 and (found := _DATA.match(held, token.start())):
            return found.end()
    return None


def _unescape(text: bytes) -> bytes:
    return _ESCAPE.sub(_replace, text) if b"\\" in text else text


def _replace(escape: re.Match[bytes]) -> bytes:
    code = escape[1]
    if code.startswith(b"u"):
        return chr(int(code[1:], 16)).encode()
    return _ESCAPED.get(code, escape[0])
