"""Every set of real files converts, and every file is accounted for."""

from __future__ import annotations

import json
import os
import warnings
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.identity import CONTENT
from dicom2fhir.options import Options, OutputOptions
from dicom2fhir.pipeline import convert
from places import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dicom2fhir.problems import PlacedProblem
    from dicom2fhir.report.pictures import StudyCard
    from dicom2fhir.report.summary import Outcome

DATA = SHARED / "data"
SETS = sorted(one.name for one in DATA.iterdir() if one.is_dir()) if DATA.is_dir() else []

pytestmark = pytest.mark.skipif(not SETS, reason="no ../shared/data beside the checkout")


def read_uids(path: Path) -> tuple[str, str, str] | None:
    """Return study, series and SOP Instance UID as pydicom reads them, or None."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            uids = [
                str(dataset.get(keyword) or "")
                for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
            ]
    except Exception:  # noqa: BLE001 - pydicom raises many kinds on the damaged sets
        return None
    return (uids[0], uids[1], uids[2]) if all(uids) else None


def listed_instances(folder: Path) -> set[tuple[str, str]]:
    """Return series and SOP Instance UID of all that the Bundles list and whose file they have.

    A manifest lists instances that are elsewhere.
    """
    found = set()
    for path in folder.glob("[!.]*.json"):
        for entry in json.loads(path.read_bytes())["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] != "ImagingStudy":
                continue
            for series in resource["series"]:
                assert series["numberOfInstances"] == len(series["instance"])
                found |= {
                    (series["uid"], instance["uid"])
                    for instance in series["instance"]
                    if CONTENT in {one["url"] for one in instance.get("extension", ())}
                }
    return found


@pytest.mark.parametrize("name", SETS)
def test_every_instance_of_a_set_is_in_a_bundle_or_named_by_a_problem(
    name: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    named: dict[str, set[str]] = {}

    def note(
        _outcome: Outcome, items: Iterator[PlacedProblem], _cards: Iterator[StudyCard]
    ) -> None:
        for item in items:
            named.setdefault(item.label or "", set()).add(item.code)

    options = Options(sources=(str(DATA / name),), output=OutputOptions(path=str(out)))
    outcome = convert(options, report=note)
    counts = outcome.counts
    files = [one for one in (DATA / name).rglob("*") if one.is_file()]
    assert counts.files == len(files)
    assert counts.files == (
        counts.not_dicom
        + counts.other
        + counts.converted
        + counts.duplicates
        + counts.conflicts
        + counts.rejected
        + counts.failed
    )
    listed = listed_instances(out)
    assert len(listed) == counts.converted
    unaccounted = [
        os.fspath(path.relative_to(DATA))
        for path in files
        if (uids := read_uids(path)) and uids[1:] not in listed and str(path) not in named
    ]
    assert unaccounted == []
    assert not any(code.startswith("check.") for codes in named.values() for code in codes)
    assert "read.failed" not in {code for codes in named.values() for code in codes}
