"""What content items say, in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.content import Number, Text
from dicom2fhir.model import Coded

if TYPE_CHECKING:
    from dicom2fhir.content import Answer, ContentItem

_UNNAMED = {
    "CONTAINER": "Unnamed group",
    "NUM": "Unnamed measurement",
    "CODE": "Unnamed finding",
    "TEXT": "Unnamed text",
}

_NO_UNIT = frozenset(
    {"", "1", "dimensionless", "no units", "none", "ratio", "unary", "unary, no units", "unity"}
)


def words(concept: Coded | None) -> str:
    """Return a concept's meaning, or its code where it states none."""
    return "" if concept is None else concept.meaning or concept.value


def title_of(item: ContentItem) -> str:
    """Return what an item is called, by its value type where it has no concept name."""
    return words(item.name) or _UNNAMED.get(item.value_type, "Unnamed item")


def spoken(value: Answer) -> str:
    """Return a value in words, a number with its unit."""
    match value:
        case Number():
            return _quantity(value)
        case Coded():
            return words(value)
        case Text():
            return value.text
        case None:
            return ""


def _quantity(number: Number) -> str:
    unit = number.unit
    if unit is None or (unit.value == "1" and unit.meaning.strip().casefold() in _NO_UNIT):
        return number.text.strip()
    # `1` is UCUM for no unit: what is counted, such as pixels, its words tell alone.
    is_code = unit.scheme.upper() in ("UCUM", "UCM") and unit.value != "1"
    meaning = unit.value if is_code else unit.meaning or unit.value
    return f"{number.text.strip()} {meaning}".rstrip()


def lowered(text: str) -> str:
    """Return words as they stand within a sentence: `Left Ear` as `left ear`, `LV` as it is."""
    return " ".join(word.lower() if word[1:].islower() else word for word in text.split(" "))


def site_words(site: Coded | None, laterality: Coded | None, topography: Coded | None) -> str:
    """Return a site with its modifiers, such as `left lung, upper lobe`; "" without modifiers."""
    if site is None or (laterality is None and topography is None):
        return ""
    side = f"{lowered(words(laterality))} " if laterality else ""
    part = f", {lowered(words(topography))}" if topography else ""
    return f"{side}{lowered(words(site))}{part}"
