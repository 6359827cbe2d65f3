"""PN values as HumanName (PS3.5 6.2, R4 datatypes.html#HumanName)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.mapping.elements import compact
from dicom2fhir.mapping.text import clean
from dicom2fhir.model import PersonName

if TYPE_CHECKING:
    from dicom2fhir.model import Json

_REPRESENTATION = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
_GROUPS = 3
_COMPONENTS = 5


def parse_name(text: str) -> PersonName:
    """Return the component groups of a PN value.

    >>> parse_name("Yamada^Tarou=山田^太郎").ideographic
    '山田^太郎'
    """
    stated = (clean(group.replace("=", " ")) for group in text.split("=", _GROUPS - 1))
    groups = [group if clean(group.replace("^", " ")) else "" for group in stated]
    groups += [""] * (_GROUPS - len(groups))
    return PersonName(alphabetic=groups[0], ideographic=groups[1], phonetic=groups[2])


def _human_name(group: str, use: str | None, representation: str | None) -> Json:
    parts = [clean(part.replace("^", " ")) for part in group.split("^", _COMPONENTS - 1)]
    family, given, middle, prefix, suffix = parts + [""] * (_COMPONENTS - len(parts))
    western = [prefix, given, middle, family, suffix]
    # Names in ideographs and kana are spoken family name first.
    order = western if representation in (None, "ABC") else [family, given, middle, prefix, suffix]
    extension = {"url": _REPRESENTATION, "valueCode": representation}
    return compact(
        {
            "extension": [extension] if representation else None,
            "use": use,
            "text": " ".join(part for part in order if part),
            "family": family,
            "given": [part for part in (given, middle) if part],
            "prefix": [prefix] if prefix else None,
            "suffix": [suffix] if suffix else None,
        }
    )


def human_names(text: str, use: str | None = None) -> list[Json]:
    """Return one HumanName for each component group of a PN value.

    DICOM:  family^given^middle^prefix^suffix; alphabetic=ideographic=phonetic (PS3.5 6.2)
    FHIR:   HumanName with extension iso21090-EN-representation ABC, IDE, SYL where they differ
    """
    name = parse_name(text)
    if not (name.ideographic or name.phonetic):
        return [_human_name(name.alphabetic, use, None)] if name.alphabetic else []
    groups = (("ABC", name.alphabetic), ("IDE", name.ideographic), ("SYL", name.phonetic))
    return [_human_name(group, use, code) for code, group in groups if group]


def display_name(text: str) -> str:
    """Return a PN value as one line: the first group that says something."""
    names = human_names(text)
    return names[0]["text"] if names else ""
