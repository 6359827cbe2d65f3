"""Archives: members by offset, never extracted by name, within limits, whatever they claim."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.errors import OutputError
from dicom2fhir.find import Finder, open_candidate
from dicom2fhir.model import Candidate
from dicom2fhir.options import FindOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT = bytes(range(256)) * 40
MEMBERS = {"CT/1": CONTENT, "CT/2.dcm": CONTENT[::-1], "empty": b""}


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in a folder of its own; the folder for temporary files stands beside it."""
    (tmp_path / "work").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "temporary"


def read(candidate: Candidate) -> bytes:
    source = open_candidate(pickle.loads(pickle.dumps(candidate)))  # noqa: S301 - our own bytes
    try:
        assert not source.changed()
        return source.read_at(0, source.size)
    finally:
        source.close()


def find(*sources: str, **options: object) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the bytes of each candidate and the code of each problem, by label."""
    with Finder(FindOptions(**options)) as finder:  # type: ignore[arg-type]
        findings = list(finder.find(sources))
        contents = {item.label: read(item) for item in findings if isinstance(item, Candidate)}
    problems = {item[0].label: item[1].code for item in findings if not isinstance(item, Candidate)}
    assert len(contents) + len(problems) == len(findings)
    return contents, problems


def write_zip(path: str, members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def tar_bytes(members: Mapping[str, bytes], dialect: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=dialect) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def in_archive(path: str, members: Mapping[str, bytes] = MEMBERS) -> dict[str, bytes]:
    return {f"{path}!{name}": data for name, data in members.items()}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_members_are_read_at_their_offset(method: int) -> None:
    write_zip("a.ZIP", MEMBERS, method)
    assert find("a.ZIP") == (in_archive("a.ZIP"), {})


def test_a_zip_that_was_written_to_a_pipe_is_read() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += bytes(data)  # type: ignore[call-overload]
            return len(bytes(data))  # type: ignore[call-overload]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1", CONTENT)
    Path("a.zip").write_bytes(pipe.data)
    assert find("a.zip") == ({"a.zip!1": CONTENT}, {})


def write_zip64(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a.zip with each number that may be of 64 bits in its wide field."""
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    write_zip("a.zip", MEMBERS)


def test_a_zip64_with_a_comment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    write_zip64(monkeypatch)
    with zipfile.ZipFile("a.zip", "a") as archive:
        archive.comment = b"c" * 60_000
    data = Path("a.zip").read_bytes()
    assert b"PK\x06\x06" in data
    assert struct.unpack_from("<L", data, data.rindex(b"PK\x01\x02") + 42)[0] == 0xFFFFFFFF
    assert find("a.zip") == (in_archive("a.zip"), {})


def test_a_zip_member_at_an_offset_of_64_bits_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_zip64(monkeypatch)
    data = bytearray(Path("a.zip").read_bytes())
    offset_of_last = data.rindex(b"PK\x06\x06") - 8
    struct.pack_into("<Q", data, offset_of_last, (1 << 64) - 1)
    Path("a.zip").write_bytes(data)
    with Finder(FindOptions()) as finder:
        *whole, last = finder.find(["a.zip"])
    assert len(whole) == len(MEMBERS) - 1
    assert isinstance(last, Candidate)
    with pytest.raises(OSError, match="no member at this offset"):
        read(last)


def test_a_zip_directory_at_an_offset_of_64_bits_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    write_zip64(monkeypatch)
    data = bytearray(Path("a.zip").read_bytes())
    struct.pack_into("<Q", data, data.rindex(b"PK\x06\x07") + 8, (1 << 64) - 1)
    Path("a.zip").write_bytes(data)
    assert find("a.zip") == ({}, {"a.zip": "find.archive-bad"})


def test_a_zip_with_bytes_before_it_that_its_offsets_do_not_count_is_read() -> None:
    write_zip("b.zip", MEMBERS)
    Path("a.zip").write_bytes(b"PK\x03\x04 more" + Path("b.zip").read_bytes())
    assert find("a.zip") == (in_archive("a.zip"), {})


@pytest.mark.parametrize("dialect", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_members_are_read_at_their_offset(dialect: int) -> None:
    members = MEMBERS | {f"{'folder' * 15}/{'name' * 24}": b"long"}
    Path("a.tar").write_bytes(tar_bytes(members, dialect))
    assert find("a.tar") == (in_archive("a.tar", members), {})


@pytest.mark.parametrize("dialect", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_odd_tar_names_are_kept(dialect: int) -> None:
    members = {"n" * 300: b"1", "d" * 200 + "/" + "é" * 90: b"2", "\udcff": b"3", "a\nb": b"4"}
    Path("a.tar").write_bytes(tar_bytes(members, dialect))
    assert find("a.tar") == (in_archive("a.tar", members), {})


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.tar.gz", gzip.compress),
        ("a.tgz", gzip.compress),
        ("a.tar.bz2", bz2.compress),
        ("a.TXZ", lzma.compress),
    ],
)
def test_a_compressed_tar_is_spooled_privately_and_removed(
    name: str, pack: object, temporary: Path
) -> None:
    Path(name).write_bytes(pack(tar_bytes(MEMBERS)))  # type: ignore[operator]
    with Finder(FindOptions(temp_dir=str(temporary))) as finder:
        found = {item.label: item for item in finder.find(["."]) if isinstance(item, Candidate)}
        (folder,) = temporary.iterdir()
        (spool,) = folder.glob("*.spool")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(spool.stat().st_mode) == 0o600
        contents = {label: read(item) for label, item in found.items()}
    assert contents == in_archive(f"./{name}")
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_spools_are_removed_when_the_run_breaks_off(
    error: type[BaseException], temporary: Path
) -> None:
    Path("a.tgz").write_bytes(gzip.compress(tar_bytes(MEMBERS)))
    finder = Finder(FindOptions(temp_dir=str(temporary)))

    def break_off() -> None:
        with finder:
            findings = finder.find(["a.tgz"])
            next(findings)
            assert list(temporary.iterdir())
            raise error

    with pytest.raises(error):
        break_off()
    assert not list(temporary.iterdir())


def test_a_temporary_folder_that_cannot_be_used_ends_the_run_with_advice() -> None:
    Path("a.tgz").write_bytes(gzip.compress(tar_bytes(MEMBERS)))
    with pytest.raises(OutputError) as caught:
        find("a.tgz", temp_dir="nowhere")
    assert "--temp-dir" in caught.value.hint
    assert "a.tgz" not in str(caught.value)


def test_a_full_temporary_folder_ends_the_run_with_advice(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    Path("a.tgz").write_bytes(gzip.compress(tar_bytes(MEMBERS)))
    create = os.open

    def open_full_device(path: str, flags: int, *mode: int, **folder: int) -> int:
        if str(path).endswith(".spool") and flags & os.O_EXCL:
            return create("/dev/full", os.O_WRONLY)
        return create(path, flags, *mode, **folder)

    monkeypatch.setattr(os, "open", open_full_device)
    with pytest.raises(OutputError, match="No space left"):
        find("a.tgz", temp_dir=str(temporary))
    assert not list(temporary.iterdir())


def test_a_single_file_in_gzip_is_read_as_far_as_asked() -> None:
    Path("1.dcm.gz").write_bytes(gzip.compress(CONTENT))
    assert find("1.dcm.gz") == ({"1.dcm.gz!1.dcm": CONTENT}, {})


def test_a_file_with_the_name_of_an_archive_that_is_none_is_an_ordinary_candidate() -> None:
    dicom = b"PK\x03\x04".ljust(128, b"\0") + b"DICM" + CONTENT
    files = {"1.zip": CONTENT, "2.tar": b"", "3.gz": b"x", "4.tgz": b"\0" * 2000, "5.zip": dicom}
    for name, data in files.items():
        Path(name).write_bytes(data)
    assert find(".") == ({f"./{name}": data for name, data in files.items()}, {})


def test_an_archive_with_another_name_is_opened_only_when_it_is_named() -> None:
    Path("backup").mkdir()
    write_zip("backup/monday", MEMBERS)
    assert list(find("backup")[0]) == ["backup/monday"]
    assert find("backup/monday") == (in_archive("backup/monday"), {})


def test_an_archive_in_an_archive_is_an_ordinary_member() -> None:
    write_zip("inner.zip", MEMBERS)
    inner = Path("inner.zip").read_bytes()
    Path("inner.zip").unlink()
    Path("a.tar").write_bytes(tar_bytes({"inner.zip": inner}))
    write_zip("b.zip", {"inner.zip": inner}, zipfile.ZIP_STORED)
    Path("c.tgz").write_bytes(gzip.compress(tar_bytes({"inner.zip": inner})))
    Path("d.zip.gz").write_bytes(gzip.compress(inner))
    contents, problems = find(".")
    assert not problems
    assert len(contents) == 4
    assert set(contents.values()) == {inner}


def test_names_that_leave_the_folder_are_labels_and_nothing_is_written(tmp_path: Path) -> None:
    names = ["../../evil", "/etc/evil", "C:\\evil", "a/../../evil", "\x1b[2J"]
    before = sorted(tmp_path.rglob("*"))
    with zipfile.ZipFile("a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, CONTENT)
    Path("b.tar").write_bytes(tar_bytes(dict.fromkeys(names, CONTENT)))
    contents, problems = find(".")
    assert len(contents) == 10
    assert not problems
    assert sorted(tmp_path.rglob("*")) == sorted([*before, *Path.cwd().iterdir()])


def test_links_devices_and_sparse_members_are_named_and_left_alone() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind in {
            "symlink": tarfile.SYMTYPE,
            "hardlink": tarfile.LNKTYPE,
            "device": tarfile.CHRTYPE,
            "fifo": tarfile.FIFOTYPE,
            "sparse": tarfile.GNUTYPE_SPARSE,
            "folder": tarfile.DIRTYPE,
        }.items():
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("pax-sparse")
        info.pax_headers = {"GNU.sparse.major": "1"}
        archive.addfile(info)
        info = tarfile.TarInfo("file")
        info.size = 2
        archive.addfile(info, io.BytesIO(b"ok"))
    Path("a.tar").write_bytes(file.getvalue())
    contents, problems = find("a.tar")
    assert contents == {"a.tar!file": b"ok"}
    left = ("symlink", "hardlink", "device", "fifo", "sparse", "pax-sparse")
    assert problems == {f"a.tar!{name}": "find.archive-member" for name in left}


def test_encrypted_linked_and_otherwise_packed_zip_members_are_named_and_left_alone() -> None:
    with zipfile.ZipFile("a.zip", "w") as archive:
        link = zipfile.ZipInfo("link")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bzip2", CONTENT, zipfile.ZIP_BZIP2)
        archive.mkdir("folder")
        archive.writestr("secret", CONTENT)
        archive.writestr("file", CONTENT)
    data = bytearray(Path("a.zip").read_bytes())
    entry = data.rindex(b"secret") - 46
    data[entry + 8] |= 1
    Path("a.zip").write_bytes(data)
    contents, problems = find("a.zip")
    assert contents == {"a.zip!file": CONTENT}
    assert problems == {
        f"a.zip!{name}": "find.archive-member" for name in ("link", "bzip2", "secret")
    }


def test_a_member_that_grows_beyond_the_ratio_is_left_and_the_others_are_read() -> None:
    write_zip("a.zip", {"bomb": b"\0" * (3 << 20), "file": os.urandom(1 << 16)})
    contents, problems = find("a.zip")
    assert list(contents) == ["a.zip!file"]
    assert problems == {"a.zip!bomb": "find.archive-limit"}


def test_small_members_may_be_packed_tighter_than_the_ratio() -> None:
    members = {"zeros": b"\0" * (1 << 20)}
    write_zip("a.zip", members)
    assert find("a.zip") == (in_archive("a.zip", members), {})


@pytest.mark.parametrize("name", ["bomb.tgz", "bomb.gz", "bomb.tar.bz2", "bomb.tar.xz"])
def test_a_compressed_bomb_is_not_unpacked_beyond_the_limit(name: str, temporary: Path) -> None:
    data = b"\0" * (5 << 20)
    if name != "bomb.gz":
        data = tar_bytes({"first": CONTENT, "bomb": data})
    pack = {"bz2": bz2.compress, ".xz": lzma.compress}.get(name[-3:], gzip.compress)
    Path(name).write_bytes(pack(data))
    with Finder(FindOptions(temp_dir=str(temporary))) as finder:
        findings = list(finder.find([name]))
        spooled = sum(path.stat().st_size for path in temporary.glob("*/*"))
    assert spooled <= 2 << 20
    problem = findings[-1]
    assert not isinstance(problem, Candidate)
    assert problem[1].code == "find.archive-limit"
    assert sum(isinstance(item, Candidate) for item in findings) <= 1


def test_an_xz_that_asks_for_gigabytes_of_memory_is_not_unpacked() -> None:
    data = bytearray(lzma.compress(tar_bytes(MEMBERS)))
    header = slice(12, 12 + 4 * data[12])  # the block header, whose last 4 bytes are its CRC
    assert data[14:16] == b"\x21\x01"
    data[16] = 38  # a dictionary of 2 GiB
    data[header.stop : header.stop + 4] = zlib.crc32(data[header]).to_bytes(4, "little")
    Path("a.tar.xz").write_bytes(data)
    assert find("a.tar.xz") == ({}, {"a.tar.xz": "find.archive-bad"})


def test_members_that_share_their_bytes_cannot_multiply_them() -> None:
    write_zip("a.zip", {"1": os.urandom(1 << 19)}, zipfile.ZIP_STORED)
    data = Path("a.zip").read_bytes()
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entries = data[start:end] * 1000
    tail = bytearray(data[end:])
    struct.pack_into("<HHLL", tail, 8, 1000, 1000, len(entries), start)
    Path("a.zip").write_bytes(data[:start] + entries + tail)
    with Finder(FindOptions(max_ratio=100)) as finder:
        findings = list(finder.find(["a.zip"]))
    assert len(findings) < 140
    assert not isinstance(findings[-1], Candidate)
    assert findings[-1][1].code == "find.archive-limit"


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz"])
@pytest.mark.parametrize(
    ("options", "detail", "count"),
    [
        ({"max_archive_members": 3}, "3 members", 3),
        ({"max_archive_bytes": 3 * len(CONTENT)}, f"{3 * len(CONTENT)} bytes", 3),
    ],
)
def test_the_rest_of_an_archive_beyond_a_limit_is_left(
    name: str, options: dict[str, int], detail: str, count: int
) -> None:
    members = {str(number): CONTENT for number in range(9)}
    write_zip("a.zip", members)
    Path("a.tar").write_bytes(tar_bytes(members))
    Path("a.tgz").write_bytes(gzip.compress(tar_bytes(members)))
    with Finder(FindOptions(**options)) as finder:  # type: ignore[arg-type]
        *found, last = finder.find([name])
    # A spool is also cut by its own size, headers included.
    assert len(found) in {count, count - 1}
    assert not isinstance(last, Candidate)
    assert (last[1].code, last[1].detail) == ("find.archive-limit", detail)
    assert last[0].label == name


@pytest.mark.parametrize("declared", [0, 1, 4, 65_535])
def test_a_zip_that_lies_about_its_count_is_read_and_named(declared: int) -> None:
    write_zip("a.zip", MEMBERS)
    data = bytearray(Path("a.zip").read_bytes())
    struct.pack_into("<HH", data, data.rindex(b"PK\x05\x06") + 8, declared, declared)
    Path("a.zip").write_bytes(data)
    assert find("a.zip") == (in_archive("a.zip"), {"a.zip": "find.archive-bad"})


@pytest.mark.parametrize("change", [-5, 5])
def test_a_zip_member_that_lies_about_its_size_cannot_be_read(change: int) -> None:
    write_zip("a.zip", {"1": CONTENT})
    data = bytearray(Path("a.zip").read_bytes())
    struct.pack_into("<L", data, data.rindex(b"PK\x01\x02") + 24, len(CONTENT) + change)
    Path("a.zip").write_bytes(data)
    with Finder(FindOptions()) as finder:
        (candidate,) = finder.find(["a.zip"])
    assert isinstance(candidate, Candidate)
    with pytest.raises(OSError, match="than it declares"):
        read(candidate)


def test_a_tar_member_of_declared_2_gib_is_named_and_costs_nothing() -> None:
    data = bytearray(tar_bytes({"1": CONTENT, "2": b"x" * 600}))
    start = data.index(b"2\0\0\0")
    info = tarfile.TarInfo("2")
    info.size = 2 << 30
    data[start : start + 512] = info.tobuf()
    Path("a.tar").write_bytes(data)
    assert find("a.tar") == ({"a.tar!1": CONTENT}, {"a.tar": "find.archive-bad"})


def test_a_tar_header_of_declared_2_gib_is_not_read() -> None:
    info = tarfile.TarInfo("name")
    info.type = tarfile.GNUTYPE_LONGNAME
    info.size = 2 << 30
    with Path("a.tar").open("wb") as file:
        file.write(tar_bytes({"1": CONTENT})[: 512 + 10240] + info.tobuf())
        file.truncate(3 << 30)
    assert find("a.tar") == ({"a.tar!1": CONTENT}, {"a.tar": "find.archive-bad"})


def test_a_pax_record_with_a_length_of_thousands_of_digits_is_named() -> None:
    info = tarfile.TarInfo("records")
    info.type = tarfile.XHDTYPE
    info.size = 5120
    Path("a.tar").write_bytes(info.tobuf() + b"1" * 5118 + b" x" + bytes(1024))
    assert find("a.tar") == ({}, {"a.tar": "find.archive-bad"})


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz", "a.tar.bz2", "a.tar.xz"])
def test_a_truncated_archive_is_named_and_what_could_be_listed_is_read(name: str) -> None:
    members = {str(number): os.urandom(5000) for number in range(20)}
    tar = tar_bytes(members)
    write_zip("a.zip", members)
    Path("a.tar").write_bytes(tar[: tar.rindex(b"\x01", 0, -1)])
    Path("a.tgz").write_bytes(gzip.compress(tar))
    Path("a.tar.bz2").write_bytes(bz2.compress(tar, 1))
    Path("a.tar.xz").write_bytes(lzma.compress(tar))
    whole = Path(name).read_bytes()
    for length in (len(whole) - 30, len(whole) // 2):
        Path(name).write_bytes(whole[:length])
        contents, problems = find(name)
        assert problems == {name: "find.archive-bad"}
        assert contents.items() <= in_archive(name, members).items()
        assert contents or name in {"a.zip", "a.tar.bz2"}


def test_a_truncated_zip_member_is_an_os_error() -> None:
    write_zip("a.zip", {"1": os.urandom(5000)})
    with Finder(FindOptions()) as finder:
        (candidate,) = finder.find(["a.zip"])
    assert isinstance(candidate, Candidate)
    Path("a.zip").write_bytes(Path("a.zip").read_bytes()[:2000])
    with pytest.raises(OSError, match="shorter"):
        read(candidate)


def test_a_large_deflated_member_is_read_in_any_order_and_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dicom2fhir.find.sources._HELD", 1 << 20)
    data = os.urandom(1 << 15) * 100
    write_zip("a.zip", {"1": data})
    with Finder(FindOptions()) as finder:
        (candidate,) = finder.find(["a.zip"])
    assert isinstance(candidate, Candidate)
    source = open_candidate(candidate)
    assert source.size == len(data)
    places = [(0, 8192), (3 << 20, 100), (5, 10), (len(data) - 3, 50), (len(data) - 99, 70)]
    # Back from the end to what is held no longer, across pieces, and all of it.
    for offset, length in [*places, ((2 << 20) - 9, 40), (99, 2 << 20), (0, len(data))]:
        assert source.read_at(offset, length) == data[offset : offset + length]
    assert source.read_at(len(data), 1) == b""
    source.close()


def test_members_carry_size_of_their_own_and_time_and_inode_of_their_archive() -> None:
    write_zip("a.zip", {"1": CONTENT})
    with Finder(FindOptions()) as finder:
        (candidate,) = finder.find(["a.zip"])
    assert isinstance(candidate, Candidate)
    status = Path("a.zip").stat()
    assert candidate.size == len(CONTENT)
    assert (candidate.mtime_ns, candidate.inode) == (status.st_mtime_ns, status.st_ino)


def test_include_and_exclude_see_members_below_their_archive() -> None:
    Path("in").mkdir()
    write_zip("in/a.zip", {"CT/1.dcm": b"1", "MR/2.dcm": b"2", "CT/3.txt": b"3"})
    assert list(find("in", include=("*.dcm",))[0]) == ["in/a.zip!CT/1.dcm", "in/a.zip!MR/2.dcm"]
    assert list(find("in", exclude=("MR/",))[0]) == ["in/a.zip!CT/1.dcm", "in/a.zip!CT/3.txt"]
    assert list(find("in", include=("a.zip/CT/*.dcm",))[0]) == ["in/a.zip!CT/1.dcm"]
    assert find("in", exclude=("*.zip",)) == ({}, {})
