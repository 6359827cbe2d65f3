"""STOW-RS: every file's fate is known, whatever the server says or keeps to itself."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from deliver_cases import Source
from dicom2fhir.deliver.server.dicomweb import Place
from dicom2fhir.deliver.server.exchange import CredentialsError
from dicom2fhir.deliver.server.steady import SteadyClient
from dicom2fhir.deliver.server.stow import DicomFile, Fate, StowResult, stow_files
from dicom2fhir.errors import ServerRefusedError, ServerUnreachableError
from dicom2fhir.model import Bytes, Candidate
from dicom2fhir.options import ServerOptions
from dicomweb_server import DicomWebServer, Ways, dicom
from runs import skipped_waits

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[DicomWebServer]:
    with DicomWebServer() as one:
        yield one


class Files:
    """Files to send, and what reads them."""

    def __init__(self, count: int = 5, size: int = 100) -> None:
        self.source = Source()
        self.list = [self.add(f"1.2.3.{number}", bytes(size)) for number in range(1, count + 1)]

    def add(self, uid: str, filler: bytes) -> DicomFile:
        place = Place("1.2", "1.2.3", uid)
        data = dicom(place, filler=filler)
        self.source.contents[uid] = data
        return DicomFile(
            place=place,
            content=Bytes(
                source=Candidate(path=uid),
                ranges=((0, len(data)),),
                sha256=hashlib.sha256(data).hexdigest(),
            ),
        )

    def send(self, server: DicomWebServer) -> dict[str, StowResult]:
        with skipped_waits(), SteadyClient(ServerOptions(base=server.base)) as client:
            results = list(stow_files(client, self.list, self.source.read))
        assert len(results) == len(self.list)
        return {result.file.place.sop_instance_uid: result for result in results}


def fates(results: dict[str, StowResult]) -> Counter[Fate]:
    return Counter(result.fate for result in results.values())


def test_all_files_arrive_as_they_are_in_one_request(server: DicomWebServer) -> None:
    files = Files()
    assert fates(files.send(server)) == {Fate.STORED: 5}
    assert server.posts() == 1
    assert {uid: server.stored[Place("1.2", "1.2.3", uid)] for uid in files.source.contents} == (
        files.source.contents
    )


def test_many_files_go_in_batches_of_a_bounded_size(
    server: DicomWebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom2fhir.deliver.server.stow.BATCH_BYTES", 2000)
    assert fates(Files(9, size=600).send(server)) == {Fate.STORED: 9}
    assert server.posts() > 2
    assert max(size for *_, size in server.record) < 3000


@pytest.mark.parametrize("reason", [0, 0x0110])
def test_sending_twice_stores_nothing_twice(server: DicomWebServer, reason: int) -> None:
    files = Files()
    files.send(server)
    kept = dict(server.stored)
    server.ways.duplicate_reason = reason
    assert fates(files.send(server)) == {Fate.THERE if reason else Fate.STORED: 5}
    assert server.stored == kept


def test_a_duplicate_whose_file_meta_the_server_wrote_anew_counts_as_there() -> None:
    with DicomWebServer(Ways(duplicate_reason=0x0110, rewrites_meta=True)) as server:
        files = Files()
        files.send(server)
        assert fates(files.send(server)) == {Fate.THERE: 5}


def test_other_bytes_under_the_same_uid_are_told(server: DicomWebServer) -> None:
    Files().send(server)
    server.ways.duplicate_reason = 0x0110
    files = Files(4)
    files.list.append(files.add("1.2.3.5", b"other"))
    results = files.send(server)
    assert fates(results) == {Fate.THERE: 4, Fate.DIFFERS: 1}
    problem = results["1.2.3.5"].problem
    assert problem is not None
    assert problem.code == "stow.differs"


def test_a_refusal_of_one_file_names_its_reason_and_costs_no_other(server: DicomWebServer) -> None:
    server.ways.refuses = {"1.2.3.2": 0xA900}
    results = Files().send(server)
    assert fates(results) == {Fate.STORED: 4, Fate.REFUSED: 1}
    problem = results["1.2.3.2"].problem
    assert problem is not None
    assert (problem.code, problem.detail) == ("stow.refused", "reason 0xA900")
    assert server.posts() == 1


@pytest.mark.parametrize("poison", ["1.2.3.1", "1.2.3.3", "1.2.3.5"])
def test_a_file_that_ends_the_reading_of_a_batch_costs_only_itself(
    server: DicomWebServer, poison: str
) -> None:
    server.ways.poison = poison
    results = Files().send(server)
    assert {uid for uid, one in results.items() if one.fate is Fate.REFUSED} == {poison}
    assert len(server.stored) == 4


def test_a_server_that_tells_nothing_is_asked(server: DicomWebServer) -> None:
    server.ways.silent = True
    assert fates(Files().send(server)) == {Fate.THERE: 5}


def test_a_batch_that_is_too_large_is_halved(server: DicomWebServer) -> None:
    server.ways.max_body = 700
    assert fates(Files().send(server)) == {Fate.STORED: 5}


@pytest.mark.parametrize("when", ["before", "within"])
def test_a_file_that_changed_is_left_out_and_the_others_go(
    server: DicomWebServer, when: str
) -> None:
    files = Files()
    if when == "before":
        del files.source.contents["1.2.3.4"]
    else:
        files.source.contents["1.2.3.4"] = None
    results = files.send(server)
    assert fates(results) == {Fate.STORED: 4, Fate.CHANGED: 1}
    assert results["1.2.3.4"].fate is Fate.CHANGED


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, ServerRefusedError),
        (415, ServerRefusedError),
        (403, CredentialsError),
        (503, ServerUnreachableError),
        (429, ServerUnreachableError),
    ],
)
def test_a_server_that_takes_nothing_ends_the_run(
    server: DicomWebServer, status: int, error: type[Exception]
) -> None:
    server.ways.status = status
    with pytest.raises(error):
        Files().send(server)
