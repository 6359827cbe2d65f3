from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.deliver import HashMismatchError, NotBase64Error, SourceChangedError
from dicom2fhir.find import Finder
from dicom2fhir.model import Bytes, Candidate, EncodedBytes
from dicom2fhir.options import FindOptions
from dicom2fhir.pipeline.payload import CHUNK, Contents, hash_payload, read_payload

if TYPE_CHECKING:
    from pathlib import Path

PART10 = b"\x01" * 128 + b"DICM" + b"\x02" * 100


def found(path: Path) -> Candidate:
    with Finder(FindOptions()) as finder:
        (candidate,) = finder.find((str(path),))
    assert isinstance(candidate, Candidate)
    return candidate


def whole(candidate: Candidate, length: int, *, zero_preamble: bool = False) -> Bytes:
    ranges = ((0, length),)
    return Bytes(source=candidate, ranges=ranges, sha256="", zero_preamble=zero_preamble)


def read(payload: Bytes) -> bytes:
    return b"".join(read_payload(payload))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.dcm"
    path.write_bytes(PART10)
    return path


def test_the_bytes_are_those_of_the_file(path: Path) -> None:
    payload = whole(found(path), len(PART10))
    assert read(payload) == PART10
    assert hash_payload(payload) == hashlib.sha256(PART10).hexdigest()


def test_ranges_are_joined_in_their_order(path: Path) -> None:
    payload = Bytes(source=found(path), ranges=((128, 4), (0, 2), (200, 0)), sha256="")
    assert read(payload) == b"DICM\x01\x01"


def test_large_files_come_in_chunks_of_whole_base64_groups(tmp_path: Path) -> None:
    with (tmp_path / "a.dcm").open("wb") as file:
        file.truncate(2 * CHUNK + 5)
    chunks = [len(one) for one in read_payload(whole(found(tmp_path / "a.dcm"), 2 * CHUNK + 5))]
    assert chunks == [CHUNK, CHUNK, 5]
    assert CHUNK % 3 == 0


def test_the_preamble_of_a_part_10_file_is_zeroed_on_demand(path: Path) -> None:
    payload = whole(found(path), len(PART10), zero_preamble=True)
    zeroed = bytes(128) + PART10[128:]
    assert read(payload) == zeroed
    assert hash_payload(payload) == hashlib.sha256(zeroed).hexdigest()


@pytest.mark.parametrize("data", [b"", b"\x01" * 128, b"\x01" * 131 + b"X", b"\x01" * 500])
def test_a_file_without_preamble_keeps_its_first_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert read(whole(found(path), len(data), zero_preamble=True)) == data


def test_a_member_of_an_archive_is_read_where_it_lies(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", PART10 * 100)
    candidate = found(tmp_path / "a.zip")
    assert candidate.member == "a.dcm"
    assert read(whole(candidate, 100 * len(PART10))) == PART10 * 100
    os.utime(tmp_path / "a.zip", ns=(0, 0))
    with pytest.raises(SourceChangedError):
        read(whole(candidate, 100 * len(PART10)))


def test_a_file_of_ours_that_no_walk_has_found_is_read_as_it_is(path: Path) -> None:
    assert read(whole(Candidate(path=str(path)), 5)) == PART10[:5]


def grow(path: Path) -> None:
    path.write_bytes(PART10 + b"x")


def shrink(path: Path) -> None:
    status = path.stat()
    path.write_bytes(PART10[:-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def touch(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def replace_it(path: Path) -> None:
    status = path.stat()
    other = path.with_name("other")
    other.write_bytes(PART10)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


def remove(path: Path) -> None:
    path.unlink()


CHANGES = (grow, shrink, touch, replace_it, remove)


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_is_not_what_was_found_is_not_read(path: Path, change: object) -> None:
    payload = whole(found(path), len(PART10))
    assert callable(change)
    change(path)
    with pytest.raises(SourceChangedError):
        next(read_payload(payload))


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_told_at_the_end(
    path: Path, change: object
) -> None:
    chunks = read_payload(whole(found(path), len(PART10)))
    next(chunks)
    assert callable(change)
    change(path)
    with pytest.raises(SourceChangedError):
        next(chunks)


def test_a_range_beyond_the_end_is_a_change(path: Path) -> None:
    payload = replace(whole(found(path), 1), ranges=((0, len(PART10) + 1),))
    with pytest.raises(SourceChangedError):
        read(payload)


def test_a_fault_of_the_source_is_never_one_of_the_output(tmp_path: Path) -> None:
    with pytest.raises(SourceChangedError) as caught:
        read(whole(Candidate(path=str(tmp_path / "nothing")), 1))
    assert str(caught.value) == ""
    assert caught.value.__suppress_context__


@pytest.fixture
def large(tmp_path: Path) -> Bytes:
    (tmp_path / "large.dcm").write_bytes(b"\x03" * (2 * CHUNK + 5))
    return whole(found(tmp_path / "large.dcm"), 2 * CHUNK + 5)


def test_what_is_sent_is_hashed_while_it_is_read(large: Bytes) -> None:
    contents = Contents()
    assert contents.known(large) == ""
    sent = b"".join(contents.read(large))
    assert contents.known(large) == hashlib.sha256(sent).hexdigest()
    assert contents.sha256(large) == contents.known(large)


def test_what_nobody_has_read_is_read_for_its_hash(large: Bytes) -> None:
    assert Contents().sha256(large) == hash_payload(large)


def test_a_claim_is_held_against_the_bytes_before_the_last_of_them_are_sent(large: Bytes) -> None:
    claimed = replace(large, sha256="0" * 64, claimed=True)
    chunks = Contents().read(claimed)
    assert [len(next(chunks)), len(next(chunks))] == [CHUNK, CHUNK]
    with pytest.raises(HashMismatchError):
        next(chunks)


def test_the_last_bytes_of_a_file_that_changed_meanwhile_are_not_sent(large: Bytes) -> None:
    chunks = Contents().read(large)
    next(chunks)
    os.utime(large.source.path, ns=(0, 0))
    next(chunks)
    with pytest.raises(SourceChangedError):
        next(chunks)


@pytest.mark.parametrize("text", [b"AAAA" * 3 + b"AA=A", b"AAAA\\/AA", b"AAAAA"])
def test_what_is_no_base64_is_told_as_such(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    payload = EncodedBytes(source=Candidate(path=str(path)), ranges=((0, len(text)),), sha256="")
    with pytest.raises(NotBase64Error):
        read(payload)
