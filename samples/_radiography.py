"""The projection samples: chest, breasts, hands, a dog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import _pictures as pictures
from _dataset import Attributes, Sample, add_grey, code, new_instance
from _people import DOG_STUDY, DX_STUDY, HANDS, MG_STUDY
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

CHEST = code("51185008", "SCT", "Chest")


def _projection(view: str, orientation: list[str]) -> Attributes:
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", ""],
        "PresentationIntentType": "FOR PRESENTATION",
        "ViewPosition": view,
        "PatientOrientation": orientation,
        "ImagerPixelSpacing": ["2", "2"],
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": -1,
        "RescaleIntercept": "0",
        "RescaleSlope": "1",
        "RescaleType": "US",
        "PresentationLUTShape": "IDENTITY",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "DetectorType": "DIRECT",
        "WindowCenter": "2000",
        "WindowWidth": "4000",
        "AcquisitionContextSequence": [],
    }


def radiographs() -> Iterator[Sample]:
    for number, view, orientation in ((1, "PA", ["L", "F"]), (2, "LL", ["A", "F"])):
        series = {
            "Modality": "DX",
            "Manufacturer": "Example Imaging",
            "ManufacturerModelName": "Wall Stand 2",
            "DeviceSerialNumber": "DX-9",
            "SeriesNumber": number,
            "SeriesDescription": f"Chest {view}",
            "BodyPartExamined": "CHEST",
            **_projection(view, orientation),
            "ImageLaterality": "U",
            "AnatomicRegionSequence": [CHEST],
        }
        ds = new_instance(DX_STUDY, series, DigitalXRayImageStorageForPresentation, 1)
        add_grey(ds, pictures.chest_radiograph(lateral=view == "LL"))
        yield Sample(f"dx_chest/DX_{number}_{view}.dcm", ds)


def mammograms() -> Iterator[Sample]:
    views = {
        "CC": ("399162004", "cranio-caudal"),
        "MLO": ("399368009", "medio-lateral oblique"),
    }
    orientations = {
        ("R", "CC"): ["P", "L"],
        ("L", "CC"): ["A", "R"],
        ("R", "MLO"): ["P", "FL"],
        ("L", "MLO"): ["A", "FR"],
    }
    cases = [(side, view) for view in views for side in "RL"]
    for number, (side, view) in enumerate(cases, 1):
        value, meaning = views[view]
        view_code = code(value, "SCT", meaning)
        view_code.ViewModifierCodeSequence = []
        series = {
            "Modality": "MG",
            "Manufacturer": "Example Imaging",
            "ManufacturerModelName": "Mammo 1",
            "DeviceSerialNumber": "MG-4",
            "SeriesNumber": 1 if side == "R" else 2,
            "SeriesDescription": "Sein droit" if side == "R" else "Sein gauche",
            "BodyPartExamined": "BREAST",
            "OperatorsName": "Opératrice^Noémie",
            **_projection(view, orientations[side, view]),
            "ImageLaterality": side,
            "OrganExposed": "BREAST",
            "PositionerType": "MAMMOGRAPHIC",
            "AnatomicRegionSequence": [code("76752008", "SCT", "Breast")],
            "ViewCodeSequence": [view_code],
        }
        ds = new_instance(
            MG_STUDY, series, DigitalMammographyXRayImageStorageForPresentation, number
        )
        add_grey(ds, pictures.breast(left=side == "L", oblique=view == "MLO"))
        yield Sample(f"mg_screening/{side}{view}.dcm", ds)


def hands() -> Iterator[Sample]:
    """Give one image each of two patients, to lie in one folder."""
    for study, side, path in zip(HANDS, "RL", ("CR000001.dcm", "CR000002.txt"), strict=True):
        series = {
            "Modality": "CR",
            "Manufacturer": "",
            "SeriesNumber": 1,
            "BodyPartExamined": "HAND",
            "Laterality": side,
            "ViewPosition": "AP",
            "PatientOrientation": "",
            "ImageType": ["ORIGINAL", "PRIMARY"],
            "PhotometricInterpretation": "MONOCHROME1",
        }
        ds = new_instance(study, series, ComputedRadiographyImageStorage, 1)
        yield Sample(
            f"inbox/{path}", add_grey(ds, 4095 - pictures.hand_radiograph(right=side == "R"))
        )


def dog() -> Iterator[Sample]:
    for number, view, orientation in ((1, "LL", ["CR", "V"]), (2, "VD", ["L", "CD"])):
        series = {
            "Modality": "DX",
            "Manufacturer": "Example Imaging",
            "SeriesNumber": 1,
            "SeriesDescription": "Thorax/Abdomen",
            "AnatomicalOrientationType": "QUADRUPED",
            "BodyPartExamined": "THORAX",
            **_projection(view, orientation),
            "ImageLaterality": "U",
            "AnatomicRegionSequence": [CHEST],
        }
        ds = new_instance(DOG_STUDY, series, DigitalXRayImageStorageForPresentation, number)
        yield Sample(
            f"vet/REX/{view}.dcm", add_grey(ds, pictures.dog_radiograph(lateral=view == "LL"))
        )
