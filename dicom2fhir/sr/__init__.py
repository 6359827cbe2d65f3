"""Structured reports: from a content tree to what was measured, without FHIR."""
