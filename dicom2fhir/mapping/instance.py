"""One instance of a series, as ImagingStudy.series.instance (PS3.3 C.12.1).

A study may hold 100,000 of these: every row is one look-up and a cached conversion.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dicom2fhir.identity import ATTACHMENT, CONTENT, ORIGINAL_UID, SHA256
from dicom2fhir.mapping.binary import attachment, file_id, file_type
from dicom2fhir.mapping.codes import URI, concept, read_code
from dicom2fhir.mapping.elements import Element, compact
from dicom2fhir.mapping.tables.sop_classes import SOP_CLASSES
from dicom2fhir.mapping.text import bounded, first, items, number_of, unsigned

if TYPE_CHECKING:
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json, SeriesInstance

_MADO = "https://profiles.ihe.net/RAD/MADO/StructureDefinition"
_KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
_PATH = "ImagingStudy.series.instance"
_NUMBER, _TITLE = f"{_PATH}.number", f"{_PATH}.title"
_TITLES = ("DocumentTitle", "ConceptNameCodeSequence", "ContentLabel", "ContentDescription")
_LABELLED = frozenset(_TITLES)


def _uid(instance: SeriesInstance, _context: Context) -> Json:
    """Return the UID as it is."""
    return instance.uid


@lru_cache(maxsize=1024)
def sop_class_coding(uid: str) -> Json:
    """Return a SOP Class as Coding; the name only where PS3.6 has one."""
    return compact({"system": URI, "code": f"urn:oid:{uid}", "display": SOP_CLASSES.get(uid)})


def _sop_class(instance: SeriesInstance, _context: Context) -> Json:
    """Return the UID as urn:oid, with its name where PS3.6 has one; the stated one beside it."""
    made = sop_class_coding(instance.sop_class_uid)
    if "OriginalSOPClassUID" not in instance.attributes:
        return made
    return {**made, "extension": [original_uid(instance.attributes, "OriginalSOPClassUID")]}


def _concept_name(attributes: Attributes) -> str:
    found = items(attributes, "ConceptNameCodeSequence")
    coded = read_code(found[0]) if found else None
    return (coded.meaning or coded.value) if coded else ""


def _label(attributes: Attributes) -> str:
    parts = (first(attributes, "ContentLabel"), first(attributes, "ContentDescription"))
    return ": ".join(part for part in parts if part)


def stated_title(attributes: Attributes) -> str:
    """Return document title, else concept name, content label and description, or ""."""
    return first(attributes, "DocumentTitle") or _concept_name(attributes) or _label(attributes)


def _title(instance: SeriesInstance, context: Context) -> Json:
    """Return document title, else concept name, content label and description, or image type."""
    attributes = instance.attributes
    text = "" if _LABELLED.isdisjoint(attributes) else stated_title(attributes)
    if not text and "ImageType" in attributes:
        text = "\\".join(attributes["ImageType"])  # type: ignore[arg-type]  # CS is text
    return bounded(text, context, "ImageType", _TITLE) if text else None


def _frames(instance: SeriesInstance, context: Context) -> Json:
    """Return the number in IHE MADO's extension, where it is more than 1."""
    values = instance.attributes.get("NumberOfFrames")
    if not values or values[0] == "":
        return None
    frames = unsigned(str(values[0]))
    if not frames:
        context.note("map.bad-number", "NumberOfFrames", f"{_PATH}.extension")
    if not frames or frames == 1:
        return None
    return {"url": f"{_MADO}/MadoNumberOfFrames", "valueInteger": frames}


def _key_object_title(instance: SeriesInstance, context: Context) -> Json:
    """Return the title of a Key Object Selection in IHE MADO's extension."""
    if instance.sop_class_uid != _KEY_OBJECTS:
        return None
    keyword = "ConceptNameCodeSequence"
    found = items(instance.attributes, keyword)
    made = concept(found[0], context, keyword, f"{_PATH}.extension") if found else None
    url = f"{_MADO}/MadoKeyObjectDocumentTitle"
    return {"url": url, "valueCodeableConcept": made} if made else None


def _original(instance: SeriesInstance, _context: Context) -> Json:
    """Return the UID that stands in the file, where it is no valid one."""
    if "OriginalSOPInstanceUID" not in instance.attributes:
        return None
    return original_uid(instance.attributes, "OriginalSOPInstanceUID")


def original_uid(attributes: Attributes, keyword: str) -> Json:
    """Return our extension for a UID that had to be replaced, or None."""
    text = first(attributes, keyword)
    return {"url": ORIGINAL_UID, "valueString": text} if text else None


def _content(instance: SeriesInstance, context: Context) -> Json:
    """Return `Binary/<id>` in our extension, literally: not every server rewrites a uri."""
    if instance.uid not in context.payloads.files:
        return None
    return {"url": CONTENT, "valueUri": f"Binary/{file_id(instance.uid, context)}"}


def _sha256(instance: SeriesInstance, context: Context) -> Json:
    """Return the SHA-256 of the file, in hex, in our extension."""
    content = context.payloads.files.get(instance.uid)
    return {"url": SHA256, "valueString": content.sha256} if content else None


def _attachment(instance: SeriesInstance, context: Context) -> Json:
    """Return the file itself in our extension, where all of the study are small."""
    content = context.payloads.files.get(instance.uid)
    if content is None:
        return None
    return {"url": ATTACHMENT, "valueAttachment": attachment(content, file_type(instance))}


_MAPPINGS = "R4 imagingstudy-mappings"

INSTANCE: tuple[Element[SeriesInstance], ...] = (
    Element(f"{_PATH}.uid", ("SOPInstanceUID",), _uid, f"PS3.3 C.12.1; {_MAPPINGS}"),
    Element(f"{_PATH}.sopClass", ("SOPClassUID",), _sop_class, f"PS3.4 B.5; {_MAPPINGS}"),
    Element(
        _NUMBER,
        ("InstanceNumber",),
        number_of("InstanceNumber", _NUMBER),
        f"PS3.3 C.7.6.1; {_MAPPINGS}",
    ),
    Element(
        _TITLE,
        (*_TITLES, "ImageType"),
        _title,
        f"PS3.3 C.24.2, C.17.3, 10.9, C.7.6.1; {_MAPPINGS}",
    ),
    Element(
        f"{_PATH}.extension[number-of-frames]",
        ("NumberOfFrames",),
        _frames,
        "PS3.3 C.7.6.6; IHE RAD MADO, the one published R4 extension for what R6 calls"
        " numberOfFrames",
    ),
    Element(
        f"{_PATH}.extension[key-object-title]",
        ("ConceptNameCodeSequence",),
        _key_object_title,
        "PS3.3 C.17.6.2, PS3.16 CID 7010; IHE RAD MADO",
    ),
    Element(
        f"{_PATH}.extension[original-uid]",
        ("SOPInstanceUID",),
        _original,
        "PS3.5 9.1; R4 datatypes.html#id",
    ),
)

_PART10 = "PS3.10 7; identity.md"
_BINARY: tuple[Element[SeriesInstance], ...] = (
    Element(f"{_PATH}.extension[instance-content]", ("SOPInstanceUID",), _content, _PART10),
    Element(f"{_PATH}.extension[instance-sha256]", (), _sha256, _PART10),
)
_ATTACHED: tuple[Element[SeriesInstance], ...] = (
    Element(f"{_PATH}.extension[instance-attachment]", (), _attachment, _PART10),
)

STORED = {"binary": _BINARY, "attachment": _ATTACHED, "link": _BINARY[1:]}
"""The rows that tell of an instance's bytes, by `--dicom`."""
