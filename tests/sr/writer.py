"""A raw writer of structured reports: any tree, however faulty, as pydicom data sets and bytes.

Items are plain data sets; `raw` puts bytes where pydicom would refuse a value. UIDs are made of
words, so the same tree is the same bytes in every run. Patients are invented.
"""

from __future__ import annotations

from hashlib import md5
from struct import pack
from typing import TYPE_CHECKING, TypeAlias

from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_file_meta_info
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Code: TypeAlias = "tuple[str, str, str]"
"""Value, scheme, meaning."""

CT = "1.2.840.10008.5.1.4.1.1.2"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
BASIC_TEXT, ENHANCED = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.22"
COMPREHENSIVE, COMPREHENSIVE_3D = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.88.34"
MAMMO_CAD, KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.50", "1.2.840.10008.5.1.4.1.1.88.59"
CHEST_CAD, COLON_CAD = "1.2.840.10008.5.1.4.1.1.88.65", "1.2.840.10008.5.1.4.1.1.88.69"
XRAY_DOSE, RADIOPHARMACEUTICAL = "1.2.840.10008.5.1.4.1.1.88.67", "1.2.840.10008.5.1.4.1.1.88.68"

CONTAINS, PROPERTIES, MODIFIER = "CONTAINS", "HAS PROPERTIES", "HAS CONCEPT MOD"
INFERRED, SELECTED, CONTEXT = "INFERRED FROM", "SELECTED FROM", "HAS OBS CONTEXT"

NO_UNITS: Code = ("1", "UCUM", "no units")
SYSTEM_OF_SHORT = 16
"""Characters of Code Value (SH); longer ones have an attribute of their own (PS3.3 8.1)."""


def uid(*words: object) -> str:
    """Return the UID of these words, the same in every run."""
    digest = md5("|".join(map(str, words)).encode(), usedforsecurity=False).digest()
    return f"2.25.{int.from_bytes(digest)}"


def raw(item: Dataset, keyword: str, vr: str, value: bytes) -> None:
    """Put bytes into an element as they are; padded as its VR asks."""
    tag = Tag(keyword)
    padded = value + (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    item[tag] = RawDataElement(tag, vr, len(padded), padded, 0, is_implicit_VR=False,
                               is_little_endian=True, is_raw=True)  # fmt: skip


def coded(code: Code) -> Dataset:
    value, scheme, meaning = code
    item = Dataset()
    if value.startswith(("urn:", "http:", "https:")):
        item.URNCodeValue = value
    elif len(value) > SYSTEM_OF_SHORT:
        item.LongCodeValue = value
    else:
        item.CodeValue = value
    if scheme:
        item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def content(
    value_type: str, relationship: str, name: Code | None, children: Iterable[Dataset] = ()
) -> Dataset:
    item = Dataset()
    if relationship:
        item.RelationshipType = relationship
    item.ValueType = value_type
    if name is not None:
        item.ConceptNameCodeSequence = [coded(name)]
    below = list(children)
    if below:
        item.ContentSequence = below
    return item


def container(
    name: Code | None, *children: Dataset, relationship: str = CONTAINS, template: str = ""
) -> Dataset:
    item = content("CONTAINER", relationship, name, children)
    item.ContinuityOfContent = "SEPARATE"
    if template:
        item.ContentTemplateSequence = [Dataset()]
        item.ContentTemplateSequence[0].MappingResource = "DCMR"
        item.ContentTemplateSequence[0].TemplateIdentifier = template
    return item


def measured(value: str, unit: Code | None) -> Dataset:
    item = Dataset()
    raw(item, "NumericValue", "DS", value.encode())
    if unit is not None:
        item.MeasurementUnitsCodeSequence = [coded(unit)]
    return item


def num(
    name: Code | None,
    value: str | None,
    unit: Code | None,
    *children: Dataset,
    relationship: str = CONTAINS,
    qualifier: Code | None = None,
) -> Dataset:
    """Return a NUM item; without a value its Measured Value Sequence is empty."""
    item = content("NUM", relationship, name, children)
    item.MeasuredValueSequence = [] if value is None else [measured(value, unit)]
    if qualifier is not None:
        item.NumericValueQualifierCodeSequence = [coded(qualifier)]
    return item


def choice(
    name: Code | None, value: Code, *children: Dataset, relationship: str = CONTAINS
) -> Dataset:
    """Return a CODE item."""
    item = content("CODE", relationship, name, children)
    item.ConceptCodeSequence = [coded(value)]
    return item


def modifier(name: Code, value: Code) -> Dataset:
    return choice(name, value, relationship=MODIFIER)


def text(
    name: Code | None, value: str, *children: Dataset, relationship: str = CONTAINS
) -> Dataset:
    item = content("TEXT", relationship, name, children)
    item.TextValue = value
    return item


def plain(value_type: str, name: Code | None, value: str, relationship: str = CONTAINS) -> Dataset:
    """Return a DATE, TIME, DATETIME, PNAME or UIDREF item."""
    item = content(value_type, relationship, name)
    keywords = {"DATE": "Date", "TIME": "Time", "DATETIME": "DateTime",
                "PNAME": "PersonName", "UIDREF": "UID"}  # fmt: skip
    setattr(item, keywords[value_type], value)
    return item


def cited(
    sop_class: str, instance: str, *, frames: tuple[int, ...] = (), segments: tuple[int, ...] = ()
) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = sop_class
    reference.ReferencedSOPInstanceUID = instance
    if frames:
        reference.ReferencedFrameNumber = list(frames)
    if segments:
        reference.ReferencedSegmentNumber = list(segments)
    return reference


def image(
    name: Code | None, reference: Dataset, *children: Dataset, relationship: str = CONTAINS
) -> Dataset:
    item = content("IMAGE", relationship, name, children)
    item.ReferencedSOPSequence = [reference]
    return item


def region(name: Code | None, graphic: str, data: tuple[float, ...], *images: Dataset) -> Dataset:
    item = content("SCOORD", INFERRED, name, images)
    item.GraphicType = graphic
    item.GraphicData = list(data)
    return item


def by_reference(relationship: str, *target: int) -> Dataset:
    """Return an item by reference (PS3.3 C.17.3.2.5): the target's path, 1 first."""
    item = Dataset()
    item.RelationshipType = relationship
    item.ReferencedContentItemIdentifier = list(target)
    return item


def document(
    name: str, root: Dataset, sop_class: str = COMPREHENSIVE, *, study: str = "", **header: str
) -> Dataset:
    """Return a whole instance; `name` decides its UIDs, `header` replaces attributes."""
    instance = Dataset()
    instance.update(root)
    instance.pop("RelationshipType", None)
    instance.SpecificCharacterSet = "ISO_IR 192"
    instance.SOPClassUID = sop_class
    instance.SOPInstanceUID = uid(name, "instance")
    instance.StudyInstanceUID = study or uid(name, "study")
    instance.SeriesInstanceUID = uid(name, "series")
    instance.Modality = "KO" if sop_class == KEY_OBJECTS else "SR"
    instance.PatientName = "Example^Rex"
    instance.PatientID = "SR-0001"
    instance.PatientBirthDate = "19700131"
    instance.PatientSex = "O"
    instance.StudyDate, instance.StudyTime = "20240203", "101112"
    instance.ContentDate, instance.ContentTime = "20240203", "111213"
    instance.StudyID, instance.AccessionNumber = "1", ""
    instance.SeriesNumber, instance.InstanceNumber = 1, 1
    instance.Manufacturer, instance.ManufacturerModelName = "Example Works", "Writer 1"
    instance.CompletionFlag, instance.VerificationFlag = "COMPLETE", "UNVERIFIED"
    for keyword, value in header.items():
        setattr(instance, keyword, value)
    add_evidence(instance)
    return instance


def items_below(instance: Dataset) -> Iterator[Dataset]:
    """Yield every content item below the root, parents first, however deep."""
    waiting = list(instance.get("ContentSequence") or ())[::-1]
    while waiting:
        item = waiting.pop()
        yield item
        waiting.extend(list(item.get("ContentSequence") or ())[::-1])


def add_evidence(instance: Dataset) -> None:
    """List what the tree names as evidence of its own study."""
    named = {
        str(one.ReferencedSOPInstanceUID): str(one.ReferencedSOPClassUID)
        for item in items_below(instance)
        for one in item.get("ReferencedSOPSequence") or ()
    }
    if not named:
        return
    series = Dataset()
    series.SeriesInstanceUID = uid(instance.StudyInstanceUID, "images")
    series.ReferencedSOPSequence = [cited(kind, one) for one, kind in sorted(named.items())]
    study = Dataset()
    study.StudyInstanceUID = instance.StudyInstanceUID
    study.ReferencedSeriesSequence = [series]
    instance.CurrentRequestedProcedureEvidenceSequence = [study]


def encode(instance: Dataset) -> bytes:
    """Return the instance as a file: explicit VR little endian, raw elements as they are."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = instance.SOPClassUID
    meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = DicomBytesIO()
    file.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(file, meta, enforce_standard=True)
    charsets = convert_encodings(instance.get("SpecificCharacterSet"))
    return file.getvalue() + encode_elements(instance, charsets)


def encode_elements(dataset: Dataset, charsets: list[str]) -> bytes:
    """Return the elements of one item; pydicom's own writing would decode raw ones first."""
    encoded = bytearray()
    for tag in sorted(dataset.keys()):
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement):
            encoded += encode_element(tag, element.VR, element.value or b"")
        elif element.VR == "SQ":
            items = [encode_elements(item, charsets) for item in element.value]
            whole = b"".join(pack("<HHI", 0xFFFE, 0xE000, len(one)) + one for one in items)
            encoded += encode_element(tag, "SQ", whole)
        else:
            part = DicomBytesIO()
            part.is_implicit_VR, part.is_little_endian = False, True
            write_data_element(part, element, charsets)
            encoded += part.getvalue()
    return bytes(encoded)


LONG_FORM = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
"""VRs with a length of 32 bits (PS3.5 7.1.2)."""


def encode_element(tag: int, vr: str, value: bytes) -> bytes:
    form = "<HH2s2xI" if vr in LONG_FORM else "<HH2sH"
    return pack(form, tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


def write(instance: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(instance))
    return path
