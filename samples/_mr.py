"""The MR samples: slices as single images, and a volume in one multi-frame object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import _pictures as pictures
import numpy as np
from _ct import axial
from _dataset import (
    IMPLICIT,
    Attributes,
    Sample,
    add_grey,
    code,
    make_dataset,
    make_uid,
    new_instance,
)
from _people import MR_SCANNER, MR_STUDY
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset


ENHANCED: Attributes = {
    "PositionReferenceIndicator": "",
    "PatientPosition": "HFS",
    "PixelPresentation": "MONOCHROME",
    "VolumetricProperties": "VOLUME",
    "VolumeBasedCalculationTechnique": "NONE",
    "ComplexImageComponent": "MAGNITUDE",
    "AcquisitionContrast": "T2",
    "ContentQualification": "PRODUCT",
    "MagneticFieldStrength": 3.0,
    "ResonantNucleus": "1H",
    "BurnedInAnnotation": "NO",
    "LossyImageCompression": "00",
    "PresentationLUTShape": "IDENTITY",
    "AcquisitionContextSequence": [],
}


def mr_classic() -> Iterator[Sample]:
    series = {
        **MR_SCANNER,
        "Modality": "MR",
        "SeriesNumber": 1,
        "SeriesDescription": "T2 TSE tra",
        "BodyPartExamined": "BRAIN",
        "OperatorsName": "Gishi^Jiro=技師^次郎",
    }
    for number in range(1, 4):
        ds = new_instance(MR_STUDY, series, MRImageStorage, number)
        more = {
            "ImageType": ["ORIGINAL", "PRIMARY", "M", "NORM"],
            "ScanningSequence": "SE",
            "SequenceVariant": "SK",
            "ScanOptions": "",
            "MRAcquisitionType": "2D",
            "RepetitionTime": "4200",
            "EchoTime": "98",
            "EchoTrainLength": 15,
            "PatientPosition": "HFS",
            "WindowCenter": "1400",
            "WindowWidth": "2800",
            **axial(MR_STUDY, 10 * number, 96, 230),
        }
        for keyword, value in more.items():
            setattr(ds, keyword, value)
        add_grey(ds, pictures.brain_slice(number / 4, number))
        yield Sample(f"mr_brain/T2_TSE_TRA_1/MR{number:06d}.dcm", ds, IMPLICIT)


def _frame_group(index: int, z: float) -> Dataset:
    content = make_dataset(
        DimensionIndexValues=[1, index + 1],
        StackID="1",
        InStackPositionNumber=index + 1,
        TemporalPositionIndex=1,
        FrameAcquisitionDateTime="20240118142512",
        FrameReferenceDateTime="20240118142512",
        FrameAcquisitionDuration=1200.0,
    )
    position = make_dataset(ImagePositionPatient=["-115", "-115", f"{z:g}"])
    return make_dataset(FrameContentSequence=[content], PlanePositionSequence=[position])


def _shared_groups() -> Dataset:
    measures = make_dataset(PixelSpacing=["3.59375", "3.59375"], SliceThickness="4")
    orientation = make_dataset(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    window = make_dataset(WindowCenter="1400", WindowWidth="2800")
    region = make_dataset(
        AnatomicRegionSequence=[code("12738006", "SCT", "Brain")], FrameLaterality="U"
    )
    rescale = make_dataset(RescaleIntercept="0", RescaleSlope="1", RescaleType="US")
    return make_dataset(
        PixelMeasuresSequence=[measures],
        PlaneOrientationSequence=[orientation],
        FrameVOILUTSequence=[window],
        FrameAnatomySequence=[region],
        PixelValueTransformationSequence=[rescale],
    )


def mr_enhanced() -> Iterator[Sample]:
    frames = 8
    series = {
        **MR_SCANNER,
        "Modality": "MR",
        "SeriesNumber": 2,
        "SeriesDescription": "T2 SPACE enhanced",
        "BodyPartExamined": "BRAIN",
    }
    ds = new_instance(MR_STUDY, series, EnhancedMRImageStorage, 1)
    dimension = make_uid("dimension")
    more = {
        **ENHANCED,
        "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        "AcquisitionDateTime": "20240118142512.25+0900",
        "AcquisitionDuration": 96.0,
        "NumberOfFrames": frames,
        "FrameOfReferenceUID": make_uid(MR_STUDY.key, "frame of reference"),
        "DimensionOrganizationSequence": [make_dataset(DimensionOrganizationUID=dimension)],
        "DimensionIndexSequence": [
            make_dataset(
                DimensionOrganizationUID=dimension,
                DimensionIndexPointer=pointer,
                FunctionalGroupPointer=0x00209111,
            )
            for pointer in (0x00209056, 0x00209057)
        ],
        "SharedFunctionalGroupsSequence": [_shared_groups()],
        "PerFrameFunctionalGroupsSequence": [_frame_group(n, -14 + 4 * n) for n in range(frames)],
    }
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    stack = np.stack([pictures.brain_slice((n + 1) / (frames + 1), n, 64) for n in range(frames)])
    yield Sample("mr_brain/IM0002", add_grey(ds, stack))
