"""Whatever an archive holds: candidates, Problems or OSError, and no more bytes than declared."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom2fhir.find import Finder, open_candidate
from dicom2fhir.model import Candidate
from dicom2fhir.options import FindOptions

MEMBERS = {"CT/1": bytes(range(256)) * 8, "n" * 150 + "/2": b"text " * 300, "3": b""}
NUMBERS = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def _zip(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in MEMBERS.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


def _tar(dialect: int) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=dialect) as archive:
        for name, data in MEMBERS.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


SEEDS = {
    "stored.zip": _zip(zipfile.ZIP_STORED),
    "deflated.zip": _zip(zipfile.ZIP_DEFLATED),
    "gnu.tar": _tar(tarfile.GNU_FORMAT),
    "pax.tar": _tar(tarfile.PAX_FORMAT),
    "pax.tgz": gzip.compress(_tar(tarfile.PAX_FORMAT), mtime=0),
    "one.gz": gzip.compress(MEMBERS["CT/1"], mtime=0),
}


@st.composite
def damaged(draw: st.DrawFn, seed: bytes) -> bytes:
    data = bytearray(seed)
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, max(0, len(data) - 8)))
        match draw(st.sampled_from(["byte", "number", "cut", "double"])):
            case "byte" if data:
                data[place] = draw(st.integers(0, 255))
            case "number":
                data[place : place + 4] = struct.pack("<L", draw(st.sampled_from(NUMBERS)))
            case "cut":
                del data[place : place + draw(st.integers(1, 2000))]
            case _:
                data[place:place] = data[place : place + 600]
    return bytes(data)


def find_all(name: str, data: bytes) -> list[Candidate | str]:
    """Return the candidates of an archive, each read, and the codes of its problems."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        with Finder(FindOptions(temp_dir=folder)) as finder:
            found: list[Candidate | str] = []
            for item in finder.find([str(path)]):
                if isinstance(item, Candidate):
                    refusal = _read(item)
                    assert refusal is None or refusal.filename is None
                    found.append(item)
                else:
                    found.append(item[1].code)
        assert [left.name for left in Path(folder).iterdir()] == [name]
    return found


def _read(candidate: Candidate) -> OSError | None:
    """Read all of a candidate; return what refused it."""
    try:
        source = open_candidate(candidate)
    except OSError as error:
        return error
    with closing(source):
        assert source.size == candidate.size
        try:
            data = source.read_at(0, source.size + 10)
        except OSError as error:
            return error
        assert len(data) == source.size
    return None


@pytest.mark.parametrize("name", SEEDS)
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_archive_gives_candidates_problems_or_os_errors(
    name: str, data: st.DataObject
) -> None:
    found = find_all(name, data.draw(damaged(SEEDS[name])))
    assert len(found) <= 60
    codes = {item for item in found if isinstance(item, str)}
    assert codes <= {"find.archive-bad", "find.archive-limit", "find.archive-member"}


@pytest.mark.parametrize("name", SEEDS)
def test_an_archive_that_is_not_damaged_gives_no_problem(name: str) -> None:
    found = find_all(name, SEEDS[name])
    assert all(isinstance(item, Candidate) for item in found)
    assert len(found) == (1 if name == "one.gz" else len(MEMBERS))


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)
        .map(lambda name: name.strip("/"))
        .filter(bool),
        st.binary(max_size=2000),
        max_size=6,
    ),
    st.sampled_from(["a.tar", "a.tgz", "a.zip"]),
)
def test_what_the_standard_library_packs_is_found_whole(
    members: dict[str, bytes], name: str
) -> None:
    file = io.BytesIO()
    if name == "a.zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                archive.writestr(member, data)
    else:
        with tarfile.open(fileobj=file, mode="w:gz" if name == "a.tgz" else "w") as tar:
            for member, data in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    found = find_all(name, file.getvalue())
    if members:
        names = [item.member for item in found if isinstance(item, Candidate)]
        assert names == list(members)
        assert len(found) == len(members)
