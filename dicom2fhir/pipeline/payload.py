"""The way from a value that stands for bytes to the bytes themselves."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from pybase64 import b64decode

from dicom2fhir.deliver import HashMismatchError, NotBase64Error, SourceChangedError
from dicom2fhir.find import open_candidate
from dicom2fhir.model import EncodedBytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.model import Bytes, ByteSource, Candidate

CHUNK: Final = 3 * 128 * 1024
"""Bytes read at a time: whole groups of base64, and few enough to stay in the processor's cache."""

BASE64_GROUP: Final = 4
SOURCE_CHANGED: Final = "deliver.source-changed"
"""The Problem of bytes that are not what was found any more."""

PREAMBLE: Final = 128
PREFIX: Final = b"DICM"
"""PS3.10 7.1."""


def read_payload(payload: Bytes) -> Iterator[bytes]:
    """Yield the bytes in chunks, after a look at whether their source is what was found.

    Another look follows the last one: what was yielded counts only when this comes to its end.
    Errors: SourceChangedError, for a source that cannot be read too
    """
    try:
        yield from _read(payload)
    except OSError:
        raise SourceChangedError from None


class PayloadReader:
    """`read_payload` for what delivers; it remembers which source had changed last."""

    def __init__(self) -> None:
        self.changed: int | None = None

    def __call__(self, payload: Bytes) -> Iterator[bytes]:
        """Yield the bytes in chunks.

        Errors: SourceChangedError
        """
        try:
            yield from read_payload(payload)
        except SourceChangedError:
            self.changed = payload.number
            raise


class Contents:
    """Payloads on their way to a server, hashed as they are read; threads may share it.

    The last chunk is held back until all of them were what was found, or what a list says.
    """

    def __init__(self) -> None:
        self._found: WeakKeyDictionary[Bytes, str] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def read(self, payload: Bytes) -> Iterator[bytes]:
        """Yield the bytes in chunks.

        Errors: SourceChangedError
        """
        digest = hashlib.sha256() if payload.claimed or not payload.sha256 else None
        held = b""
        for chunk in read_payload(payload):
            if digest is not None:
                digest.update(chunk)
            if held:
                yield held
            held = chunk
        if digest is not None:
            found = digest.hexdigest()
            if payload.claimed and found != payload.sha256:
                raise HashMismatchError
            with self._lock:
                self._found[payload] = found
        yield held

    def known(self, payload: Bytes) -> str:
        """Return the SHA-256 in hex that is known or claimed, "" where nobody has read it yet."""
        with self._lock:
            return payload.sha256 or self._found.get(payload, "")

    def sha256(self, payload: Bytes) -> str:
        """Return the SHA-256 in hex; the bytes are read where nobody has read them yet.

        Errors: SourceChangedError
        """
        if not self.known(payload):
            for _ in self.read(payload):
                pass
        return self.known(payload)


def hash_payload(payload: Bytes) -> str:
    """Return the SHA-256 of what is delivered, in hex.

    Errors: SourceChangedError
    """
    digest = hashlib.sha256()
    for chunk in read_payload(payload):
        digest.update(chunk)
    return digest.hexdigest()


def _read(payload: Bytes) -> Iterator[bytes]:
    source = open_candidate(payload.source)
    try:
        _expect(_is_as_found(payload.source))
        chunks = _chunks(source, payload)
        if isinstance(payload, EncodedBytes):
            chunks = _decoded(chunks)
        if payload.zero_preamble:
            first = next(chunks, b"")
            if first.startswith(PREFIX, PREAMBLE):
                first = bytes(PREAMBLE) + first[PREAMBLE:]
            yield first
        yield from chunks
        _expect(_is_as_found(payload.source) and not source.changed())
    finally:
        source.close()


def _chunks(source: ByteSource, payload: Bytes) -> Iterator[bytes]:
    for start, length in payload.ranges:
        offset, end = start, start + length
        while offset < end:
            chunk = source.read_at(offset, min(CHUNK, end - offset))
            _expect(bool(chunk))
            yield chunk
            offset += len(chunk)


def _decoded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what base64 stands for; each chunk but the last is of whole groups."""
    rest = b""
    for chunk in chunks:
        text = rest + chunk
        whole = len(text) - len(text) % BASE64_GROUP
        rest = text[whole:]
        try:
            yield b64decode(memoryview(text)[:whole], validate=True)
        except ValueError:
            raise NotBase64Error from None
    if rest:
        raise NotBase64Error


def _is_as_found(candidate: Candidate) -> bool:
    """Tell whether the path still leads to what it led to; what has no time is our own spool."""
    if candidate.mtime_ns is None:
        return True
    found = os.stat(candidate.path)  # noqa: PTH116 - names of any bytes
    size = candidate.size if candidate.member is None else None
    return (
        found.st_mtime_ns == candidate.mtime_ns
        and candidate.inode in {None, found.st_ino}
        and size in {None, found.st_size}
    )


def _expect(is_so: bool) -> None:  # noqa: FBT001 - a condition
    if not is_so:
        raise SourceChangedError
