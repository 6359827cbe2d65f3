"""Finding files: sources in, candidates out, and the one way to their bytes. Knows no DICOM."""

from dicom2fhir.find.finder import Finder
from dicom2fhir.find.sources import open_candidate, open_stream
from dicom2fhir.find.walk import Finding

__all__ = ["Finder", "Finding", "open_candidate", "open_stream"]
