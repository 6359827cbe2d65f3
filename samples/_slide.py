"""The slide microscopy sample: a thumbnail with its specimen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import _pictures as pictures
from _dataset import Sample, add_colour, code, make_dataset, make_uid, new_instance
from _people import SLIDE_STUDY
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset


OPTICS = make_dataset(
    OpticalPathIdentifier="1",
    IlluminationTypeCodeSequence=[code("111744", "DCM", "Brightfield illumination")],
    IlluminationColorCodeSequence=[code("371251000", "SCT", "White")],
    ICCProfile=b"",
)
ORIGIN = make_dataset(XOffsetInSlideCoordinateSystem="0", YOffsetInSlideCoordinateSystem="0")


def _specimen() -> Dataset:
    return make_dataset(
        SpecimenIdentifier="S24-555-A1",
        IssuerOfTheSpecimenIdentifierSequence=[make_dataset(LocalNamespaceEntityID="PATH-LIS")],
        SpecimenUID=make_uid("specimen"),
        SpecimenTypeCodeSequence=[code("119376003", "SCT", "Tissue specimen")],
        SpecimenShortDescription="Skin, left forearm",
        SpecimenDetailedDescription="Ellipse of skin, 18 x 9 x 4 mm, with a brown macule.",
        SpecimenPreparationSequence=[],
    )


def slide_thumbnail() -> Iterator[Sample]:
    picture = pictures.slide()
    series = {
        "Modality": "SM",
        "Manufacturer": "Example Optics",
        "ManufacturerModelName": "Slide 20",
        "DeviceSerialNumber": "SM-1",
        "SoftwareVersions": "5.0",
        "SeriesNumber": 1,
        "SeriesDescription": "HE",
        "ImageType": ["DERIVED", "PRIMARY", "THUMBNAIL", "RESAMPLED"],
        "AcquisitionDateTime": "20240502120000",
        "FrameOfReferenceUID": make_uid("slide"),
        "PositionReferenceIndicator": "SLIDE_CORNER",
        "ContainerIdentifier": "S24-555-A1-1",
        "IssuerOfTheContainerIdentifierSequence": [],
        "ContainerTypeCodeSequence": [code("433466003", "SCT", "Microscope slide")],
        "SpecimenDescriptionSequence": [_specimen()],
        "NumberOfFrames": 1,
        "ImagedVolumeWidth": 20.0,
        "ImagedVolumeHeight": 12.0,
        "ImagedVolumeDepth": 1.0,
        "TotalPixelMatrixColumns": picture.shape[1],
        "TotalPixelMatrixRows": picture.shape[0],
        "TotalPixelMatrixFocalPlanes": 1,
        "TotalPixelMatrixOriginSequence": [ORIGIN],
        "ImageOrientationSlide": [0, -1, 0, -1, 0, 0],
        "FocusMethod": "AUTO",
        "ExtendedDepthOfField": "NO",
        "SpecimenLabelInImage": "NO",
        "BurnedInAnnotation": "NO",
        "VolumetricProperties": "VOLUME",
        "LossyImageCompression": "00",
        "AcquisitionContextSequence": [],
        "NumberOfOpticalPaths": 1,
        "OpticalPathSequence": [OPTICS],
    }
    ds = new_instance(SLIDE_STUDY, series, VLWholeSlideMicroscopyImageStorage, 1)
    yield Sample("slide/S24-555/A1_HE/thumbnail.dcm", add_colour(ds, picture))
