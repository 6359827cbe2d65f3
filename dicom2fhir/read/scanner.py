"""The fast lane: little endian, explicit or implicit, over one read of the head of the file.

It walks like `structure`, but steps over whole runs of elements that came before (`runs`) and over
other values of known elements without asking for more than their length.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dicom2fhir.read.attributes import EVIDENCE
from dicom2fhir.read.budget import LONGEST_SHORT
from dicom2fhir.read.runs import FARTHEST, LONGEST, SLACK, STEADY, Plan, Run, Runs
from dicom2fhir.read.structure import (
    HEADER,
    LONG_HEADER,
    LONG_VRS,
    SHORT_VRS,
    DeclinedError,
    Walk,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.structure import Encoding
    from dicom2fhir.read.wanted import RawItem, Wanted
    from dicom2fhir.read.window import Window

_TEXT_VRS = SHORT_VRS - {b"AT", b"FD", b"FL", b"SL", b"SS", b"UL", b"US"} | {b""}
_NOTHING: RawItem = {}
_LAST_GROUPS = 0x7F
"""High byte of the group from which on come pixels, padding and delimiters."""
_EVIDENCE = struct.pack("<HH", EVIDENCE.tag >> 16, EVIDENCE.tag & 0xFFFF)


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
    """Scan the elements of the data set from here to the end of the file.

    The first data set of a kind is only read: learning pays from the second on.
    """
    window, start = walk.window, pos
    size = window.size
    known = runs.scans > 0
    runs.scans += 1
    window.extend(start + runs.reach)
    if runs.plan is not None:
        after = _follow(walk, pos, runs.plan)
        if not after:
            runs.unsettle()
        else:
            pos = walk.element(after, wanted, walk.values) if size - after >= HEADER else after
    while size - pos >= HEADER:
        pos = _scan_held(walk, pos, wanted, runs) if known else _scan_plain(walk, pos, wanted)
        if size - pos >= HEADER:
            pos = walk.element(pos, wanted, walk.values)
    runs.reach = min(walk.pixels_at - start + SLACK, FARTHEST)
    walk.leftover(pos)


def _scan_plain(  # noqa: C901 - an innermost loop: calls would double its cost
    walk: Walk, pos: int, wanted: Mapping[int, Wanted]
) -> int:
    """Read elements that need no more than to be kept or stepped over, until one needs more."""
    window, values, implicit = walk.window, walk.values, walk.encoding.implicit
    if walk.past or not window.hold(pos, LONG_HEADER):
        return pos
    data, base = window.data, window.base
    at, held = pos - base, len(data)
    largest = min(walk.options.max_value, LONGEST_SHORT)
    while at <= held - LONG_HEADER:
        start = at + HEADER
        if implicit:
            group, element, length = walk.implicit(data, at)
            vr = b""
        else:
            group, element, vr, length = walk.explicit(data, at)
            if vr in LONG_VRS:
                (length,) = walk.long(data, start)
                start = at + LONG_HEADER
            elif vr not in SHORT_VRS:
                break
        stop = start + length
        if stop > held or not 0 < group < _LAST_GROUPS << 8:
            break
        want = wanted.get(group << 16 | element)
        if want is not None:
            if length > largest or not (vr == want.binary or (want.plain and vr in _TEXT_VRS)):
                break
            values[group << 16 | element] = data[start:stop]
        at = stop
    return base + at


def _follow(walk: Walk, pos: int, plan: Plan) -> int:
    """Follow the plan to its end; return where that is, or 0 if the plan does not fit."""
    data, base, values = walk.window.data, walk.window.base, plan.values.copy()
    at = pos - base
    try:
        for known, unpack, span, tag in plan.steps:
            found, length = unpack(data, at)
            if found != known:
                return 0
            at += span
            if tag:
                values[tag] = data[at : at + length]
            at += length
    except struct.error:
        # the window ends before the element does
        return 0
    if plan.items > walk.options.max_items or not data.startswith(plan.tail, at):
        return 0
    walk.values = values
    walk.items += plan.items
    return base + at + len(plan.tail)


def _scan_held(  # noqa: C901, PLR0912 - the innermost loop: calls would double its cost
    walk: Walk, pos: int, wanted: Mapping[int, Wanted], runs: Runs
) -> int:
    """Scan what the window holds; return where the walk must take over."""
    window = walk.window
    if walk.past or not window.hold(pos, LONG_HEADER):
        return pos
    data, base, values = window.data, window.base, walk.values
    if data[pos - base + 1] >= _LAST_GROUPS:
        return pos
    starts = data.startswith
    at, held = pos - base, len(data)
    now = runs.scans
    settled = True
    earlier = before = runs.start
    while at <= held - LONG_HEADER:
        run = before.next
        if run.varying:
            if run.until > now and starts(run.head, at):
                stop = at + HEADER + data[at + 6] + (data[at + 7] << 8)
                if stop <= held:
                    if run.tag:
                        values[run.tag] = data[at + HEADER : stop]
                    at = stop
                    before = run
                    continue
        elif starts(run.data, at) and walk.items + run.items <= walk.options.max_items:
            at += run.length
            if run.values:
                values.update(run.values)
                walk.items += run.items
            if run.hits < STEADY:
                run.hits += 1
                settled = False
            elif before.hits >= STEADY and before.length + run.length <= LONGEST:
                before = earlier.next = runs.join(before, run)
                settled = False
                continue
            earlier = before
            before = run
            continue
        if data[at + 1] >= _LAST_GROUPS:
            if settled:
                runs.settle(before)
            break
        settled = False
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
    run = None if walk.encoding.implicit else _learn_plain(walk, pos - window.base, wanted)
    if run is not None:
        return pos + run.length, run
    base, items, problems = window.base, walk.items, len(walk.problems)
    kept: RawItem = {}
    try:
        after = walk.element(pos, wanted, kept)
    finally:
        # An element that ends early leaves what it has, as without runs.
        walk.values.update(kept)
    at, stop = pos - base, after - base
    if window.base != base or walk.past or stop > len(window.data):
        return after, None
    data = window.data[at:stop]
    if stop - at > LONGEST or len(walk.problems) > problems or data.startswith(_EVIDENCE):
        return after, None
    return after, Run(data, kept, walk.items - items)


def _learn_plain(walk: Walk, at: int, wanted: Mapping[int, Wanted]) -> Run | None:
    """Read an element of a 16-bit length that needs no more than to be kept or stepped over."""
    data = walk.window.data
    group, element, vr, length = walk.explicit(data, at)
    stop = at + HEADER + length
    if vr not in SHORT_VRS or stop > len(data) or not 0 < group < _LAST_GROUPS << 8:
        return None
    tag = group << 16 | element
    want = wanted.get(tag)
    if want is None:
        kept, keep = _NOTHING, 0
    elif length <= walk.options.max_value and (
        vr == want.binary or (want.plain and vr in _TEXT_VRS)
    ):
        keep = tag
        kept = {tag: data[at + HEADER : stop]}
        walk.values.update(kept)
    else:
        return None
    run = Run(data[at:stop], kept)
    if walk.options.max_value >= LONGEST_SHORT:
        run.head, run.tag = run.data[:6], keep
    return run
