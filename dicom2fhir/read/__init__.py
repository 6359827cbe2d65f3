"""The only reader of data sets: bytes in, an Instance or content out, or Problems why not."""

from dicom2fhir.read.content import ContentResult, read_content
from dicom2fhir.read.reading import ReadResult, read_instance
from dicom2fhir.read.waveforms import MultiplexGroup, WaveformResult, read_waveforms

__all__ = [
    "ContentResult",
    "MultiplexGroup",
    "ReadResult",
    "WaveformResult",
    "read_content",
    "read_instance",
    "read_waveforms",
]
