from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import orjson
import pytest

from deliver_cases import joined, read_nothing
from dicom2fhir.deliver import open_sink
from dicom2fhir.deliver.single import SeenEntries
from dicom2fhir.errors import OutputError, UsageError
from dicom2fhir.model import EncodedBundle, EncodedEntry
from dicom2fhir.options import OutputOptions

if TYPE_CHECKING:
    from dicom2fhir.deliver import Sink


def entry(url: str, text: str = "a") -> EncodedEntry:
    return EncodedEntry(
        full_url=url, request={}, pieces=(orjson.dumps({"fullUrl": url, "text": text}),)
    )


def bundle(name: str, *entries: EncodedEntry, part: int = 1, parts: int = 1) -> EncodedBundle:
    return EncodedBundle(name=name, entries=entries, part=part, parts=parts)


TWO = (bundle("1", entry("p"), entry("s1")), bundle("2", entry("p"), entry("s2")))


def opened(path: Path | str, overwrite: str = "changed") -> Sink:
    return open_sink(OutputOptions(path=str(path), overwrite=overwrite), (), read_nothing)


def deliver(path: Path | str, *bundles: EncodedBundle, overwrite: str = "changed") -> Sink:
    sink = opened(path, overwrite)
    for one in bundles:
        assert sink.write(one) == ()
    assert sink.finish() == ()
    return sink


def test_one_bundle_holds_the_entries_of_all_studies_once(tmp_path: Path) -> None:
    sink = deliver(tmp_path / "x.json", *TWO)
    data = (tmp_path / "x.json").read_bytes()
    assert [one["fullUrl"] for one in orjson.loads(data)["entry"]] == ["p", "s1", "s2"]
    assert data == joined(bundle("all", entry("p"), entry("s1"), entry("s2")))
    assert (sink.bundles, sink.entries, sink.bytes, sink.files) == (1, 3, len(data), 1)


def test_one_resource_with_two_contents_is_a_problem(tmp_path: Path) -> None:
    sink = opened(tmp_path / "x.json")
    sink.write(TWO[0])
    (problem,) = sink.write(bundle("2", entry("p", "other"), entry("s2")))
    sink.finish()
    assert (problem.code, problem.count) == ("deliver.differs", 1)
    first = orjson.loads((tmp_path / "x.json").read_bytes())["entry"][0]
    assert first == {"fullUrl": "p", "text": "a"}


def test_lines_are_one_bundle_each(tmp_path: Path) -> None:
    sink = deliver(tmp_path / "x.ndjson", *TWO)
    data = (tmp_path / "x.ndjson").read_bytes()
    assert data == b"".join(joined(one) + b"\n" for one in TWO)
    assert (sink.bundles, sink.entries, sink.bytes, sink.files) == (2, 4, len(data), 1)


@pytest.mark.parametrize("name", ["x.json.gz", "x.ndjson.gz"])
def test_gzip_holds_the_same_bytes_without_time_or_name(tmp_path: Path, name: str) -> None:
    deliver(tmp_path / name, *TWO)
    deliver(tmp_path / name.removesuffix(".gz"), *TWO)
    packed = (tmp_path / name).read_bytes()
    assert gzip.decompress(packed) == (tmp_path / name.removesuffix(".gz")).read_bytes()
    # RFC 1952: FLG and MTIME
    assert packed[3:8] == bytes(5)


def test_nothing_to_write_is_a_bundle_without_entries(tmp_path: Path) -> None:
    deliver(tmp_path / "x.json")
    assert orjson.loads((tmp_path / "x.json").read_bytes()) == {
        "resourceType": "Bundle",
        "type": "transaction",
    }


def test_one_bundle_takes_no_parts(tmp_path: Path) -> None:
    sink = opened(tmp_path / "x.json")
    with pytest.raises(UsageError, match="limit") as caught:
        sink.write(bundle("1", entry("p"), part=1, parts=2))
    sink.abort()
    assert "x.ndjson" in caught.value.hint
    assert "--to" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_the_owners_alone_and_so_is_a_folder_made_for_it(tmp_path: Path) -> None:
    deliver(tmp_path / "new" / "x.json", *TWO)
    assert (tmp_path / "new" / "x.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_the_same_bytes_leave_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson"
    deliver(path, *TWO)
    before = path.stat()
    assert deliver(path, *TWO).unchanged == 1
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert deliver(path, *TWO, overwrite="always").unchanged == 0
    assert path.stat().st_mtime_ns != before.st_mtime_ns


def test_never_refuses_a_file_that_is_there(tmp_path: Path) -> None:
    deliver(tmp_path / "x.json", *TWO)
    with pytest.raises(UsageError, match="overwritten"):
        opened(tmp_path / "x.json", "never")


def test_an_aborted_run_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}")
    sink = opened(path)
    sink.write(TWO[0])
    sink.abort()
    assert path.read_text() == "{}"
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_dead_runs_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    living = opened(tmp_path / "x.json")
    (one,) = tmp_path.iterdir()
    dead = one.with_name(one.name[:-20] + "0" * 16 + ".tmp")
    dead.write_text("half")
    deliver(tmp_path / "x.json", TWO[0])
    assert not dead.exists()
    assert one.exists()
    living.write(TWO[1])
    living.finish()
    assert (tmp_path / "x.json").read_bytes() == joined(TWO[1])


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "x.json").symlink_to(tmp_path / "far" / "y.json")
    deliver(tmp_path / "x.json", *TWO)
    assert (tmp_path / "x.json").is_symlink()
    assert (tmp_path / "far" / "y.json").is_file()


def test_a_named_pipe_gets_one_bundle(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    deliver(pipe, TWO[0])
    reader.join()
    assert got == [joined(TWO[0])]


def test_an_open_descriptor_is_written_and_stays_open(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        deliver(f"/dev/fd/{file.fileno()}", TWO[0])
        file.write(b"after")
    assert (tmp_path / "x").read_bytes() == joined(TWO[0]) + b"after"


def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    big = bundle("1", entry("p", "x" * 500_000))
    got: list[bytes] = []

    def read() -> None:
        with os.fdopen(source, "rb") as file:
            got.append(file.read())

    reader = threading.Thread(target=read)
    reader.start()
    deliver(f"/dev/fd/{sink}", big)
    os.close(sink)
    reader.join()
    assert got == [joined(big)]


def test_stdout_that_is_no_descriptor_is_written_too(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer))
    deliver("-", TWO[0])
    assert buffer.getvalue() == joined(TWO[0])


def test_no_stdout_at_all_is_an_output_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError):
        opened("-")


def test_a_descriptor_that_is_not_open_is_an_output_error() -> None:
    with pytest.raises(OutputError):
        opened("/dev/fd/987")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device_is_an_output_error_that_says_so() -> None:
    sink = opened("/dev/full")
    with pytest.raises(OutputError, match="disk is full") as caught:
        sink.write(TWO[0])
    sink.abort()
    assert caught.value.exit_code == 7


CHILD = dedent(
    """
    import sys
    from dicom2fhir.deliver import open_sink
    from dicom2fhir.errors import OutputClosedError
    from dicom2fhir.model import EncodedBundle, EncodedEntry
    from dicom2fhir.options import OutputOptions

    sink = open_sink(OutputOptions(path="-"), (), None)
    try:
        for number in range(1000):
            entry = EncodedEntry(full_url=f"urn:uuid:{number}", request={}, pieces=(b"x" * 10_000,))
            sink.write(EncodedBundle(name="1", entries=(entry,)))
    except OutputClosedError as error:
        sink.abort()
        sys.exit(error.exit_code)
    """
)


def test_a_reader_that_goes_away_ends_the_run_quietly() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert run.stdout is not None
    assert run.stderr is not None
    assert run.stdout.read(10) == b'{"entry":['
    run.stdout.close()
    said = run.stderr.read()
    run.stderr.close()
    assert (run.wait(), said) == (141, b"")


def test_thousands_of_entries_are_told_apart() -> None:
    seen = SeenEntries()
    urls = [f"urn:uuid:{number}" for number in range(5000)]
    assert [seen.find(entry(url)) for url in urls] == [None] * 5000
    for url in urls:
        seen.add(entry(url))
    assert [seen.find(entry(url)) for url in urls] == [True] * 5000
    assert [seen.find(entry(url, "b")) for url in urls] == [False] * 5000
    assert seen.find(entry("urn:uuid:5000")) is None
