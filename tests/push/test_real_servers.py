"""Push to servers of others, twice, and fetch back what went in: HAPI, Medplum, sekmet, Orthanc."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from calling import call, call_json, search
from fault_proxy import FaultProxy, Message
from holdings import expected_contents, expected_counts, held_at, read_binary, read_bundles
from places import ROOT
from runs import Run, run_command

if TYPE_CHECKING:
    from pathlib import Path

    from launching import Running

SERVERS = ("hapi", "medplum", "medplum_batch", "sekmet")
REAL = ("mr-structural-24", "encapsulated-pdf", "presentation-states")
"""Sets of ../shared/data: a series, documents, and what refers to other instances."""
SOURCES = ("samples", *REAL)
KINDS = (
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Endpoint",
    "ImagingStudy",
    "Media",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "Specimen",
)

pytestmark = pytest.mark.xdist_group("real-servers")


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of Bundles by their source, filled when first asked for."""
    return {"": tmp_path_factory.mktemp("bundles")}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """The name of a source, and its folder."""
    if request.param == "samples":
        return request.param, ROOT / "samples" / "studies"
    real: Path = request.getfixturevalue("real_data")
    return request.param, real / request.param


@pytest.fixture
def bundles(converted: dict[str, Path], source: tuple[str, Path]) -> Path:
    """A folder of Bundles of this source."""
    name, folder = source
    if name not in converted:
        out = converted[""] / name
        made = run_command("convert", folder, "-o", out, "--fail-on", "never")
        assert made.code in {0, 1}, str(made)
        converted[name] = out
    return converted[name]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Running:
    """One FHIR server, empty."""
    running: Running = request.getfixturevalue(request.param)
    return running


def push(bundles: Path, server: Running | FaultProxy, state: Path, *more: str) -> Run:
    return run_command(
        "push", bundles, "--to", server.base, "--state", state, "--verify", "all", *more
    )


def counts_at(base: str) -> dict[str, int]:
    found = {kind: len(search(base, kind)) for kind in KINDS}
    return {kind: number for kind, number in found.items() if number}


def versions_at(base: str) -> dict[str, str]:
    return {
        f"{kind}/{one['id']}": one["meta"]["versionId"]
        for kind in KINDS
        for one in search(base, kind)
    }


def writes_of(proxy: FaultProxy) -> list[str]:
    """Return the requests since the last restart that could change the server."""
    return [one.first for one in proxy.seen if Message(one.first, ()).writes]


def without_binaries(counts: dict[str, int]) -> dict[str, int]:
    return {kind: number for kind, number in counts.items() if kind not in {"Binary", "Provenance"}}


def digests_of(folder: Path, pattern: str = "*") -> Counter[str]:
    files = [path for path in folder.rglob(pattern) if path.is_file()]
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def dicom_contents(bundles: Path) -> set[str]:
    """Return the SHA-256 of every DICOM file that the Bundles of this folder hold."""
    import base64

    return {
        hashlib.sha256(base64.b64decode(one["data"])).hexdigest()
        for one in read_bundles(bundles)
        if one["resourceType"] == "Binary" and one["contentType"] == "application/dicom"
    }


def fetch_all(server: Running, folder: Path, *more: str) -> Run:
    studies = [one["id"] for one in search(server.base, "ImagingStudy")]
    return run_command(
        "fetch", *(f"ImagingStudy/{one}" for one in studies), "--from", server.base, "-o", folder,
        *more,
    )  # fmt: skip


def test_bundles_pushed_twice_are_there_once_and_come_back_whole(
    server: Running, bundles: Path, source: tuple[str, Path], tmp_path: Path
) -> None:
    with FaultProxy(server.base) as proxy:
        first = push(bundles, proxy, tmp_path / "state")
        assert first.code == 0, str(first)
        held = held_at(server.base, KINDS)
        assert held.dangling == ()
        assert counts_at(server.base) == without_binaries(expected_counts(bundles))
        assert held.binaries == expected_contents(bundles)

        versions = versions_at(server.base)
        proxy.restart()
        again = push(bundles, proxy, tmp_path / "state")
        assert again.code == 0, str(again)
        assert writes_of(proxy) == []
        assert versions_at(server.base) == versions

        anew = push(bundles, proxy, tmp_path / "other-state")
        assert anew.code == 0, str(anew)
        assert "POST /fhir/Binary HTTP/1.1" not in writes_of(proxy)
        assert held_at(server.base, KINDS).without_orphans() == held.without_orphans()
        assert counts_at(server.base) == without_binaries(expected_counts(bundles))

    fetched = fetch_all(server, tmp_path / "fetched")
    assert fetched.code == 0, str(fetched)
    files = set(digests_of(tmp_path / "fetched", "*.dcm"))
    assert files == dicom_contents(bundles)
    assert files <= set(digests_of(source[1]))


def test_half_of_a_study_leaves_the_study_whole(server: Running, tmp_path: Path) -> None:
    study = ROOT / "samples" / "studies" / "mr_brain"
    half = tmp_path / "half"
    half.mkdir()
    for path in sorted(study.rglob("*.dcm"))[:2]:
        shutil.copyfile(path, half / path.name)
    for name, folder in (("whole", study), ("part", half)):
        made = run_command("convert", folder, "-o", tmp_path / name, "--media", "instance")
        assert made.code == 0, str(made)
        run = push(tmp_path / name, server, tmp_path / f"state-{name}")
        assert run.code == 0, str(run)
    assert counts_at(server.base) == without_binaries(expected_counts(tmp_path / "whole"))
    (stored,) = search(server.base, "ImagingStudy")
    listed = [one["uid"] for series in stored["series"] for one in series["instance"]]
    (sent,) = [
        one for one in read_bundles(tmp_path / "whole") if one["resourceType"] == "ImagingStudy"
    ]
    whole = [one["uid"] for series in sent["series"] for one in series["instance"]]
    assert sorted(listed) == sorted(whole)
    assert stored["numberOfInstances"] == len(whole)
    fetched = fetch_all(server, tmp_path / "fetched")
    assert fetched.code == 0, str(fetched)
    assert set(digests_of(tmp_path / "fetched", "*.dcm")) == dicom_contents(tmp_path / "whole")


def test_a_conversion_goes_straight_to_the_server(server: Running, tmp_path: Path) -> None:
    source = ROOT / "samples" / "studies" / "dx_chest"
    run = run_command("convert", source, "--to", server.base, "--state", tmp_path / "state")
    assert run.code == 0, str(run)
    held = held_at(server.base, KINDS)
    assert held.dangling == ()
    assert set(digests_of(source, "*.dcm")) <= set(held.binaries)


def test_a_large_binary_comes_back_from_a_server_that_hides_it(
    hapi: Running, tmp_path: Path
) -> None:
    content = make_large_instance(tmp_path / "large.dcm", mebibytes=12)
    made = run_command("convert", tmp_path / "large.dcm", "-o", tmp_path / "b", "--media", "none")
    assert made.code == 0, str(made)
    run = push(tmp_path / "b", hapi, tmp_path / "state")
    assert run.code == 0, str(run)
    (study,) = search(hapi.base, "ImagingStudy")
    (instance,) = study["series"][0]["instance"]
    (name,) = [one["valueUri"] for one in instance["extension"] if "valueUri" in one]
    assert "data" not in call_json(hapi.base, "GET", name)[1]
    assert read_binary(hapi.base, name) == content
    fetched = fetch_all(hapi, tmp_path / "fetched")
    assert fetched.code == 0, str(fetched)
    (file,) = (tmp_path / "fetched").rglob("*.dcm")
    assert file.read_bytes() == content


def make_large_instance(path: Path, mebibytes: int) -> bytes:
    """Write an invented CT of this size and return its bytes."""
    import pydicom

    source = ROOT / "samples" / "studies" / "qa_ct1" / "20240311" / "IM0001.dcm"
    dataset = pydicom.dcmread(source)
    dataset.Rows, dataset.Columns = mebibytes * 512, 1024
    dataset.PixelData = bytes(dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8)
    dataset.save_as(path)
    return path.read_bytes()


def test_a_server_of_its_own_limit_of_binaries_refuses_in_code_and_element(
    tmp_path: Path,
) -> None:
    import launching

    try:
        with launching.serve_hapi(MAX_BINARY="100000") as server:
            make_large_instance(tmp_path / "large.dcm", mebibytes=1)
            made = run_command(
                "convert", tmp_path / "large.dcm", "-o", tmp_path / "b", "--media", "none"
            )
            assert made.code == 0, str(made)
            run = push(tmp_path / "b", server, tmp_path / "state")
            assert run.code in {1, 4}, str(run)
            assert "413" in run.stderr
            assert search(server.base, "ImagingStudy") == []
    except launching.UnavailableError as missing:
        pytest.skip(f"LEFT OUT, no server: {missing}")


def test_dicom_goes_to_orthanc_and_fhir_links_to_it(
    orthanc: Running, medplum: Running, source: tuple[str, Path], tmp_path: Path
) -> None:
    _, folder = source
    with FaultProxy(medplum.base) as fhir, FaultProxy(orthanc.base) as pacs:
        given = ("--to", fhir.base, "--stow", pacs.base, "--fail-on", "never")
        first = run_command("convert", folder, *given, "--state", tmp_path / "state")
        assert first.code in {0, 1}, str(first)
        stored, counts = orthanc_digests(orthanc), counts_at(medplum.base)
        assert stored

        fhir.restart()
        pacs.restart()
        again = run_command("convert", folder, *given, "--state", tmp_path / "state")
        assert again.code == first.code, str(again)
        assert writes_of(fhir) == writes_of(pacs) == []

        anew = run_command("convert", folder, *given)
        assert anew.code == first.code, str(anew)
        assert orthanc_digests(orthanc) == stored
        assert counts_at(medplum.base) == counts

        endpoints = search(medplum.base, "Endpoint")
        assert {one["address"] for one in endpoints} == {pacs.base}
        fetched = fetch_all(medplum, tmp_path / "fetched")
        assert fetched.code == 0, str(fetched)
    files = digests_of(tmp_path / "fetched", "*.dcm")
    studies = search(medplum.base, "ImagingStudy")
    assert files.total() == len(stored) == sum(one["numberOfInstances"] for one in studies)
    assert set(files) == set(stored.values()) <= set(digests_of(folder))


def orthanc_digests(orthanc: Running) -> dict[str, str]:
    """Return the SHA-256 of each instance that Orthanc holds, by its own id."""
    root = orthanc.base.removesuffix("/dicom-web")
    status, found = call_json(root, "GET", "instances")
    assert status == 200
    return {
        one: hashlib.sha256(call(root, "GET", f"instances/{one}/file")[2]).hexdigest()
        for one in found
    }


def test_a_half_failed_batch_is_no_success(medplum_batch: Running, tmp_path: Path) -> None:
    """Medplum answers 200 to a transaction of which an entry failed."""
    made = run_command(
        "convert",
        ROOT / "samples" / "studies" / "dx_chest",
        "-o",
        tmp_path / "b",
        "--media",
        "none",
    )
    assert made.code == 0, str(made)
    (path,) = (tmp_path / "b").glob("2*.json")
    bundle = json.loads(path.read_bytes())
    study = next(
        one for one in bundle["entry"] if one["resource"]["resourceType"] == "ImagingStudy"
    )
    del study["resource"]["status"]
    path.write_text(json.dumps(bundle))
    run = push(tmp_path / "b", medplum_batch, tmp_path / "state")
    assert run.code in {1, 4}, str(run)
    assert search(medplum_batch.base, "ImagingStudy") == []
