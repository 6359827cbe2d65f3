"""Renders on their way to delivery: a private file for each study, gone when it is delivered."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Self

from dicom2fhir.model import Bytes, Candidate
from dicom2fhir.temporary import temporary_faults

if TYPE_CHECKING:
    from pathlib import Path


class Spool:
    """A file that bytes are appended to; it is made with the first of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def add(self, data: bytes) -> Bytes:
        """Append the data and tell where it is.

        Errors: OutputError when the disk is full
        """
        with temporary_faults():
            self._append(data)
        offset, self._size = self._size, self._size + len(data)
        return Bytes(
            source=Candidate(path=str(self.path)),
            ranges=((offset, len(data)),),
            sha256=hashlib.sha256(data).hexdigest(),
        )

    def _append(self, data: bytes) -> None:
        if self._descriptor < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags, 0o600)
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]
