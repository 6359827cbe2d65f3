"""Everything we write, judged by HL7's own validator (Java); its errors are ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, SHARED

sys.path += [str(ROOT / "tests" / folder) for folder in ("servers", "unit")]

from check_cases import FAULTS, make_bundle, make_faulty_bundle, make_rich_bundle
from hl7_validator import missing_tool, validate_files

pytestmark = [
    pytest.mark.java,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_tool()), reason=missing_tool() or "-"),
]

DATA = SHARED / "data"
SETS = sorted(one for one in DATA.iterdir() if one.is_dir()) if DATA.is_dir() else []

NOT_JUDGED = {"modality that no series has"}
"""Rules of ours that R4 does not state, so the validator cannot know them."""


def convert(source: Path, out: Path, *options: str) -> None:
    """Run the command as a user would; what of the input is faulty is not asked here."""
    command = [sys.executable, "-m", "dicom2fhir", "convert", str(source), "-o", str(out)]
    run = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, check=False)
    assert run.returncode in {0, 1, 3}, run.stderr.decode()


def test_the_validator_finds_the_planted_faults_and_nothing_in_sound_bundles(
    tmp_path: Path,
) -> None:
    bundles = {name: make_faulty_bundle(name) for name in FAULTS}
    bundles |= {"sound": make_bundle(), "rich": make_rich_bundle()}
    for name, bundle in bundles.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(bundle))
    found = {Path(finding.file).stem for finding in validate_files([tmp_path])}
    assert found == set(FAULTS) - NOT_JUDGED


def test_every_bundle_of_the_samples_and_the_real_sets_is_valid(tmp_path: Path) -> None:
    for source in [ROOT / "samples", *SETS]:
        convert(source, tmp_path / source.name)
    convert(
        ROOT / "samples", tmp_path / "linked", "--dicomweb", "https://pacs.example.org/dicom-web",
        "--provenance", "--timestamp", "2024-02-03T10:11:12Z", "--timezone", "Europe/Berlin",
        "--patient-id-system", "urn:oid:1.2.36.146.595.217", "--tag", "https://example.org|test",
    )  # fmt: skip
    convert(ROOT / "samples", tmp_path / "by-server", "--ids", "server")
    written = [path for path in tmp_path.rglob("*.json") if not path.name.startswith(".")]
    assert len(written) >= 3
    assert validate_files(written) == []
