"""What can be wrong with one image, and the guard around the libraries that read it."""

from __future__ import annotations

import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class RenderError(Exception):
    """An image cannot be rendered: a code of the table of Problems and a fact without patient."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


RAISES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    SyntaxError,  # Pillow's word for a broken file
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom, its decoders, numpy and Pillow raise on bad input."""


@contextmanager
def guarded(detail: str = "") -> Iterator[None]:
    """Raise what libraries raise on bad input as a RenderError.

    Errors: RenderError pixels.undecodable, or pixels.too-large where memory ends
    """
    try:
        yield
    except MemoryError as error:
        raise RenderError("pixels.too-large", "memory ended") from error
    except RAISES as error:
        raise RenderError("pixels.undecodable", detail) from error
