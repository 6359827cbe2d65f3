"""Lists of paths on stdin: of any bytes, as they come, each file once."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from dicom2fhir.errors import UsageError
from dicom2fhir.find import Finder
from dicom2fhir.find.listing import Named
from dicom2fhir.model import Candidate
from dicom2fhir.options import FindOptions


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("a/1", "a/b/2", "a/b/c/3", "d/4"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()


def find(
    listing: bytes, *sources: str, null: bool = False, **options: object
) -> tuple[list[str], dict[str, str]]:
    with Finder(FindOptions(**options)) as finder:  # type: ignore[arg-type]
        stream = io.BytesIO(listing)
        findings = list(finder.find([*sources, "-"], listing=stream, null_separated=null))
    problems = {item[0].path: item[1].code for item in findings if not isinstance(item, Candidate)}
    return [item.path for item in findings if isinstance(item, Candidate)], problems


def test_listed_files_come_in_the_order_of_the_list() -> None:
    assert find(b"d/4\n\na/1\n") == (["d/4", "a/1"], {})
    assert find(b"d/4\0a/1", null=True) == (["d/4", "a/1"], {})
    assert find(b"") == ([], {})


def test_listed_names_may_hold_any_bytes() -> None:
    name = b"\xff\nline"
    with open(name, "wb"):
        pass
    assert find(name + b"\0", null=True) == ([os.fsdecode(name)], {})


def test_a_listed_folder_is_walked() -> None:
    assert sorted(find(b"a\n")[0]) == ["a/1", "a/b/2", "a/b/c/3"]


def test_a_listed_path_that_does_not_exist_is_named_and_the_run_goes_on() -> None:
    assert find(b"nothing\na/1/x\n\xff\nd/4\n") == (
        ["d/4"],
        {"nothing": "find.missing", "a/1/x": "find.missing", "\udcff": "find.missing"},
    )


def test_a_listed_link_is_followed_only_when_told() -> None:
    Path("link").symlink_to("d")
    Path("broken").symlink_to("nowhere")
    assert find(b"link\nbroken\n") == (
        [],
        {"link": "find.symlink", "broken": "find.symlink"},
    )
    assert find(b"link\nbroken\n", follow=True) == (["link/4"], {"broken": "find.symlink"})


@pytest.mark.parametrize(
    "listing",
    [
        b"a\na/1\na/b\na/b/2\na/b/c\na/b/c/3\n",
        b"a/1\na/b/2\na/b/c/3\na/b/c\na/b\na\n",
        b"a/b/c\na/b\na\n./a\n",
        b"a/1\n./a/1\na/./1\na/b/../1\na/b\na/b/c/3\n",
    ],
)
def test_the_output_of_find_gives_each_file_once(listing: bytes) -> None:
    files, problems = find(listing)
    assert sorted(map(os.path.normpath, files)) == ["a/1", "a/b/2", "a/b/c/3"]
    assert not problems


def test_what_lies_in_a_named_source_is_not_found_again() -> None:
    absolute = os.path.abspath("a/b/2").encode()
    assert sorted(find(b"a/1\nd/4\n" + absolute, "a")[0]) == ["a/1", "a/b/2", "a/b/c/3", "d/4"]


def test_a_file_behind_a_link_in_a_walked_folder_is_not_taken_for_found() -> None:
    Path("a/link").symlink_to("../d")
    files, problems = find(b"a\na/link/4\n")
    assert sorted(files) == ["a/1", "a/b/2", "a/b/c/3", "a/link/4"]
    assert problems == {"a/link": "find.symlink"}


def test_patterns_see_the_path_as_it_is_listed() -> None:
    listing = b"./a/1\na/b\n" + os.path.abspath("d/4").encode()
    assert find(listing, exclude=("a/b",))[0] == ["./a/1", os.path.abspath("d/4")]
    assert find(listing, include=("d",))[0] == [os.path.abspath("d/4")]


def test_a_list_separated_by_nul_without_the_option_ends_the_run_with_advice() -> None:
    with pytest.raises(UsageError) as caught:
        find(b"a/1\0d/4\0")
    assert "-0" in caught.value.hint
    assert "a/1" not in str(caught.value)


def test_data_that_is_no_list_of_paths_ends_the_run() -> None:
    with pytest.raises(UsageError):
        find(b"x" * 200_000)
    with pytest.raises(UsageError):
        find(b"x" * 200_000 + b"\0", null=True)
    with pytest.raises(UsageError):
        find(b"\0" * 128 + b"DICM")


def test_a_list_that_was_not_given_ends_the_run() -> None:
    with Finder(FindOptions()) as finder, pytest.raises(UsageError):
        finder.find(["-"])


def test_a_path_is_found_as_soon_as_it_is_listed() -> None:
    reader, writer = os.pipe()
    with open(reader, "rb") as listing, Finder(FindOptions()) as finder:
        guard = threading.Timer(10, os.close, [writer])
        guard.start()
        findings = finder.find(["-"], listing=listing)
        os.write(writer, b"a/1\n")
        first = next(findings)
        assert isinstance(first, Candidate)
        assert first.path == "a/1"
        guard.cancel()
        os.write(writer, b"d/")
        os.write(writer, b"4")
        os.close(writer)
        (last,) = findings
    assert isinstance(last, Candidate)
    assert last.path == "d/4"


def test_only_the_latest_single_files_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom2fhir.find.listing._GENERATION", 10)
    named = Named()
    for number in range(100):
        named.add(f"a/x{number}", is_folder=False)
    remembered = [number for number in range(100) if f"a/x{number}" in named]
    assert len(remembered) <= 20
    assert remembered[-1] == 99
    assert remembered[0] <= 89
