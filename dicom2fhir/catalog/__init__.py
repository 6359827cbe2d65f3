"""The catalog: Instances in any order go in, ordered studies come out; memory stays flat."""

from dicom2fhir.catalog.assemble import Assembled, assemble_study, find_patient_conflicts
from dicom2fhir.catalog.rows import Batch, RowEncoder
from dicom2fhir.catalog.state import open_catalog
from dicom2fhir.catalog.store import Catalog, attach

__all__ = [
    "Assembled",
    "Batch",
    "Catalog",
    "RowEncoder",
    "assemble_study",
    "attach",
    "find_patient_conflicts",
    "open_catalog",
]
