"""The corpus and the real reports, each converted once for all tests of a run."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
from pydicom.filereader import dcmread

from corpus import write_corpus
from judged import Judged, judge

if TYPE_CHECKING:
    from pathlib import Path

SHARE = 6
"""One of so many faulty reports is converted each time, all of them with --soak."""


@pytest.fixture(scope="session")
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("corpus")
    share = 1 if request.config.getoption("--soak") else SHARE
    return judge(write_corpus(folder / "files", share), folder / "corpus.ndjson")


def holds_content(path: Path) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = dcmread(path, specific_tags=["SOPInstanceUID", "ContentSequence"])
    except Exception:  # noqa: BLE001 - pydicom raises many kinds on damaged files
        return False
    return "ContentSequence" in found and "SOPInstanceUID" in found


@pytest.fixture(scope="session")
def real_reports(
    real_data: Path, packaged: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Judged:
    files = [path for path in sorted(real_data.rglob("*")) if path.is_file()] + packaged
    out = tmp_path_factory.mktemp("real") / "real.ndjson"
    return judge([path for path in files if holds_content(path)], out)
