"""`--waveforms`: the samples of an ECG are those that pydicom reads, scaled as the FHIR says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from dicom2fhir.model import Resource

ECG = str(get_testdata_file("waveform_ecg.dcm", download=False))


@pytest.fixture
def observations(folder: Path, invoke: Callable[..., Result]) -> list[Resource]:
    assert invoke("convert", ECG, "-o", "ecg.json", "--waveforms").exit_code == 0
    return _observations(folder)


def _observations(folder: Path) -> list[Resource]:
    bundle = json.loads((folder / "ecg.json").read_text(), parse_float=Decimal)
    found = (entry["resource"] for entry in bundle["entry"])
    return [one for one in found if one["resourceType"] == "Observation"]


def test_every_sample_is_that_of_pydicom(observations: list[Resource]) -> None:
    data = pydicom.dcmread(ECG)
    channels = iter([one["valueSampledData"] for one in observations if "hasMember" not in one])
    for number, group in enumerate(data.WaveformSequence):
        expected = data.waveform_array(number)
        for index in range(int(group.NumberOfWaveformChannels)):
            sampled = next(channels)
            samples = np.array(sampled["data"].split(), dtype="float64")
            values = samples * float(sampled["factor"]) + float(sampled["origin"]["value"])
            assert np.array_equal(values, expected[:, index])
            assert sampled["period"] == 1000 / Decimal(str(group.SamplingFrequency))
    assert next(channels, None) is None


def test_each_group_has_its_leads_as_members(observations: list[Resource]) -> None:
    groups = [one for one in observations if "hasMember" in one]
    assert [one["code"]["text"] for one in groups] == ["RHYTHM", "MEDIAN BEAT"]
    assert [len(one["hasMember"]) for one in groups] == [12, 12]


def test_nothing_comes_of_a_waveform_unless_asked(
    folder: Path, invoke: Callable[..., Result]
) -> None:
    assert invoke("convert", ECG, "-o", "ecg.json").exit_code == 0
    assert _observations(folder) == []
