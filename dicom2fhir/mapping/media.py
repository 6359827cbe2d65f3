"""A render, or the stream of a video, as Media (R4 media.html)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.mapping.binary import Stored, attachment, instance_id, is_inline
from dicom2fhir.mapping.body import view
from dicom2fhir.mapping.codes import SYSTEMS, coding, concept_of
from dicom2fhir.mapping.dates import content_moment
from dicom2fhir.mapping.elements import Element, constant, fill
from dicom2fhir.mapping.identifiers import own, uid
from dicom2fhir.mapping.meta import patient_meta
from dicom2fhir.mapping.origin import Origin, equipment, find_origins, operators, study_reference
from dicom2fhir.mapping.patient import subject
from dicom2fhir.mapping.text import every, first, unsigned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.content import Referenced
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Coded, Json, Rendition, Resource, SeriesInstance

_KEY_IMAGES = {"system": SYSTEMS["LN"], "code": "55113-5", "display": "Key images Radiology"}
_TYPE = "http://terminology.hl7.org/CodeSystem/media-type"
# JPEG baseline and extended know no other way (PS3.5 A.4.1, 10.3)
_LOSSY = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One rendition and where it comes from."""

    origin: Origin
    rendition: Rendition
    key: tuple[Coded, ...] = ()
    """The titles of the selections that name this image as key."""

    def id(self, kind: str) -> str:
        """Return the id of its Media or of its Binary."""
        rendition = self.rendition
        more = (str(rendition.frame), rendition.recipe)
        return instance_id(kind, rendition.sop_instance_uid, self.origin.context, *more)


def _id(shown: Shown, _context: Context) -> Json:
    """Return the UUIDv5 of the instance, the frame, and the format, size and window asked for."""
    return shown.id("Media")


def _meta(shown: Shown, context: Context) -> Json:
    """Return the same for every resource; key images are tagged LOINC 55113-5 and by the title."""
    made = patient_meta(shown, context)
    if not shown.key:
        return made
    titles = (coding(title, shown.origin.context) for title in shown.key)
    return made | {"tag": [*made.get("tag", []), _KEY_IMAGES, *(one for one in titles if one)]}


def _own_identifier(shown: Shown, _context: Context) -> Json:
    """Return our own: the one that tells frames and renders apart."""
    return own(shown.id("Media"))


def _sop_uid(shown: Shown, _context: Context) -> Json:
    """Return the UID as urn:oid."""
    return uid(shown.origin.instance.uid)


def _based_on(shown: Shown, _context: Context) -> Json:
    """Return what the study is based on."""
    return shown.origin.study_resource.get("basedOn")


def _part_of(shown: Shown, _context: Context) -> Json:
    """Return the ImagingStudy."""
    return [study_reference(shown.origin)]


def _type(shown: Shown, _context: Context) -> Json:
    """Return image or video."""
    if shown.rendition.is_video:
        return concept_of(_TYPE, "video", "Video")
    return concept_of(_TYPE, "image", "Image")


def _modality(shown: Shown, _context: Context) -> Json:
    """Return that of the series."""
    return {"coding": [shown.origin.series_resource["modality"]]}


def _view(shown: Shown, _context: Context) -> Json:
    """Return the view as coded, else the View Position by its terms, else its text."""
    return view(shown.origin.instance.attributes, shown.origin.context, "Media.view")


def _created(shown: Shown, context: Context) -> Json:
    """Return when the content was made, else acquired."""
    origin = shown.origin
    found = content_moment(origin.instance, origin.series, context, "Media.createdDateTime")
    return found.text if found else None


def _operator(shown: Shown, _context: Context) -> Json:
    """Return the first: Practitioner with an identifier, else display."""
    return next(iter(operators(shown.origin)), None)


def _reason(shown: Shown, _context: Context) -> Json:
    """Return what the study was made for."""
    return shown.origin.study_resource.get("reasonCode")


def _body_site(shown: Shown, _context: Context) -> Json:
    """Return that of the series; a term that has no code is text."""
    site = shown.origin.series_resource.get("bodySite")
    if not site or "code" in site:
        return {"coding": [site]} if site else None
    return {"text": site["display"]}


def _device_name(shown: Shown, _context: Context) -> Json:
    """Return manufacturer and model."""
    attributes = shown.origin.series.attributes
    names = (first(attributes, word) for word in ("Manufacturer", "ManufacturerModelName"))
    return " ".join(name for name in names if name)


def _device(shown: Shown, _context: Context) -> Json:
    """Return the Device, else the manufacturer as display."""
    return equipment(shown.origin)


def _height(shown: Shown, _context: Context) -> Json:
    """Return that of the render, which may be smaller than the image."""
    return shown.rendition.height or None


def _width(shown: Shown, _context: Context) -> Json:
    """Return that of the render, which may be smaller than the image."""
    return shown.rendition.width or None


def _frames(shown: Shown, _context: Context) -> Json:
    """Return how many the render has: 1 of a still."""
    return shown.rendition.frames or None


def _number(shown: Shown, keyword: str) -> float:
    try:
        number = float(first(shown.origin.instance.attributes, keyword))
    except ValueError:
        return 0
    return number if 0 < number < float("inf") else 0


def _duration(shown: Shown, _context: Context) -> Json:
    """Return the seconds of a video: frames by Frame Time, else by Cine Rate."""
    frames = shown.rendition.frames
    milliseconds, rate = _number(shown, "FrameTime"), _number(shown, "CineRate")
    if not shown.rendition.is_video or not (milliseconds or rate):
        return None
    return round(frames * milliseconds / 1000 if milliseconds else frames / rate, 3) or None


def _title(shown: Shown) -> str:
    series = shown.origin.series_resource
    modality = series["modality"]
    return str(series.get("description") or modality.get("display") or modality["code"])


def _content(shown: Shown, context: Context) -> Json:
    """Return the bytes, or from the size of `--media-inline-below` the address of their Binary."""
    rendition = shown.rendition
    inline = is_inline(rendition.content, context)
    return attachment(
        rendition.content,
        rendition.content_type,
        "" if inline else f"Binary/{shown.id('Binary')}",
        hash=rendition.sha1,
        title=_title(shown),
    )


def _has_loss(instance: SeriesInstance) -> bool:
    """Tell whether an image has lost something, also where it does not say so itself."""
    if instance.transfer_syntax_uid in _LOSSY:
        return True
    return "01" in every(instance.attributes, "LossyImageCompression")


def _note(shown: Shown, _context: Context) -> Json:
    """Return how grey values were chosen, which frame of how many, and whether pixels had loss."""
    rendition, attributes = shown.rendition, shown.origin.instance.attributes
    frames = unsigned(first(attributes, "NumberOfFrames")) or 1
    parts = [rendition.window] if rendition.window else []
    if frames > 1 and not rendition.is_video:
        parts.append(f"frame {rendition.frame} of {frames}")
    if _has_loss(shown.origin.instance):
        parts.append("the image had been compressed with loss before")
    return [{"text": "; ".join(parts)}] if parts else None


_IDENTITY = ("SOPInstanceUID",)
_WHEN = ("ContentDate", "ContentTime", "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime")
_MAPPINGS = "R4 media-mappings"
_IMAGE = "PS3.3 C.7.6.1; R4 media-mappings"

MEDIA: tuple[Element[Shown], ...] = (
    Element("Media.id", _IDENTITY, _id, "identity.md"),
    Element(
        "Media.meta",
        ("PatientIdentityRemoved", "ConceptNameCodeSequence"),
        _meta,
        "R4 resource.html#Meta; PS3.16 TID 2010",
    ),
    Element("Media.identifier[own]", _IDENTITY, _own_identifier, "identity.md"),
    Element(
        "Media.identifier[sop-instance-uid]", _IDENTITY, _sop_uid, f"PS3.3 C.12.1; {_MAPPINGS}"
    ),
    Element(
        "Media.basedOn",
        (
            "AccessionNumber",
            "PlacerOrderNumberImagingServiceRequest",
            "FillerOrderNumberImagingServiceRequest",
            "RequestAttributesSequence",
        ),
        _based_on,
        "as ImagingStudy.basedOn",
    ),
    Element("Media.partOf", ("StudyInstanceUID",), _part_of, "R4 media.html"),
    Element("Media.status", (), constant("completed"), "R4 media.html"),
    Element("Media.type", (), _type, "R4 media.html"),
    Element("Media.modality", ("Modality",), _modality, f"PS3.3 C.7.3.1; {_MAPPINGS}"),
    Element(
        "Media.view",
        ("ViewCodeSequence", "ViewPosition"),
        _view,
        "PS3.3 C.8.11.7, C.8.11.5, C.8.1.1; PS3.16 CID 4010, 4014",
    ),
    Element("Media.subject", ("PatientID", "QualityControlSubject"), subject, _MAPPINGS),
    Element(
        "Media.createdDateTime",
        (*_WHEN, "TimezoneOffsetFromUTC"),
        _created,
        "PS3.3 C.7.6.1, C.12.1",
    ),
    Element(
        "Media.operator", ("OperatorsName", "OperatorIdentificationSequence"), _operator, _MAPPINGS
    ),
    Element(
        "Media.reasonCode",
        (
            "ReasonForRequestedProcedureCodeSequence",
            "ReasonForTheRequestedProcedure",
            "RequestAttributesSequence",
        ),
        _reason,
        "as ImagingStudy.reasonCode",
    ),
    Element(
        "Media.bodySite",
        ("AnatomicRegionSequence", "BodyPartExamined"),
        _body_site,
        "as ImagingStudy.series.bodySite",
    ),
    Element(
        "Media.deviceName",
        ("Manufacturer", "ManufacturerModelName"),
        _device_name,
        f"PS3.3 C.7.5.1; {_MAPPINGS}",
    ),
    Element(
        "Media.device",
        ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "StationName", "DeviceUID"),
        _device,
        "PS3.3 C.7.5.1",
    ),
    Element("Media.height", (), _height, "R4 media.html"),
    Element("Media.width", (), _width, "R4 media.html"),
    Element("Media.frames", (), _frames, "R4 media.html"),
    Element("Media.duration", ("FrameTime", "CineRate"), _duration, "PS3.3 C.7.6.5"),
    Element("Media.content", ("SeriesDescription",), _content, "R4 datatypes.html#Attachment"),
    Element("Media.note", ("NumberOfFrames", "LossyImageCompression"), _note, _IMAGE),
)

_VERSIONS = {"R4": MEDIA, "R4B": MEDIA}


def find_shown(study: Resource, context: Context) -> list[Shown]:
    """Return the renditions of the study's instances, in their order."""
    renditions = context.payloads.renditions
    origins = find_origins((one.sop_instance_uid for one in renditions), study, context)
    keys = _key_images(context)
    return [
        Shown(
            origin=origins[one.sop_instance_uid],
            rendition=one,
            key=tuple(
                title
                for title, named in keys.get(one.sop_instance_uid, ())
                if not named.frames or one.frame in named.frames
            ),
        )
        for one in renditions
        if one.sop_instance_uid in origins
    ]


def _key_images(context: Context) -> dict[str, list[tuple[Coded, Referenced]]]:
    """Return the titles under which key object selections name instances, by SOP Instance UID."""
    found: dict[str, list[tuple[Coded, Referenced]]] = {}
    for report in context.payloads.reports:
        if report.kind == "key-objects" and report.name is not None:
            for named in report.cited:
                found.setdefault(named.sop_instance_uid, []).append((report.name, named))
    return found


def stored_renders(shown: Sequence[Shown], context: Context) -> list[Stored]:
    """Return the renditions that become Binaries."""
    return [
        Stored(
            id=one.id("Binary"),
            content_type=one.rendition.content_type,
            content=one.rendition.content,
        )
        for one in shown
        if not is_inline(one.rendition.content, context)
    ]


def map_media(shown: Sequence[Shown], context: Context) -> list[Resource]:
    """Return a Media for each rendition."""
    rows = _VERSIONS[context.options.fhir]
    return [{"resourceType": "Media", **fill(rows, one, context)} for one in shown]
