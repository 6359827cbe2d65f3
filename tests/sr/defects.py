"""What real and hostile writers do wrong, each as a change to a sound report.

Those that were seen in real files, and their neighbours.
"""

from __future__ import annotations

from itertools import cycle
from struct import pack
from typing import TYPE_CHECKING

from pydicom.sr._snomed_dict import mapping

from writer import (
    CONTAINS,
    NO_UNITS,
    PROPERTIES,
    Code,
    by_reference,
    choice,
    coded,
    container,
    items_below,
    measured,
    num,
    plain,
    raw,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydicom.dataset import Dataset

ODD: Code = ("ODD", "99TEST", "Odd number")
GROUP: Code = ("125007", "DCM", "Measurement Group")
SRT_OF: dict[str, str] = mapping["SCT"]
MISSPELT = (
    ("mGycm", "UCUM", "mGycm"), ("uAs", "UCUM", "uAs"), ("Gym2", "UCUM", "Gym2"),
    ("Gy.cm^2", "UCUM", "Gy.cm^2"), ("pulse/s", "UCUM", "pulse/s"),
    ("X-ray sources", "UCUM", "X-ray sources"), ("{X-Ray sources}", "UCUM", "X-Ray sources"),
    ("{SUVbw}g/ml", "UCUM", "{SUVbw}g/ml"), ("mm", "UCM", "mm"), ("HU", "99dcmjsUnit", "HU"),
    ("px", "99dcmjsUnit", "px"), ("mm Hg", "UCUM", "mm Hg"), ("", "UCUM", "no code"),
    ("dGy.cm2", "UCUM", "dGy.cm2"), ("cm per second", "UCUM", "cm per second"),
)  # fmt: skip
WRITTEN_ODDLY = ("+5", ".5", " 7 ", "1E3", "-0", "00012.50", "5.", "1.0e-05", "+.5E+2", "0.10")
NO_NUMBER = ("10.50/ 15.00", "n/a", "1,5", "NaN", "Infinity", "1e99999", "0x10", "--1", "1_000")


def numbers(report: Dataset) -> list[Dataset]:
    return [one for one in items_below(report) if one.get("ValueType") == "NUM"]


def values(report: Dataset) -> list[Dataset]:
    """Return the item of each Measured Value Sequence."""
    held = [one.get("MeasuredValueSequence") or () for one in numbers(report)]
    return [value for sequence in held for value in sequence]


def append(report: Dataset, *items: Dataset) -> None:
    report.ContentSequence = [*(report.get("ContentSequence") or ()), *items]


def replace_values(report: Dataset, spelt: Iterable[str]) -> None:
    append(report, container(GROUP, *(num(ODD, one, NO_UNITS) for one in spelt)))
    for value, one in zip(values(report), cycle(spelt), strict=False):
        raw(value, "NumericValue", "DS", one.encode())


def drop_relationships(report: Dataset) -> None:
    for one in list(items_below(report))[::2]:
        one.pop("RelationshipType", None)


def invent_relationships(report: Dataset) -> None:
    for one, word in zip(items_below(report), cycle(("HAS", "contains", "")), strict=False):
        raw(one, "RelationshipType", "CS", word.encode())


def invent_value_types(report: Dataset) -> None:
    odd = {"NUM": "NUMERIC", "TEXT": "STRING", "CODE": "CODED", "PNAME": "PERSON NAME"}
    append(report, plain("PNAME", ("121008", "DCM", "Person Observer Name"), "Reader^Rita"))
    for one in items_below(report):
        one.ValueType = odd.get(one.get("ValueType", ""), one.get("ValueType", ""))


def drop_value_types(report: Dataset) -> None:
    for one in items_below(report):
        one.pop("ValueType", None)


def put_relationships_for_value_types(report: Dataset) -> None:
    for one in list(items_below(report))[::3]:
        one.ValueType = "HAS CONCEPT MOD"


def empty_measured_values(report: Dataset) -> None:
    append(report, num(ODD, None, None))
    for one in numbers(report)[::2]:
        one.MeasuredValueSequence = []


def qualify_missing_values(report: Dataset) -> None:
    reasons = cycle(("114000", "114001", "114007", "114010", "999999"))
    append(report, num(ODD, "1", NO_UNITS))
    for one, reason in zip(numbers(report)[::2], reasons, strict=False):
        one.pop("MeasuredValueSequence", None)
        one.NumericValueQualifierCodeSequence = [coded((reason, "DCM", "A reason"))]


def empty_numeric_values(report: Dataset) -> None:
    replace_values(report, ("", "1", " "))


def give_many_values(report: Dataset) -> None:
    replace_values(report, ("1.5\\2.50\\3", "7", "\\".join(map(str, range(35)))))


def repeat_measured_values(report: Dataset) -> None:
    append(report, num(ODD, "1", NO_UNITS))
    for one in numbers(report)[::2]:
        one.MeasuredValueSequence = [measured("1.10", NO_UNITS), measured("2.20", NO_UNITS)]


def spell_no_numbers(report: Dataset) -> None:
    replace_values(report, NO_NUMBER)


def spell_numbers_oddly(report: Dataset) -> None:
    replace_values(report, WRITTEN_ODDLY)


def cut_numbers(report: Dataset) -> None:
    """DS ends at 16 characters; the double beside it holds the rest (PS3.3 C.18.1)."""
    append(report, num(ODD, "1", NO_UNITS))
    for value in values(report):
        raw(value, "NumericValue", "DS", b"0.12345678901234")
        raw(value, "FloatingPointValue", "FD", pack("<d", 0.12345678901234567))


def state_rationals(report: Dataset) -> None:
    append(report, num(ODD, "1", NO_UNITS))
    for value in values(report):
        raw(value, "NumericValue", "DS", b"0.33333333333333")
        raw(value, "RationalNumeratorValue", "SL", pack("<i", 1))
        raw(value, "RationalDenominatorValue", "UL", pack("<I", 3))


def drop_names(report: Dataset) -> None:
    append(report, num(ODD, "1", NO_UNITS), text(ODD, "words"))
    for one in list(items_below(report))[::2]:
        one.pop("ConceptNameCodeSequence", None)
    report.pop("ConceptNameCodeSequence", None)


def use_old_schemes(report: Dataset) -> None:
    """SRT for SCT where there is such a code, private schemes for DCM elsewhere."""
    append(report, num(("G-D7FE", "SRT", "Length"), "1", NO_UNITS),
           choice(("G-C0E3", "99SDM", "Finding Site"), ("T-D4000", "SNM3", "Abdomen")))  # fmt: skip
    for one in items_below(report):
        for keyword in ("ConceptNameCodeSequence", "ConceptCodeSequence"):
            for code in one.get(keyword) or ():
                old = SRT_OF.get(code.get("CodeValue", ""))
                if code.get("CodingSchemeDesignator") == "SCT" and old:
                    code.CodeValue, code.CodingSchemeDesignator = old, "SRT"


def misspell_units(report: Dataset) -> None:
    append(report, container(GROUP, *(num(ODD, "1.0", one) for one in MISSPELT)))
    for value, unit in zip(values(report), cycle(MISSPELT), strict=False):
        value.MeasurementUnitsCodeSequence = [coded(unit)]


def drop_units(report: Dataset) -> None:
    append(report, num(ODD, "1", NO_UNITS))
    for number, value in enumerate(values(report)):
        if number % 2:
            value.MeasurementUnitsCodeSequence = []
        else:
            value.pop("MeasurementUnitsCodeSequence", None)


def put_odd_text(report: Dataset) -> None:
    long = "A line of words.\r\n" * 4_000
    append(report, text(ODD, "a\\b\\c"), text(ODD, long), text(ODD, ""), text(ODD, " \r\n\t"),
           text(ODD, "<script>alert('x')</script> & \x01\xad"))  # fmt: skip


def break_characters(report: Dataset) -> None:
    append(report, text(ODD, "x"), num(ODD, "1", NO_UNITS))
    report.SpecificCharacterSet = "ISO_IR 192"
    for one in items_below(report):
        if "TextValue" in one:
            raw(one, "TextValue", "UT", b"M\xfc\xdfig \xff\xfe")
        for code in one.get("ConceptNameCodeSequence") or ():
            raw(code, "CodeMeaning", "LO", b"Gr\xf6\xdfe")


def use_long_codes(report: Dataset) -> None:
    append(report, num(("a-code-of-more-than-16-characters", "99TEST", "Long"), "1", NO_UNITS),
           num(("urn:oid:2.25.1", "", "URN"), "2", NO_UNITS))  # fmt: skip
    for one in numbers(report):
        for code in one.get("ConceptNameCodeSequence") or ():
            if "CodeValue" in code:
                code.LongCodeValue = f"a-rather-long-value-{code.pop('CodeValue').value}"


def refer_well(report: Dataset) -> None:
    append(report, num(ODD, "1", NO_UNITS, by_reference("INFERRED FROM", 1, 1)))
    for one in numbers(report)[::2]:
        append(one, by_reference("INFERRED FROM", 1, len(report.ContentSequence)))


def refer_in_circles(report: Dataset) -> None:
    last = len(report.get("ContentSequence") or ())
    append(report, num(ODD, "1", NO_UNITS, by_reference("INFERRED FROM", 1, last + 2)),
           num(ODD, "2", NO_UNITS, by_reference("INFERRED FROM", 1, last + 1)),
           num(ODD, "3", NO_UNITS, by_reference("INFERRED FROM", 1, last + 3)),
           container(GROUP, by_reference(CONTAINS, 1)))  # fmt: skip


def refer_to_nothing(report: Dataset) -> None:
    targets = ((1, 999), (0,), ())
    append(
        report, num(ODD, "1", NO_UNITS, *(by_reference("INFERRED FROM", *one) for one in targets))
    )


def nest_deeply(report: Dataset) -> None:
    item = num(ODD, "40", NO_UNITS)
    for depth in range(40):
        item = container(GROUP, num(ODD, str(depth), NO_UNITS), item)
    append(report, item)


def put_numbers_everywhere(report: Dataset) -> None:
    for number, one in enumerate(list(items_below(report))):
        append(one, num(ODD, f"{number}.0", NO_UNITS, relationship=PROPERTIES))


def repeat_items(report: Dataset) -> None:
    append(report, num(ODD, "1", NO_UNITS))
    for one in [report, *items_below(report)]:
        below = list(one.get("ContentSequence") or ())
        if any(child.get("ValueType") == "NUM" for child in below):
            one.ContentSequence = [copy for child in below for copy in (child, child)]


DEFECTS: dict[str, Callable[[Dataset], None]] = {
    "relationships-missing": drop_relationships,
    "relationships-unknown": invent_relationships,
    "value-types-unknown": invent_value_types,
    "value-types-missing": drop_value_types,
    "value-types-of-relationships": put_relationships_for_value_types,
    "measured-values-empty": empty_measured_values,
    "values-qualified": qualify_missing_values,
    "numeric-values-empty": empty_numeric_values,
    "values-many": give_many_values,
    "measured-values-repeated": repeat_measured_values,
    "no-numbers": spell_no_numbers,
    "numbers-written-oddly": spell_numbers_oddly,
    "numbers-cut": cut_numbers,
    "rationals": state_rationals,
    "names-missing": drop_names,
    "schemes-old": use_old_schemes,
    "units-misspelt": misspell_units,
    "units-missing": drop_units,
    "text-odd": put_odd_text,
    "characters-broken": break_characters,
    "codes-long": use_long_codes,
    "references-good": refer_well,
    "references-circular": refer_in_circles,
    "references-dangling": refer_to_nothing,
    "nesting-deep": nest_deeply,
    "numbers-everywhere": put_numbers_everywhere,
    "items-repeated": repeat_items,
}
"""Each leaves a report that a reader must survive without losing a number."""
