"""TID 1500 reports that highdicom writes: an implementation of the template that is not ours.

highdicom checks what it writes, so these are as the standard wants them; faults come later.
"""

from __future__ import annotations

from copy import deepcopy
from io import BytesIO
from typing import TYPE_CHECKING

import highdicom as hd
import numpy as np
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filereader import dcmread
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from writer import SEGMENTATION, encode, uid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from highdicom.sr import FindingSite, Measurement, TrackingIdentifier

    Group = (
        hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations
        | hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations
        | hd.sr.MeasurementsAndQualitativeEvaluations
    )

NODULE = Code("27925004", "SCT", "Nodule")
LUNG = Code("39607008", "SCT", "Lung")
LEFT = Code("7771000", "SCT", "Left")
RIGHT = Code("24028007", "SCT", "Right")
UPPER = Code("261183002", "SCT", "Upper")
DIAMETER = Code("81827009", "SCT", "Diameter")
AREA = Code("42798000", "SCT", "Area")
VOLUME = Code("118565006", "SCT", "Volume")
SUV = Code("126401", "DCM", "SUVbw")
SUV_UNIT = Code("g/ml{SUVbw}", "UCUM", "g/ml{SUVbw}")
MEAN = Code("373098007", "SCT", "Mean")
MINIMUM = Code("255605001", "SCT", "Minimum")
MAXIMUM = Code("56851009", "SCT", "Maximum")
SIGNIFICANCE = Code("371928007", "SCT", "Not significant")
TEXTURE = Code("112022", "DCM", "Internal characteristic")
SOLID = Code("112154", "DCM", "Solid")
MM, ML = codes.UCUM.Millimeter, Code("ml", "UCUM", "ml")


def source_image() -> Dataset:
    """Return an image of pydicom's as evidence, under UIDs and a patient of our own."""
    image = dcmread(str(get_testdata_file("CT_small.dcm")))
    image.PatientName, image.PatientID = "Example^Rex", "SR-0001"
    image.SOPInstanceUID = uid("highdicom", "source")
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return image


def segmentation(image: Dataset) -> Dataset:
    """Return what evidence needs to know of a segmentation of this image."""
    evidence = deepcopy(image)
    evidence.SOPClassUID, evidence.SOPInstanceUID = SEGMENTATION, uid("highdicom", "segmentation")
    evidence.SeriesInstanceUID = uid("highdicom", "segmentations")
    return evidence


def tracking(name: str) -> TrackingIdentifier:
    return hd.sr.TrackingIdentifier(uid=uid("highdicom", name), identifier=name)


def site(side: Code | None = None, *, upper: bool = False) -> FindingSite:
    return hd.sr.FindingSite(LUNG, laterality=side, topographical_modifier=UPPER if upper else None)


def measure(name: Code, value: float, unit: Code, **more: object) -> Measurement:
    return hd.sr.Measurement(name=name, value=value, unit=unit, **more)


def context() -> hd.sr.ObservationContext:
    person = hd.sr.ObserverContext(
        codes.DCM.Person, hd.sr.PersonObserverIdentifyingAttributes("Reader^Rita")
    )
    device = hd.sr.ObserverContext(
        codes.DCM.Device,
        hd.sr.DeviceObserverIdentifyingAttributes(
            uid("highdicom", "device"), "Workstation 1", "Example Works", "Model 1", "S-1"
        ),
    )
    return hd.sr.ObservationContext(person, device)


def region(image: Dataset) -> hd.sr.ImageRegion:
    source = hd.sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID)
    data = np.array([[45.0, 55.0], [45.0, 65.0]])
    return hd.sr.ImageRegion(hd.sr.GraphicTypeValues.CIRCLE, data, source)


def region_in_space(image: Dataset) -> hd.sr.ImageRegion3D:
    data = np.array([[1.0, 1, 1], [2, 1, 1], [2, 2, 1], [1, 1, 1]])
    return hd.sr.ImageRegion3D("POLYGON", data, image.FrameOfReferenceUID)


def segment_source(image: Dataset) -> hd.sr.SourceImageForSegmentation:
    return hd.sr.SourceImageForSegmentation(image.SOPClassUID, image.SOPInstanceUID)


def planar_circle(image: Dataset) -> list[Group]:
    return [
        hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking("planar circle"),
            referenced_region=region(image),
            finding_type=NODULE,
            finding_sites=[site(LEFT, upper=True)],
            measurements=[measure(DIAMETER, 10.0, MM)],
            qualitative_evaluations=[hd.sr.QualitativeEvaluation(TEXTURE, SOLID)],
        )
    ]


def planar_segment(image: Dataset) -> list[Group]:
    segment = hd.sr.ReferencedSegmentationFrame(
        SEGMENTATION, uid("highdicom", "segmentation"), 1, 1, segment_source(image)
    )
    return [
        hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking("planar segment"),
            referenced_segment=segment,
            finding_type=NODULE,
            measurements=[measure(AREA, 123.456, codes.UCUM.SquareMillimeter)],
        )
    ]


def planar_space(image: Dataset) -> list[Group]:
    return [
        hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking("planar space"),
            referenced_region=region_in_space(image),
            finding_type=NODULE,
            measurements=[measure(DIAMETER, 0.1234567890123, MM)],
        )
    ]


def volumetric_segment(image: Dataset) -> list[Group]:
    segment = hd.sr.ReferencedSegment(
        SEGMENTATION, uid("highdicom", "segmentation"), 2, source_images=[segment_source(image)]
    )
    return [
        hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking("volumetric segment"),
            referenced_segment=segment,
            finding_type=NODULE,
            finding_sites=[site(RIGHT)],
            method=Code("126030", "DCM", "Sum of segmented voxel volumes"),
            measurements=[
                measure(VOLUME, 1234.5, ML),
                measure(SUV, 6.01529, SUV_UNIT, derivation=MEAN),
                measure(SUV, 1.2, SUV_UNIT, derivation=MINIMUM),
                measure(SUV, 9.75, SUV_UNIT, derivation=MAXIMUM),
            ],
        )
    ]


def volumetric_surface(image: Dataset) -> list[Group]:
    surface = hd.sr.VolumeSurface(
        "ELLIPSOID",
        np.array([[-1.0, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]]),
        image.FrameOfReferenceUID,
        source_images=[segment_source(image)],
    )
    return [
        hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking("volumetric surface"),
            referenced_volume_surface=surface,
            finding_type=NODULE,
            measurements=[measure(VOLUME, 4.18879, ML)],
        )
    ]


def volumetric_regions(image: Dataset) -> list[Group]:
    return [
        hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking("volumetric regions"),
            referenced_regions=[region(image), region(image)],
            finding_type=NODULE,
            session="Session 1",
            measurements=[measure(VOLUME, 33.5824, ML)],
        )
    ]


def group_of_an_image(image: Dataset) -> list[Group]:
    source = hd.sr.SourceImageForMeasurementGroup(image.SOPClassUID, image.SOPInstanceUID)
    normal = hd.sr.MeasurementProperties(
        normality=Code("17621005", "SCT", "Normal"), level_of_significance=SIGNIFICANCE
    )
    computed = hd.sr.AlgorithmIdentification("Invented algorithm", "1.0", parameters=["a=1"])
    return [
        hd.sr.MeasurementsAndQualitativeEvaluations(
            tracking("group of an image"),
            source_images=[source],
            finding_type=NODULE,
            finding_category=Code("49755003", "SCT", "Morphologically Abnormal Structure"),
            algorithm_id=computed,
            measurements=[measure(DIAMETER, 7.5, MM, properties=normal)],
            qualitative_evaluations=[
                hd.sr.QualitativeEvaluation(TEXTURE, SOLID),
                hd.sr.QualitativeEvaluation(
                    Code("121403", "DCM", "Level of Significance"), SIGNIFICANCE
                ),
            ],
        )
    ]


def both_sides(_image: Dataset) -> list[Group]:
    return [
        hd.sr.MeasurementsAndQualitativeEvaluations(
            tracking(f"side {number}"),
            finding_type=NODULE,
            finding_sites=[site(side)],
            measurements=[measure(DIAMETER, 8.25, MM)],
        )
        for number, side in enumerate((LEFT, RIGHT))
    ]


def many_groups(image: Dataset) -> list[Group]:
    makers = (planar_circle, planar_segment, both_sides)
    return [group for make in makers for group in make(image)]


def without_numbers(_image: Dataset) -> list[Group]:
    return [
        hd.sr.MeasurementsAndQualitativeEvaluations(
            tracking("without numbers"),
            finding_type=NODULE,
            qualitative_evaluations=[hd.sr.QualitativeEvaluation(TEXTURE, SOLID)],
        )
    ]


GROUPS: dict[str, Callable[[Dataset], Sequence[Group]]] = {
    "planar-circle": planar_circle,
    "planar-segment": planar_segment,
    "planar-space": planar_space,
    "volumetric-segment": volumetric_segment,
    "volumetric-surface": volumetric_surface,
    "volumetric-regions": volumetric_regions,
    "group-of-an-image": group_of_an_image,
    "both-sides": both_sides,
    "many-groups": many_groups,
    "without-numbers": without_numbers,
}


def measurement_report(name: str, image: Dataset) -> Dataset:
    report = hd.sr.MeasurementReport(
        observation_context=context(),
        procedure_reported=Code("77477000", "SCT", "Computed Tomography X-Ray"),
        imaging_measurements=list(GROUPS[name](image)),
        title=codes.DCM.ImagingMeasurementReport,
    )
    written = hd.sr.Comprehensive3DSR(
        evidence=[image, segmentation(image)],
        content=report[0],
        series_instance_uid=uid(name, "series"),
        series_number=1,
        sop_instance_uid=uid(name, "instance"),
        instance_number=1,
        manufacturer="Example Works",
        is_complete=True,
        record_evidence=False,
    )
    plain = Dataset()
    plain.update(written)
    plain.StudyInstanceUID = uid(name, "study")
    plain.ContentDate, plain.ContentTime = "20240203", "111213"
    for keyword in (
        "InstanceCreationDate",
        "InstanceCreationTime",
        "ContributingEquipmentSequence",
    ):
        if keyword in plain:
            delattr(plain, keyword)
    return dcmread(BytesIO(encode(plain)))


def measurement_reports() -> dict[str, Dataset]:
    """Return ten TID 1500 reports by name."""
    image = source_image()
    return {name: measurement_report(name, image) for name in GROUPS}
