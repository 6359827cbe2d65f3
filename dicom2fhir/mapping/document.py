"""An encapsulated document, as DocumentReference (PS3.3 A.45, C.24; R4 documentreference.html)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.mapping.binary import Stored, attachment, instance_id, is_inline
from dicom2fhir.mapping.codes import URI, concepts, oid_uri, uuid_uri
from dicom2fhir.mapping.dates import content_moment
from dicom2fhir.mapping.elements import Element, compact, constant, fill
from dicom2fhir.mapping.identifiers import own, uid
from dicom2fhir.mapping.instance import stated_title
from dicom2fhir.mapping.meta import patient_meta
from dicom2fhir.mapping.origin import Origin, equipment, find_origins, operators, study_reference
from dicom2fhir.mapping.patient import subject
from dicom2fhir.mapping.text import bounded, first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Document, Json, PartialDateTime, Resource

_ENCAPSULATED = "1.2.840.10008.5.1.4.1.1.104"
# PS3.3 A.45.1 to A.45.5: what each class may state; the first is what it is written as.
_TYPES = {
    f"{_ENCAPSULATED}.1": ("application/pdf",),
    f"{_ENCAPSULATED}.2": ("text/xml",),
    f"{_ENCAPSULATED}.3": ("model/stl",),
    f"{_ENCAPSULATED}.4": ("model/obj",),
    f"{_ENCAPSULATED}.5": ("model/mtl",),
}
_VERIFIED = {"VERIFIED": "final", "UNVERIFIED": "preliminary"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One document, the instance that encapsulates it, its media type and when it was made."""

    origin: Origin
    document: Document
    content_type: str
    made: PartialDateTime | None

    @property
    def attributes(self) -> Attributes:
        """Return the attributes of the instance."""
        return self.origin.instance.attributes

    def id(self, kind: str) -> str:
        """Return the id of its DocumentReference or of its Binary."""
        return instance_id(kind, self.origin.instance.uid, self.origin.context, "document")


def _content_type(origin: Origin, document: Document, context: Context) -> str:
    """Return the media type of a document: that of its class, where the class has one.

    Errors: Problem map.document-type where the instance states another.
    """
    keyword = "MIMETypeOfEncapsulatedDocument"
    known = _TYPES.get(origin.instance.sop_class_uid)
    if known is None:
        return document.content_type
    stated = first(origin.instance.attributes, keyword).lower()
    if stated and stated not in known:
        context.note("map.document-type", keyword, "DocumentReference.content")
    return known[0]


def _id(held: Held, _context: Context) -> Json:
    """Return the UUIDv5 of the instance."""
    return held.id("DocumentReference")


def _hl7_identifier(held: Held) -> Json:
    """Return the id of a CDA document: root, and extension after a caret."""
    root, _, extension = first(held.attributes, "HL7InstanceIdentifier").partition("^")
    system = oid_uri(root.strip()) or uuid_uri(root.strip())
    if system is None:
        return None
    if not extension.strip():
        return {"system": URI, "value": system}
    return {"system": system, "value": extension.strip()}


def _master(held: Held, context: Context) -> Json:
    """Return the HL7 Instance Identifier of a CDA document, else the SOP Instance UID."""
    made = _hl7_identifier(held)
    if made is None and first(held.attributes, "HL7InstanceIdentifier"):
        element = "DocumentReference.masterIdentifier"
        context.note("map.bad-code", "HL7InstanceIdentifier", element)
    return made or uid(held.origin.instance.uid)


def _own_identifier(held: Held, context: Context) -> Json:
    """Return our own."""
    return own(_id(held, context))


def _sop_uid(held: Held, _context: Context) -> Json:
    """Return the UID as urn:oid, where the document has a master identifier of its own."""
    return uid(held.origin.instance.uid) if _hl7_identifier(held) else None


def _doc_status(held: Held, _context: Context) -> Json:
    """Return VERIFIED as final, UNVERIFIED as preliminary."""
    return _VERIFIED.get(first(held.attributes, "VerificationFlag").upper())


def _coded(held: Held, keyword: str, element: str) -> list[Json]:
    return concepts(held.attributes, keyword, held.origin.context, element)


def _type(held: Held, _context: Context) -> Json:
    """Return the concept name."""
    found = _coded(held, "ConceptNameCodeSequence", "DocumentReference.type")
    return found[0] if found else None


def _category(held: Held, _context: Context) -> Json:
    """Return the document classes."""
    return _coded(held, "DocumentClassCodeSequence", "DocumentReference.category")


def _date(held: Held, _context: Context) -> Json:
    """Return when the content was made, where time and zone are known: FHIR wants an instant."""
    return held.made.text if held.made and held.made.has_time else None


def _authors(held: Held, _context: Context) -> Json:
    """Return the operators, and the Device that made the document."""
    made = equipment(held.origin)
    return [*operators(held.origin), *([made] if made else [])]


def _title(held: Held, context: Context) -> Json:
    """Return the document title, else the concept name."""
    text = stated_title(held.attributes)
    return bounded(text, context, "DocumentTitle", "DocumentReference.description")


def _content(held: Held, context: Context) -> Json:
    """Return the document, or from the size of `--media-inline-below` the address of its Binary."""
    made = attachment(
        held.document.content,
        held.content_type,
        "" if is_inline(held.document.content, context) else f"Binary/{held.id('Binary')}",
        hash=held.document.sha1,
        title=stated_title(held.attributes),
        creation=held.made.text if held.made else None,
    )
    return [{"attachment": made}]


def _context_of(held: Held, _context: Context) -> Json:
    """Return the ImagingStudy as related."""
    return compact({"related": [study_reference(held.origin)]})


_IDENTITY = ("SOPInstanceUID",)
_WHEN = (
    *("ContentDate", "ContentTime", "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime"),
    "TimezoneOffsetFromUTC",
)
_MODULE = "PS3.3 C.24.2"

DOCUMENT: tuple[Element[Held], ...] = (
    Element("DocumentReference.id", _IDENTITY, _id, "identity.md"),
    Element(
        "DocumentReference.meta",
        ("PatientIdentityRemoved",),
        patient_meta,
        "R4 resource.html#Meta",
    ),
    Element(
        "DocumentReference.masterIdentifier",
        ("HL7InstanceIdentifier", *_IDENTITY),
        _master,
        _MODULE,
    ),
    Element("DocumentReference.identifier[own]", _IDENTITY, _own_identifier, "identity.md"),
    Element("DocumentReference.identifier[sop-instance-uid]", _IDENTITY, _sop_uid, "PS3.3 C.12.1"),
    Element("DocumentReference.status", (), constant("current"), "R4 documentreference.html"),
    Element("DocumentReference.docStatus", ("VerificationFlag",), _doc_status, _MODULE),
    Element("DocumentReference.type", ("ConceptNameCodeSequence",), _type, _MODULE),
    Element("DocumentReference.category", ("DocumentClassCodeSequence",), _category, _MODULE),
    Element(
        "DocumentReference.subject",
        ("PatientID", "QualityControlSubject"),
        subject,
        "PS3.3 C.7.1.1",
    ),
    Element("DocumentReference.date", _WHEN, _date, f"{_MODULE}; PS3.3 C.12.1"),
    Element(
        "DocumentReference.author",
        ("OperatorsName", "OperatorIdentificationSequence", "Manufacturer"),
        _authors,
        "PS3.3 C.7.3.1, C.7.5.1",
    ),
    Element(
        "DocumentReference.description",
        ("DocumentTitle", "ConceptNameCodeSequence"),
        _title,
        _MODULE,
    ),
    Element(
        "DocumentReference.content",
        ("MIMETypeOfEncapsulatedDocument", "DocumentTitle", "ContentDate", "ContentTime"),
        _content,
        f"{_MODULE}; R4 datatypes.html#Attachment",
    ),
    Element(
        "DocumentReference.context",
        ("StudyInstanceUID",),
        _context_of,
        "R4 documentreference.html",
    ),
)

_VERSIONS = {"R4": DOCUMENT, "R4B": DOCUMENT}


def find_held(study: Resource, context: Context) -> list[Held]:
    """Return the documents that the study's instances encapsulate, in their order."""
    documents = context.payloads.documents
    origins = find_origins((one.sop_instance_uid for one in documents), study, context)
    held = ((origins.get(one.sop_instance_uid), one) for one in documents)
    return [
        Held(
            origin=origin,
            document=document,
            content_type=_content_type(origin, document, context),
            made=content_moment(origin.instance, origin.series, context, "DocumentReference.date"),
        )
        for origin, document in held
        if origin is not None
    ]


def stored_documents(held: Sequence[Held], context: Context) -> list[Stored]:
    """Return the documents that become Binaries."""
    return [
        Stored(id=one.id("Binary"), content_type=one.content_type, content=one.document.content)
        for one in held
        if not is_inline(one.document.content, context)
    ]


def map_documents(held: Sequence[Held], context: Context) -> list[Resource]:
    """Return a DocumentReference for each document."""
    rows = _VERSIONS[context.options.fhir]
    return [{"resourceType": "DocumentReference", **fill(rows, one, context)} for one in held]
