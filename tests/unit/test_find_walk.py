"""Walking: every regular file once, nothing else opened, names of any bytes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.errors import UsageError
from dicom2fhir.find import Finder, open_candidate
from dicom2fhir.model import Candidate
from dicom2fhir.options import FindOptions
from dicom2fhir.temporary import PrivateFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = b"content of a file"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in an empty folder of its own, with sources relative to it."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def write(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(CONTENT)


def find(*sources: str, **options: object) -> tuple[list[str], dict[str, str]]:
    """Return the paths of the candidates, sorted, and the code of each problem by path."""
    files, problems = [], {}
    with Finder(FindOptions(**options)) as finder:  # type: ignore[arg-type]
        for finding in finder.find(sources):
            if isinstance(finding, Candidate):
                files.append(finding.path)
            else:
                assert finding[0].path not in problems
                problems[finding[0].path] = finding[1].code
    return sorted(files), problems


def test_files_are_found_at_any_depth_with_size_time_and_inode() -> None:
    write("a/1", "a/b/2", "a/b/c/3.txt", "a/.hidden/4")
    Path("a/empty").touch()
    with Finder(FindOptions()) as finder:
        found = {item.path: item for item in finder.find(["a"]) if isinstance(item, Candidate)}
    assert sorted(found) == ["a/.hidden/4", "a/1", "a/b/2", "a/b/c/3.txt", "a/empty"]
    status = Path("a/b/2").stat()
    assert found["a/b/2"].size == len(CONTENT)
    assert found["a/b/2"].mtime_ns == status.st_mtime_ns
    assert found["a/b/2"].inode == status.st_ino
    assert found["a/empty"].size == 0


def test_fifos_sockets_and_devices_are_named_and_never_opened() -> None:
    write("a/file")
    os.mkfifo("a/fifo")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("a/socket")
    listener.close()
    Path("a/zero").symlink_to("/dev/zero")
    files, problems = find("a")
    assert files == ["a/file"]
    expected = {"a/fifo": "find.not-regular", "a/socket": "find.not-regular"}
    assert problems == expected | {"a/zero": "find.symlink"}
    assert find("a", follow=True)[1] == expected | {"a/zero": "find.not-regular"}
    assert find("a/fifo", "a/zero")[1] == {
        "a/fifo": "find.not-regular",
        "a/zero": "find.not-regular",
    }


@pytest.mark.parametrize("kind", ["fifo", "link", "socket", "missing", "folder"])
def test_opening_what_is_no_regular_file_fails_at_once_and_tells_no_path(kind: str) -> None:
    write("target")
    if kind == "fifo":
        os.mkfifo("DOE^JANE")
    elif kind == "link":
        Path("DOE^JANE").symlink_to("target")
    elif kind == "folder":
        Path("DOE^JANE").mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("DOE^JANE")
    with pytest.raises(OSError, match=r"\w") as caught:
        open_candidate(Candidate(path="DOE^JANE"))
    assert "DOE" not in repr(caught.value)
    assert caught.value.filename is None
    assert caught.value.__context__ is None


def test_loops_end_and_each_folder_is_entered_once_when_links_are_followed(folder: Path) -> None:
    write("a/b/1", "a/2", "outside/3")
    Path("a/up").symlink_to("..")
    Path("a/self").symlink_to(".")
    Path("a/b/absolute").symlink_to(folder / "a")
    Path("a/circle1").symlink_to("circle2")
    Path("a/circle2").symlink_to("circle1")
    Path("a/broken").symlink_to("nowhere")
    files, problems = find("a")
    assert files == ["a/2", "a/b/1"]
    assert set(problems.values()) == {"find.symlink"}
    assert len(problems) == 6
    files, problems = find("a", follow=True)
    assert files == ["a/2", "a/b/1", "a/up/outside/3"]
    assert problems == dict.fromkeys(("a/circle1", "a/circle2", "a/broken"), "find.symlink")


def test_a_followed_link_to_a_file_can_be_opened_and_another_cannot() -> None:
    write("target/file")
    Path("a").mkdir()
    Path("a/link").symlink_to("../target/file")
    with Finder(FindOptions(follow=True)) as finder:
        (candidate,) = finder.find(["a"])
    assert isinstance(candidate, Candidate)
    assert candidate.linked
    source = open_candidate(candidate)
    assert source.read_at(0, 100) == CONTENT
    source.close()
    with pytest.raises(OSError, match="symbolic links"):
        open_candidate(Candidate(path="a/link"))


def test_a_link_that_is_named_as_a_source_is_followed() -> None:
    write("real/1")
    Path("folder").symlink_to("real")
    Path("file").symlink_to("real/1")
    assert find("folder") == (["folder/1"], {})
    with Finder(FindOptions()) as finder:
        (candidate,) = finder.find(["file"])
    assert isinstance(candidate, Candidate)
    open_candidate(candidate).close()


def test_a_folder_goes_by_its_own_name_before_any_link_to_it() -> None:
    write("a/m/1")
    for name in "aazz":
        Path(f"a/{name}{len(os.listdir('a'))}").symlink_to("m")
    assert find("a", follow=True) == (["a/m/1"], {})
    assert find("a", follow=True, include=("m/*",)) == (["a/m/1"], {})


def test_deep_trees_and_long_names_are_walked() -> None:
    deep = "a/" + "/".join(f"level{number}" for number in range(150))
    long = "a/" + "n" * 255
    write(f"{deep}/1", long)
    assert find("a")[0] == sorted([f"{deep}/1", long])


@pytest.mark.parametrize(
    "name",
    [
        b"\xff\xfe\x80",
        "e\u0301".encode(),
        "\u00e9".encode(),
        b"new\nline",
        b"esc\x1b[2J",
        b"-",
        b" ",
        "\u202egnp.exe".encode(),
        "写真".encode("shift_jis"),
        b"*?[",
        b"a\\b",
    ],
)
def test_names_of_any_bytes_are_found_pickled_and_opened(name: bytes) -> None:
    os.mkdir(b"a")
    with open(b"a/" + name, "wb") as file:
        file.write(CONTENT)
    with Finder(FindOptions()) as finder:
        (candidate,) = finder.find(["a"])
    assert isinstance(candidate, Candidate)
    assert os.fsencode(candidate.path) == b"a/" + name
    source = open_candidate(pickle.loads(pickle.dumps(candidate)))  # noqa: S301 - our own bytes
    assert source.read_at(0, source.size) == CONTENT
    source.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_without_permission_is_named_and_the_run_goes_on() -> None:
    write("a/closed/1", "a/open/2")
    Path("a/closed").chmod(0)
    try:
        assert find("a") == (["a/open/2"], {"a/closed": "find.unreadable"})
    finally:
        Path("a/closed").chmod(0o700)


def test_a_folder_that_fails_while_it_is_listed_is_named_and_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("a/bad/1", "a/good/2")
    scan = os.scandir

    def fail_in_one(path: str) -> object:
        if path.endswith("bad"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", fail_in_one)
    assert find("a") == (["a/good/2"], {"a/bad": "find.unreadable"})


def test_a_file_that_vanishes_while_walking_is_named() -> None:
    write(*(f"a/{number}" for number in range(50)))
    with Finder(FindOptions()) as finder:
        findings = finder.find(["a"])
        first = next(findings)
        assert isinstance(first, Candidate)
        for path in Path("a").iterdir():
            path.unlink()
        rest = list(findings)
    assert len(rest) == 49
    assert all(not isinstance(item, Candidate) and item[1].code == "find.vanished" for item in rest)


@pytest.mark.parametrize(
    "sources",
    [
        ["a", "a"],
        ["a", "./a", "a/"],
        ["a", "a/b"],
        ["a/b", "a"],
        ["a/b/2", "a", "a/b/2"],
        ["a/b/../../a", "link"],
        [".", "a/*"],
        ["a/*", "a/b", "a/b/*", "./a/**"],
        ["a/**", "a/1"],
    ],
)
def test_a_file_that_is_named_in_several_ways_is_found_once(sources: list[str]) -> None:
    write("a/1", "a/b/2", "a/b/c/3")
    Path("link").symlink_to("a")
    files, _ = find(*sources)
    assert sorted(map(os.path.realpath, files)) == [
        os.path.realpath(path) for path in ("a/1", "a/b/2", "a/b/c/3")
    ]


def test_folders_whose_names_begin_alike_are_not_taken_for_one_another() -> None:
    write("a/1", "ab/2", "a-b/3")
    assert find("a", "ab", "a-b")[0] == ["a-b/3", "a/1", "ab/2"]


@pytest.mark.parametrize("follow", [False, True])
def test_a_finder_finds_again_what_it_is_asked_for_again(follow: bool) -> None:  # noqa: FBT001
    write("a/1", "a/b/2")
    with Finder(FindOptions(follow=follow)) as finder:
        assert len(list(finder.find(["a"]))) == 2
        assert len(list(finder.find(["a/b"]))) == 1


def test_hard_links_are_two_files() -> None:
    write("a/1")
    os.link("a/1", "a/2")
    assert find("a")[0] == ["a/1", "a/2"]


@pytest.mark.parametrize("source", ["nothing", "a/1/x", "a/*.dcm", "no/*", "", "broken"])
def test_a_source_that_does_not_exist_ends_the_run_at_once(source: str) -> None:
    write("a/1")
    Path("broken").symlink_to("nowhere")
    with Finder(FindOptions()) as finder, pytest.raises(UsageError) as caught:
        finder.find(["a", source])
    assert not source or source not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a/*.dcm", ["a/1.dcm"]),
        ("a/**/*.dcm", ["a/1.dcm", "a/b/2.dcm", "a/b/c/3.dcm"]),
        ("a/*/c", ["a/b/c/3.dcm", "a/b/c/4.txt"]),
        ("a/b*", ["a/b/2.dcm", "a/b/c/3.dcm", "a/b/c/4.txt"]),
        ("a/**/c/*", ["a/b/c/3.dcm", "a/b/c/4.txt"]),
        ("?/**/", ["a/.h/5.dcm", "a/1.dcm", "a/b/2.dcm", "a/b/c/3.dcm", "a/b/c/4.txt"]),
        ("**/[!1-2].*", ["a/b/c/3.dcm", "a/b/c/4.txt"]),
    ],
)
def test_a_quoted_glob_is_expanded_as_a_shell_would(pattern: str, expected: list[str]) -> None:
    write("a/1.dcm", "a/b/2.dcm", "a/b/c/3.dcm", "a/b/c/4.txt", "a/.h/5.dcm", ".h/6.dcm")
    assert find(pattern) == (expected, {})


def test_a_name_with_glob_characters_that_exists_is_taken_as_it_is() -> None:
    write("a[1]/x", "a1/y")
    assert find("a[1]") == (["a[1]/x"], {})
    Path("a[1]/x").unlink()
    Path("a[1]").rmdir()
    assert find("a[1]") == (["a1/y"], {})


def test_a_glob_does_not_follow_links_and_says_so_but_follows_when_told() -> None:
    write("real/s/1", "a/s/2")
    Path("a/l").symlink_to("../real")
    Path("a/s/loop").symlink_to("..")
    assert find("a/*/s") == ([], {"a/l": "find.symlink"})
    assert find("a/*/2") == (["a/s/2"], {"a/l": "find.symlink"})
    assert find("a/**/1", follow=True) == (["a/l/s/1"], {})


@pytest.mark.parametrize("follow", [False, True])
def test_a_link_that_leads_round_hides_nothing_beside_it_from_a_glob(*, follow: bool) -> None:
    expected = sorted(f"{number}/1.dcm" for number in range(20))
    write(*expected)
    for number in range(20):
        Path(f"loop{number}").symlink_to(f"loop{number}")
    assert find("*/*", follow=follow)[0] == expected


def test_include_and_exclude_see_the_path_below_the_source() -> None:
    write("a/CT/1.dcm", "a/MR/2.dcm", "a/MR/tmp/3.dcm", "a/readme.txt", "tmp/CT/4.dcm")
    assert find("a", "tmp", include=("*.dcm",))[0] == [
        "a/CT/1.dcm",
        "a/MR/2.dcm",
        "a/MR/tmp/3.dcm",
        "tmp/CT/4.dcm",
    ]
    assert find("a", "tmp", exclude=("tmp",), include=("*.dcm",))[0] == [
        "a/CT/1.dcm",
        "a/MR/2.dcm",
        "tmp/CT/4.dcm",
    ]
    assert find("a", "tmp", include=("CT/**",))[0] == ["a/CT/1.dcm", "tmp/CT/4.dcm"]
    assert find("a/readme.txt", exclude=("*.txt",))[0] == []


def test_an_excluded_folder_is_not_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    write("a/in/1", "a/out/2")
    scan = os.scandir
    entered = []
    monkeypatch.setattr(os, "scandir", lambda path: entered.append(path) or scan(path))
    assert find("a", exclude=("out/",)) == (["a/in/1"], {})
    assert entered == ["a", "a/in"]


def test_entries_of_a_folder_are_taken_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    write(*(f"a/{number}" for number in range(100)))
    scan = os.scandir
    taken = []

    @contextlib.contextmanager
    def count(path: str) -> Iterator[Iterator[os.DirEntry[str]]]:
        with scan(path) as entries:
            yield (taken.append(entry.name) or entry for entry in entries)

    monkeypatch.setattr(os, "scandir", count)
    with Finder(FindOptions()) as finder:
        for number, _ in enumerate(finder.find(["a"]), start=1):
            assert len(taken) == number
    assert len(taken) == 100


def _read_elsewhere(candidate: Candidate) -> bytes:
    source = open_candidate(candidate)
    try:
        return source.read_at(0, source.size)
    finally:
        source.close()


def test_a_candidate_can_be_opened_in_another_process() -> None:
    write("a/1")
    with Finder(FindOptions()) as finder:
        (candidate,) = finder.find([os.path.abspath("a")])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_read_elsewhere, (candidate,)) == CONTENT


def test_a_file_that_changes_while_it_is_open_is_noticed() -> None:
    write("a/1")
    source = open_candidate(Candidate(path="a/1"))
    assert not source.changed()
    with Path("a/1").open("ab") as file:
        file.write(b"more")
    assert source.changed()
    assert source.read_at(0, 1000) == CONTENT
    source.close()


def test_reading_past_the_end_gives_what_there_is() -> None:
    write("a/1")
    source = open_candidate(Candidate(path="a/1"))
    assert source.read_at(11, 1 << 40) == b"a file"
    assert source.read_at(len(CONTENT), 1) == b""
    assert source.read_at(1 << 50, 1) == b""
    source.close()


def test_temporary_folders_of_runs_are_no_input(folder: Path) -> None:
    write("a/1", "dicom2fhir-data/2")
    private = PrivateFolder(str(folder))
    write(f"{private.path.name}/spool")
    assert find(".")[0] == ["./a/1", "./dicom2fhir-data/2"]
    private.remove()
