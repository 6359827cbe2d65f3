"""Everything we write, judged by HL7's own validator (Java); its errors are ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from mapping_studies import FULL, payloads, with_data
from pydicom.data.data_manager import DATA_ROOT
from report_values import cited, measured, observation

from check_cases import FAULTS, make_bundle, make_faulty_bundle, make_rich_bundle
from corpus import sound_reports
from dicom2fhir.bundle import bundle_of, make_bundles
from dicom2fhir.bundle.encoding import encode
from dicom2fhir.identity import CANONICAL
from dicom2fhir.mapping import map_study
from dicom2fhir.options import BundleOptions, MapOptions
from hl7_validator import DEFINITIONS, ValidatorFinding, missing_tool, validate_files
from places import ROOT, SHARED
from seeded_studies import make_options, make_study

if TYPE_CHECKING:
    from dicom2fhir.model import Json

pytestmark = [
    pytest.mark.java,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_tool()), reason=missing_tool() or "-"),
]

DATA = SHARED / "data"
PYDICOM = Path(DATA_ROOT) / "test_files"
SETS = sorted(one for one in DATA.iterdir() if one.is_dir()) if DATA.is_dir() else []

NOT_JUDGED = {"modality that no series has"}
"""Rules of ours that R4 does not state, so the validator cannot know them."""

RUNS = {
    "plain": [],
    "by-server": ["--ids", "server", "--dicom", "none"],
    "pictures": ["--media", "frame", "--fhir-base", "https://fhir.example.org/r4"],
    "attached": ["--dicom", "attachment", "--max-attachment", "10M", "--media-inline-below", "1G"],
    "everything": [
        *["--dicomweb", "https://pacs.example.org/dicom-web", "--timezone", "Europe/Berlin"],
        *["--provenance", "--timestamp", "2024-02-03T10:11:12Z"],
        *["--patient-id-system", "urn:oid:1.2.36.146.595.217"],
        *["--accession-system", "https://ris.example.org/accession"],
        *["--tag", "https://example.org/tags|test"],
    ],
}
"""Name of a run over the samples, and its options."""


def convert(source: Path, out: Path, *options: str) -> None:
    """Run the command as a user would; what of the input is faulty is not asked here."""
    command = [sys.executable, "-m", "dicom2fhir", "convert", str(source), "-o", str(out)]
    run = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, check=False)
    assert run.returncode in {0, 1, 3}, run.stderr.decode()


def write_planted(folder: Path) -> None:
    bundles = {name: make_faulty_bundle(name) for name in FAULTS}
    for name, bundle in {**bundles, "sound": make_bundle(), "rich": make_rich_bundle()}.items():
        (folder / f"{name}.json").write_bytes(encode(bundle))


def write_seeded(folder: Path) -> None:
    for seed in range(200):
        random = Random(f"judged {seed}")  # noqa: S311  the same studies in every run
        study = make_study(random, seed)
        mapped = map_study(study, make_options(random), payloads(study, 10))
        options = BundleOptions(ids="server" if seed % 2 else "client")
        resources = [with_data(one) for one in mapped.resources]
        for number, part in enumerate(make_bundles(resources, options)[0]):
            (folder / f"{seed}-{number}.json").write_bytes(encode(bundle_of(part)))


OURS = f"{CANONICAL}/StructureDefinition"
BAD_EXTENSIONS: dict[str, Json] = {
    "content-elsewhere": {"url": f"{OURS}/instance-content", "valueUri": "https://x.example/1"},
    "content-no-uri": {"url": f"{OURS}/instance-content", "valueString": "Binary/1"},
    "hash-of-another-kind": {"url": f"{OURS}/instance-sha256", "valueString": "0A" * 32},
    "hash-without-value": {"url": f"{OURS}/instance-sha256"},
    "attachment-no-attachment": {"url": f"{OURS}/instance-attachment", "valueUri": "Binary/1"},
    "uid-no-text": {"url": f"{OURS}/original-uid", "valueInteger": 1},
}
"""What our own definitions forbid, by a name for each."""


def write_bytes(folder: Path) -> None:
    """Write what carries bytes, on each way, and what our extensions may not be."""
    carried = payloads(FULL, 100)
    for dicom in ("binary", "attachment"):
        for below in (0, 1000):
            options = MapOptions(
                dicom=dicom, inline_below=below, fhir_base="https://fhir.example.org/r4"
            )
            resources = map(with_data, map_study(FULL, options, carried).resources)
            bundle = bundle_of(make_bundles(list(resources), BundleOptions())[0][0])
            (folder / f"{dicom}-{below}.json").write_bytes(encode(bundle))
    study = next(
        one for one in map_study(FULL, MapOptions()).resources if "ImagingStudy" in one.values()
    )
    for name, extension in BAD_EXTENSIONS.items():
        study["series"][0]["instance"][0]["extension"] = [extension]
        (folder / f"bad-{name}.json").write_bytes(encode(study))
    study["series"][0]["instance"][0].pop("extension")
    study["extension"] = [{"url": f"{OURS}/instance-content", "valueUri": "Binary/1"}]
    (folder / "bad-place.json").write_bytes(encode(study))


BAD_OBSERVATIONS: dict[str, Json] = {
    "path-no-text": {"url": f"{OURS}/content-item", "valueInteger": 1},
    "value-without-text": {"url": f"{OURS}/stated-value"},
    "unit-no-text": {"url": f"{OURS}/stated-unit", "valueCode": "mm"},
    "image-beside-the-reference": {
        "url": f"{OURS}/cited-instance",
        "extension": [{"url": "uid", "valueString": "1.2.3"}],
    },
}
"""What the definitions of our extensions of Observations forbid."""


def write_reports(folder: Path) -> None:
    """Write what comes of reports of every kind, and what our extensions may not be."""
    (folder / "in").mkdir()
    for name, data in sound_reports().items():
        (folder / "in" / f"{name}.dcm").write_bytes(data)
    for name in ("reportsi.dcm", "reportsi_with_empty_number_tags.dcm", "test-SR.dcm"):
        shutil.copy(PYDICOM / name, folder / "in")
    plain = ["--dicom", "none", "--media", "none"]
    convert(folder / "in", folder / "whole", *plain)
    convert(folder / "in", folder / "parts", *plain, "--server-profile", "medplum")
    found = observation(measured(references=(cited(),)))
    for name, extension in BAD_OBSERVATIONS.items():
        (folder / f"bad-{name}.json").write_bytes(encode(found | {"extension": [extension]}))


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[ValidatorFinding]]:
    """Return what the validator finds, by the kind of Bundle: one JVM judges them all."""
    root = tmp_path_factory.mktemp("judged")
    for kind in ("planted", "seeded", "bytes", "reports", "samples", "real", "definitions"):
        (root / kind).mkdir()
    write_planted(root / "planted")
    write_seeded(root / "seeded")
    write_bytes(root / "bytes")
    write_reports(root / "reports")
    for path in DEFINITIONS.glob("*.json"):
        shutil.copy(path, root / "definitions")
    for name, options in RUNS.items():
        convert(ROOT / "samples", root / "samples" / name, *options)
    for source in SETS:
        convert(source, root / "real" / source.name)
    written = [path for path in root.rglob("*.json") if not path.name.startswith(".")]
    found: dict[str, list[ValidatorFinding]] = {}
    for path in written:
        found.setdefault(path.relative_to(root).parts[0], [])
    for finding in validate_files(written):
        found[Path(finding.file).relative_to(root).parts[0]].append(finding)
    return found


def test_the_validator_finds_the_planted_faults_and_nothing_in_sound_bundles(
    verdict: dict[str, list[ValidatorFinding]],
) -> None:
    assert {Path(finding.file).stem for finding in verdict["planted"]} == set(FAULTS) - NOT_JUDGED


def test_every_bundle_of_the_samples_is_valid(verdict: dict[str, list[ValidatorFinding]]) -> None:
    assert verdict["samples"] == []


@pytest.mark.skipif(not SETS, reason="no ../shared/data beside the checkout")
def test_every_bundle_of_the_real_sets_is_valid(
    verdict: dict[str, list[ValidatorFinding]],
) -> None:
    assert verdict["real"] == []


def test_studies_of_any_content_make_valid_bundles(
    verdict: dict[str, list[ValidatorFinding]],
) -> None:
    assert verdict["seeded"] == []


def test_what_carries_bytes_is_valid_with_our_extensions_loaded(
    verdict: dict[str, list[ValidatorFinding]],
) -> None:
    bad = {f"bad-{name}" for name in BAD_EXTENSIONS} | {"bad-place"}
    assert {Path(finding.file).stem for finding in verdict["bytes"]} == bad


def test_what_comes_of_reports_is_valid_with_our_extensions_loaded(
    verdict: dict[str, list[ValidatorFinding]],
) -> None:
    bad = {f"bad-{name}" for name in BAD_OBSERVATIONS}
    assert {Path(finding.file).stem for finding in verdict["reports"]} == bad


NEEDS_A_PACKAGE = "Unable to resolve package id hl7.fhir.r4.core"
"""A snapshot for the definition alone would need HL7's package of R4, which nothing here downloads.
That snapshots can be made is shown above: what the definitions forbid is found."""


def test_the_definitions_of_our_extensions_are_valid(
    verdict: dict[str, list[ValidatorFinding]],
) -> None:
    assert [one for one in verdict["definitions"] if NEEDS_A_PACKAGE not in one.message] == []
