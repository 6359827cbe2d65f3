"""The samples without pixels: measurements, key objects, contours, an encapsulated PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _dataset import (
    Attributes,
    Study,
    code,
    evidence,
    make_dataset,
    make_uid,
    new_instance,
    reference,
)
from _people import CT_STUDY, US_STUDY
from pydicom.uid import (
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    KeyObjectSelectionDocumentStorage,
    RTStructureSetStorage,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

WORKSTATION: Attributes = {
    "Manufacturer": "Example Reading",
    "ManufacturerModelName": "Reader",
    "DeviceSerialNumber": "WS-12",
    "SoftwareVersions": "3.1",
}
MILLIMETRE = code("mm", "UCUM", "millimeter")
HOUNSFIELD = code("[hnsf'U]", "UCUM", "Hounsfield unit")
LONG_AXIS = code("103339001", "SCT", "Long Axis")
SHORT_AXIS = code("103340004", "SCT", "Short Axis")
ATTENUATION = code("112031", "DCM", "Attenuation Coefficient")


def _item(relation: str, kind: str, concept: Dataset | None, **more: object) -> Dataset:
    item = make_dataset(RelationshipType=relation, ValueType=kind)
    if concept is not None:
        item.ConceptNameCodeSequence = [concept]
    item.update(make_dataset(more))
    return item


def _container(relation: str, concept: Dataset, content: Sequence[Dataset]) -> Dataset:
    return _item(
        relation, "CONTAINER", concept, ContinuityOfContent="SEPARATE", ContentSequence=content
    )


def _coded(relation: str, concept: Dataset, value: Dataset) -> Dataset:
    return _item(relation, "CODE", concept, ConceptCodeSequence=[value])


def _number(
    concept: Dataset, value: str, unit: Dataset, content: Sequence[Dataset] = ()
) -> Dataset:
    measured = make_dataset(NumericValue=value, MeasurementUnitsCodeSequence=[unit])
    item = _item("CONTAINS", "NUM", concept, MeasuredValueSequence=[measured])
    if content:
        item.ContentSequence = list(content)
    return item


def _line(image: Dataset, points: Sequence[float]) -> Dataset:
    source = _item("SELECTED FROM", "IMAGE", None, ReferencedSOPSequence=[reference(image)])
    return _item(
        "INFERRED FROM",
        "SCOORD",
        None,
        GraphicData=list(points),
        GraphicType="POLYLINE",
        ContentSequence=[source],
    )


def _group(identifier: str, site: Dataset, measurements: Sequence[Dataset]) -> Dataset:
    """Give one measurement group (PS3.16 TID 1411)."""
    tracking = _item(
        "HAS OBS CONTEXT",
        "TEXT",
        code("112039", "DCM", "Tracking Identifier"),
        TextValue=identifier,
    )
    unique = _item(
        "HAS OBS CONTEXT",
        "UIDREF",
        code("112040", "DCM", "Tracking Unique Identifier"),
        UID=make_uid("tracking", identifier),
    )
    finding = _coded(
        "CONTAINS", code("121071", "DCM", "Finding"), code("27925004", "SCT", "Nodule")
    )
    place = _coded("HAS CONCEPT MOD", code("363698007", "SCT", "Finding Site"), site)
    concept = code("125007", "DCM", "Measurement Group")
    return _container("CONTAINS", concept, [tracking, unique, finding, place, *measurements])


def _observer() -> list[Dataset]:
    language = code("en", "RFC5646", "English")
    kind = code("121005", "DCM", "Observer Type")
    return [
        _coded(
            "HAS CONCEPT MOD",
            code("121049", "DCM", "Language of Content Item and Descendants"),
            language,
        ),
        _coded("HAS OBS CONTEXT", kind, code("121006", "DCM", "Person")),
        _item(
            "HAS OBS CONTEXT",
            "PNAME",
            code("121008", "DCM", "Person Observer Name"),
            PersonName="Röntgen^Paula^^Dr.",
        ),
        _coded(
            "HAS CONCEPT MOD",
            code("121058", "DCM", "Procedure reported"),
            code("169069000", "SCT", "CT of chest"),
        ),
    ]


def _measurement_groups(images: Sequence[Dataset]) -> list[Dataset]:
    mean = _coded(
        "HAS CONCEPT MOD", code("121401", "DCM", "Derivation"), code("373098007", "SCT", "Mean")
    )
    first = [
        _number(LONG_AXIS, "32.3", MILLIMETRE, [_line(images[2], (29.4, 51.2, 40.9, 51.2))]),
        _number(SHORT_AXIS, "25.9", MILLIMETRE, [_line(images[2], (35.2, 46.6, 35.2, 55.8))]),
        _number(ATTENUATION, "46", HOUNSFIELD, [mean]),
    ]
    second = [_number(LONG_AXIS, "7.9", MILLIMETRE, [_line(images[3], (31.2, 78.7, 34, 78.7))])]
    return [
        _group("Nodule 1", code("45653009", "SCT", "Upper lobe of lung"), first),
        _group("Nodule 2", code("90572001", "SCT", "Lower lobe of lung"), second),
    ]


def measurements(images: Sequence[Dataset]) -> Dataset:
    """Give a report of measurements on CT images (PS3.16 TID 1500)."""
    series = {
        **WORKSTATION,
        "Modality": "SR",
        "SeriesNumber": 900,
        "SeriesDescription": "Messungen",
        "ReferencedPerformedProcedureStepSequence": [],
    }
    ds = new_instance(CT_STUDY, series, Comprehensive3DSRStorage, 1)
    groups = _container(
        "CONTAINS", code("126010", "DCM", "Imaging Measurements"), _measurement_groups(images)
    )
    more = {
        "CompletionFlag": "COMPLETE",
        "VerificationFlag": "UNVERIFIED",
        "PerformedProcedureCodeSequence": [],
        "CurrentRequestedProcedureEvidenceSequence": evidence(list(images)),
        "ValueType": "CONTAINER",
        "ConceptNameCodeSequence": [code("126000", "DCM", "Imaging Measurement Report")],
        "ContinuityOfContent": "SEPARATE",
        "ContentTemplateSequence": [
            make_dataset(MappingResource="DCMR", TemplateIdentifier="1500")
        ],
        "ContentSequence": [*_observer(), groups],
    }
    ds.update(make_dataset(more))
    return ds


def key_objects(study: Study, images: Sequence[Dataset], title: Dataset, text: str) -> Dataset:
    """Give a key object selection (PS3.16 TID 2010); a rejection note is one by its title."""
    series = {
        **WORKSTATION,
        "Modality": "KO",
        "SeriesNumber": 901,
        "SeriesDescription": "Key images",
        "ReferencedPerformedProcedureStepSequence": [],
    }
    ds = new_instance(study, series, KeyObjectSelectionDocumentStorage, 1)
    note = _item(
        "CONTAINS", "TEXT", code("113012", "DCM", "Key Object Description"), TextValue=text
    )
    named = [
        _item("CONTAINS", "IMAGE", None, ReferencedSOPSequence=[reference(image)])
        for image in images
    ]
    more = {
        "CurrentRequestedProcedureEvidenceSequence": evidence(list(images)),
        "ValueType": "CONTAINER",
        "ConceptNameCodeSequence": [title],
        "ContinuityOfContent": "SEPARATE",
        "ContentTemplateSequence": [
            make_dataset(MappingResource="DCMR", TemplateIdentifier="2010")
        ],
        "ContentSequence": [note, *named],
    }
    ds.update(make_dataset(more))
    return ds


def _contour(image: Dataset, points: Sequence[tuple[float, float]]) -> Dataset:
    z = float(image.ImagePositionPatient[2])
    data = [f"{value:g}" for x, y in points for value in (x, y, z)]
    return make_dataset(
        ContourImageSequence=[reference(image)],
        ContourGeometricType="CLOSED_PLANAR",
        NumberOfContourPoints=len(points),
        ContourData=data,
    )


def _frame_of_reference(images: Sequence[Dataset]) -> Dataset:
    series = make_dataset(
        SeriesInstanceUID=images[0].SeriesInstanceUID,
        ContourImageSequence=[reference(image) for image in images],
    )
    study = make_dataset(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=images[0].StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    return make_dataset(
        FrameOfReferenceUID=images[0].FrameOfReferenceUID, RTReferencedStudySequence=[study]
    )


def contours(images: Sequence[Dataset]) -> Dataset:
    """Give a structure set with one region on each CT image."""
    series = {
        **WORKSTATION,
        "Modality": "RTSTRUCT",
        "SeriesNumber": 4,
        "SeriesDescription": "Konturen",
        "OperatorsName": "",
    }
    ds = new_instance(CT_STUDY, series, RTStructureSetStorage, 1)
    outline = ((-90, -60), (-60, -80), (-35, -60), (-35, 20), (-60, 45), (-90, 20))
    region = make_dataset(
        ROINumber=1,
        ReferencedFrameOfReferenceUID=images[0].FrameOfReferenceUID,
        ROIName="Lung_R",
        ROIGenerationAlgorithm="MANUAL",
    )
    contour = make_dataset(
        ReferencedROINumber=1,
        ROIDisplayColor=[80, 160, 255],
        ContourSequence=[_contour(image, outline) for image in images],
    )
    observation = make_dataset(
        ObservationNumber=1,
        ReferencedROINumber=1,
        RTROIInterpretedType="ORGAN",
        ROIInterpreter="",
    )
    more = {
        "ApprovalStatus": "UNAPPROVED",
        "StructureSetLabel": "LUNGS",
        "StructureSetDate": CT_STUDY.attributes["StudyDate"],
        "StructureSetTime": "101500",
        "ReferencedFrameOfReferenceSequence": [_frame_of_reference(images)],
        "StructureSetROISequence": [region],
        "ROIContourSequence": [contour],
        "RTROIObservationsSequence": [observation],
    }
    ds.update(make_dataset(more))
    return ds


def make_pdf(lines: Sequence[str]) -> bytes:
    """Write a PDF of one page with a few lines of text."""
    text = " T* ".join(f"({line}) Tj" for line in lines)
    stream = f"BT /F1 14 Tf 20 TL 60 760 Td {text} ET".encode("ascii")
    fonts = b"/Resources << /Font << /F1 5 0 R >> >>"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R %b >>" % fonts,
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 6\n0000000000 65535 f \n" + table + trailer


def letter() -> Dataset:
    """Give a report as an encapsulated PDF."""
    series = {
        **WORKSTATION,
        "Modality": "DOC",
        "SeriesNumber": 9,
        "SeriesDescription": "Report",
        "ConversionType": "WSD",
    }
    ds = new_instance(US_STUDY, series, EncapsulatedPDFStorage, 1)
    pdf = make_pdf(
        [
            "Echocardiography",
            "",
            "Normal size of all chambers.",
            "Ejection fraction 62 %.",
            "",
            "Invented.",
        ]
    )
    more = {
        "BurnedInAnnotation": "YES",
        "AcquisitionDateTime": "",
        "DocumentTitle": "Echocardiography report",
        "ConceptNameCodeSequence": [code("18745-0", "LN", "Cardiac ultrasound study")],
        "MIMETypeOfEncapsulatedDocument": "application/pdf",
        "EncapsulatedDocumentLength": len(pdf),
        "EncapsulatedDocument": pdf + b"\0" * (len(pdf) % 2),
    }
    ds.update(make_dataset(more))
    return ds
