"""What a content item says, as the value of an Observation or a component (R4 observation.html)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from dicom2fhir.content import Number, Text
from dicom2fhir.identity import STATED_UNIT, STATED_VALUE
from dicom2fhir.mapping.codes import coded_concept
from dicom2fhir.mapping.dates import moment, parse_date, parse_date_time, parse_time, zone_of
from dicom2fhir.mapping.elements import compact
from dicom2fhir.mapping.text import clean
from dicom2fhir.mapping.units import UCUM, is_other_unit, ucum_code
from dicom2fhir.model import Coded, decimal_text

if TYPE_CHECKING:
    from dicom2fhir.content import Answer
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json

_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
# PS3.16 CID 42 Numeric Value Qualifier
_REASONS = {
    "114000": "not-a-number",
    "114001": "negative-infinity",
    "114002": "positive-infinity",
    "114003": "error",
    "114004": "error",
    "114005": "error",
    "114006": "error",
    "114007": "not-performed",
    "114008": "error",
    "114009": "error",
    "114010": "unknown",
    "114011": "unknown",
}
_UNITS = "MeasurementUnitsCodeSequence"


def stated_unit(unit: Coded | None) -> str:
    """Return the unit as the report writes it: the code, or the words where there is none."""
    return clean(unit.value or unit.meaning) if unit is not None else ""


def quantity(number: Number, context: Context, element: str) -> Json:
    """Return a Quantity with every digit, and the unit as UCUM where it is one.

    FHIR:   Quantity.value, unit, system, code; extensions stated-value and stated-unit where what
            is written is not what is stated
    Errors: Problem sr.unit-conflict, sr.unit-repaired, sr.unit-unknown.
    """
    value = Decimal(number.exact)
    stated = stated_unit(number.unit)
    shown, code, fault = _unit(number.unit, stated)
    if fault:
        context.note(fault, _UNITS, element)
    return compact(
        {
            "extension": [
                *stated_as(STATED_VALUE, number.text.strip(), decimal_text(value)),
                *stated_as(STATED_UNIT, stated, code or shown),
            ],
            "value": value,
            "unit": shown,
            "system": UCUM if code else None,
            "code": code,
        }
    )


def _unit(unit: Coded | None, stated: str) -> tuple[str, str, str]:
    """Return a unit in words, its UCUM code, and the Problem that there is with it."""
    if unit is None:
        return "", "", ""
    code = ucum_code(stated, unit.scheme)
    words = clean(unit.meaning)
    if code and is_other_unit(words, code):
        # Nobody can tell which of them is meant: no machine may take either for granted.
        return f"{stated} ({words})", "", "sr.unit-conflict"
    if code and (code != stated or unit.scheme != "UCUM"):
        return words or stated, code, "sr.unit-repaired"
    return words or stated, code, "" if code or not stated else "sr.unit-unknown"


def stated_as(url: str, stated: str, written: str = "") -> list[Json]:
    """Return an extension with what is stated, where it is not what is written."""
    text = clean(stated)
    return [{"url": url, "valueString": text}] if text and text != written else []


def absent_reason(qualifier: Coded | None, context: Context) -> Json:
    """Return why there is no value: unknown, unless a qualifier says more (PS3.16 CID 42)."""
    known = qualifier is not None and qualifier.scheme == "DCM"
    reason = _REASONS.get(qualifier.value, "unknown") if qualifier and known else "unknown"
    made: Json = {"coding": [{"system": _ABSENT, "code": reason}]}
    stated = coded_concept(qualifier, context)
    if stated:
        made = {**stated, "coding": made["coding"] + stated.get("coding", [])}
    return made


def says_nothing(value: Answer) -> bool:
    """Tell a value that is none, or a number without any text."""
    return value is None or (type(value) is Number and not (value.exact or clean(value.text)))


def date_time(value: Answer, attributes: Attributes, context: Context) -> str:
    """Return a DATE or DATETIME as FHIR's dateTime, "" where it is none.

    DICOM:  an offset of its own, else that of the data set (PS3.3 C.12.1)
    Errors: Problem map.no-timezone; the date alone is written.
    """
    if type(value) is not Text:
        return ""
    if value.kind == "DATE":
        return parse_date(value.text) or ""
    found = parse_date_time(value.text) if value.kind == "DATETIME" else None
    if found is None:
        return ""
    day, time, offset = found
    return moment(
        day, time, zone_of(attributes, context) if offset is None else offset, context
    ).text


def time_text(value: Answer) -> str:
    """Return a TIME as FHIR's time, "" where it is none."""
    return (parse_time(value.text) or "") if type(value) is Text and value.kind == "TIME" else ""


def plain_text(value: Answer) -> str:
    """Return what can be written as text alone: texts, UIDs, and numbers that are none."""
    if type(value) is Number:
        return "" if value.exact else clean(value.text)
    if type(value) is not Text:
        return ""
    is_moment = value.kind in {"DATE", "DATETIME"} and _is_moment(value)
    return "" if is_moment or time_text(value) else clean(value.text)


def _is_moment(value: Text) -> bool:
    parse = parse_date if value.kind == "DATE" else parse_date_time
    return parse(value.text) is not None


def stated_extensions(value: Answer, written: str) -> list[Json]:
    """Return what the value in words leaves out: the time of a moment, the unit of no number."""
    if type(value) is Text and value.kind == "DATETIME" and written and "T" not in written:
        return stated_as(STATED_VALUE, value.text, written.replace("-", ""))
    if type(value) is Number and not value.exact:
        return stated_as(STATED_UNIT, stated_unit(value.unit))
    return []
