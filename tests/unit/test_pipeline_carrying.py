"""Files that are not what was read, when their bytes are asked for."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from dicom2fhir.options import MapOptions, Options, OutputOptions, RenderOptions
from dicom2fhir.pipeline import Unwatched, convert
from places import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dicom2fhir.report.summary import Outcome


class Meddler(Unwatched):
    """Does something to the files once they are read."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        self._meddle = meddle

    def stage(self, name: str) -> None:
        if name == "write":
            self._meddle()


def run(folder: Path, meddle: Callable[[Path], object]) -> Outcome:
    """Convert two images of one study with a state folder, of which one is meddled with."""
    study = folder / "study"
    if not study.exists():
        shutil.copytree(ROOT / "samples" / "studies" / "dx_chest", study)
    options = Options(
        sources=(str(study),),
        map=MapOptions(dicom="binary"),
        render=RenderOptions(media="none"),
        output=OutputOptions(path=str(folder / "out")),
        state=str(folder / "state"),
        workers=1,
    )
    return convert(options, Meddler(lambda: meddle(study / "DX_1_PA.dcm")))


def errors_of(outcome: Outcome) -> list[str]:
    return [row.code for row in outcome.problems if row.severity == "error"]


def test_a_study_with_a_file_that_changed_is_left_out_and_tried_again(tmp_path: Path) -> None:
    outcome = run(tmp_path, lambda path: os.utime(path, (1, 1)))
    assert errors_of(outcome) == ["deliver.source-changed"]
    assert (outcome.counts.converted, outcome.counts.failed, outcome.counts.bundles) == (0, 2, 0)
    again = run(tmp_path, lambda path: path)
    assert errors_of(again) == []
    assert (again.counts.converted, again.counts.bundles) == (2, 1)


def test_a_study_with_a_file_that_is_gone_is_written_without_its_bytes(tmp_path: Path) -> None:
    outcome = run(tmp_path, lambda path: path.unlink())
    assert errors_of(outcome) == ["find.vanished"]
    (bundle,) = (tmp_path / "out").glob("[!.]*.json")
    types = [one["resource"]["resourceType"] for one in json.loads(bundle.read_bytes())["entry"]]
    assert types.count("Binary") == 1
    assert run(tmp_path, lambda path: path).counts.bundles == 0
