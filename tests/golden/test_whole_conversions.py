"""Whole conversions, compared file by file with what they gave before.

`pytest tests/golden --update-golden` writes anew what is expected; read the diff before you commit.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.options import BundleOptions, MapOptions, Options, OutputOptions, RenderOptions
from dicom2fhir.pipeline import convert
from places import ROOT

if TYPE_CHECKING:
    from dicom2fhir.model import Json

HERE = Path(__file__).resolve().parent
SAMPLES = ROOT / "samples"

CASES = {
    "studies": Options(sources=(str(SAMPLES / "studies"),)),
    "faults": Options(sources=(str(SAMPLES / "faults"),)),
    "everything-set": Options(
        sources=(str(SAMPLES / "studies" / "ct_thorax"),),
        map=MapOptions(
            timezone="Europe/Berlin",
            patient_id_system="https://hospital.example/mrn",
            accession_system="https://hospital.example/accession",
            dicomweb="https://pacs.example/dicom-web",
            dicom="link",
            provenance=True,
            timestamp="2024-02-03T10:11:12Z",
            tags=("https://hospital.example/tags|night",),
            security_labels=("http://terminology.hl7.org/CodeSystem/v3-Confidentiality|N",),
        ),
    ),
    "small-parts-by-server": Options(
        sources=(str(SAMPLES / "studies" / "ct_thorax"),),
        map=MapOptions(dicom="none"),
        render=RenderOptions(media="none"),
        bundle=BundleOptions(ids="server", max_entries=3, max_bytes=6000),
    ),
}


def read_tree(folder: Path) -> dict[str, str]:
    """Return the Bundles of a folder by file name, indented so that a diff can be read."""
    return {
        path.name: json.dumps(readable(json.loads(path.read_bytes())), indent=1, ensure_ascii=False)
        + "\n"
        for path in folder.iterdir()
        if not path.name.startswith(".")
    }


def readable(node: Json) -> Json:
    """Return a Bundle in which bytes are told by their hash.

    Pictures are not told at all: another version of the encoder may write others.
    """
    if isinstance(node, list):
        return [readable(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: readable(value) for key, value in node.items()}
    if str(made.get("contentType", "")).startswith("image/"):
        return made | {key: "of a picture" for key in ("data", "hash", "size") if key in made}
    if "contentType" in made and "data" in made:
        content = b64decode(made["data"])
        made["data"] = f"{len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}"
    return made


@pytest.mark.parametrize("case", CASES)
def test_a_conversion_gives_what_it_gave_before(
    case: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    options = CASES[case]
    out = tmp_path / "out"
    problems: list[str] = []
    convert(
        Options(
            sources=options.sources,
            map=options.map,
            bundle=options.bundle,
            render=options.render,
            output=OutputOptions(path=str(out)),
        ),
        report=lambda _outcome, items, _cards: problems.extend(
            f"{item.code} {item.tag} {item.element} {item.detail} "
            f"{Path(item.label or '').relative_to(SAMPLES).as_posix() if item.label else ''}"
            for item in items
        ),
    )
    made = read_tree(out) | {"problems.txt": "\n".join(problems) + "\n"}
    expected = HERE / case
    if request.config.getoption("--update-golden"):
        expected.mkdir(exist_ok=True)
        for path in expected.iterdir():
            path.unlink()
        for name, text in made.items():
            (expected / name).write_text(text)
    assert made.keys() == {path.name for path in expected.iterdir()}
    for name, text in made.items():
        assert text == (expected / name).read_text(), name
