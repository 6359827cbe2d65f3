"""Bytes, as Binary and Attachment: DICOM files, renders and documents (R4 binary.html)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicom2fhir.identity import resource_id
from dicom2fhir.mapping.elements import Element, compact, fill_each
from dicom2fhir.mapping.meta import patient_meta
from dicom2fhir.mapping.patient import is_phantom, subject
from dicom2fhir.mapping.text import MAX_UNSIGNED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Bytes, Json, Resource, SeriesInstance


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One Binary: its id, its media type and its bytes."""

    id: str
    content_type: str
    content: Bytes


def instance_id(kind: str, sop_uid: str, context: Context, *more: str) -> str:
    """Return the id of what is made of one instance of the series at hand."""
    key = (context.study.uid, context.series_uid, sop_uid, *more, *context.scope)
    return resource_id(kind, *key)


def file_id(sop_uid: str, context: Context) -> str:
    """Return the id of the Binary that holds the DICOM file of an instance."""
    return instance_id("Binary", sop_uid, context)


def file_type(instance: SeriesInstance) -> str:
    """Return the media type of a file: without preamble and meta it is no Part 10 file."""
    return "application/dicom" if instance.part10 else "application/octet-stream"


def is_inline(content: Bytes, context: Context) -> bool:
    """Tell whether these bytes stand in the resource that tells of them."""
    return not context.options.binaries or content.length < max(context.options.inline_below, 1)


def attachment(content: Bytes, content_type: str, url: str = "", **more: Json) -> Json:
    """Return an Attachment: with the address of the bytes, or without one the bytes themselves.

    FHIR:   Attachment.size is unsignedInt: larger ones have none; no bytes are no data
    """
    place = {"url": url} if url or not content.length else {"data": content}
    size = content.length if content.length <= MAX_UNSIGNED else None
    return compact({"contentType": content_type, **place, "size": size, **more})


def _id(stored: Stored, _context: Context) -> Json:
    """Return the UUIDv5 of the instance, and of what was made of it."""
    return stored.id


def _content_type(stored: Stored, _context: Context) -> Json:
    """Return application/dicom, without DICM application/octet-stream; of others their own."""
    return stored.content_type


def _security_context(_stored: Stored, context: Context) -> Json:
    """Return the Patient, whose access rules count; a phantom has none to protect."""
    if is_phantom(context.study.patient) and not context.options.patient:
        return None
    return subject(None, context)


def _data(stored: Stored, _context: Context) -> Json:
    """Return the bytes, unchanged but for `--zero-preamble`."""
    return stored.content


BINARY: tuple[Element[Stored], ...] = (
    Element("Binary.id", ("SOPInstanceUID",), _id, "identity.md"),
    Element("Binary.meta", ("PatientIdentityRemoved",), patient_meta, "R4 resource.html#Meta"),
    Element("Binary.contentType", (), _content_type, "PS3.10 7.1; PS3.18 8.7"),
    Element(
        "Binary.securityContext",
        ("PatientID", "QualityControlSubject"),
        _security_context,
        "R4 binary.html",
    ),
    Element("Binary.data", (), _data, "R4 binary.html"),
)

_VERSIONS = {"R4": BINARY, "R4B": BINARY}


def map_binaries(stored: Iterable[Stored], context: Context) -> list[Resource]:
    """Return a Binary for each of these."""
    rows = _VERSIONS[context.options.fhir]
    return [{"resourceType": "Binary", **one} for one in fill_each(rows, stored, context)]


def stored_files(context: Context) -> Iterator[Stored]:
    """Yield the DICOM files of the study that become Binaries, in the order of the instances."""
    if context.options.dicom != "binary":
        return
    files = context.payloads.files
    for series in context.study.series:
        own = replace(context, series_uid=series.uid)
        for instance in series.instances:
            if instance.uid in files:
                yield Stored(
                    id=file_id(instance.uid, own),
                    content_type=file_type(instance),
                    content=files[instance.uid],
                )
