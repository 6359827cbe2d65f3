"""NUM items as values, components and reference ranges."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from dicom2fhir.content import Number, Part, Range, Text
from dicom2fhir.sr import roles
from dicom2fhir.sr.context import stated
from dicom2fhir.sr.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.content import Answer, ContentItem
    from dicom2fhir.sr.draft import Draft

MOST_VALUES: Final = 200
"""Values of one item that become components; of more, their count and range do."""
_MODIFIES = ("HAS CONCEPT MOD", "HAS PROPERTIES")


def values_of(item: ContentItem) -> tuple[Number, ...]:
    """Return the values that a NUM item states; an empty one is none."""
    return tuple(number for number in item.numbers if number.text.strip() or number.exact)


def answer(number: Number) -> Answer:
    """Return a number as a value; what is no number is text (Observation has one value, obs-6)."""
    return number if number.exact else Text("NUM", number.text)


def measure(draft: Draft) -> bool:
    """Give the draft the values of its NUM item; tell whether these were too many to list."""
    item, numbers = draft.item, values_of(draft.item)
    draft.counts = True
    draft.qualifier = item.qualifier
    if len(numbers) == 1:
        draft.value = answer(numbers[0])
        return False
    if len(numbers) > MOST_VALUES:
        draft.parts.extend(_summarise(item, numbers))
        return True
    draft.parts.extend(
        Part(path=item.path, name=item.name, value=answer(number)) for number in numbers
    )
    return False


def _summarise(item: ContentItem, numbers: Sequence[Number]) -> list[Part]:
    count = str(len(numbers))
    parts = [Part(item.path, None, Number(count, count), title="Number of values")]
    ordered = sorted((n for n in numbers if n.exact), key=lambda number: Decimal(number.exact))
    if ordered:
        name = words(item.name)
        for title, number in (("minimum", ordered[0]), ("maximum", ordered[-1])):
            parts.append(Part(item.path, item.name, number, title=f"{name} ({title})"))
    return parts


def is_property(item: ContentItem, owner: Draft) -> bool:
    """Tell whether a NUM item says something of its owner rather than being a result.

    It is then a component, which can hold neither several values nor items below.
    """
    if owner.kind in ("report", "image") or item.relationship not in _MODIFIES or item.children:
        return False
    if len(values_of(item)) > 1:
        return False
    of_number = owner.kind in ("number", "derived")
    return (
        not of_number
        or item.relationship == "HAS CONCEPT MOD"
        or roles.property_key(item) in roles.STATISTICS
    )


def property_of(item: ContentItem) -> Part:
    """Return a NUM item as a component."""
    numbers = values_of(item)
    value = answer(numbers[0]) if numbers else None
    return Part(item.path, item.name, value, qualifier=item.qualifier, counts=True)


def find_ranges(item: ContentItem) -> list[Range]:
    """Return the normal range that a measurement states (TID 310, 312)."""
    low = high = None
    texts = []
    for child in item.children:
        name = roles.property_key(child)
        if name == roles.RANGE_LOW and low is None:
            low = _limit(child)
        elif name == roles.RANGE_HIGH and high is None:
            high = _limit(child)
        elif name in (roles.RANGE_TEXT, roles.RANGE_AUTHORITY) and stated(child):
            texts.append(stated(child))
    return [Range(low, high, "; ".join(texts))] if low or high or texts else []


def _limit(item: ContentItem) -> Number | None:
    numbers = values_of(item)
    return numbers[0] if len(numbers) == 1 and numbers[0].exact else None
