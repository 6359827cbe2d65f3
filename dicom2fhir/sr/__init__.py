"""Structured reports: from a content tree to what was measured, without FHIR."""

from dicom2fhir.sr.understanding import understand

__all__ = ["understand"]
