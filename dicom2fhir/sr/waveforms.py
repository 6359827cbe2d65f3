"""Waveforms as numbers: the channels of one multiplex group, each with its scale (PS3.3 C.10.9)."""

from __future__ import annotations

import sys
from array import array
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Final

from dicom2fhir.content import Channel, Waveform
from dicom2fhir.sr.numbers import exact_decimal
from dicom2fhir.sr.values import first, items, read_concept, read_concepts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.model import Attributes

_TYPES: Final = {
    ("8", "SB"): "b",
    ("8", "UB"): "B",
    ("16", "SS"): "h",
    ("16", "US"): "H",
    ("32", "SL"): "i",
    ("32", "UL"): "I",
    ("64", "SV"): "q",
    ("64", "UV"): "Q",
}
"""WaveformBitsAllocated and WaveformSampleInterpretation as `array` names them; MB and AB are
compressed speech (PS3.3 C.10.9.1.5)."""
_LONGEST: Final = 1_000_000
"""Characters of FHIR's string: 1 MB (R4 datatypes.html#string)."""
_EXACT: Final = Context(prec=40)
_PERIOD: Final = Context(prec=15)
"""Digits of what is no decimal, such as the period of 300 Hz."""
_SECOND: Final = Decimal(1000)


class UnwritableError(Exception):
    """This waveform cannot become values; `code` is the Problem's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def understand_waveform(
    key: tuple[str, int], found: Attributes, data: bytes, padding: bytes, order: str
) -> Waveform:
    """Return the channels of one item of WaveformSequence; `key` is its instance and number.

    DICOM:  a sample that equals WaveformPaddingValue is none (PS3.3 C.10.9.1.6)
    Errors: UnwritableError
    """
    channels = items(found, "ChannelDefinitionSequence")
    samples = _samples(found, data, order, len(channels))
    frequency = _decimal(found, "SamplingFrequency")
    if not channels or frequency <= 0:
        raise UnwritableError("waveform.unreadable")
    (absent,) = _numbers(found, padding, order)[:1] or (None,)
    count = len(channels)
    return Waveform(
        sop_instance_uid=key[0],
        number=key[1],
        label=first(found, "MultiplexGroupLabel"),
        period=_written(_PERIOD.divide(_SECOND, frequency)),
        offset=_written(_decimal(found, "MultiplexGroupTimeOffset")),
        channels=tuple(
            _channel(number, channel, _text(samples[number - 1 :: count], absent))
            for number, channel in enumerate(channels, start=1)
        ),
    )


def _samples(found: Attributes, data: bytes, order: str, channels: int) -> Sequence[int]:
    """Return the samples of all channels, one of each in turn (PS3.3 C.10.9.1.7)."""
    length = int(first(found, "NumberOfWaveformSamples") or 0)
    stated = int(first(found, "NumberOfWaveformChannels") or channels)
    if 2 * length - 1 > _LONGEST:
        raise UnwritableError("waveform.too-long")
    samples = _numbers(found, data, order)[: length * channels]
    if not samples or stated != channels or len(samples) < length * channels:
        raise UnwritableError("waveform.unreadable")
    return samples


def _numbers(found: Attributes, data: bytes, order: str) -> array[int]:
    bits = first(found, "WaveformBitsAllocated")
    kind = _TYPES.get((bits, first(found, "WaveformSampleInterpretation")))
    if kind is None:
        raise UnwritableError("waveform.unreadable")
    numbers = array(kind)
    numbers.frombytes(data[: len(data) // numbers.itemsize * numbers.itemsize])
    if (order == "<") != (sys.byteorder == "little"):
        numbers.byteswap()
    return numbers


def _text(samples: Sequence[int], absent: int | None) -> str:
    text = " ".join("E" if sample == absent else str(sample) for sample in samples)
    if len(text) > _LONGEST:
        raise UnwritableError("waveform.too-long")
    return text


def _channel(number: int, found: Attributes, samples: str) -> Channel:
    factor = _EXACT.multiply(
        _decimal(found, "ChannelSensitivity", 1),
        _decimal(found, "ChannelSensitivityCorrectionFactor", 1),
    )
    return Channel(
        number=number,
        name=read_concept(found, "ChannelSourceSequence"),
        label=first(found, "ChannelLabel"),
        modifiers=tuple(read_concepts(found, "ChannelSourceModifiersSequence")),
        unit=read_concept(found, "ChannelSensitivityUnitsSequence"),
        baseline=_written(_decimal(found, "ChannelBaseline")),
        factor=_written(factor),
        samples=samples,
    )


def _decimal(found: Attributes, keyword: str, default: int = 0) -> Decimal:
    """Return a DS.

    Errors: UnwritableError where it is no number: values of another scale are worse than none
    """
    text = first(found, keyword)
    exact = exact_decimal(text)
    if text and not exact:
        raise UnwritableError("waveform.unreadable")
    return Decimal(exact or default)


def _written(number: Decimal) -> str:
    # 2E+1 is 20: whole numbers are written out
    return f"{number.normalize():f}"
