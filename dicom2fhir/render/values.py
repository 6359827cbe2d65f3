"""Single values of a pydicom data set, as far as they can be used."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dicom2fhir.render.faults import RAISES

if TYPE_CHECKING:
    from dicom2fhir.render.dataset import Dataset


def value(dataset: Dataset, keyword: str) -> Any:  # noqa: ANN401 - pydicom's own types
    """Return what pydicom makes of a value; None where it is absent, empty or broken."""
    try:
        found = dataset.get(keyword)
    except RAISES:
        return None
    return None if found is None or found == "" else found


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Return the numbers of an attribute that are finite."""
    found = value(dataset, keyword)
    if found is None or isinstance(found, bytes):
        return ()
    many = [found] if isinstance(found, (str, int, float)) else found
    result = []
    for one in many:
        try:
            number = float(one)
        except RAISES:
            return ()
        result.append(number)
    return tuple(result) if all(math.isfinite(number) for number in result) else ()


def number(dataset: Dataset, keyword: str) -> float | None:
    """Return the first number of an attribute."""
    found = numbers(dataset, keyword)
    return found[0] if found else None


def whole(dataset: Dataset, keyword: str, default: int) -> int:
    """Return the first number of an attribute as an int."""
    found = number(dataset, keyword)
    return default if found is None else int(found)


def text(dataset: Dataset, keyword: str) -> str:
    """Return the first text of an attribute."""
    found = value(dataset, keyword)
    if found is not None and not isinstance(found, (str, bytes, int, float)):
        found = found[0] if len(found) else ""
    return found.strip(" \0") if isinstance(found, str) else ""


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence."""
    found = value(dataset, keyword)
    return list(found) if hasattr(found, "__iter__") and not isinstance(found, (str, bytes)) else []


def raw(dataset: Dataset, keyword: str) -> bytes:
    """Return a value of bytes, OB or OW."""
    found = value(dataset, keyword)
    return bytes(found) if isinstance(found, (bytes, bytearray)) else b""
