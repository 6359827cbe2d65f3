"""Viewers of others draw what was delivered, led there by the ImagingStudy alone."""

from __future__ import annotations

import io
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest

import launching
from calling import call_json, search
from dicom2fhir.identity import CONTENT
from holdings import read_binary
from places import ROOT
from runs import run_command

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from fhir_store import Resource
    from launching import Running

SIDE = 64
ALIKE = 0.95
"""Correlation of two pictures of one frame, each brought to 64 by 64 greys."""

pytestmark = pytest.mark.xdist_group("real-servers")


@pytest.fixture(scope="module", autouse=True)
def viewers() -> None:
    """Skip where there is no viewer."""
    try:
        launching.install_viewers()
    except launching.UnavailableError as missing:
        pytest.skip(f"LEFT OUT, no viewer: {missing}")


def renders_at(base: str) -> dict[str, Image]:
    """Return our own render of each instance, by SOP Instance UID."""
    from PIL import Image

    found = {}
    for media in search(base, "Media"):
        held = media["content"]
        content = b64decode(held["data"]) if "data" in held else read_binary(base, held["url"])
        assert content is not None
        found[dicom_uid(media)] = Image.open(io.BytesIO(content))
    return found


def dicom_uid(resource: Resource) -> str:
    (uid,) = (
        one["value"] for one in resource["identifier"] if one.get("system") == "urn:dicom:uid"
    )
    return str(uid).removeprefix("urn:oid:")


def dicomweb_root(study: Resource, base: str) -> str:
    """Return the address of the only Endpoint for WADO-RS."""
    endpoints = [call_json(base, "GET", one["reference"])[1] for one in study["endpoint"]]
    (address,) = (
        one["address"] for one in endpoints if one["connectionType"]["code"] == "dicom-wado-rs"
    )
    return str(address)


def likeness(drawn: Path, ours: Image) -> float:
    """Return how alike they are; a viewer may draw beside the picture, which it keeps square."""
    import numpy as np
    from PIL import Image

    with Image.open(drawn) as picture:
        width, height = picture.size
        half = min(picture.size) // 2
        box = (width // 2 - half, height // 2 - half, width // 2 + half, height // 2 + half)
        theirs = picture.convert("RGB").convert("L").crop(box).resize((SIDE, SIDE))
    one, two = (np.asarray(image, dtype=float) for image in (theirs, small(ours)))
    assert one.std() > 10, "blank"
    return float(np.corrcoef(one.ravel(), two.ravel())[0, 1])


def small(image: Image) -> Image:
    return image.convert("L").resize((SIDE, SIDE))


def test_dwv_draws_a_binary(medplum: Running, tmp_path: Path) -> None:
    source = ROOT / "samples" / "studies" / "ct_thorax" / "S0003_LUNGE_B60F"
    made = run_command("convert", source, "--to", medplum.base)
    assert made.code == 0, str(made)
    ((uid, ours),) = renders_at(medplum.base).items()
    (study,) = search(medplum.base, "ImagingStudy")
    (instance,) = (
        one for series in study["series"] for one in series["instance"] if one["uid"] == uid
    )
    (binary,) = (one["valueUri"] for one in instance["extension"] if one["url"] == CONTENT)
    launching.draw("dwv", f"{medplum.base}/{binary}", to=tmp_path / "dwv.png")
    assert likeness(tmp_path / "dwv.canvas.png", ours) > ALIKE


def test_ohif_draws_the_study_that_an_endpoint_leads_to(
    orthanc: Running, medplum: Running, tmp_path: Path
) -> None:
    source = ROOT / "samples" / "studies" / "dx_chest"
    made = run_command(
        "convert", source, "--to", medplum.base, "--stow", orthanc.base, "--media", "instance"
    )
    assert made.code == 0, str(made)
    (study,) = search(medplum.base, "ImagingStudy")
    root = dicomweb_root(study, medplum.base)
    launching.draw("ohif", root, dicom_uid(study), to=tmp_path / "ohif.png")
    drawn = tmp_path / "ohif.canvas.png"
    assert max(likeness(drawn, ours) for ours in renders_at(medplum.base).values()) > ALIKE
