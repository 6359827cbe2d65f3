"""What may be kept of one file, however much of it is wanted."""

from __future__ import annotations

from dicom2fhir.problems import Problem
from dicom2fhir.read.wanted import tag_text

LONGEST_SHORT = 0xFFFF
"""The largest length of 16 bits."""


class Budget:
    """How many bytes may be kept of one file; in memory they become some ten times as many.

    The first 64 KiB of each element at the top are free, as runs are: what is left out must not
    depend on what was walked before.
    """

    __slots__ = ("_before", "_is_spent", "_most", "_now", "_problems")

    def __init__(self, most: int, problems: list[Problem]) -> None:
        self._most = most
        self._problems = problems
        self._before = 0
        self._now = 0
        self._is_spent = False

    def begin(self) -> None:
        """Note that another element at the top begins."""
        if self._now > LONGEST_SHORT:
            self._before += self._now
        self._now = 0

    def admits(self, tag: int, length: int) -> bool:
        """Tell whether this value may be kept too; the first that may not is a Problem."""
        self._now += length
        if self._now <= LONGEST_SHORT or self._before + self._now <= self._most:
            return True
        if not self._is_spent:
            self._is_spent = True
            self._problems.append(Problem(code="read.value-limit", tag=tag_text(tag)))
        return False
