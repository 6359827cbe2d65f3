"""Runs are learned from the files of a series, and memory stays flat."""

from __future__ import annotations

from struct import pack

from read_cases import Case, MemorySource

from dicom2fhir.options import ReadOptions
from dicom2fhir.read.meta import EXPLICIT, read_meta
from dicom2fhir.read.runs import Runs
from dicom2fhir.read.scanner import scan
from dicom2fhir.read.structure import Walk
from dicom2fhir.read.wanted import TOP
from dicom2fhir.read.window import Window

OPTIONS = ReadOptions()


def image(number: int, series: str = "1", filler: int = 40) -> bytes:
    """Return one image of a series: some elements differ in value and length."""
    case = Case().put(0x00080018, "UI", f"2.25.{11**number}").put(0x00200011, "IS", series)
    case.put(0x00200013, "IS", str(number)).put(0x00080032, "TM", f"{number:06d}")
    case.put(0x00189345, "FD", pack("<d", number / 3))
    for element in range(filler):
        case.put(0x00190010 + element, "LO", f"{series}-{element}")
    case.put(0x00191080, "DS", str(number / 3)[:16])
    return case.data()


def walk_with(runs: Runs, data: bytes) -> Walk:
    window = Window(MemorySource(data))
    walk = Walk(window, EXPLICIT, OPTIONS)
    scan(walk, read_meta(window, 132).pos, TOP, runs)
    return walk


def test_a_settled_series_is_read_by_plan() -> None:
    runs = Runs()
    for number in range(1, 30):
        walk = walk_with(runs, image(number))
        assert walk.values[0x00200013].rstrip() == str(number).encode()  # type: ignore[union-attr]
    assert runs.plan is not None
    assert len(runs.plan.steps) < 10
    plan = runs.plan
    walk = walk_with(runs, image(99))
    assert walk.values[0x00200013] == b"99"
    assert walk.values[0x00189345] == pack("<d", 33.0)
    assert runs.plan is plan


def test_another_series_gets_a_plan_of_its_own() -> None:
    runs = Runs()
    for series in ("1", "2"):
        for number in range(1, 30):
            walk = walk_with(runs, image(number, series))
            assert walk.values[0x00200011].rstrip() == series.encode()  # type: ignore[union-attr]
        assert runs.plan is not None


def test_the_least_change_of_structure_is_seen() -> None:
    runs = Runs()
    for number in range(1, 30):
        walk_with(runs, image(number))
    data = image(30)
    at = data.index(b"\x20\0\x13\0IS")
    changed = data[: at + 4] + b"UN\0\0" + data[at + 6 :].replace(b"\2\0", b"\2\0\0\0", 1)
    assert walk_with(runs, changed).values == walk_with(Runs(), changed).values


def test_what_is_remembered_of_unlike_files_is_bounded() -> None:
    runs = Runs()
    for number in range(400):
        walk_with(runs, image(number, str(number), filler=400))
        assert runs.remembered <= 2 * 1024 * 1024
    assert sum(run.length for run in runs.by_key.values()) <= 2 * 1024 * 1024
