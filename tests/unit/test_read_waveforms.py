"""Waveforms as attributes and bytes: in every encoding, within limits."""

from __future__ import annotations

import struct

import pytest
from read_cases import BIG, EXPLICIT, IMPLICIT, Case, Coder, MemorySource, big, explicit, implicit

from dicom2fhir.options import ReadOptions
from dicom2fhir.read import WaveformResult, read_waveforms

ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
WAVEFORMS, PIXELS = 0x54000100, 0x7FE00010
SAMPLES = (1, -2, 300, -400)


def ecg(coder: Coder, syntax: str, count: int = 1, *, defined: bool = True) -> Case:
    case = Case(coder, syntax, ECG).without(PIXELS)
    packed = struct.pack(f"{coder.order}{len(SAMPLES)}h", *SAMPLES)
    channel = coder.item(coder.element(0x003A0203, "SH", "I"), defined=defined)
    group = coder.item(
        coder.element(0x003A0005, "US", struct.pack(f"{coder.order}H", 1)),
        coder.element(0x003A0010, "UL", struct.pack(f"{coder.order}L", len(SAMPLES))),
        coder.element(0x003A001A, "DS", "500"),
        coder.sequence(0x003A0200, channel, defined=defined),
        coder.element(0x54001004, "US", struct.pack(f"{coder.order}H", 16)),
        coder.element(0x54001006, "CS", "SS"),
        coder.element(0x5400100A, "OW", struct.pack(f"{coder.order}h", -400)),
        coder.element(0x54001010, "OW", packed),
        defined=defined,
    )
    case.elements[WAVEFORMS] = coder.sequence(WAVEFORMS, *[group] * count, defined=defined)
    return case


def read(data: bytes, **options: object) -> WaveformResult:
    return read_waveforms(MemorySource(data), ReadOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("lengths", ["defined", "undefined"])
@pytest.mark.parametrize(
    ("coder", "syntax"), [(explicit, EXPLICIT), (implicit, IMPLICIT), (big, BIG)]
)
def test_samples_come_as_bytes_with_their_order_and_all_else_as_values(
    coder: Coder, syntax: str, lengths: str
) -> None:
    result = read(ecg(coder, syntax, defined=lengths == "defined").data())
    assert result.problems == ()
    ((attributes, data, padding, order),) = result.groups
    assert struct.unpack(f"{order}4h", data) == SAMPLES
    assert struct.unpack(f"{order}h", padding) == (-400,)
    assert attributes == {
        "NumberOfWaveformChannels": (1,),
        "NumberOfWaveformSamples": (4,),
        "SamplingFrequency": ("500",),
        "ChannelDefinitionSequence": ({"ChannelLabel": ("I",)},),
        "WaveformBitsAllocated": (16,),
        "WaveformSampleInterpretation": ("SS",),
    }


def test_each_multiplex_group_is_one() -> None:
    assert len(read(ecg(explicit, EXPLICIT, count=2).data()).groups) == 2


def test_samples_beyond_what_may_be_kept_are_left_out_and_told() -> None:
    result = read(ecg(explicit, EXPLICIT).data(), max_kept=4)
    assert [group.data for group in result.groups] == [b""]
    assert "read.value-limit" in {one.code for one in result.problems}


def test_a_file_that_ends_early_gives_no_waveform_even_if_it_may() -> None:
    result = read(ecg(explicit, EXPLICIT).data()[:-4], allow_truncated=True)
    assert result.groups == ()
    assert [(one.code, one.detail) for one in result.problems] == [
        ("waveform.unreadable", "read.truncated")
    ]


def test_what_is_no_dicom_or_has_none_gives_none() -> None:
    assert [one.code for one in read(b"text").problems] == ["waveform.unreadable"]
    assert read(Case().data()) == WaveformResult(())
