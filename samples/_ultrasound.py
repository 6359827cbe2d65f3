"""The ultrasound samples: a loop in grey, a still in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import _pictures as pictures
import numpy as np
from _dataset import DEFLATED, Sample, add_colour, add_grey, code, make_dataset, new_instance
from _people import US_STUDY
from pydicom.uid import UltrasoundImageStorage, UltrasoundMultiFrameImageStorage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset


def _region(rows: int, columns: int) -> Dataset:
    return make_dataset(
        RegionSpatialFormat=1,
        RegionDataType=1,
        RegionFlags=0,
        RegionLocationMinX0=0,
        RegionLocationMinY0=0,
        RegionLocationMaxX1=columns - 1,
        RegionLocationMaxY1=rows - 1,
        PhysicalUnitsXDirection=3,
        PhysicalUnitsYDirection=3,
        PhysicalDeltaX=0.1,
        PhysicalDeltaY=0.1,
    )


def ultrasound() -> Iterator[Sample]:
    frames = 10
    series = {
        "Modality": "US",
        "Manufacturer": "Example Sound",
        "ManufacturerModelName": "Echo 5",
        "SeriesNumber": 1,
        "SeriesDescription": "Four chambers",
        "Laterality": "",
        "AnatomicRegionSequence": [code("80891009", "SCT", "Heart")],
        "PatientOrientation": "",
        "LossyImageCompression": "00",
    }
    loop = new_instance(US_STUDY, series, UltrasoundMultiFrameImageStorage, 1)
    loop.ImageType = ["ORIGINAL", "PRIMARY"]
    loop.NumberOfFrames, loop.FrameTime, loop.FrameIncrementPointer = frames, "40", 0x00181063
    loop.HeartRate = 71
    loop.SequenceOfUltrasoundRegions = [_region(96, 96)]
    beat = np.stack([pictures.heart_echo(n / frames) for n in range(frames)])
    yield Sample("us_heart/1/US0001.dcm", add_grey(loop, beat, bits=8), DEFLATED)
    vessel = {
        **series,
        "SeriesNumber": 2,
        "SeriesDescription": "Carotid, colour flow",
        "BodyPartExamined": "CAROTID",
        "AnatomicRegionSequence": [code("69105007", "SCT", "Carotid artery")],
        "Laterality": "L",
    }
    still = new_instance(US_STUDY, vessel, UltrasoundImageStorage, 1)
    still.ImageType = ["ORIGINAL", "PRIMARY", "", "0011"]
    still.BurnedInAnnotation = "YES"
    still.SequenceOfUltrasoundRegions = [_region(120, 160)]
    yield Sample("us_heart/2/US0002.dcm", add_colour(still, pictures.flow_echo()))
