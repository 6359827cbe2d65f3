"""The one place that knows the order of the stages.

find, read, catalog, map, bundle, check, deliver.
"""

from dicom2fhir.pipeline.conversion import convert
from dicom2fhir.pipeline.inspection import explain, inspect
from dicom2fhir.pipeline.validation import validate
from dicom2fhir.pipeline.watching import Unwatched, Watch

__all__ = ["Unwatched", "Watch", "convert", "explain", "inspect", "validate"]
