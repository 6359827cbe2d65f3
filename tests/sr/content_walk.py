"""An independent reading of content trees, by pydicom and plain recursion: what must come out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.filereader import dcmread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

VALUE_TYPES = {
    "CODE", "COMPOSITE", "CONTAINER", "DATE", "DATETIME", "IMAGE", "NUM", "PNAME", "SCOORD",
    "SCOORD3D", "TCOORD", "TEXT", "TIME", "UIDREF", "WAVEFORM", "TABLE",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StatedCode:
    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class StatedNumber:
    """One NUM item as the file has it; `texts` are its values, split as DICOM says."""

    path: str
    name: StatedCode | None
    texts: tuple[str, ...]
    units: tuple[StatedCode | None, ...]
    qualifier: StatedCode | None
    modifiers: tuple[tuple[StatedCode | None, StatedCode | None], ...] = field(default=())
    """Name and value of each CODE item with HAS CONCEPT MOD."""


def text_of(item: Dataset, keyword: str) -> str:
    """Return what stands in the file, not what pydicom makes of it."""
    element = item.get_item(keyword)
    value = getattr(element, "value", None)
    if isinstance(value, bytes):
        return value.decode("latin-1").strip(" \0")
    return "" if value is None else str(value)


def code_of(item: Dataset, keyword: str) -> StatedCode | None:
    for code in item.get(keyword) or ():
        value = next(
            (str(code.get(one)) for one in ("CodeValue", "LongCodeValue", "URNCodeValue")
             if code.get(one)), "",
        )  # fmt: skip
        scheme = str(code.get("CodingSchemeDesignator") or "")
        return StatedCode(value=value, scheme=scheme, meaning=str(code.get("CodeMeaning") or ""))
    return None


def is_number(item: Dataset) -> bool:
    """Tell a NUM item, by what it holds where its value type is missing or unknown."""
    kind = item.get("ValueType")
    if kind in VALUE_TYPES:
        return bool(kind == "NUM")
    values = ("MeasuredValueSequence", "NumericValueQualifierCodeSequence")
    return kind == "NUMERIC" or any(item.get(keyword) for keyword in values)


def items_with_paths(item: Dataset, path: str = "1") -> Iterator[tuple[str, Dataset]]:
    for number, child in enumerate(item.get("ContentSequence") or (), 1):
        yield f"{path}.{number}", child
        yield from items_with_paths(child, f"{path}.{number}")


def number_of(path: str, item: Dataset) -> StatedNumber:
    measured = list(item.get("MeasuredValueSequence") or ())
    texts: list[str] = []
    units: list[StatedCode | None] = []
    for one in measured:
        stated = text_of(one, "NumericValue") or str(one.get("FloatingPointValue", ""))
        found = [part.strip() for part in stated.split("\\")]
        texts += found
        units += [code_of(one, "MeasurementUnitsCodeSequence")] * len(found)
    below = item.get("ContentSequence") or ()
    modifiers = tuple(
        (code_of(one, "ConceptNameCodeSequence"), code_of(one, "ConceptCodeSequence"))
        for one in below
        if one.get("RelationshipType") == "HAS CONCEPT MOD" and one.get("ValueType") == "CODE"
    )
    return StatedNumber(
        path=path,
        name=code_of(item, "ConceptNameCodeSequence"),
        texts=tuple(texts),
        units=tuple(units),
        qualifier=code_of(item, "NumericValueQualifierCodeSequence"),
        modifiers=modifiers,
    )


def stated_numbers(path: Path) -> list[StatedNumber]:
    """Return every NUM item of a file in the order of the document."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            number_of(place, item)
            for place, item in items_with_paths(dcmread(path, force=True))
            if is_number(item)
        ]
