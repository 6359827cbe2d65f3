"""Files that were cut short are told apart from whole ones, wherever the cut is."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from read_cases import MemorySource

from dicom2fhir.options import ReadOptions
from dicom2fhir.problems import Severity
from dicom2fhir.read import read_instance

SEEDS = (
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "JPEG2000.dcm",
    "MR_small_RLE.dcm",
    "image_dfl.dcm",
    "test-SR.dcm",
    "rtplan.dcm",
)
EVERY_CUT_BELOW = 2048
RANDOM_CUTS = 500


def is_flagged(data: bytes) -> bool:
    instance, problems, _lane = read_instance(MemorySource(data), ReadOptions())
    return instance is None or any(one.severity is not Severity.INFO for one in problems)


@pytest.mark.parametrize("name", SEEDS)
def test_a_cut_file_is_flagged_and_a_whole_one_is_not(name: str) -> None:
    data = Path(str(get_testdata_file(name))).read_bytes()
    chance = random.Random(name)  # noqa: S311
    cuts = {*range(min(EVERY_CUT_BELOW, len(data)))}
    cuts |= {chance.randrange(len(data)) for _ in range(RANDOM_CUTS)}
    missed = [cut for cut in sorted(cuts) if not is_flagged(data[:cut])]
    assert len(missed) <= len(cuts) // 1000
    assert not is_flagged(data)
