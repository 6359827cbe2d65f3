"""Structured reports and waveforms: from attributes to what was measured, without FHIR."""

from dicom2fhir.sr.tree import build_tree
from dicom2fhir.sr.understanding import understand
from dicom2fhir.sr.waveforms import UnwritableError, understand_waveform

__all__ = ["UnwritableError", "build_tree", "understand", "understand_waveform"]
