"""Persons and institutions: resources only with a real identifier, else a display (PS3.3 10.1).

A code of a scheme that only its place knows stands beside the display, as identifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from dicom2fhir.identity import resource_id
from dicom2fhir.mapping.codes import known_system, local_system, of_series, read_code
from dicom2fhir.mapping.elements import Element, compact, fill
from dicom2fhir.mapping.meta import meta
from dicom2fhir.mapping.names import display_name, human_names
from dicom2fhir.mapping.text import every, items

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A person or institution: its name as DICOM states it, and an identifier where it has one.

    `local` marks an identifier whose system nobody knows beyond the place it comes from.
    """

    kind: str
    name: str
    system: str = ""
    value: str = ""
    local: bool = False

    @property
    def is_resource(self) -> bool:
        """Tell whether the identifier is enough to know the party by everywhere."""
        return bool(self.value) and not self.local

    @property
    def id(self) -> str:
        """Return the id of the resource; only for one that is a resource."""
        return resource_id(self.kind, self.system, self.value)


def _identified(kind: str, name: str, codes: Iterable[Attributes], context: Context) -> Party:
    """Return a party with the first code whose system is known beyond this file, else the first."""
    stated = [read_code(item) for item in codes]
    name = name or next((coded.meaning for coded in stated if coded.meaning), "")
    valued = [coded for coded in stated if coded.value]
    for coded in valued:
        if system := known_system(coded.scheme, context):
            return Party(kind=kind, name=name, system=system, value=coded.value)
    for coded in valued:
        system = local_system(coded.scheme) if coded.scheme else ""
        return Party(kind=kind, name=name, system=system, value=coded.value, local=True)
    return Party(kind=kind, name=name)


def _in_step(attributes: Attributes, names: str, sequence: str) -> bool:
    stated, identified = attributes.get(names, ()), items(attributes, sequence)
    return not stated or not identified or len(stated) == len(identified)


def people(attributes: Attributes, names: str, sequence: str, context: Context) -> list[Party]:
    """Return the persons of a PN attribute, each with its item of the identification sequence.

    DICOM:  the items stand in the order of the names (PS3.3 C.7.2.1); where their numbers differ,
            nobody knows which item is whose, and the names stand alone (told by map_parties)
    """
    stated, identified = attributes.get(names, ()), items(attributes, sequence)
    if not _in_step(attributes, names, sequence):
        identified = []
    pairs = zip_longest(stated, identified)
    found = (
        _identified(
            "Practitioner",
            str(name or ""),
            items(item or {}, "PersonIdentificationCodeSequence"),
            context,
        )
        for name, item in pairs
    )
    return [person for person in found if person.value or display_name(person.name)]


def institution(attributes: Attributes, context: Context) -> Party | None:
    """Return the institution, with its code where it has one.

    DICOM:  InstitutionName (0008,0080), InstitutionCodeSequence (0008,0082)
    """
    codes = items(attributes, "InstitutionCodeSequence")
    name = "\\".join(every(attributes, "InstitutionName"))
    found = _identified("Organization", name, codes, context)
    return found if found.name or found.value else None


def reference(party: Party) -> Json:
    """Return a Reference to the resource of a party, else its local identifier and display."""
    name = display_name(party.name) if party.kind == "Practitioner" else party.name
    local = compact({"system": party.system, "value": party.value}) if party.local else None
    return compact(
        {
            "reference": f"{party.kind}/{party.id}" if party.is_resource else None,
            "type": party.kind,
            "identifier": local,
            "display": name,
        }
    )


_STUDY_PEOPLE = (
    ("ReferringPhysicianName", "ReferringPhysicianIdentificationSequence"),
    ("NameOfPhysiciansReadingStudy", "PhysiciansReadingStudyIdentificationSequence"),
)
_SERIES_PEOPLE = (
    ("PerformingPhysicianName", "PerformingPhysicianIdentificationSequence"),
    ("OperatorsName", "OperatorIdentificationSequence"),
)


def referrers(attributes: Attributes, context: Context) -> list[Party]:
    """Return the referring physicians."""
    return people(attributes, *_STUDY_PEOPLE[0], context)


def interpreters(attributes: Attributes, context: Context) -> list[Party]:
    """Return the physicians reading the study."""
    return people(attributes, *_STUDY_PEOPLE[1], context)


def physicians(attributes: Attributes, context: Context) -> list[Party]:
    """Return the performing physicians."""
    return people(attributes, *_SERIES_PEOPLE[0], context)


def operators(attributes: Attributes, context: Context) -> list[Party]:
    """Return the operators."""
    return people(attributes, *_SERIES_PEOPLE[1], context)


def _id(party: Party, _context: Context) -> Json:
    """Return the UUIDv5 of the identifier with its system."""
    return party.id


def _identifier(party: Party, _context: Context) -> Json:
    """Return the code, with the system of its coding scheme."""
    return [{"system": party.system, "value": party.value}]


def _human_names(party: Party, _context: Context) -> Json:
    """Return a HumanName for each component group."""
    return human_names(party.name)


def _name(party: Party, _context: Context) -> Json:
    """Return the text, trimmed."""
    return party.name


_PEOPLE = tuple(keyword for pair in (*_STUDY_PEOPLE, *_SERIES_PEOPLE) for keyword in pair)
_CODES = tuple(keyword for keyword in _PEOPLE if keyword.endswith("Sequence"))
_NAMES = tuple(keyword for keyword in _PEOPLE if not keyword.endswith("Sequence"))

PRACTITIONER: tuple[Element[Party], ...] = (
    Element("Practitioner.id", _CODES, _id, "identity.md"),
    Element("Practitioner.meta", (), meta, "R4 resource.html#Meta"),
    Element("Practitioner.identifier", _CODES, _identifier, "PS3.3 table 10-1"),
    Element("Practitioner.name", _NAMES, _human_names, "PS3.5 6.2"),
)
ORGANIZATION: tuple[Element[Party], ...] = (
    Element("Organization.id", ("InstitutionCodeSequence",), _id, "identity.md"),
    Element("Organization.meta", (), meta, "R4 resource.html#Meta"),
    Element("Organization.identifier", ("InstitutionCodeSequence",), _identifier, "PS3.3 C.7.5.1"),
    Element("Organization.name", ("InstitutionName",), _name, "PS3.3 C.7.5.1"),
)

_VERSIONS = {"R4": (PRACTITIONER, ORGANIZATION), "R4B": (PRACTITIONER, ORGANIZATION)}


def _identified_once(parties: Iterable[Party]) -> list[Party]:
    """Return the parties that are resources, each identity once: the first that has a name."""
    found: dict[str, Party] = {}
    for party in parties:
        if party.is_resource and (party.id not in found or not found[party.id].name):
            found[party.id] = party
    return list(found.values())


def _note_out_of_step(
    attributes: Attributes, roles: Iterable[tuple[str, str]], context: Context
) -> None:
    for names, sequence in roles:
        if not _in_step(attributes, names, sequence):
            context.note("map.bad-code", sequence)


def map_parties(context: Context) -> list[Resource]:
    """Return the Practitioners and Organizations of a study that have an identifier.

    Errors: Problem map.bad-code where names and identification items are not equally many.
    """
    study = context.study
    persons = [*referrers(study.attributes, context), *interpreters(study.attributes, context)]
    places = []
    _note_out_of_step(study.attributes, _STUDY_PEOPLE, context)
    for series in study.series:
        _note_out_of_step(series.attributes, _SERIES_PEOPLE, context)
        own = of_series(series, context)
        persons += physicians(series.attributes, own) + operators(series.attributes, own)
        places.append(institution(series.attributes, own))
    practitioner_rows, organization_rows = _VERSIONS[context.options.fhir]
    return [
        {"resourceType": party.kind, **fill(rows, party, context)}
        for rows, parties in (
            (practitioner_rows, persons),
            (organization_rows, [place for place in places if place]),
        )
        for party in _identified_once(parties)
    ]
