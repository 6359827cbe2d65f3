from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from deliver_cases import read_nothing
from dicom2fhir.deliver import open_sink
from dicom2fhir.deliver.target import Form, find_target
from dicom2fhir.errors import UsageError
from dicom2fhir.options import OutputOptions


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("out", "form", "compressed"),
    [
        ("out", Form.FOLDER, False),
        ("out/", Form.FOLDER, False),
        ("deep/er/out", Form.FOLDER, False),
        ("1.2.840.1", Form.FOLDER, False),
        ("x.json/", Form.FOLDER, False),
        ("x.json", Form.BUNDLE, False),
        ("X.JSON", Form.BUNDLE, False),
        ("x.json.gz", Form.BUNDLE, True),
        ("x.ndjson", Form.LINES, False),
        ("deep/x.ndjson.gz", Form.LINES, True),
    ],
)
def test_the_name_of_out_says_what_is_written(out: str, form: Form, *, compressed: bool) -> None:
    target = find_target(out, ())
    assert (target.form, target.compressed, target.streamed) == (form, compressed, False)
    assert target.path == Path(out).absolute()


@pytest.mark.parametrize(("out", "descriptor"), [("-", 1), ("/dev/stdout", 1), ("/dev/fd/7", 7)])
def test_a_descriptor_is_one_bundle_straight_through(out: str, descriptor: int) -> None:
    target = find_target(out, ())
    assert (target.form, target.descriptor) == (Form.BUNDLE, descriptor)


@pytest.mark.parametrize(("name", "form"), [("pipe", Form.BUNDLE), ("pipe.ndjson", Form.LINES)])
def test_a_pipe_is_written_straight_through(name: str, form: Form) -> None:
    os.mkfifo(name)
    target = find_target(name, ())
    assert (target.form, target.streamed) == (form, True)


def test_an_existing_folder_of_any_name_is_a_folder() -> None:
    Path("results.txt").mkdir()
    assert find_target("results.txt", ()).form is Form.FOLDER


def test_a_folder_that_is_named_as_a_file_is_refused() -> None:
    Path("x.json").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        find_target("x.json", ())


def test_a_file_that_is_named_as_a_folder_is_refused() -> None:
    Path("out").write_text("")
    with pytest.raises(UsageError, match="not a folder"):
        find_target("out", ())


@pytest.mark.parametrize(
    "out", ["x.jsonl", "x.zip", "x.xml", "x.txt", "x.csv", "x.gz", "x.json.bz2", "x.dcm"]
)
def test_an_ending_of_another_kind_is_refused(out: str) -> None:
    with pytest.raises(UsageError, match="ending") as caught:
        find_target(out, ())
    assert "x.ndjson" in caught.value.hint


def test_a_socket_is_refused() -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("s")
        with pytest.raises(UsageError, match="socket"):
            find_target("s", ())


def test_an_empty_out_is_refused() -> None:
    with pytest.raises(UsageError, match="empty"):
        find_target("", ())


def test_a_sink_needs_a_path() -> None:
    with pytest.raises(UsageError, match="no OUT"):
        open_sink(OutputOptions(), (), read_nothing)


@pytest.mark.parametrize(
    ("out", "source"),
    [
        ("archive", "archive"),
        ("archive/out", "archive"),
        ("archive/not/yet/there", "archive"),
        ("archive/x.json", "archive/"),
        ("archive/../archive/out", "./archive"),
        ("link/out", "archive"),
        ("archive/out", "link"),
        ("archive/one.json", "archive/one.json"),
        ("archive/out", "archive/*"),
        ("archive/ct/out", "arch*"),
        ("out", "."),
    ],
)
def test_out_may_not_lie_in_a_source(out: str, source: str) -> None:
    Path("archive/ct").mkdir(parents=True)
    Path("archive/one.json").write_text("")
    Path("link").symlink_to("archive")
    with pytest.raises(UsageError, match="source"):
        find_target(out, ("-", "elsewhere", source))


@pytest.mark.parametrize(
    ("out", "source"),
    [
        ("out", "archive"),
        ("archive-out", "archive"),
        (".", "archive"),
        ("out", "archive/*.dcm"),
        ("archive/out", "archive/*.dcm"),
        ("archive/out", "archive/one.dcm"),
        ("out", "-"),
    ],
)
def test_out_beside_or_above_the_sources_is_fine(out: str, source: str) -> None:
    Path("archive").mkdir()
    Path("archive/one.dcm").write_text("")
    assert find_target(out, (source,)).form is Form.FOLDER


def test_stdout_may_be_redirected_into_a_source() -> None:
    assert find_target("-", (".",)).descriptor == 1
