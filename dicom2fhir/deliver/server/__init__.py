"""FHIR and DICOMweb servers: the only place that opens a connection."""
