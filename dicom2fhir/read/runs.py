"""Runs: stretches of elements that were walked before and come again byte for byte.

Files of one series share most of their bytes. Where the bytes of a run stand again at the top of a
data set of the same encoding, its elements, their ends and the values to keep are what they were:
one comparison in C instead of a walk. A run is never more than what was walked, and each use
compares it again, so a result never depends on which runs are known.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from dicom2fhir.read.wanted import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom2fhir.read.wanted import RawItem

LONGEST = 16 * 1024
"""Bytes of one run."""
FARTHEST = 256 * 1024
"""Bytes of a header that are read at once because the one before was as long."""
SLACK = 1024
"""Bytes by which the next header may be longer."""
STEADY = 2
"""How often a run must have come again before it is joined with its neighbour."""
_MOST = 2 * 1024 * 1024
"""Bytes that may be remembered; then all is forgotten, so that memory stays flat."""
_LONGEST_WAIT = 64


class Run:
    """Some elements in sequence: their bytes, what is kept of them, and the single runs in it.

    `next` is what came behind it last time. A single run of an element with a 16-bit length knows
    its tag and VR (`head`) and the tag to keep its value by; while it is `varying` any value is
    taken in its place, `until` a scan of that number learns it anew.
    """

    __slots__ = (
        "data",
        "head",
        "hits",
        "items",
        "length",
        "next",
        "parts",
        "patience",
        "tag",
        "until",
        "values",
        "varying",
    )  # fmt: skip

    def __init__(
        self, data: bytes, values: RawItem, items: int = 0, parts: tuple[Run, ...] = ()
    ) -> None:
        self.data = data
        self.length = len(data)
        self.values = values
        self.items = items
        self.parts = parts
        self.next: Run = self
        self.hits = STEADY if parts else 0
        self.head = b""
        self.tag = 0
        self.varying = False
        self.until = 0
        self.patience = 1

    def vary(self, now: int) -> None:
        """Take any value in place of this one for a while, longer each time that this happens."""
        self.hits = 0
        self.varying = True
        self.until = now + self.patience
        self.patience = min(2 * self.patience, _LONGEST_WAIT)


Step: TypeAlias = "tuple[bytes, Callable[[bytes, int], tuple[bytes, int]], int, int]"
"""Bytes that end with the tag and VR of an element, what unpacks that many and a 16-bit length, how
many that is together, and the tag to keep the value by. One unpacking costs half of comparing in
place and then looking at the length."""


class Plan(NamedTuple):
    """The whole way through data sets of one kind, made once the runs have settled.

    `tail` stands behind the last step; `values` is what reading begins with and all that is kept
    and does not vary.
    """

    steps: tuple[Step, ...]
    tail: bytes
    values: RawItem
    items: int
    last: Run


class Runs:
    """The runs of one kind of data set: each by the tag it begins with, and `start` before all.

    `reach` is how far the next one may go before its pixels, as the last one did.
    """

    __slots__ = ("by_key", "plan", "reach", "remembered", "scans", "settled", "start")

    def __init__(self) -> None:
        self.by_key: dict[bytes, Run] = {}
        self.remembered = 0
        self.scans = 0
        self.settled = 0
        self.reach = 0
        self.plan: Plan | None = None
        self.start = Run(b"", {})
        # nothing is ever taken in its place
        self.start.varying = True

    def remember(self, run: Run, following: Run) -> Run:
        """Keep this run in place of the one that began with the same tag."""
        self.remembered += run.length
        if self.remembered > _MOST:
            self.by_key.clear()
            self.start.next = self.start
            self.remembered = run.length
        self.by_key[run.data[:4]] = run
        run.next = following
        return run

    def settle(self, last: Run) -> None:
        """Make a plan of the runs up to this one, once they were the same twice."""
        self.settled += 1
        if self.settled == STEADY:
            self.plan = _make_plan(self.start.next, last)

    def unsettle(self) -> None:
        """Take back the plan: something stood in another place."""
        self.settled = 0
        self.plan = None

    def learn(self, run: Run, before: Run) -> None:
        """Remember a single run behind the one before, in place of what stood there."""
        former = before.next
        if former.data[:4] == run.data[:4]:
            run.patience = former.patience
            former = former.next
        before.next = self.remember(run, former)

    def join(self, first: Run, second: Run) -> Run:
        """Return one run for two that follow each other."""
        joined = Run(
            first.data + second.data,
            {**first.values, **second.values},
            first.items + second.items,
            (*(first.parts or (first,)), *(second.parts or (second,))),
        )
        return self.remember(joined, second.next)

    def split(self, run: Run, data: bytes, at: int) -> Run:
        """Cut a run around the first element that is different here; return what begins here."""
        end = at
        for index, part in enumerate(run.parts):
            if data.startswith(part.data, end):
                end += part.length
                continue
            rest = run.parts[index + 1 :]
            following = self.remember(_joined(rest), run.next) if rest else run.next
            self.remember(part, following)
            return self.remember(_joined(run.parts[:index]), part) if index else part
        return run


@lru_cache(maxsize=8)
def find_runs(*_kind: object) -> Runs:
    """Return the runs of one kind of data set: same encoding, SOP class and limits of reading."""
    return Runs()


def _make_plan(run: Run, last: Run) -> Plan | None:
    """Return the plan of these runs; none where a tag comes twice, for then the order counts."""
    steps: list[Step] = []
    tail, items = b"", 0
    values = NOTHING.copy()
    kept: list[int] = []
    while True:
        if run.varying:
            steps.append(_step(tail + run.head, run.tag))
            tail = b""
            kept += [run.tag] if run.tag else []
        else:
            tail += run.data
            values.update(run.values)
            kept += run.values
            items += run.items
        if run is last:
            break
        run = run.next
    if len(kept) != len(set(kept)):
        return None
    return Plan(tuple(steps), tail, values, items, last)


def _step(known: bytes, tag: int) -> Step:
    layout = Struct(f"<{len(known)}sH")
    return known, layout.unpack_from, layout.size, tag


def _joined(parts: tuple[Run, ...]) -> Run:
    if len(parts) == 1:
        return parts[0]
    values: RawItem = {}
    for part in parts:
        values.update(part.values)
    return Run(
        b"".join(part.data for part in parts),
        values,
        sum(part.items for part in parts),
        parts,
    )
