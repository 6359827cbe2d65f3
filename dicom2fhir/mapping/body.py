"""Body part, laterality and view as SNOMED CT (PS3.16 Annex L, CID 244, 4010, 4014)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dicom2fhir.mapping.codes import SCT, coding, concepts, read_code
from dicom2fhir.mapping.elements import compact
from dicom2fhir.mapping.tables.body_parts import BODY_PARTS
from dicom2fhir.mapping.text import every, first, items

if TYPE_CHECKING:
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json, Series

# CID 244 without Unilateral: R4's example value set has other codes, but binds nothing to them.
LATERALITY = {
    "R": ("24028007", "Right"),
    "L": ("7771000", "Left"),
    "B": ("51440002", "Bilateral"),
}
# Defined terms of View Position (PS3.3 C.8.1.1, C.8.11.5, C.8.11.7) with a concept of CID 4010 or
# 4014; the decubitus views LLD and RLD have none.
VIEWS = {
    "AP": ("399348003", "Antero-posterior"),
    "PA": ("272479007", "Postero-anterior"),
    "LL": ("399173006", "Left lateral"),
    "RL": ("399198007", "Right lateral"),
    "RAO": ("399356000", "Right anterior oblique"),
    "LAO": ("399135007", "Left anterior oblique"),
    "LPO": ("399006002", "Left posterior oblique"),
    "RPO": ("399038007", "Right posterior oblique"),
    "CC": ("399162004", "Cranio-caudal"),
    "MLO": ("399368009", "Medio-lateral oblique"),
    "ML": ("399260004", "Medio-lateral"),
    "LM": ("399352003", "Latero-medial"),
    "XCCL": ("399192008", "Cranio-caudal exaggerated laterally"),
    "XCCM": ("399101009", "Cranio-caudal exaggerated medially"),
    "FB": ("399196006", "Caudo-cranial (from below)"),
    "SIO": ("399188001", "Superolateral to inferomedial oblique"),
    "LMO": ("399099002", "Latero-medial oblique"),
    "ISO": ("441555000", "Inferomedial to superolateral oblique"),
}
_BY_CODE = {code: side for side, (code, _) in LATERALITY.items()}
# Terms of older editions and of practice that Annex L no longer has.
_OLD_TERMS = {"ARM": "UPPERARM", "LEG": "LOWERLEG"}
_BLANKS = re.compile(r"[\s_]+")


def _region(attributes: Attributes) -> Attributes:
    return next(iter(items(attributes, "AnatomicRegionSequence")), {})


def body_site(series: Series, context: Context) -> Json:
    """Return the anatomic region as coded, else Body Part Examined by its 339 terms, else its text.

    DICOM:  AnatomicRegionSequence (0008,2218), BodyPartExamined (0018,0015); PS3.16 Annex L
    FHIR:   ImagingStudy.series.bodySite, Coding
    Errors: Problem map.bad-code, map.body-part; the display alone is written.
    """
    element = "ImagingStudy.series.bodySite"
    region = read_code(_region(series.attributes))
    if region.value and (made := coding(region, context)):
        return made
    if region.value:
        context.note("map.bad-code", "AnatomicRegionSequence", element)
    term = first(series.attributes, "BodyPartExamined")
    for _ in every(series.attributes, "BodyPartExamined")[1:]:
        context.note("map.body-part", "BodyPartExamined", element)
    plain = _BLANKS.sub("", term).upper()
    known = BODY_PARTS.get(_OLD_TERMS.get(plain, plain))
    if known:
        return {"system": SCT, "code": known[0], "display": known[1]}
    if term:
        context.note("map.body-part", "BodyPartExamined", element)
    return compact({"display": region.meaning or term})


def laterality(series: Series, context: Context) -> Json:
    """Return the side that the series states, its images agree on, or its region is modified by.

    DICOM:  Laterality (0020,0060), ImageLaterality (0020,0062), AnatomicRegionModifierSequence
    FHIR:   ImagingStudy.series.laterality, Coding; U (unpaired) says nothing
    Errors: Problem map.laterality-conflict where these differ, map.bad-code; it is left out.
    """
    stated = first(series.attributes, "Laterality").upper()
    images = {first(one.attributes, "ImageLaterality").upper() for one in series.instances}
    region = _modifier_side(series.attributes, context)
    side = stated or (min(images) if len(images) == 1 else "") or region
    sides = (images | {region}) - {""}
    # Both sides among the images is what a bilateral series is made of.
    if side and not (sides <= {side} or (side == "B" and len(sides) > 1)):
        # A wrong side can hurt; an absent one makes people look.
        context.note("map.laterality-conflict", "Laterality", "ImagingStudy.series.laterality")
        return None
    known = LATERALITY.get(side)
    if known is None and side not in {"", "U"}:
        context.note("map.bad-code", "Laterality", "ImagingStudy.series.laterality")
    return {"system": SCT, "code": known[0], "display": known[1]} if known else None


def _modifier_side(attributes: Attributes, context: Context) -> str:
    for item in items(_region(attributes), "AnatomicRegionModifierSequence"):
        made = coding(read_code(item), context)
        if made and made["system"] == SCT and made["code"] in _BY_CODE:
            return _BY_CODE[made["code"]]
    return ""


def view(attributes: Attributes, context: Context, element: str) -> Json:
    """Return the view as coded, else the View Position by its defined terms, else its text.

    DICOM:  ViewCodeSequence (0054,0220), ViewPosition (0018,5101)
    FHIR:   CodeableConcept; the words are text, for SNOMED CT calls these concepts otherwise
    """
    coded = concepts(attributes, "ViewCodeSequence", context, element)
    if coded:
        return coded[0]
    term = first(attributes, "ViewPosition")
    known = VIEWS.get(term.upper())
    if known is None:
        return compact({"text": term})
    return {"coding": [{"system": SCT, "code": known[0]}], "text": known[1]}
