"""The only header reader: bytes in, an Instance or the Problems that say why not out."""

from dicom2fhir.read.reading import ReadResult, read_instance

__all__ = ["ReadResult", "read_instance"]
