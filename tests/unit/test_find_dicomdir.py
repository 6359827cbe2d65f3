"""A DICOMDIR is a hint: its ids are compared with what is there, and nothing is found by them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.find import Finder
from dicom2fhir.model import Candidate
from dicom2fhir.options import FindOptions

if TYPE_CHECKING:
    from dicom2fhir.problems import Problem


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in a disc of its own, with a secret beside it."""
    (tmp_path / "disc").mkdir()
    (tmp_path / "secret").write_text("secret")
    monkeypatch.chdir(tmp_path / "disc")


def write_dicomdir(*ids: str, name: str = "DICOMDIR") -> None:
    data = bytearray(b"\0" * 128 + b"DICM")
    for text in ids:
        value = text.encode() + b" " * (len(text.encode()) % 2)
        data += b"\x04\x00\x00\x14US\x02\x00\xff\xff"
        data += b"\x04\x00\x00\x15CS" + len(value).to_bytes(2, "little") + value
        data += b"\x04\x00\x10\x15UI\x04\x001.2\0"
    Path(name).write_bytes(data)


def write(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()


def find(source: str = ".", **options: object) -> tuple[list[str], list[tuple[str, Problem]]]:
    with Finder(FindOptions(**options)) as finder:  # type: ignore[arg-type]
        findings = list(finder.find([source]))
    files = [item.path for item in findings if isinstance(item, Candidate)]
    return sorted(files), [
        (item[0].path, item[1]) for item in findings if not isinstance(item, Candidate)
    ]


@pytest.mark.parametrize("name", ["DICOMDIR", "dicomdir"])
def test_a_dicomdir_whose_files_are_there_is_an_ordinary_candidate(name: str) -> None:
    write("IMAGES/IM1", "images2/im2", "IMAGES/IM3.;1", "TOP")
    write_dicomdir("IMAGES\\IM1", "IMAGES2\\IM2", "IMAGES\\IM3", "TOP", name=name)
    files, problems = find()
    assert f"./{name}" in files
    assert len(files) == 5
    assert not problems


def test_missing_files_are_counted_in_one_problem() -> None:
    write("A/1", "A/FOLDER/x")
    write_dicomdir("A\\1", "A\\2", "A\\FOLDER", "A\\1\\BELOW", "B\\1", "B\\2", "A\\2")
    files, [(path, problem)] = find()
    assert len(files) == 3
    assert path == "./DICOMDIR"
    assert problem.code == "find.dicomdir-missing"
    assert problem.count == 4
    assert "2" not in problem.message.replace("4 files", "")


TRAVERSALS = [
    "..\\secret",
    "A\\..\\..\\secret",
    "/etc/passwd",
    "\\etc\\passwd",
    "C:\\secret",
    "\\\\server\\share\\secret",
    "A\\../../secret",
    "a\\..\\..\\SECRET",
]


@pytest.mark.parametrize("text", TRAVERSALS)
def test_an_id_that_leaves_the_folder_is_reported_and_nothing_outside_is_touched(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("A/1")
    write_dicomdir(text, "A\\1")
    disc = os.path.realpath(".")
    touched: list[str] = []

    def watch(name: str) -> None:
        real = getattr(os, name)

        def watched(path: str, *arguments: object, **keywords: object) -> object:
            touched.append(os.path.realpath(path))
            return real(path, *arguments, **keywords)

        monkeypatch.setattr(os, name, watched)

    with monkeypatch.context():
        for name in ("open", "stat", "scandir"):
            watch(name)
        files, [(path, problem)] = find()
        monkeypatch.undo()
        monkeypatch.chdir(disc)
    assert sorted(files) == ["./A/1", "./DICOMDIR"]
    assert path == "./DICOMDIR"
    assert (problem.code, problem.count) == ("find.dicomdir-outside", 1)
    assert touched
    assert all(path == disc or path.startswith(f"{disc}/") for path in touched)


@pytest.mark.parametrize("follow", [False, True])
def test_an_id_through_a_link_is_not_looked_at(follow: bool) -> None:  # noqa: FBT001
    Path("L").symlink_to("..")
    write_dicomdir("L\\SECRET", "L\\NOTHING")
    _, problems = find()
    assert [problem.code for _, problem in problems] == ["find.symlink"]
    _, problems = find(follow=follow)
    assert "find.dicomdir-missing" not in [problem.code for _, problem in problems]


def test_a_file_that_only_bears_the_name_gives_no_problem() -> None:
    Path("DICOMDIR").write_bytes(os.urandom(1000) + b"\x04\x00\x00\x15CS\xff\xffshort")
    assert find() == (["./DICOMDIR"], [])
    Path("DICOMDIR").write_bytes(b"")
    assert find() == (["./DICOMDIR"], [])


def test_a_dicomdir_that_is_left_out_gives_no_problem() -> None:
    write_dicomdir("A\\1")
    assert find(exclude=("DICOMDIR",)) == ([], [])
    assert find(include=("*.dcm",)) == ([], [])


def test_many_ids_in_one_large_folder_are_compared_in_one_listing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [f"I{number}" for number in range(500)]
    write(*(f"A/{name}" for name in names))
    write_dicomdir(*(f"A\\{name}" for name in names))
    scan = os.scandir
    listed = []
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scan(path))
    files, problems = find()
    assert len(files) == 501
    assert not problems
    assert len(listed) == 4


def test_the_dicomdirs_of_real_discs_agree_with_their_folders(real_data: Path) -> None:
    found = 0
    with Finder(FindOptions()) as finder:
        for item in finder.find([str(real_data)]):
            found += isinstance(item, Candidate)
            assert isinstance(item, Candidate) or item[1].code != "find.dicomdir-outside"
    assert found
