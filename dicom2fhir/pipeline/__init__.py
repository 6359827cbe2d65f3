"""The one place that knows the order of the stages.

find, read, catalog, map, bundle, check, deliver.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicom2fhir.pipeline.conversion import convert
    from dicom2fhir.pipeline.fetching import fetch
    from dicom2fhir.pipeline.inspection import explain, inspect
    from dicom2fhir.pipeline.pushing import list_dead, push
    from dicom2fhir.pipeline.validation import validate
    from dicom2fhir.pipeline.watching import Unwatched, Watch

__all__ = [
    "Unwatched",
    "Watch",
    "convert",
    "explain",
    "fetch",
    "inspect",
    "list_dead",
    "push",
    "validate",
]

_HOMES = {
    "Unwatched": "watching",
    "Watch": "watching",
    "convert": "conversion",
    "explain": "inspection",
    "fetch": "fetching",
    "inspect": "inspection",
    "list_dead": "pushing",
    "push": "pushing",
    "validate": "validation",
}


def __getattr__(name: str) -> object:
    # A command imports its own part only: start-up is a bar (docs/explanation/performance.md).
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
