from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import sys
import threading
from typing import TYPE_CHECKING

import orjson
import pytest

from deliver_cases import Source, payload
from dicom2fhir.deliver import open_sink
from dicom2fhir.deliver.blocks import BLOCK, blocks_of, encode_base64
from dicom2fhir.errors import OutputError
from dicom2fhir.model import EncodedBundle, EncodedEntry
from dicom2fhir.options import OutputOptions

if TYPE_CHECKING:
    from pathlib import Path

    from dicom2fhir.deliver import Sink

CONTENTS: dict[str, bytes | None] = {
    "small": b"DICOM",
    "large": bytes(range(256)) * 2000,
    "changed": None,
    "changed later": None,
}
LENGTHS = {"gone": 4, "small": 5, "large": 512_000, "changed": 300_000, "changed later": 2_000_000}
FORMS = ("x.json", "x.ndjson", "x.json.gz", "x.ndjson.gz")


def entry(path: str) -> EncodedEntry:
    held = payload(path, LENGTHS[path], hashlib.sha256(path.encode()).hexdigest())
    head = f'{{"fullUrl":"{path}","resource":{{"data":"'.encode()
    return EncodedEntry(full_url=path, request={}, pieces=(head, held, b'"}}'))


def bundle(name: str, *paths: str, part: int = 1, parts: int = 1) -> EncodedBundle:
    return EncodedBundle(name=name, entries=tuple(map(entry, paths)), part=part, parts=parts)


def opened(path: Path | str, overwrite: str = "changed") -> Sink:
    source = Source(CONTENTS)
    return open_sink(OutputOptions(path=str(path), overwrite=overwrite), (), source.read)


def deliver(path: Path | str, *bundles: EncodedBundle, overwrite: str = "changed") -> list[str]:
    """Run once; return the codes of the Problems."""
    sink = opened(path, overwrite)
    problems = [problem for one in bundles for problem in sink.write(one)]
    return [problem.code for problem in (*problems, *sink.finish())]


def lines_of(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()


def held(line: bytes) -> dict[str, bytes]:
    entries = orjson.loads(line).get("entry", ())
    return {one["fullUrl"]: base64.b64decode(one["resource"]["data"]) for one in entries}


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 100])
@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_base64_of_chunks_is_that_of_the_whole(size: int, step: int) -> None:
    data = os.urandom(size)
    chunks = (data[start : start + step] for start in range(0, size, step))
    assert b"".join(encode_base64(chunks)) == base64.b64encode(data)


def test_small_pieces_are_written_together_and_large_ones_by_themselves() -> None:
    pieces = (b"a" * 10, b"b" * BLOCK, b"c", b"d" * 2 * BLOCK, payload("small", 5), b"e")
    blocks = list(blocks_of(pieces, Source(CONTENTS).read))
    assert [len(block) for block in blocks] == [10, BLOCK, 1, 2 * BLOCK, 9]
    assert blocks[-1] == base64.b64encode(b"DICOM") + b"e"


@pytest.mark.parametrize("name", FORMS)
def test_bytes_stand_in_every_form_as_base64(tmp_path: Path, name: str) -> None:
    sink = opened(tmp_path / name)
    one = bundle("1", "small", "large")
    assert sink.write(one) == ()
    assert sink.finish() == ()
    (line,) = lines_of(tmp_path / name)
    assert held(line) == {path: CONTENTS[path] for path in ("small", "large")}
    assert one.size == len(line)
    assert sink.bytes == len(line) + name.startswith("x.ndjson")


def test_a_file_of_a_folder_holds_them_too(tmp_path: Path) -> None:
    sink = opened(tmp_path / "out")
    one = bundle("1", "small", "large")
    assert sink.write(one) == ()
    assert sink.finish() == ()
    data = (tmp_path / "out" / "1.json").read_bytes()
    assert held(data) == {path: CONTENTS[path] for path in ("small", "large")}
    assert sink.bytes == one.size == len(data)
    manifest = orjson.loads((tmp_path / "out" / ".dicom2fhir.json").read_bytes())
    assert manifest["files"]["1.json"]["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("changed", ["changed", "changed later", "gone"])
@pytest.mark.parametrize("name", FORMS)
def test_a_bundle_whose_source_has_changed_is_left_out_whole(
    tmp_path: Path, name: str, changed: str
) -> None:
    good, bad, last = bundle("1", "large"), bundle("2", "large", changed), bundle("3", "small")
    assert deliver(tmp_path / name, good, bad, last) == ["deliver.source-changed"]
    assert deliver(tmp_path / f"good-{name}", good, last) == []
    assert lines_of(tmp_path / name) == lines_of(tmp_path / f"good-{name}")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", FORMS)
def test_a_file_is_still_told_unchanged_after_a_bundle_was_taken_back(
    tmp_path: Path, name: str
) -> None:
    bundles = bundle("1", "large"), bundle("2", "small", "changed"), bundle("3", "small")
    for unchanged in (0, 1):
        sink = opened(tmp_path / name)
        for one in bundles:
            sink.write(one)
        sink.finish()
        assert sink.unchanged == unchanged


def test_entries_of_a_bundle_that_was_taken_back_come_with_the_next(tmp_path: Path) -> None:
    first, second = bundle("1", "small", "changed"), bundle("2", "small", "large")
    assert deliver(tmp_path / "x.json", first, second) == ["deliver.source-changed"]
    (line,) = lines_of(tmp_path / "x.json")
    assert list(held(line)) == ["small", "large"]


def test_one_bundle_with_nothing_but_changed_sources_is_empty(tmp_path: Path) -> None:
    assert deliver(tmp_path / "x.json", bundle("1", "changed")) == ["deliver.source-changed"]
    assert "entry" not in orjson.loads((tmp_path / "x.json").read_bytes())


def test_bytes_of_one_name_with_other_content_are_told(tmp_path: Path) -> None:
    one = bundle("1", "small")
    head, _, tail = one.entries[0].pieces
    other = EncodedEntry(
        full_url="small", request={}, pieces=(head, payload("small", 5, "1" * 64), tail)
    )
    same = bundle("2", "small")
    changed = EncodedBundle(name="3", entries=(other,))
    assert deliver(tmp_path / "x.json", one, same, changed) == ["deliver.differs"]


def test_a_folder_lacks_the_file_and_keeps_that_of_an_earlier_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = bundle("1", "small")
    assert deliver(out, before, bundle("2", "small", part=1, parts=2)) == []
    kept = (out / "1.json").read_bytes()
    assert deliver(out, bundle("1", "changed"), bundle("3", "changed"), bundle("4", "small")) == [
        "deliver.source-changed",
        "deliver.source-changed",
    ]
    assert (out / "1.json").read_bytes() == kept
    names = sorted(path.name for path in out.iterdir())
    assert names == [".dicom2fhir.json", "1.json", "2.part-001.json", "4.json"]


def test_old_files_of_a_study_stay_while_a_part_of_it_is_missing(tmp_path: Path) -> None:
    assert deliver(tmp_path / "out", bundle("1", "small", "large")) == []
    parts = bundle("1", "changed", part=1, parts=2), bundle("1", "large", part=2, parts=2)
    assert deliver(tmp_path / "out", *parts) == ["deliver.source-changed"]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {".dicom2fhir.json", "1.json", "1.part-002.json"}
    assert deliver(tmp_path / "out", bundle("1", "large")) == []
    assert not (tmp_path / "out" / "1.part-002.json").exists()


def test_the_same_bytes_in_a_folder_are_left_alone_and_others_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    deliver(out, bundle("1", "large"), bundle("2", "small"))
    before = (out / "1.json").stat()
    sink = opened(out)
    assert sink.write(bundle("1", "large")) == ()
    assert sink.write(bundle("2", "small", "large")) == ()
    assert sink.finish() == ()
    after = (out / "1.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert (sink.files, sink.unchanged) == (2, 1)
    assert list(held((out / "2.json").read_bytes())) == ["small", "large"]


def test_a_file_of_equal_size_that_was_edited_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    deliver(out, bundle("1", "large"))
    edited = (out / "1.json").read_bytes().replace(b"AAEC", b"AAED", 1)
    (out / "1.json").write_bytes(edited)
    assert deliver(out, bundle("1", "large")) == ["deliver.foreign"]
    assert (out / "1.json").read_bytes() == edited
    assert deliver(out, bundle("1", "large"), overwrite="always") == []
    assert held((out / "1.json").read_bytes()) == {"large": CONTENTS["large"]}


def test_what_has_gone_through_a_pipe_cannot_be_taken_back(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ndjson")
    reader = threading.Thread(target=(tmp_path / "pipe.ndjson").read_bytes)
    reader.start()
    sink = opened(tmp_path / "pipe.ndjson")
    with pytest.raises(OutputError, match="taken back") as caught:
        sink.write(bundle("1", "large", "changed"))
    sink.abort()
    reader.join()
    assert "folder" in caught.value.hint


def test_stdout_goes_on_where_nothing_of_the_bundle_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer))

    assert deliver("-", bundle("1", "small"), bundle("2", "gone"), bundle("3", "large")) == [
        "deliver.source-changed"
    ]
    assert held(buffer.getvalue()) == {path: CONTENTS[path] for path in ("small", "large")}
