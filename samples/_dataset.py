"""What every sample shares: UIDs, codes, patient, study and series put into one data set."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

Attributes = dict[str, Any]
"""Values by DICOM keyword."""

EXPLICIT = ExplicitVRLittleEndian
IMPLICIT = ImplicitVRLittleEndian
DEFLATED = DeflatedExplicitVRLittleEndian

BYTE = 8
"""Bits."""


@dataclass(frozen=True)
class Sample:
    """A data set, where it goes, and how it is encoded."""

    path: str
    dataset: Dataset
    syntax: str = EXPLICIT


@dataclass(frozen=True)
class Study:
    """A study of one invented patient."""

    key: str
    patient: Mapping[str, Any]
    attributes: Mapping[str, Any]


def make_uid(*parts: object) -> str:
    """Derive a UID from the parts (PS3.5 B.2), the same on every run."""
    digest = hashlib.sha256("|".join(map(str, ("samples", *parts))).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def make_dataset(attributes: Mapping[str, Any] | None = None, **more: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in {**(attributes or {}), **more}.items():
        setattr(dataset, keyword, deepcopy(value))
    return dataset


def code(value: str, scheme: str, meaning: str) -> Dataset:
    return make_dataset(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def reference(instance: Dataset) -> Dataset:
    return make_dataset(
        ReferencedSOPClassUID=instance.SOPClassUID, ReferencedSOPInstanceUID=instance.SOPInstanceUID
    )


def evidence(instances: list[Dataset]) -> list[Dataset]:
    """List instances of one study by series (PS3.3 table C.17-2)."""
    by_series: dict[str, list[Dataset]] = {}
    for instance in instances:
        by_series.setdefault(instance.SeriesInstanceUID, []).append(reference(instance))
    series = [
        make_dataset(SeriesInstanceUID=uid, ReferencedSOPSequence=references)
        for uid, references in by_series.items()
    ]
    study_uid = instances[0].StudyInstanceUID
    return [make_dataset(StudyInstanceUID=study_uid, ReferencedSeriesSequence=series)]


def new_instance(study: Study, series: Attributes, sop_class: str, number: int) -> Dataset:
    """Give an instance with its patient, study and series, as yet without content."""
    when = {
        "SeriesDate": study.attributes["StudyDate"],
        "SeriesTime": study.attributes["StudyTime"],
        "ContentDate": study.attributes["StudyDate"],
        "ContentTime": study.attributes["StudyTime"],
    }
    return make_dataset(
        {**when, **study.patient, **study.attributes, **series},
        StudyInstanceUID=make_uid(study.key),
        SeriesInstanceUID=make_uid(study.key, series["SeriesNumber"]),
        SOPInstanceUID=make_uid(study.key, series["SeriesNumber"], number),
        SOPClassUID=sop_class,
        InstanceNumber=number,
    )


def add_grey(dataset: Dataset, pixels: NDArray[np.integer[Any]], *, bits: int = 12) -> Dataset:
    """Put a grey image, or a stack of frames, into the Image Pixel module.

    Shape: (rows, columns) or (frames, rows, columns), not negative
    """
    allocated = BYTE if bits <= BYTE else 2 * BYTE
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = dataset.get("PhotometricInterpretation", "MONOCHROME2")
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, bits, bits - 1
    dataset.PixelRepresentation = 0
    return _add_bytes(dataset, pixels.astype("u1" if bits <= BYTE else "<u2").tobytes())


def add_colour(dataset: Dataset, pixels: NDArray[np.integer[Any]]) -> Dataset:
    """Put a colour image into the Image Pixel module.

    Shape: (rows, columns, 3), 0 to 255
    """
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = pixels.shape[-3:-1]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelRepresentation = 0
    return _add_bytes(dataset, pixels.astype("u1").tobytes())


def _add_bytes(dataset: Dataset, raw: bytes) -> Dataset:
    vr = "OB" if dataset.BitsAllocated == BYTE else "OW"
    dataset.add_new("PixelData", vr, raw + b"\0" * (len(raw) % 2))
    return dataset


def save(sample: Sample, folder: Path) -> Path:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(sample.syntax)
    # named here so that the bytes do not change with pydicom's version
    meta.ImplementationClassUID = UID(make_uid("implementation"))
    meta.ImplementationVersionName = "SAMPLES_1"
    sample.dataset.file_meta = meta
    path = folder / sample.path
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, sample.dataset, enforce_file_format=True)
    return path
