"""Reading the waveforms of one file: the third table of read, and the samples as bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from dicom2fhir.problems import Problem
from dicom2fhir.read.attributes import CODE, WAVEFORM_SEQUENCE, Attribute
from dicom2fhir.read.content import open_values
from dicom2fhir.read.reading import Reading, counted
from dicom2fhir.read.wanted import Items, make_wanted
from dicom2fhir.read.window import UnreadableError

if TYPE_CHECKING:
    from dicom2fhir.model import Attributes, ByteSource
    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.wanted import RawItem

_DATA: Final = 0x54001010
_PADDING: Final = 0x5400100A
# PS3.3 table C.10-10, Waveform Module
_CHANNEL = (
    Attribute(0x003A0203, "ChannelLabel", "SH"),
    Attribute(0x003A0208, "ChannelSourceSequence", "SQ", CODE),
    Attribute(0x003A0209, "ChannelSourceModifiersSequence", "SQ", CODE),
    Attribute(0x003A0210, "ChannelSensitivity", "DS"),
    Attribute(0x003A0211, "ChannelSensitivityUnitsSequence", "SQ", CODE),
    Attribute(0x003A0212, "ChannelSensitivityCorrectionFactor", "DS"),
    Attribute(0x003A0213, "ChannelBaseline", "DS"),
)
_GROUP = (
    Attribute(0x00181068, "MultiplexGroupTimeOffset", "DS"),
    Attribute(0x003A0005, "NumberOfWaveformChannels", "US"),
    Attribute(0x003A0010, "NumberOfWaveformSamples", "UL"),
    Attribute(0x003A001A, "SamplingFrequency", "DS"),
    Attribute(0x003A0020, "MultiplexGroupLabel", "SH"),
    Attribute(0x003A0200, "ChannelDefinitionSequence", "SQ", _CHANNEL),
    Attribute(0x54001004, "WaveformBitsAllocated", "US"),
    Attribute(0x54001006, "WaveformSampleInterpretation", "CS"),
    Attribute(_PADDING, "WaveformPaddingValue", "OW"),
    Attribute(_DATA, "WaveformData", "OW"),
)
WAVEFORMS: Final = make_wanted((Attribute(WAVEFORM_SEQUENCE, "WaveformSequence", "SQ", _GROUP),))
"""What is kept of a data set with waveforms, by tag."""


class MultiplexGroup(NamedTuple):
    """One item of WaveformSequence: its attributes, and what is bytes, in this byte order.

    `order` is `<` or `>`, as `struct` writes it.
    """

    attributes: Attributes
    data: bytes
    padding: bytes
    order: str


class WaveformResult(NamedTuple):
    """What reading the waveforms of one file gave."""

    groups: tuple[MultiplexGroup, ...]
    problems: tuple[Problem, ...] = ()


def read_waveforms(source: ByteSource, options: ReadOptions) -> WaveformResult:
    """Read the waveforms of one file.

    Samples count as kept values: those beyond `max_kept` are left out. Problems that reading the
    header notes of the same file too are left out.
    Errors: every fault is a Problem of the result
    """
    limits = replace(options, allow_truncated=False, max_value=options.max_kept)
    reading = Reading(limits, WAVEFORMS)
    try:
        values, decoder, problems = open_values(source, reading)
    except UnreadableError as error:
        return WaveformResult((), (Problem(code="waveform.unreadable", detail=error.code),))
    except OSError:
        return WaveformResult((), (Problem(code="waveform.unreadable", detail="read.failed"),))
    wanted = WAVEFORMS[WAVEFORM_SEQUENCE].items or {}
    groups = []
    sequence = values.get(WAVEFORM_SEQUENCE)
    for item in sequence if isinstance(sequence, Items) else ():
        data, padding = _bytes(item, _DATA), _bytes(item, _PADDING)
        attributes, repaired = decoder.decode_content(item, wanted)
        problems += repaired
        groups.append(MultiplexGroup(attributes, data, padding, decoder.order))
    return WaveformResult(tuple(groups), counted(problems))


def _bytes(item: RawItem, tag: int) -> bytes:
    """Take bytes out of an item, before what is left of it is decoded as values."""
    raw = item.pop(tag, b"")
    return raw if isinstance(raw, bytes) else b""
