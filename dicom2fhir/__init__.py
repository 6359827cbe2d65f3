"""Turn folders of DICOM files into FHIR transaction Bundles."""

__version__ = "0.1.0"
