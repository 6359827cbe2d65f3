"""How a run tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Is told of progress; it must be quick."""

    def stage(self, name: str) -> None:
        """Note that a stage begins: read or write."""

    def read(self, files: int) -> None:
        """Note how many files were read or left alone so far."""

    def written(self, studies: int, total: int) -> None:
        """Note how many studies were written so far."""


class Unwatched:
    """A Watch that looks away."""

    def stage(self, name: str) -> None:
        """Look away."""

    def read(self, files: int) -> None:
        """Look away."""

    def written(self, studies: int, total: int) -> None:
        """Look away."""
