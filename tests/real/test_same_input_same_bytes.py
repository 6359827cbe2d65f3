"""The output depends on the files alone: not on order, place, processes or the day."""

from __future__ import annotations

import os
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.options import Options, OutputOptions
from dicom2fhir.pipeline import convert, reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SETS = ("dicognito", "duplicates-and-deflate", "fo-dicom", "highdicom", "key-objects-with-fhir")


@pytest.fixture(scope="module")
def files(real_data: Path) -> list[Path]:
    """Return some hundred real files with duplicates, conflicts and shared UIDs among them."""
    return sorted(one for name in SETS for one in (real_data / name).rglob("*") if one.is_file())


def write_bundles(sources: Sequence[str], out: Path, workers: int = 1) -> bytes:
    """Convert the sources to NDJSON and return its bytes."""
    options = Options(
        sources=tuple(sources),
        output=OutputOptions(path=str(out)),
        workers=workers,
        check="fast",
    )
    convert(options)
    return out.read_bytes()


@pytest.fixture(scope="module")
def expected(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return what the files give in the order of their names."""
    return write_bundles([str(one) for one in files], tmp_path_factory.mktemp("x") / "a.ndjson")


def test_the_order_of_the_files_does_not_matter(
    files: list[Path], expected: bytes, tmp_path: Path
) -> None:
    shuffled = files[:]
    random.Random(3).shuffle(shuffled)  # noqa: S311
    assert write_bundles([str(one) for one in shuffled], tmp_path / "b.ndjson") == expected


def test_the_place_the_names_and_the_times_do_not_matter(
    files: list[Path], expected: bytes, tmp_path: Path
) -> None:
    for number, path in enumerate(reversed(files)):
        folder = tmp_path / "elsewhere" / str(number % 7)
        folder.mkdir(parents=True, exist_ok=True)
        copy = folder / f"{number:05d}"
        shutil.copyfile(path, copy)
        os.utime(copy, (1, 1))
    assert write_bundles([str(tmp_path / "elsewhere")], tmp_path / "c.ndjson") == expected


def test_two_processes_write_what_one_writes(
    files: list[Path], expected: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAYS_FOR_WORKERS", 8)
    monkeypatch.setattr(reading, "CHUNK", 5)
    written = write_bundles([str(one) for one in files], tmp_path / "d.ndjson", workers=2)
    assert written == expected


def test_the_zone_of_the_machine_does_not_matter(
    files: list[Path], expected: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    assert write_bundles([str(one) for one in files], tmp_path / "e.ndjson") == expected
