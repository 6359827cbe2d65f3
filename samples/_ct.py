"""The CT samples: two series of a chest, and a phantom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import _pictures as pictures
from _dataset import Attributes, Sample, Study, add_grey, code, make_uid, new_instance
from _people import CT_ORDER, CT_SCANNER, CT_STAFF, CT_STUDY, QUALITY_STUDY
from pydicom.uid import CTImageStorage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

SLICES = 6


def axial(study: Study, z: float, size: int, field: float) -> Attributes:
    spacing = f"{field / size:.6g}"
    return {
        "FrameOfReferenceUID": make_uid(study.key, "frame of reference"),
        "PositionReferenceIndicator": "",
        "ImagePositionPatient": [f"{-field / 2:g}", f"{-field / 2:g}", f"{z:g}"],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [spacing, spacing],
        "SliceThickness": "5",
        "SliceLocation": f"{z:g}",
    }


def ct_slice(study: Study, series: Attributes, number: int, *, sharp: bool = False) -> Dataset:
    ds = new_instance(study, {"Modality": "CT", **series}, CTImageStorage, number)
    for keyword, value in {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "AcquisitionDate": study.attributes["StudyDate"],
        "AcquisitionTime": f"0918{number:02d}.25",
        "AcquisitionNumber": 1,
        "PatientPosition": "HFS",
        "KVP": "120",
        "XRayTubeCurrent": 180 + 10 * number,
        "ConvolutionKernel": "B60f" if sharp else "B30f",
        "RescaleIntercept": "-1024",
        "RescaleSlope": "1",
        "RescaleType": "HU",
        "WindowCenter": "-600" if sharp else ["40", "-600"],
        "WindowWidth": "1500" if sharp else ["400", "1500"],
        **axial(study, 20 - 40 * number, 128, 360),
    }.items():
        setattr(ds, keyword, value)
    return add_grey(ds, pictures.chest_slice((number - 1) / (SLICES - 1), sharp=sharp))


def ct_series() -> dict[str, list[Dataset]]:
    """Give the slices of the CT study by the name of their series."""
    common = {**CT_SCANNER, **CT_STAFF, **CT_ORDER, "BodyPartExamined": "CHEST"}
    soft = {
        **common,
        "SeriesNumber": 2,
        "SeriesTime": "091812",
        "SeriesDescription": "Thorax 5.0 B30f",
        "ProtocolName": "Thorax_KM",
        "ContrastBolusAgent": "Iodine 350",
    }
    lung = {
        **soft,
        "SeriesNumber": 3,
        "SeriesTime": "091955",
        "SeriesDescription": "Lunge 5.0 B60f",
        "AnatomicRegionSequence": [code("39607008", "SCT", "Lung")],
    }
    return {
        "S0002_THORAX_B30F": [ct_slice(CT_STUDY, soft, n) for n in range(1, SLICES + 1)],
        "S0003_LUNGE_B60F": [ct_slice(CT_STUDY, lung, n, sharp=True) for n in range(1, SLICES + 1)],
    }


def quality_control() -> Iterator[Sample]:
    series = {
        **CT_SCANNER,
        "Modality": "CT",
        "SeriesNumber": 1,
        "SeriesDescription": "QA head",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "KVP": "120",
        "PatientPosition": "HFS",
        "AcquisitionNumber": 1,
        "RescaleIntercept": "-1024",
        "RescaleSlope": "1",
        "WindowCenter": "0",
        "WindowWidth": "400",
        **axial(QUALITY_STUDY, 0, 128, 250),
    }
    ds = new_instance(QUALITY_STUDY, series, CTImageStorage, 1)
    yield Sample("qa_ct1/20240311/IM0001.dcm", add_grey(ds, pictures.quality_slice()))
