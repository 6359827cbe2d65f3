"""Doses that no examination gives: values a thousand times too large or too small."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from dicom2fhir.sr import dose_concepts as concepts
from dicom2fhir.sr import roles

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.content import ContentItem

_MOST_DOSE: Final = Decimal(20)
"""Gy at the reference point: the longest interventions reach about half of it."""
_FIELD: Final = (Decimal("1e-4"), Decimal("0.3"))
"""m2 at the reference point, 1 cm2 to more than a detector has: DAP divided by Dose (RP). Outside,
one of them is in another unit than it states, most often by a factor of 1000."""
_UNIT: Final = re.compile(r"([dcmun]?)Gy(?:[.* ]?([dcm]?)m\^?2)?")
_PREFIXES: Final = {"": 0, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9}


def count_implausible(items: Iterable[ContentItem]) -> int:
    """Return how many doses of a report are beyond what is plausible; none is changed."""
    places: dict[str, dict[roles.Key, Decimal]] = {}
    for item in items:
        name = roles.key(item.name)
        if item.value_type == "NUM" and (name in concepts.PAIRS or name in concepts.DOSE_RP):
            dose = _in_gray(item)
            if dose is not None:
                places.setdefault(item.path.rpartition(".")[0], {})[name] = dose
    return sum(_count(found) for found in places.values())


def _count(found: dict[roles.Key, Decimal]) -> int:
    high = sum(name in concepts.DOSE_RP and dose > _MOST_DOSE for name, dose in found.items())
    fields = (
        found[area] / found[dose]
        for area, dose in concepts.PAIRS.items()
        if found.get(area) and found.get(dose)
    )
    low, most = _FIELD
    return high + sum(not low <= field <= most for field in fields)


def _in_gray(item: ContentItem) -> Decimal | None:
    """Return a dose in Gy or a Dose Area Product in Gy.m2; None where its unit is none of these."""
    number = item.numbers[0] if len(item.numbers) == 1 else None
    if number is None or number.unit is None or not number.exact:
        return None
    unit = _UNIT.fullmatch(number.unit.value)
    if unit is None:
        return None
    dose, length = unit.groups()
    exponent = _PREFIXES[dose] + 2 * _PREFIXES[length or ""]
    return Decimal(number.exact).scaleb(exponent)
