"""Telling the patients of one study apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from dicom2fhir.identity import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dicom2fhir.model import Attributes

IssuerOf: TypeAlias = Callable[["Attributes"], str]
"""Returns the system, or else the name, of who issued a Patient ID; empty when none is stated."""

PatientKey: TypeAlias = tuple[str, ...]
"""Patient ID and issuer; without Patient ID: empty, then name and birth date."""


def patient_number(attributes: Attributes) -> str:
    """Return the Patient ID as it is written; a backslash in it is no delimiter."""
    return "\\".join(str(value) for value in attributes.get("PatientID", ())).strip()


def first_text(attributes: Attributes, keyword: str) -> str:
    """Return the first value of a text attribute, or ""."""
    values = attributes.get(keyword)
    return str(values[0]).strip() if values else ""


def person_of(attributes: Attributes) -> tuple[str, str]:
    """Return folded name and digits of the birth date."""
    birth_date = first_text(attributes, "PatientBirthDate")
    digits = "".join(character for character in birth_date if character.isdecimal())
    return fold_name(first_text(attributes, "PatientName")), digits


def tell_patients_apart(
    patients: Mapping[int, Attributes], issuer_of: IssuerOf
) -> dict[int, PatientKey]:
    """Return for each set of patient attributes of a study whose patient it is.

    What lacks the issuer, the Patient ID or the birth date contradicts nobody; it joins where only
    one patient of the study fits, and without Patient ID only where the name agrees.
    """
    stated = {
        number: (patient_number(patient), issuer_of(patient))
        for number, patient in patients.items()
    }
    persons = {number: person_of(patient) for number, patient in patients.items()}
    placed: dict[int, PatientKey] = {}
    for number, (patient_id, issuer) in stated.items():
        if patient_id:
            placed[number] = (patient_id, issuer or _only_issuer(patient_id, stated.values()))
    named: dict[PatientKey, set[str]] = defaultdict(set)
    for number, key in placed.items():
        named[key].add(persons[number][0])
    for number in stated.keys() - placed.keys():
        placed[number] = _place_nameless(persons[number], named, persons, stated)
    return placed


def _only_issuer(patient_id: str, stated: Iterable[tuple[str, str]]) -> str:
    issuers = {issuer for other, issuer in stated if other == patient_id and issuer}
    return issuers.pop() if len(issuers) == 1 else ""


def _place_nameless(
    person: tuple[str, str],
    named: Mapping[PatientKey, set[str]],
    persons: Mapping[int, tuple[str, str]],
    stated: Mapping[int, tuple[str, str]],
) -> PatientKey:
    name, birth_date = person
    if len(named) == 1:
        ((only, names),) = named.items()
        if not name or name in names:
            return only
    births = {
        persons[number][1]
        for number, (patient_id, _) in stated.items()
        if not patient_id and persons[number][0] == name and persons[number][1]
    }
    if not birth_date and len(births) == 1:
        birth_date = births.pop()
    return "", name, birth_date
