"""`convert --stow`: the files on a DICOMweb server, the FHIR that leads to them, and back."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.deliver.server.dicomweb import Place
from dicom2fhir.model import Candidate
from dicom2fhir.options import ReadOptions
from dicom2fhir.pipeline.reading import read_candidate
from dicomweb_server import DicomWebServer
from places import ROOT
from runs import run_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recording_server import RecordingServer

STUDY = ROOT / "samples" / "studies" / "ct_thorax"


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[DicomWebServer]:
    """A DICOMweb server that reads the UIDs of real files."""

    def place_of(data: bytes) -> Place:
        path = tmp_path / "one.dcm"
        path.write_bytes(data)
        one, _ = read_candidate(Candidate(path=str(path)), ReadOptions())
        assert one is not None
        return Place(one.study_uid, one.series_uid, one.sop_instance_uid)

    with DicomWebServer(place_of=place_of) as server:
        yield server


def originals() -> dict[str, bytes]:
    files = [path.read_bytes() for path in STUDY.rglob("*.dcm")]
    return {hashlib.sha256(data).hexdigest(): data for data in files}


def test_files_go_to_one_server_and_what_leads_to_them_to_another_and_come_back(
    pacs: DicomWebServer, recorder: RecordingServer, tmp_path: Path
) -> None:
    state = ("--state", tmp_path / "state")
    given = ("convert", STUDY, "--stow", pacs.base, "--to", recorder.base, "--media", "none")
    done = run_here(*given, *state)
    assert done.code == 0, done
    assert sorted(pacs.stored.values()) == sorted(originals().values())
    assert not any(name.startswith("Binary/") for name in recorder.store.resources)
    (name,) = (one for one in recorder.store.resources if one.startswith("ImagingStudy/"))
    fetched = run_here("fetch", name, "--from", recorder.base, "-o", tmp_path / "out")
    assert fetched.code == 0, fetched
    assert "fetch.unproven" not in fetched.stderr
    found = {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "out").rglob("*.dcm")
    }
    assert found == originals().keys()

    posts, writes = pacs.posts(), len(recorder.written())
    again = run_here(*given, *state)
    assert again.code == 0, again
    assert (pacs.posts(), len(recorder.written())) == (posts, writes)

    kept = dict(pacs.stored)
    anew = run_here(*given)
    assert anew.code == 0, anew
    assert pacs.stored == kept


def test_bundles_go_to_files_as_well_and_name_the_server_that_took_the_dicom(
    pacs: DicomWebServer, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    done = run_here("convert", STUDY, "--stow", pacs.base, "-o", out, "--media", "none")
    assert done.code == 0, done
    resources = [entry["resource"] for entry in json.loads(out.read_bytes())["entry"]]
    addresses = {one["address"] for one in resources if one["resourceType"] == "Endpoint"}
    assert addresses == {pacs.base}
    stated = {
        one["valueString"]
        for study in resources
        if study["resourceType"] == "ImagingStudy"
        for series in study["series"]
        for instance in series["instance"]
        for one in instance.get("extension", ())
        if one["url"].endswith("instance-sha256")
    }
    assert stated == originals().keys()


def test_a_refused_file_is_told_and_sent_again_by_the_next_run(
    pacs: DicomWebServer, tmp_path: Path
) -> None:
    given = ("convert", STUDY, "--stow", pacs.base, "-o", tmp_path / "out", "--media", "none")
    state = ("--state", tmp_path / "state")
    one = pacs.place_of(next(iter(originals().values())))
    pacs.ways.refuses = {one.sop_instance_uid: 0xA700}
    done = run_here(*given, *state)
    assert done.code == 1
    assert "stow.refused" in done.stderr
    assert one.sop_instance_uid not in done.stderr
    pacs.ways.refuses = {}
    again = run_here(*given, *state)
    assert again.code == 0, again
    assert len(pacs.stored) == len(originals())


def test_a_server_that_takes_no_files_ends_the_run(pacs: DicomWebServer, tmp_path: Path) -> None:
    pacs.ways.status = 404
    done = run_here("convert", STUDY, "--stow", pacs.base, "-o", tmp_path / "x.ndjson")
    assert done.code == 4
    assert not (tmp_path / "x.ndjson").exists()


def test_a_dry_run_sends_nothing(pacs: DicomWebServer) -> None:
    assert run_here("convert", STUDY, "--stow", pacs.base, "--dry-run").code == 0
    assert pacs.record == []
