"""Every file that is converted comes back from its Binary as it was."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.options import MapOptions, Options, OutputOptions, RenderOptions
from dicom2fhir.pipeline import convert
from places import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dicom2fhir.model import Json

DATA = SHARED / "data"
SETS = sorted(one.name for one in DATA.iterdir() if one.is_dir()) if DATA.is_dir() else []

pytestmark = pytest.mark.skipif(not SETS, reason="no ../shared/data beside the checkout")


def resources_of(folder: Path) -> Iterator[Json]:
    for path in folder.glob("[!.]*.json"):
        for entry in json.loads(path.read_bytes())["entry"]:
            yield entry["resource"]


def links_of(study: Json) -> Iterator[tuple[str, str]]:
    """Yield for each instance with a file the Binary that our extensions name, and its SHA-256.

    A manifest lists instances that are elsewhere.
    """
    for series in study["series"]:
        for instance in series["instance"]:
            stated = instance.get("extension", ())
            values = {one["url"].rpartition("/")[2]: one for one in stated}
            if values.keys().isdisjoint({"instance-content", "instance-sha256"}):
                continue
            content, digest = values["instance-content"], values["instance-sha256"]
            yield content["valueUri"].removeprefix("Binary/"), digest["valueString"]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", SETS)
def test_the_binary_of_each_instance_holds_its_file(name: str, tmp_path: Path) -> None:
    options = Options(
        sources=(str(DATA / name),),
        output=OutputOptions(path=str(tmp_path / "out")),
        map=MapOptions(dicom="binary"),
        render=RenderOptions(media="none"),
    )
    outcome = convert(options)
    files = {sha256(path.read_bytes()) for path in (DATA / name).rglob("*") if path.is_file()}
    held, named = {}, []
    for resource in resources_of(tmp_path / "out"):
        if resource["resourceType"] == "Binary":
            held[resource["id"]] = sha256(b64decode(resource["data"], validate=True))
        elif resource["resourceType"] == "ImagingStudy":
            named += links_of(resource)
    assert len(named) == len(held) == outcome.counts.converted
    assert dict(named) == held
    assert set(held.values()) <= files
