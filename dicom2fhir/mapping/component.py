"""What an Observation or one of its components says (PS3.3 C.18; R4 observation.html)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicom2fhir.content import Number
from dicom2fhir.identity import CONTENT_ITEM
from dicom2fhir.mapping.codes import coded_concept
from dicom2fhir.mapping.elements import Element, compact, fill
from dicom2fhir.mapping.quantity import (
    absent_reason,
    date_time,
    plain_text,
    quantity,
    says_nothing,
    stated_extensions,
    time_text,
)
from dicom2fhir.mapping.reported import Reported, at_item
from dicom2fhir.model import Coded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.content import Answer, Observed, Part
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One Observation on its way: what was seen, and the report that says so."""

    observed: Observed
    reported: Reported

    @property
    def context(self) -> Context:
        """Return the context of the series that the report is in."""
        return self.reported.context

    @property
    def attributes(self) -> Attributes:
        """Return the attributes of the document."""
        return self.reported.attributes

    @property
    def id(self) -> str:
        """Return the id of the Observation."""
        return self.reported.id("Observation", self.observed.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component on its way; `taken` are codings that it may not have (obs-7)."""

    part: Part
    found: Found
    taken: Sequence[Json] = ()


def name_of(coded: Coded | None, title: str, context: Context) -> Json:
    """Return the concept name, and as text what tells it from others of its group."""
    return coded_concept(coded, context, title) or {"text": "Unnamed"}


def _component_code(component: Component, _context: Context) -> Json:
    """Return the concept name with the words that tell it from others; obs-7: not the one above."""
    part = component.part
    made = name_of(part.name, part.title, component.found.context)
    taken = [(one.get("system"), one["code"]) for one in component.taken]
    kept = [one for one in made.get("coding", ()) if (one.get("system"), one["code"]) not in taken]
    return compact({**made, "coding": kept})


def _item_of_part(component: Component, _context: Context) -> Json:
    """Return the path of the content item."""
    return {"url": CONTENT_ITEM, "valueString": component.part.path}


def _answer(source: Found | Component) -> Answer:
    return source.observed.value if isinstance(source, Found) else source.part.value


def _report_of(source: Found | Component) -> Found:
    return source if isinstance(source, Found) else source.found


def _element(source: Found | Component, name: str) -> str:
    return f"Observation.{'' if isinstance(source, Found) else 'component.'}{name}"


def stated(source: Found | Component, context: Context) -> Json:
    """Return what the value cannot hold: a time without zone, the unit of what is no number."""
    value = _answer(source)
    return stated_extensions(value, _date_time(source, context))


def _quantity(source: Found | Component, _context: Context) -> Json:
    """Return the number with every digit, and its unit, UCUM where it is one."""
    value = _answer(source)
    if not isinstance(value, Number) or not value.exact:
        return None
    return quantity(value, _report_of(source).context, _element(source, "valueQuantity"))


def _concept(source: Found | Component, _context: Context) -> Json:
    """Return the code."""
    value = _answer(source)
    return coded_concept(value, _report_of(source).context) if isinstance(value, Coded) else None


def _string(source: Found | Component, _context: Context) -> Json:
    """Return the text, the UID, or what is no number though it should be."""
    return plain_text(_answer(source))


def _date_time(source: Found | Component, _context: Context) -> str:
    """Return DATE and DATETIME as precise as they are."""
    found = _report_of(source)
    return date_time(_answer(source), found.attributes, found.context)


def _time(source: Found | Component, _context: Context) -> Json:
    """Return TIME."""
    return time_text(_answer(source))


def absent(found: Found, _context: Context) -> Json:
    """Return why a number has no value (PS3.16 CID 42), unknown where nothing says why."""
    observed = found.observed
    if not says_nothing(observed.value) or not (observed.counts or observed.qualifier):
        return None
    return absent_reason(observed.qualifier, found.context)


def _part_absent(component: Component, _context: Context) -> Json:
    """Return why there is no value, unknown where nothing says why."""
    if not says_nothing(component.part.value):
        return None
    return absent_reason(component.part.qualifier, component.found.context)


_MOMENT = ("Date", "DateTime")
_MACROS = "PS3.3 C.18.2 to C.18.9"


def value_rows(path: str) -> tuple[Element[Any], ...]:
    """Return the rows of a value, for each type that it may have."""
    return (
        Element(
            f"{path}.valueQuantity", ("MeasuredValueSequence",), _quantity, "PS3.3 C.18.1; UCUM"
        ),
        Element(f"{path}.valueCodeableConcept", ("ConceptCodeSequence",), _concept, _MACROS),
        Element(f"{path}.valueString", ("TextValue", "UID"), _string, _MACROS),
        Element(f"{path}.valueDateTime", _MOMENT, _date_time, f"{_MACROS}; PS3.3 C.12.1"),
        Element(f"{path}.valueTime", ("Time",), _time, _MACROS),
    )


COMPONENT: tuple[Element[Component], ...] = (
    Element(
        "Observation.component.extension[content-item]",
        ("ContentSequence",),
        _item_of_part,
        "PS3.3 C.17.3.2.5",
    ),
    Element("Observation.component.extension[stated]", _MOMENT, stated, "PS3.3 C.18"),
    Element(
        "Observation.component.code",
        ("ConceptNameCodeSequence",),
        _component_code,
        "PS3.3 C.17.3; R4 obs-7",
    ),
    *value_rows("Observation.component"),
    Element(
        "Observation.component.dataAbsentReason",
        ("NumericValueQualifierCodeSequence",),
        _part_absent,
        "PS3.16 CID 42",
    ),
)


def components(found: Found, context: Context) -> Json:
    """Return each modifier, property, or one of several values."""
    observed = found.observed
    taken: Sequence[Json] = ()
    if observed.value is not None:
        taken = name_of(observed.name, observed.title, found.context).get("coding", ())
    return [
        fill(COMPONENT, Component(part=part, found=found, taken=taken), at_item(context, part.path))
        for part in observed.parts
    ]
