"""`fetch`: what a server holds comes back byte for byte, and what does not is told."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from calling import call_json
from dicom2fhir.deliver.server import fetching
from dicom2fhir.deliver.server.dicomweb import Place
from dicom2fhir.deliver.server.listing import ListedInstance, list_instances
from dicom2fhir.deliver.server.retrying import FAILURES_IN_A_ROW
from dicom2fhir.deliver.server.steady import SteadyClient
from dicom2fhir.deliver.tree import safe_name
from dicom2fhir.errors import ServerUnreachableError
from dicom2fhir.options import FetchOptions, ServerOptions
from dicomweb_server import DicomWebServer
from faults import Fault, Script, Verb
from places import ROOT
from recording_server import RecordingServer, Reply
from runs import Run, run_here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from fault_proxy import FaultProxy

STUDY = ROOT / "samples" / "studies" / "ct_thorax"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sample study as Bundles, by where the bytes are."""
    folder = tmp_path_factory.mktemp("bundles")
    made = {}
    for name, more in {
        "binary": ("--media-inline-below", "100"),
        "attachment": ("--dicom", "attachment", "--media", "none", "--max-attachment", "50M"),
        "link": ("--dicomweb", "http://127.0.0.1:1/dicom-web", "--media", "none"),
    }.items():
        made[name] = folder / f"{name}.ndjson"
        done = run_here("convert", STUDY, "-o", made[name], "--check", "off", *more)
        assert done.code == 0, done
    return made


def load(server: RecordingServer, path: Path, dicomweb: str = "") -> str:
    """Put Bundles into the server; return the id of the study."""
    text = path.read_text().replace("http://127.0.0.1:1/dicom-web", dicomweb)
    for line in text.splitlines():
        assert call_json(server.base, "POST", "", json.loads(line))[0] == 200
    server.forget()
    (name,) = (name for name in server.store.resources if name.startswith("ImagingStudy/"))
    return name


def originals() -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in STUDY.rglob("*.dcm")}


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def digests(folder: Path) -> set[str]:
    found = [path for path in files_in(folder) if path.suffix == ".dcm"]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def fetch(server: RecordingServer | FaultProxy, *more: str | Path) -> Run:
    return run_here("fetch", "--from", server.base, *more)


def instances(server: RecordingServer, name: str) -> list[dict[str, Any]]:
    study = server.store.resources[name].resource
    return [one for series in study["series"] for one in series["instance"]]


@contextmanager
def pacs_with_study() -> Iterator[DicomWebServer]:
    """Give a DICOMweb server that has the study."""
    from dicom2fhir.model import Candidate
    from dicom2fhir.options import ReadOptions
    from dicom2fhir.pipeline.reading import read_candidate

    with DicomWebServer() as pacs:
        for path in STUDY.rglob("*.dcm"):
            one, _ = read_candidate(Candidate(path=str(path)), ReadOptions())
            assert one is not None
            place = Place(one.study_uid, one.series_uid, one.sop_instance_uid)
            pacs.stored[place] = path.read_bytes()
        yield pacs


# The ways to the bytes


@pytest.mark.parametrize(
    "ways", [{}, {"inflate_below": 100}, {"raw_binary": False}], ids=["raw", "hapi", "sekmet"]
)
def test_binaries_and_renders_come_back_as_they_were(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path, ways: dict[str, Any]
) -> None:
    name = load(recorder, bundles["binary"])
    for switch, value in ways.items():
        setattr(recorder.switches, switch, value)
    done = fetch(recorder, name, "-o", tmp_path / "out", "--renders")
    assert done.code == 0, done
    assert digests(tmp_path / "out") == originals()
    pictures = [path for path in files_in(tmp_path / "out") if path.suffix == ".jpg"]
    assert pictures
    assert all(path.read_bytes().startswith(b"\xff\xd8") for path in pictures)


def test_attachments_come_back_as_they_were(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["attachment"])
    done = fetch(recorder, name, "-o", tmp_path / "out")
    assert done.code == 0, done
    assert digests(tmp_path / "out") == originals()


@pytest.mark.parametrize("single_part", [False, True])
def test_the_endpoint_of_a_study_leads_to_its_files(
    recorder: RecordingServer,
    bundles: dict[str, Path],
    tmp_path: Path,
    single_part: bool,  # noqa: FBT001 - parametrized
) -> None:
    with pacs_with_study() as pacs:
        pacs.ways.single_part = single_part
        name = load(recorder, bundles["link"], pacs.base)
        done = fetch(recorder, name, "-o", tmp_path / "out")
    assert done.code == 0, done
    assert digests(tmp_path / "out") == originals()
    assert "fetch.other-server" in done.stderr


def test_a_dicomweb_server_is_asked_for_uids_as_they_stand_in_the_file(
    recorder: RecordingServer, tmp_path: Path
) -> None:
    place = Place(*(f"1.2.{part}.{'9' * 61}" for part in "345"))
    write_with_uids(tmp_path / "in" / "long.dcm", place)
    with DicomWebServer() as pacs:
        pacs.stored[place] = (tmp_path / "in" / "long.dcm").read_bytes()
        done = run_here(
            "convert", tmp_path / "in", "-o", tmp_path / "b.ndjson", "--dicomweb", pacs.base
        )
        assert done.code == 0, done
        name = load(recorder, tmp_path / "b.ndjson")
        done = fetch(recorder, name, "-o", tmp_path / "out")
    assert done.code == 0, done
    assert digests(tmp_path / "out") == digests(tmp_path / "in")


def write_with_uids(path: Path, place: Place) -> None:
    """Write an invented CT under UIDs that PS3.5 9.1 may not allow."""
    import pydicom
    from pydicom.config import IGNORE

    dataset = pydicom.dcmread(next(STUDY.rglob("*.dcm")))
    for keyword, uid in zip(
        ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), place, strict=True
    ):
        dataset.add(pydicom.DataElement(keyword, "UI", uid, validation_mode=IGNORE))
    path.parent.mkdir()
    dataset.save_as(path)


def test_the_credentials_of_one_server_never_reach_another(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "fhir").write_text("SENTINEL-FHIR")
    (tmp_path / "pacs").write_text("SENTINEL-PACS")
    for path in (tmp_path / "fhir", tmp_path / "pacs"):
        path.chmod(0o600)
    with pacs_with_study() as pacs:
        name = load(recorder, bundles["link"], pacs.base)
        recorder.switches.token = (tmp_path / "fhir").read_text()
        given = (name, "-o", tmp_path / "out", "--token-file", tmp_path / "fhir")
        assert fetch(recorder, *given).code == 0
        assert not any("SENTINEL" in str(one) for one in pacs.record)
        pacs.ways.token = (tmp_path / "pacs").read_text()
        done = fetch(
            recorder, *given, "--verify",
            "--dicomweb", pacs.base, "--dicomweb-token-file", tmp_path / "pacs",
        )  # fmt: skip
        assert done.code == 0, done
        assert not any("SENTINEL-FHIR" in str(one) for one in pacs.record)
        assert not any("SENTINEL-PACS" in str(one.headers) for one in recorder.record)
    assert "SENTINEL" not in done.stderr + done.stdout


def test_a_client_certificate_is_shown_to_the_origins_of_the_options_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: dict[str, str | None] = {}

    class Client(SteadyClient):
        def __init__(self, options: ServerOptions, *_: object) -> None:
            shown[options.base] = options.client_certificate or options.client_key
            super().__init__(replace(options, client_certificate=None, client_key=None))

    monkeypatch.setattr(fetching, "SteadyClient", Client)
    server = ServerOptions(
        base="https://127.0.0.1:9/r4", client_certificate="own.pem", client_key="own.key"
    )
    place = Place("1.2", "1.2.3", "1.2.3.4")
    with closing(fetching.Fetcher(FetchOptions(server=server))) as fetcher:
        for base in ("https://127.0.0.1:9/dicom-web", "https://localhost:9/dicom-web"):
            endpoint = {"connectionType": {"code": "dicom-wado-rs"}, "address": base}
            instance = ListedInstance(place=place, stored=place, endpoints=("#one",))
            study = replace(list_instances({"id": "a"}), contained={"#one": endpoint})
            (way,) = fetcher.ways(instance, study)
            assert way.name == "dicomweb"
            with pytest.raises(ServerUnreachableError), way.open():
                pass
    assert shown == {
        "https://127.0.0.1:9/r4": "own.pem",
        "https://127.0.0.1:9/dicom-web": "own.pem",
        "https://localhost:9/dicom-web": None,
    }


def test_a_binary_that_is_gone_is_looked_for_on_the_dicomweb_server(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    for one in [one for one in recorder.store.resources if one.startswith("Binary/")]:
        del recorder.store.resources[one]
    with pacs_with_study() as pacs:
        done = fetch(recorder, name, "-o", tmp_path / "out", "--dicomweb", pacs.base)
    assert done.code == 0, done
    assert digests(tmp_path / "out") == originals()


def test_a_series_that_is_only_counted_is_listed_by_the_dicomweb_server(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    with pacs_with_study() as pacs:
        pacs.ways.page = 2
        name = load(recorder, bundles["link"], pacs.base)
        for series in recorder.store.resources[name].resource["series"]:
            del series["instance"]
        done = fetch(recorder, name, "-o", tmp_path / "out")
        assert done.code == 0, done
        assert digests(tmp_path / "out") == originals()
        pacs.stored.pop(next(iter(pacs.stored)))
        less = fetch(recorder, name, "-o", tmp_path / "other")
    assert less.code == 1
    assert "fetch.unlisted" in less.stderr


def test_without_any_place_of_the_bytes_each_instance_is_told(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["link"], "http://192.0.2.1/plain-http")
    done = fetch(recorder, name, "-o", tmp_path / "out")
    assert done.code == 1
    assert "fetch.nowhere" in done.stderr
    assert "fetch.bad-endpoint" in done.stderr
    assert files_in(tmp_path / "out") == []


# What is asked for


@pytest.mark.parametrize("page", [0, 1])
def test_studies_are_found_by_uid_accession_and_patient(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path, page: int
) -> None:
    name = load(recorder, bundles["binary"])
    recorder.switches.page = page
    study = recorder.store.resources[name].resource
    patient = study["subject"]["reference"]
    number = recorder.store.resources[patient].resource["identifier"][0]
    uid = next(one for one in study["identifier"] if one["system"] == "urn:dicom:uid")["value"]
    accession = [one for one in study["identifier"] if "ACSN" in str(one.get("type"))]
    values = {
        "study-uid": uid.removeprefix("urn:oid:"),
        "patient": f"{number.get('system', '')}|{number['value']}".lstrip("|"),
    }
    if accession:
        values["accession"] = accession[0]["value"]
    for kind, value in values.items():
        (tmp_path / kind).write_text(f"\ufeff{value}\r\n\r\n{value}\r\n", encoding="utf-8")
        done = fetch(recorder, f"{kind}:{tmp_path / kind}", "--dry-run")
        assert done.code == 0, (kind, done)
        assert len(done.stdout.splitlines()) == len(originals())
        for one in recorder.record:
            assert value.rpartition("|")[2] not in one.path
    assert fetch(recorder, patient, "--dry-run").stdout == done.stdout
    assert fetch(recorder, name.partition("/")[2], name, "--dry-run").stdout == done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("1.2.840.113619.2", "--dry-run"), 2),
        (("study-uid:1.2.840.113619.2", "--dry-run"), 2),
        (("accession:SECRET-77", "--dry-run"), 2),
        (("../x", "--dry-run"), 2),
        (("--dry-run",), 2),
        (("a1",), 2),
        (("study-uid:-", "patient:-", "--dry-run"), 2),
        (("a1", "--dry-run", "--user", "me"), 2),
        (("a1", "--dry-run", "--user", "me", "--token-env", "T"), 2),
        (("none-such", "--dry-run"), 3),
    ],
)
def test_what_cannot_be_fetched_is_refused_without_repeating_it(
    recorder: RecordingServer, arguments: tuple[str, ...], code: int
) -> None:
    done = fetch(recorder, *arguments)
    assert done.code == code, done
    assert "SECRET-77" not in done.stderr
    assert "1.2.840" not in done.stderr
    assert "1.2.840" not in str([one.path for one in recorder.record])


def test_one_reference_that_fits_nothing_fails_and_the_others_come(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    done = fetch(recorder, "none-such", name, "-o", tmp_path / "out")
    assert done.code == 1
    assert "fetch.not-found" in done.stderr
    assert digests(tmp_path / "out") == originals()


def test_a_link_to_the_next_page_that_repeats_a_value_is_asked_by_post() -> None:
    from dicom2fhir.deliver.server.searching import search
    from dicom2fhir.deliver.server.steady import SteadyClient
    from dicom2fhir.options import ServerOptions

    class Repeating(RecordingServer):
        def answer(
            self, method: str, target: str, headers: Mapping[str, str], body: bytes
        ) -> Reply:
            reply = super().answer(method, target, headers, body)
            if not target.endswith("_search") or b"_offset" in body:
                return reply
            bundle = json.loads(reply.body)
            link = f"{self.base}/Patient?identifier=SECRET%2D77&_offset=1"
            bundle["link"] = [{"relation": "next", "url": link}]
            return replace(reply, body=json.dumps(bundle).encode())

    with (
        Repeating() as server,
        SteadyClient(ServerOptions(base=server.base)) as client,
    ):
        for number in range(2):
            call_json(
                server.base,
                "PUT",
                f"Patient/p{number}",
                {
                    "resourceType": "Patient",
                    "id": f"p{number}",
                    "identifier": [{"value": "SECRET-77"}],
                },
            )
        found = [one["id"] for one in search(client, "Patient", {"identifier": "SECRET-77"})]
        assert set(found) == {"p0", "p1"}
        assert not any("SECRET" in one.path for one in server.record)


# Whole, once, and to be gone on with


def test_files_are_for_their_owner_alone_and_named_by_their_uids(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    assert fetch(recorder, name, "-o", tmp_path / "out").code == 0
    files = files_in(tmp_path / "out")
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = {path.parent for path in files} | {tmp_path / "out"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    listed = {one["uid"] for one in instances(recorder, name)}
    assert {path.stem for path in files} == listed


def test_as_many_files_are_on_their_way_as_asked_for(
    recorder: RecordingServer,
    bundles: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = load(recorder, bundles["binary"])
    assert len(instances(recorder, name)) % 3 == 0
    together = threading.Barrier(3, timeout=60)
    open_one = fetching.open_binary

    @contextmanager
    def open_together(*given: object) -> Iterator[Iterator[bytes]]:
        together.wait()
        with open_one(*given) as chunks:  # type: ignore[arg-type]
            yield chunks

    monkeypatch.setattr(fetching, "open_binary", open_together)
    done = fetch(recorder, name, "-o", tmp_path / "out", "--jobs", "3")
    assert done.code == 0, done
    assert digests(tmp_path / "out") == originals()


def test_the_report_is_the_same_however_many_files_are_fetched_at_a_time(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    gone = [one for one in recorder.store.resources if one.startswith("Binary/")][::3]
    for one in gone:
        del recorder.store.resources[one]
    told = [
        fetch(recorder, name, "-o", tmp_path / jobs, "--jobs", jobs, "--report", "-")
        for jobs in ("1", "8")
    ]
    assert {done.code for done in told} == {1}
    one, eight = (json.loads(done.stdout) for done in told)
    assert one["counts"] == eight["counts"]
    assert one["problems"] == eight["problems"]
    assert digests(tmp_path / "1") == digests(tmp_path / "8")


def test_a_second_run_fetches_only_what_is_missing_or_differs(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    fetch(recorder, name, "-o", tmp_path / "out")
    gone, spoiled, *kept = files_in(tmp_path / "out")
    gone.unlink()
    spoiled.write_bytes(b"spoiled")
    before = {path: path.stat().st_ino for path in kept}
    recorder.forget()
    done = fetch(recorder, name, "-o", tmp_path / "out")
    assert done.code == 0, done
    assert digests(tmp_path / "out") == originals()
    assert {path: path.stat().st_ino for path in kept} == before
    assert sum("/Binary/" in one.path for one in recorder.record) == 2


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda data: data[:-2] + b"xx", "fetch.differs"),
        (lambda data: data[:-100], "fetch.differs"),
        (lambda _: b"<html>not found</html>", "fetch.differs"),
    ],
)
def test_bytes_that_are_not_those_stated_are_not_written(
    recorder: RecordingServer,
    bundles: dict[str, Path],
    tmp_path: Path,
    spoil: Callable[[bytes], bytes],
    code: str,
) -> None:
    name = load(recorder, bundles["binary"])
    first = instances(recorder, name)[0]
    address = next(one["valueUri"] for one in first["extension"] if "valueUri" in one)
    stored = recorder.store.resources[address]
    assert stored.content is not None
    recorder.store.resources[address] = replace(stored, content=spoil(stored.content))
    done = fetch(recorder, name, "-o", tmp_path / "out")
    assert done.code == 1
    assert code in done.stderr
    assert len(files_in(tmp_path / "out")) == len(originals()) - 1


def test_without_a_hash_another_instance_is_told_by_its_uids(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    with pacs_with_study() as pacs:
        name = load(recorder, bundles["link"], pacs.base)
        first, second, *_ = pacs.stored
        pacs.stored[first] = pacs.stored[second]
        done = fetch(recorder, name, "-o", tmp_path / "out")
    assert done.code == 1
    assert "fetch.wrong-instance" in done.stderr
    assert len(files_in(tmp_path / "out")) == len(originals()) - 1


def test_two_studies_that_list_one_instance_differently_keep_the_first(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    other = deepcopy(recorder.store.resources[name])
    other.resource["id"] = "other"
    same, *_ = (one for series in other.resource["series"] for one in series["instance"])
    foreign = b"not the same bytes"
    for one in same["extension"]:
        if one["url"].endswith("instance-content"):
            one["valueUri"] = "Binary/foreign"
        if one["url"].endswith("instance-sha256"):
            one["valueString"] = hashlib.sha256(foreign).hexdigest()
    recorder.store.resources["ImagingStudy/other"] = other
    binary = {"resourceType": "Binary", "id": "foreign", "contentType": "application/dicom"}
    recorder.store.resources["Binary/foreign"] = replace(other, resource=binary, content=foreign)
    done = fetch(recorder, name, "other", "-o", tmp_path / "out")
    assert done.code == 1
    assert "fetch.name-taken" in done.stderr
    assert digests(tmp_path / "out") == originals()


def test_a_study_without_instances_is_nothing_found(recorder: RecordingServer) -> None:
    study = {"resourceType": "ImagingStudy", "id": "empty", "status": "available"}
    call_json(recorder.base, "PUT", "ImagingStudy/empty", study)
    assert fetch(recorder, "empty", "--dry-run").code == 3


def test_a_link_in_the_place_of_a_file_or_folder_is_left_alone(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    fetch(recorder, name, "-o", tmp_path / "out")
    one = files_in(tmp_path / "out")[0]
    (tmp_path / "elsewhere").write_bytes(b"mine")
    one.unlink()
    one.symlink_to(tmp_path / "elsewhere")
    done = fetch(recorder, name, "-o", tmp_path / "out")
    assert done.code == 1
    assert "deliver.foreign" in done.stderr
    (tmp_path / "there").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / one.parent.parent.name).symlink_to(tmp_path / "there")
    assert fetch(recorder, name, "-o", tmp_path / "new").code == 7
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert files_in(tmp_path / "there") == []


@pytest.mark.parametrize(
    "uid", ["../../etc/passwd", "a/b", "CON", "1.2.", "", "1" * 65, "..", "x\0"]
)
def test_a_name_never_leads_out_of_the_folder(uid: str) -> None:
    assert safe_name(uid).startswith("x-")
    assert safe_name(uid).replace("-", "").isalnum()


def test_uids_of_a_hostile_server_write_nothing_outside(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    study = recorder.store.resources[name].resource
    study["series"][0]["uid"] = "../../outside"
    study["series"][0]["instance"][0]["uid"] = "/../../../" + str(tmp_path / "outside")
    done = fetch(recorder, name, "-o", tmp_path / "deep" / "out")
    assert done.code == 0, done
    assert digests(tmp_path / "deep" / "out") == originals()
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_a_second_run_on_the_same_folder_is_refused(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    from dicom2fhir.deliver.tree import Tree

    name = load(recorder, bundles["binary"])
    tree = Tree(str(tmp_path / "out"))
    try:
        assert fetch(recorder, name, "-o", tmp_path / "out").code == 8
    finally:
        tree.close()
    assert fetch(recorder, name, "-o", tmp_path / "out").code == 0


def test_a_full_disk_ends_the_run_with_7_and_leaves_no_half_file(
    recorder: RecordingServer,
    bundles: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import errno

    from dicom2fhir.deliver import whole

    name = load(recorder, bundles["binary"])
    left = [5]

    def write_all(descriptor: int, data: bytes) -> None:
        left[0] -= 1
        if not left[0]:
            raise OSError(errno.ENOSPC, "")
        os.write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(whole, "write_all", write_all)
        assert fetch(recorder, name, "-o", tmp_path / "out").code == 7
    assert not any(path.name.endswith(".tmp") for path in files_in(tmp_path / "out"))
    assert digests(tmp_path / "out") <= originals()
    assert fetch(recorder, name, "-o", tmp_path / "out").code == 0
    assert digests(tmp_path / "out") == originals()


# Faults on the way


@pytest.mark.parametrize("verb", ["drop-before", "truncate", "status-503", "reset", "429"])
def test_a_fault_on_the_way_costs_another_try_and_nothing_else(
    proxy: FaultProxy,
    recorder: RecordingServer,
    bundles: dict[str, Path],
    tmp_path: Path,
    verb: str,
) -> None:
    name = load(recorder, bundles["binary"])
    faults = {
        "drop-before": Fault(Verb.DROP_BEFORE),
        "truncate": Fault(Verb.TRUNCATE, "1000"),
        "status-503": Fault(Verb.SERVER_ERROR, "503"),
        "reset": Fault(Verb.DROP_AFTER_COMMIT),
        "429": Fault(Verb.THROTTLE, "1"),
    }
    for position in range(3):
        proxy.restart(Script({position: faults[verb]}))
        done = fetch(proxy, name, "-o", tmp_path / str(position))
        assert done.code == 0, done
        assert digests(tmp_path / str(position)) == originals()


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_server_that_goes_away_is_told_with_what_is_there(
    recorder: RecordingServer,
    proxy: FaultProxy,
    bundles: dict[str, Path],
    tmp_path: Path,
    jobs: str,
) -> None:
    name = load(recorder, bundles["binary"])
    proxy.restart(Script({number: Fault(Verb.DROP_BEFORE) for number in range(4, 400)}))
    done = fetch(proxy, name, "-o", tmp_path / "out", "--jobs", jobs)
    assert done.code == 5, done
    there = len(digests(tmp_path / "out"))
    assert there
    assert f" {there} of the " in done.stderr


def test_a_token_that_expires_ends_the_run_which_tells_what_is_there(
    recorder: RecordingServer, proxy: FaultProxy, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    proxy.restart(Script(dict.fromkeys(range(2, 400), Fault(Verb.UNAUTHORIZED))))
    done = fetch(proxy, name, "-o", tmp_path / "out", "--jobs", "1")
    assert done.code == 6, done
    assert len(proxy.seen) == 2 + FAILURES_IN_A_ROW
    assert f" {len(digests(tmp_path / 'out'))} of the " in done.stderr
    assert "Run the same command again" in done.stderr


def test_a_server_that_is_not_there_ends_the_run_with_5(tmp_path: Path) -> None:
    done = run_here("fetch", "a1", "--from", "http://127.0.0.1:9", "-o", tmp_path / "out")
    assert done.code == 5
    assert "Run the same command again" in done.stderr


def test_a_server_that_wants_other_credentials_ends_the_run_with_6(
    recorder: RecordingServer, tmp_path: Path
) -> None:
    recorder.switches.token = str(tmp_path)
    assert fetch(recorder, "a1", "-o", tmp_path / "out").code == 6


def test_no_value_of_a_patient_stands_in_a_request_line_or_on_stderr(
    recorder: RecordingServer, bundles: dict[str, Path], tmp_path: Path
) -> None:
    name = load(recorder, bundles["binary"])
    done = fetch(recorder, name, "-o", tmp_path / "out", "--renders", "-vv")
    study = recorder.store.resources[name].resource
    patient = recorder.store.resources[study["subject"]["reference"]].resource
    values = [patient["name"][0]["family"], patient["identifier"][-1]["value"]]
    values += [one["uid"] for one in instances(recorder, name)]
    lines = " ".join(one.path for one in recorder.record) + done.stderr
    assert [value for value in values if value in lines] == []
