"""Structured reports: from a content tree to what was measured, without FHIR."""

from dicom2fhir.sr.tree import build_tree
from dicom2fhir.sr.understanding import understand

__all__ = ["build_tree", "understand"]
