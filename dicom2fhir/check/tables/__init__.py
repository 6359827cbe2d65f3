"""Tables of FHIR types, generated; see `scripts/generate_check_tables.py`."""
