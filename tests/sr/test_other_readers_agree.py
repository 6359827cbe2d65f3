"""Values, units and codes as dcmqi and rdsr-navigator read them, where they can read the file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from pydicom.filereader import dcmread

from content_walk import items_with_paths
from defects import DEFECTS
from dose_reports import XRAY_REPORT
from recovered import Resource, codes_of, texts_of, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from judged import Judged

pytestmark = pytest.mark.xdist_group("reports")

BESIDE = Path(sys.executable).parent / "tid1500reader"
READER = str(BESIDE) if BESIDE.exists() else shutil.which("tid1500reader")
MEASUREMENTS = ("126000", "126001", "126002", "126003")
TOTALS = {
    "113813": "CT Dose Length Product Total",
    "113722": "Dose Area Product Total",
    "113725": "Dose (RP) Total",
    "113730": "Total Fluoro Time",
    "111637": "Accumulated Average Glandular Dose",
    "113812": "Total Number of Irradiation Events",
}


class Value(NamedTuple):
    code: str
    text: str
    unit: str
    derivation: str = ""


def roots(judged: Judged, codes: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    for uid, file in judged.files.items():
        name = dcmread(file, force=True).get("ConceptNameCodeSequence")
        if name and name[0].get("CodeValue") in codes and uid in judged.conversion.reports:
            yield uid, file


def read_by_dcmqi(file: Path, folder: Path) -> list[Value] | None:
    out = folder / "read.json"
    out.unlink(missing_ok=True)
    command = [str(READER), "--inputDICOM", str(file), "--outputMetadata", str(out)]
    run = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if run.returncode or not out.exists():
        return None
    groups = json.loads(out.read_bytes()).get("Measurements") or []
    return [
        Value(
            code=one["quantity"]["CodeValue"],
            text=one["value"],
            unit=one["units"]["CodeValue"],
            derivation=one.get("derivationModifier", {}).get("CodeValue", ""),
        )
        for group in groups
        for one in group.get("measurementItems") or []
        if one["value"]
    ]


def held(observation: Resource, value: Value) -> bool:
    """Tell whether this Observation, or a part of it, says what the other reader read."""
    parts = observation.get("component", ())
    derived = {code for one in parts for code in codes_of(one.get("valueCodeableConcept"))}
    return (not value.derivation or value.derivation in derived) and any(
        value.code in codes_of(element["code"])
        and texts_of(element) == value.text
        and unit_of(element) == value.unit
        for element in (observation, *parts)
    )


@pytest.mark.skipif(READER is None, reason="LEFT OUT: dcmqi's tid1500reader is not installed")
def test_dcmqi_reads_the_values_that_we_write(
    corpus: Judged, real_reports: Judged, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    read, differing = 0, []
    every = request.config.getoption("--soak")
    for judged in (corpus, real_reports):
        for place, (uid, file) in enumerate(roots(judged, MEASUREMENTS)):
            if not every and file.parent.name in DEFECTS and place % 4:
                continue
            values = read_by_dcmqi(file, tmp_path)
            observations = judged.conversion.reports[uid].observations
            for value in values or []:
                read += 1
                if not any(held(one, value) for one in observations):
                    differing.append((f"{file.parent.name}/{file.name}", value))
    assert differing == []
    assert read > 20


def totals_by_navigator(file: Path) -> list[tuple[str, float]]:
    """Return code and value of each total that rdsr-navigator finds; nothing where it gives up."""
    navigator = pytest.importorskip(
        "rdsr_navigator", reason="LEFT OUT: rdsr-navigator is not installed"
    )
    found = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for section in navigator.read_file(str(file)).content_it():
                for total in section.content_it():
                    code = total.concept_name.code_value
                    if code in TOTALS and isinstance(total.value, tuple):
                        found.append((code, total.value[0]))
    except (AssertionError, AttributeError, ValueError, TypeError, IndexError):
        return []
    return found


def test_rdsr_navigator_reads_the_dose_totals_that_we_write(
    corpus: Judged, real_reports: Judged
) -> None:
    read, differing = 0, []
    for judged in (corpus, real_reports):
        for uid, file in roots(judged, (XRAY_REPORT[0],)):
            elements = [one for pairs in judged.conversion.reports[uid].carriers().values()
                        for _, one in pairs if "valueQuantity" in one]  # fmt: skip
            for code, value in totals_by_navigator(file):
                read += 1
                same = [one for one in elements if code in codes_of(one["code"])
                        and float(texts_of(one) or "nan") == value]  # fmt: skip
                if not same:
                    differing.append((f"{file.parent.name}/{file.name}", code, value))
    assert differing == []
    assert read > 20


def test_the_navigator_finds_totals_in_the_real_dose_reports(real_reports: Judged) -> None:
    files = [file for _, file in roots(real_reports, (XRAY_REPORT[0],))]
    assert len(files) > 5
    with_totals = [file for file in files if totals_by_navigator(file)]
    assert len(with_totals) == len(
        [file for file in files if any(
            str((item.get("ConceptNameCodeSequence") or [{}])[0].get("CodeValue")) in TOTALS
            for _, item in items_with_paths(dcmread(file))
        )]
    )  # fmt: skip
