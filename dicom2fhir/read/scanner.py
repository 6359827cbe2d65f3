"""The fast lane: little endian, explicit or implicit, over one read of the head of the file.

It walks like `structure`, but steps over whole runs of elements that came before (`runs`) and over
other values of known elements without asking for more than their length.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from dicom2fhir.read.runs import LONGEST, STEADY, Run, Runs
from dicom2fhir.read.structure import (
    HEADER,
    LONG_HEADER,
    SHORT_VRS,
    DeclinedError,
    Walk,
)
from dicom2fhir.read.wanted import EVIDENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.structure import Encoding
    from dicom2fhir.read.wanted import RawItem, Wanted
    from dicom2fhir.read.window import Window

_TEXT_VRS = SHORT_VRS - {b"AT", b"FD", b"FL", b"SL", b"SS", b"UL", b"US"}
_LAST_GROUPS = 0x7F
"""High byte of the group from which on come pixels, padding and delimiters."""
_LONGEST_SHORT = 0xFFFF
_EVIDENCE = Struct("<HH").pack(EVIDENCE >> 16, EVIDENCE & 0xFFFF)


def scan_elements(
    window: Window,
    pos: int,
    encoding: Encoding,
    wanted: Mapping[int, Wanted],
    options: ReadOptions,
) -> Walk:
    """Return what the scanner keeps of the data set that begins here, with no runs known.

    Errors: UnreadableError; DeclinedError for what pydicom shall read
    """
    if not encoding.little:
        raise DeclinedError
    walk = Walk(window, encoding, options)
    scan(walk, pos, wanted, Runs())
    return walk


def scan(walk: Walk, pos: int, wanted: Mapping[int, Wanted], runs: Runs) -> None:
    """Scan the elements of the data set from here to the end of the file."""
    size = walk.window.size
    while size - pos >= HEADER:
        pos = _scan_held(walk, pos, wanted, runs)
        if size - pos >= HEADER:
            pos = walk.element(pos, wanted, walk.values)
    walk.leftover(pos)


def _scan_held(  # noqa: C901, PLR0912 - the innermost loop: calls would double its cost
    walk: Walk, pos: int, wanted: Mapping[int, Wanted], runs: Runs
) -> int:
    """Scan what the window holds; return where the walk must take over."""
    window = walk.window
    if walk.past or not window.hold(pos, LONG_HEADER):
        return pos
    data, base, values = window.data, window.base, walk.values
    starts, update = data.startswith, values.update
    at, held = pos - base, len(data)
    last = held - LONG_HEADER
    runs.scans = now = runs.scans + 1
    most = walk.options.max_items
    earlier = before = runs.start
    while at <= last:
        run = before.next
        if run.varying:
            if run.until > now and starts(run.head, at):
                stop = at + 8 + data[at + 6] + (data[at + 7] << 8)
                if stop <= held:
                    if run.tag:
                        values[run.tag] = data[at + 8 : stop]
                    at = stop
                    before = run
                    continue
        elif starts(run.data, at) and walk.items + run.items <= most:
            at += run.length
            if run.values:
                update(run.values)
                walk.items += run.items
            if run.hits < STEADY:
                run.hits += 1
            elif before.hits >= STEADY and before.length + run.length <= LONGEST:
                before = earlier.next = runs.join(before, run)
                continue
            earlier = before
            before = run
            continue
        if data[at + 1] >= _LAST_GROUPS:
            break
        if _guess_again(data, at, before, runs):
            continue
        after, learned = _learn(walk, base + at, wanted)
        if learned is None:
            return after
        runs.learn(learned, before)
        at += learned.length
        earlier = before
        before = learned
    return base + at


def _guess_again(data: bytes, at: int, before: Run, runs: Runs) -> bool:
    """Put what is known to stand here behind the run before; tell whether there is anything."""
    run = before.next
    if run.data[:4] != data[at : at + 4]:
        known = runs.by_key.get(data[at : at + 4])
        if known is None:
            return False
        before.next = known
        return True
    if run.varying or data.startswith(run.data, at):
        return False
    if run.parts:
        before.next = runs.split(run, data, at)
        return True
    if run.head and data.startswith(run.head, at):
        run.vary(runs.scans)
        return True
    return False


def _learn(walk: Walk, pos: int, wanted: Mapping[int, Wanted]) -> tuple[int, Run | None]:
    """Walk one element; return where the next begins, and a run of it where that can be one.

    It can where the element is whole in the window and its own affair: no Problem came of it, and
    it is neither pixels nor kept by what else is in the data set.
    """
    window = walk.window
    base, items, problems = window.base, walk.items, len(walk.problems)
    kept: RawItem = {}
    after = walk.element(pos, wanted, kept)
    walk.values.update(kept)
    at, stop = pos - base, after - base
    if window.base != base or walk.past or stop > len(window.data):
        return after, None
    data = window.data[at:stop]
    if stop - at > LONGEST or len(walk.problems) > problems or data.startswith(_EVIDENCE):
        return after, None
    run = Run(data, kept, walk.items - items)
    _note_kind(run, walk, wanted)
    return after, run


def _note_kind(run: Run, walk: Walk, wanted: Mapping[int, Wanted]) -> None:
    """Note by what another value of this element is known, and whether it is to be kept."""
    if walk.encoding.implicit or walk.options.max_value < _LONGEST_SHORT:
        return
    group, element, vr, _length = walk.explicit(run.data, 0)
    tag = group << 16 | element
    want = wanted.get(tag)
    if (want is None and vr in SHORT_VRS) or (want is not None and want.plain and vr in _TEXT_VRS):
        run.head = run.data[:6]
        run.tag = tag if want is not None else 0
