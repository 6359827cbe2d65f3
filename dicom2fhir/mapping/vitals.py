"""Scalars of the header as Observation: size, weight and, without a dose report, dose.

Somebody typed them or the machine estimated them; a note says where they stood.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from dicom2fhir.identity import resource_id
from dicom2fhir.mapping.codes import DCM, SYSTEMS
from dicom2fhir.mapping.dates import series_start, study_start
from dicom2fhir.mapping.elements import Element, compact, constant, fill_each
from dicom2fhir.mapping.identifiers import own
from dicom2fhir.mapping.meta import patient_meta
from dicom2fhir.mapping.patient import is_phantom, subject
from dicom2fhir.mapping.text import first, items

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json, Resource, Series, Study

_UCUM = SYSTEMS["UCUM"]
_CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
_NOTE = "Reported in the DICOM header, not measured in these images."
_DOSE_REPORTS = frozenset({"113701", "113500"})
"""X-Ray and radiopharmaceutical dose reports (PS3.16 TID 10001, 10011, 10021)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """What the header may say of a patient or of what was given to one.

    `factor` makes the value's unit ours; `least` and `most` bound what a person can have.
    """

    keyword: str
    system: str
    code: str
    display: str
    unit: str
    category: str = "imaging"
    factor: Decimal = Decimal(1)
    least: Decimal = Decimal(0)
    most: Decimal = Decimal("Infinity")


PERSON = (
    Scalar(
        keyword="PatientSize",
        system=SYSTEMS["LN"],
        code="8302-2",
        display="Body height",
        unit="cm",
        category="vital-signs",
        factor=Decimal(100),
        least=Decimal(20),
        most=Decimal(272),
    ),
    Scalar(
        keyword="PatientWeight",
        system=SYSTEMS["LN"],
        code="29463-7",
        display="Body weight",
        unit="kg",
        category="vital-signs",
        least=Decimal("0.2"),
        most=Decimal(650),
    ),
)
"""Metres and kilograms (PS3.3 C.7.2.2); R4 vital-signs wants cm. The bounds are those of the
smallest and the largest people known."""

EXPOSURE = (
    Scalar(keyword="CTDIvol", system=DCM, code="113830", display="Mean CTDIvol", unit="mGy"),
    Scalar(
        keyword="ImageAndFluoroscopyAreaDoseProduct",
        system=DCM,
        code="122130",
        display="Dose Area Product",
        unit="dGy.cm2",
    ),
    Scalar(
        keyword="OrganDose",
        system=DCM,
        code="111631",
        display="Average Glandular Dose",
        unit="dGy",
    ),
)
"""Of images, in the units of PS3.3 C.8.15.3.9, C.8.7.3, C.8.7.2."""
_OTHER_ORGANS = {"OrganDose": ("113518", "Organ Dose")}
"""What an attribute is called outside of mammography (PS3.3 C.8.7.2: of Organ Exposed)."""

ACTIVITY = Scalar(
    keyword="RadionuclideTotalDose",
    system=DCM,
    code="113507",
    display="Administered activity",
    unit="Bq",
)
"""Of a series, in Bq (PS3.3 C.8.9.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """One Observation to be: what, of which study or series, from the least value to the most."""

    scalar: Scalar
    study: Study
    low: Decimal
    high: Decimal
    series: Series | None = None
    item: int = 0


def _id(vital: Vital, context: Context) -> Json:
    """Return the UUIDv5 of the study, the series if it is of one, and the attribute."""
    place = (vital.series.uid, str(vital.item)) if vital.series is not None else ()
    return resource_id("Observation", vital.study.uid, *place, vital.scalar.keyword, *context.scope)


def _own_identifier(vital: Vital, context: Context) -> Json:
    """Return our own."""
    return own(_id(vital, context))


def _part_of(vital: Vital, context: Context) -> Json:
    """Return the ImagingStudy."""
    study = resource_id("ImagingStudy", vital.study.uid, *context.scope)
    return [{"reference": f"ImagingStudy/{study}"}]


def _category(vital: Vital, _context: Context) -> Json:
    """Return vital-signs for size and weight, imaging for dose."""
    return [{"coding": [{"system": _CATEGORIES, "code": vital.scalar.category}]}]


def _code(vital: Vital, _context: Context) -> Json:
    """Return LOINC 8302-2, 29463-7, or the DCM concept of the dose."""
    scalar = vital.scalar
    display = scalar.display if scalar.system != DCM else None
    return {
        "coding": [compact({"system": scalar.system, "code": scalar.code, "display": display})],
        "text": scalar.display,
    }


def _effective(vital: Vital, context: Context) -> Json:
    """Return the start of the study, of a dose that of its series."""
    begun = series_start(vital.series, context) if vital.series is not None else None
    return begun or study_start(vital.study, context)


def _quantity(value: Decimal, scalar: Scalar) -> Json:
    return {"value": value, "unit": scalar.unit, "system": _UCUM, "code": scalar.unit}


def _value(vital: Vital, _context: Context) -> Json:
    """Return the value that all images state."""
    return _quantity(vital.low, vital.scalar) if vital.low == vital.high else None


def _range(vital: Vital, _context: Context) -> Json:
    """Return the least and the greatest value where images state several."""
    if vital.low == vital.high:
        return None
    return {
        "low": _quantity(vital.low, vital.scalar),
        "high": _quantity(vital.high, vital.scalar),
    }


_KEYWORDS = tuple(one.keyword for one in (*PERSON, *EXPOSURE))

VITAL: tuple[Element[Vital], ...] = (
    Element("Observation.id", ("StudyInstanceUID",), _id, "identity.md"),
    Element("Observation.meta", ("PatientIdentityRemoved",), patient_meta, "R4 resource.html#Meta"),
    Element("Observation.identifier[own]", ("StudyInstanceUID",), _own_identifier, "identity.md"),
    Element("Observation.partOf", ("StudyInstanceUID",), _part_of, "R4 observation.html"),
    Element("Observation.status", (), constant("final"), "R4 observation.html"),
    Element("Observation.category", (), _category, "R4 observation-vitalsigns.html"),
    Element("Observation.code", (), _code, "R4 observation-vitalsigns.html; PS3.16 CID 10010"),
    Element(
        "Observation.subject", ("PatientID", "QualityControlSubject"), subject, "PS3.3 C.7.1.1"
    ),
    Element(
        "Observation.effectiveDateTime",
        ("StudyDate", "StudyTime", "SeriesDate", "SeriesTime"),
        _effective,
        "PS3.3 C.7.2.1",
    ),
    Element(
        "Observation.valueQuantity",
        (*_KEYWORDS, "RadiopharmaceuticalInformationSequence"),
        _value,
        "PS3.3 C.7.2.2, C.8.15.3.9, C.8.7.2, C.8.7.3, C.8.9.2",
    ),
    Element("Observation.valueRange", _KEYWORDS[2:], _range, "the same, where images differ"),
    Element("Observation.note", (), constant([{"text": _NOTE}]), "R4 observation.html"),
)

_VERSIONS = {"R4": VITAL, "R4B": VITAL}


def map_vitals(context: Context) -> list[Resource]:
    """Return an Observation for each scalar of the header that can be one.

    FHIR:   a vital sign needs a time (R4 observation-vitalsigns.html); without one there is none
    Errors: Problem map.implausible where no person can have the value; it is left out.
    """
    if not context.options.vitals or is_phantom(context.study.patient):
        return []
    found = list(_person(context))
    if not _has_dose_report(context.study):
        found += _exposure(context)
        found += _activity(context)
    rows = _VERSIONS[context.options.fhir]
    made = [{"resourceType": "Observation", **one} for one in fill_each(rows, found, context)]
    return [one for one in made if "effectiveDateTime" in one]


def _has_dose_report(study: Study) -> bool:
    names = (
        first(item, "CodeValue")
        for series in study.series
        for instance in series.instances
        for item in items(instance.attributes, "ConceptNameCodeSequence")
    )
    return any(code in _DOSE_REPORTS for code in names)


def _number(scalar: Scalar, attributes: Attributes, context: Context) -> Decimal | None:
    """Return a value in our unit; 0 is what writers put where they know nothing."""
    text = first(attributes, scalar.keyword)
    try:
        value = Decimal(text) * scalar.factor if text else Decimal(0)
    except InvalidOperation:
        value = Decimal("NaN")
    if value == 0:
        return None
    if not (value.is_finite() and scalar.least <= value <= scalar.most):
        context.note("map.implausible", scalar.keyword, "Observation.value")
        return None
    return value


def _person(context: Context) -> Iterator[Vital]:
    for scalar in PERSON:
        value = _number(scalar, context.study.attributes, context)
        if value is not None:
            yield Vital(scalar=scalar, study=context.study, low=value, high=value)


def _exposure(context: Context) -> Iterator[Vital]:
    for series in context.study.series:
        for scalar in _exposure_of(series):
            states = (one.attributes for one in series.instances)
            vital = _within(scalar, states, series, context)
            if vital is not None:
                yield vital


def _exposure_of(series: Series) -> Iterator[Scalar]:
    is_breast = first(series.attributes, "Modality") == "MG"
    for scalar in EXPOSURE:
        code, display = scalar.code, scalar.display
        if not is_breast:
            code, display = _OTHER_ORGANS.get(scalar.keyword, (code, display))
        yield replace(scalar, code=code, display=display)


def _activity(context: Context) -> Iterator[Vital]:
    for series in context.study.series:
        administered = items(series.attributes, "RadiopharmaceuticalInformationSequence")
        for number, item in enumerate(administered, start=1):
            vital = _within(ACTIVITY, [item], series, context, number)
            if vital is not None:
                yield vital


def _within(
    scalar: Scalar, states: Iterable[Attributes], series: Series, context: Context, item: int = 0
) -> Vital | None:
    values = [value for one in states if (value := _number(scalar, one, context)) is not None]
    if not values:
        return None
    return Vital(
        scalar=scalar,
        study=context.study,
        low=min(values),
        high=max(values),
        series=series,
        item=item,
    )
