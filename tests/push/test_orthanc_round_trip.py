"""DICOM to a real DICOMweb server and back: STOW-RS, an Endpoint, `fetch`."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from calling import call_json
from dicom2fhir.deliver.server.dicomweb import Place
from dicom2fhir.deliver.server.steady import SteadyClient
from dicom2fhir.deliver.server.stow import DicomFile, Fate
from dicom2fhir.model import Bytes, Candidate
from dicom2fhir.options import ReadOptions, ServerOptions
from dicom2fhir.pipeline.reading import read_candidate
from dicom2fhir.pipeline.storing import store_files
from places import ROOT, SHARED
from runs import run_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from launching import Running
    from recording_server import RecordingServer

FOLDERS = [
    ROOT / "samples" / "studies" / "ct_thorax",
    SHARED / "data" / "ct-eleven-slices",
    SHARED / "data" / "mr-nine-transfer-syntaxes",
    SHARED / "data" / "us-multiframe",
]


def files_of(folder: Path) -> Iterator[DicomFile]:
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        source = Candidate(path=str(path), size=path.stat().st_size)
        one, _ = read_candidate(source, ReadOptions())
        if one is not None:
            yield DicomFile(
                place=Place(one.study_uid, one.series_uid, one.sop_instance_uid),
                content=Bytes(
                    source=source,
                    ranges=((0, path.stat().st_size),),
                    sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                ),
            )


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_was_stored_comes_back_through_the_endpoint_byte_for_byte(
    orthanc: Running, recorder: RecordingServer, tmp_path: Path, folder: Path
) -> None:
    if not folder.is_dir():
        pytest.skip(f"no {folder.name} here")
    files = list(files_of(folder))
    server = ServerOptions(base=orthanc.base)
    with SteadyClient(server) as client:
        for _ in range(2):
            outcome = store_files(client, files)
            assert outcome.fates == {Fate.STORED: len(files)}
    bundles = tmp_path / "bundles.ndjson"
    done = run_here("convert", folder, "-o", bundles, "--dicomweb", orthanc.base, "--media", "none")
    assert done.code == 0, done
    for line in bundles.read_text().splitlines():
        assert call_json(recorder.base, "POST", "", json.loads(line))[0] == 200
    (tmp_path / "uids").write_text("\n".join({file.place.study_uid for file in files}))
    values = f"study-uid:{tmp_path / 'uids'}"
    done = run_here("fetch", values, "--from", recorder.base, "-o", tmp_path / "out", "--verify")
    assert done.code == 0, done
    fetched = (tmp_path / "out").rglob("*.dcm")
    found = {hashlib.sha256(path.read_bytes()).hexdigest() for path in fetched}
    assert found == {file.content.sha256 for file in files}
