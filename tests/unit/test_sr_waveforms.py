"""Waveforms as numbers: the scale, the order of channels, what is no sample, what is refused."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom2fhir.content import Channel, Waveform
from dicom2fhir.model import Coded
from dicom2fhir.sr import UnwritableError, understand_waveform

KEY = ("1.2.3", 1)
MILLIVOLT = {
    "CodeValue": ["mV"],
    "CodingSchemeDesignator": ["UCUM"],
    "CodeMeaning": ["millivolt"],
}


def lead(number: int, **more: list[object]) -> dict[str, list[object]]:
    source = {
        "CodeValue": [f"2:{number}"],
        "CodingSchemeDesignator": ["MDC"],
        "CodeMeaning": [f"Lead {number}"],
    }
    return {
        "ChannelSourceSequence": [source],
        "ChannelSensitivity": ["0.005"],
        "ChannelSensitivityUnitsSequence": [MILLIVOLT],
        **more,
    }


def group(samples: int, *leads: dict[str, list[object]], **more: list[object]) -> dict[str, object]:
    return {
        "NumberOfWaveformChannels": [len(leads)],
        "NumberOfWaveformSamples": [samples],
        "SamplingFrequency": ["500"],
        "WaveformBitsAllocated": [16],
        "WaveformSampleInterpretation": ["SS"],
        "ChannelDefinitionSequence": list(leads),
        **more,
    }


def understand(
    found: dict[str, object], *numbers: int, padding: bytes = b"", order: str = "<", each: str = "h"
) -> Waveform:
    data = struct.pack(f"{order}{len(numbers)}{each}", *numbers)
    return understand_waveform(KEY, found, data, padding, order)


def channels(made: Waveform) -> list[list[str]]:
    return [channel.samples.split() for channel in made.channels]


def test_channels_take_turns() -> None:
    made = understand(group(3, lead(1), lead(2)), 1, -10, 2, -20, 3, -30)
    assert channels(made) == [["1", "2", "3"], ["-10", "-20", "-30"]]
    assert [one.name.meaning for one in made.channels if one.name] == ["Lead 1", "Lead 2"]
    assert made.period == "2"


def test_the_scale_is_exact() -> None:
    scaled = lead(1, ChannelSensitivityCorrectionFactor=["1.0000000001"], ChannelBaseline=["-1.50"])
    (channel,) = understand(group(1, scaled), 7).channels
    assert channel.factor == "0.0050000000005"
    assert channel.baseline == "-1.5"
    assert channel.unit == Coded(value="mV", scheme="UCUM", meaning="millivolt")


def test_a_channel_without_a_scale_is_its_samples() -> None:
    (channel,) = understand(group(1, {"ChannelLabel": ["A"]}), 7).channels
    assert channel == Channel(1, None, "A", (), None, "0", "1", "7")


def test_padding_is_no_sample() -> None:
    made = understand(group(4, lead(1)), 1, -32768, 3, 4, padding=struct.pack("<h", -32768))
    assert channels(made) == [["1", "E", "3", "4"]]


def test_bytes_that_fill_up_the_data_are_no_samples() -> None:
    found = group(3, lead(1), WaveformBitsAllocated=[8], WaveformSampleInterpretation=["UB"])
    assert channels(understand(found, 1, 2, 255, 0, each="B")) == [["1", "2", "255"]]


@given(
    kind=st.sampled_from([(8, "SB", "b"), (16, "US", "H"), (32, "SL", "i"), (32, "UL", "I")]),
    order=st.sampled_from(["<", ">"]),
    raw=st.binary(min_size=48, max_size=48),
)
def test_every_sample_comes_back_in_any_encoding(
    kind: tuple[int, str, str], order: str, raw: bytes
) -> None:
    bits, interpretation, each = kind
    numbers = struct.unpack(f"{order}{48 * 8 // bits}{each}", raw)
    found = group(
        len(numbers) // 3,
        lead(1),
        lead(2),
        lead(3),
        WaveformBitsAllocated=[bits],
        WaveformSampleInterpretation=[interpretation],
    )
    made = understand_waveform(KEY, found, raw, b"", order)
    for number, samples in enumerate(channels(made)):
        assert tuple(map(int, samples)) == numbers[number::3]


@given(frequency=st.decimals("0.01", "100000", places=2))
def test_the_period_is_that_of_the_frequency(frequency: Decimal) -> None:
    made = understand(group(1, lead(1), SamplingFrequency=[str(frequency)]), 1)
    assert abs(Decimal(made.period) * frequency - 1000) < Decimal("1e-9")


@pytest.mark.parametrize(
    "more",
    [
        {"WaveformSampleInterpretation": ["MB"], "WaveformBitsAllocated": [8]},
        {"WaveformBitsAllocated": [12]},
        {"NumberOfWaveformSamples": [9]},
        {"NumberOfWaveformSamples": [0]},
        {"NumberOfWaveformChannels": [2]},
        {"SamplingFrequency": ["0"]},
        {"SamplingFrequency": ["fast"]},
        {"ChannelDefinitionSequence": []},
        {"ChannelDefinitionSequence": [lead(1, ChannelSensitivity=["much"])]},
    ],
)
def test_a_waveform_that_is_not_what_it_says_becomes_no_numbers(more: dict[str, object]) -> None:
    with pytest.raises(UnwritableError) as refused:
        understand({**group(2, lead(1)), **more}, 1, 2)
    assert refused.value.code == "waveform.unreadable"


@pytest.mark.parametrize("count", [200_000, 600_000])
def test_a_channel_longer_than_a_string_of_fhir_is_refused(count: int) -> None:
    with pytest.raises(UnwritableError) as refused:
        understand_waveform(KEY, group(count, lead(1)), b"\x00\x80" * count, b"", "<")
    assert refused.value.code == "waveform.too-long"
