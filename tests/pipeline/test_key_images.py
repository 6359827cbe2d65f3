"""Key objects on their way: the images that they name have a picture, and it is marked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydicom import dcmread

from dicom2fhir.options import MapOptions, Options, OutputOptions
from dicom2fhir.pipeline import convert
from places import ROOT
from writer import KEY_OBJECTS, cited, container, document, image, write

if TYPE_CHECKING:
    from pathlib import Path

    from dicom2fhir.model import Resource

SERIES = ROOT / "samples" / "studies" / "mr_brain" / "T2_TSE_TRA_1"


def media_of(sources: list[Path], out: Path) -> list[Resource]:
    convert(
        Options(
            sources=tuple(map(str, sources)),
            map=MapOptions(dicom="none"),
            output=OutputOptions(path=str(out)),
        )
    )
    entries = [
        entry["resource"]
        for path in out.glob("[!.]*.json")
        for entry in json.loads(path.read_bytes())["entry"]
    ]
    return [one for one in entries if one["resourceType"] == "Media"]


def shown(media: Resource) -> str:
    return str(media["identifier"][1]["value"]).removeprefix("urn:oid:")


def test_the_key_image_of_a_series_is_the_one_that_is_shown(tmp_path: Path) -> None:
    first, second, third = (
        dcmread(SERIES / f"MR00000{number}.dcm", stop_before_pixels=True) for number in (1, 2, 3)
    )
    (middle,) = media_of([SERIES], tmp_path / "without")
    assert shown(middle) == second.SOPInstanceUID
    assert "tag" not in middle["meta"]
    selection = document(
        "selection",
        container(
            ("113000", "DCM", "Of Interest"),
            *(image(None, cited(one.SOPClassUID, one.SOPInstanceUID)) for one in (third, first)),
            template="2010",
        ),
        KEY_OBJECTS,
        study=first.StudyInstanceUID,
        PatientID=first.PatientID,
        PatientName=first.PatientName,
        PatientBirthDate=first.PatientBirthDate,
    )
    written = write(selection, tmp_path / "selection.dcm")
    keys = media_of([SERIES, written], tmp_path / "with")
    assert {shown(one) for one in keys} == {first.SOPInstanceUID, third.SOPInstanceUID}
    assert all(one["meta"]["tag"][0]["code"] == "55113-5" for one in keys)
