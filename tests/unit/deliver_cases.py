"""What the tests of deliver share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.deliver import SourceChangedError
from dicom2fhir.deliver.blocks import blocks_of
from dicom2fhir.model import Bytes, Candidate, EncodedBundle

if TYPE_CHECKING:
    from collections.abc import Iterator


def joined(bundle: EncodedBundle) -> bytes:
    """Return a Bundle as it is written when all bytes in it are zero."""
    return b"".join(blocks_of(bundle.pieces(), lambda payload: iter((bytes(payload.length),))))


class Source:
    """Bytes to read, by the path of their candidate.

    What is missing shows when it is opened, what is None at its end: neither is what was found.
    """

    def __init__(self, contents: dict[str, bytes | None] | None = None) -> None:
        self.contents = contents or {}

    def read(self, payload: Bytes) -> Iterator[bytes]:
        """Yield the bytes in pieces of a few sizes."""
        if payload.source.path not in self.contents:
            raise SourceChangedError
        content = self.contents[payload.source.path]
        data = bytes(payload.length) if content is None else content
        step = max(1, len(data) // 7)
        for start in range(0, len(data), step):
            yield data[start : start + step]
        if content is None:
            raise SourceChangedError


def payload(path: str, length: int, sha256: str = "0" * 64) -> Bytes:
    return Bytes(source=Candidate(path=path), ranges=((0, length),), sha256=sha256)


read_nothing = Source().read
