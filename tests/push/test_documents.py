"""Bundle files: what is long base64 stays in its file, whatever stands around it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from dicom2fhir.bundle.encoding import encode
from dicom2fhir.model import Bytes
from dicom2fhir.options import MIB
from dicom2fhir.pipeline.documents import DocumentError, read_documents
from dicom2fhir.pipeline.payload import Contents, read_payload
from dicom2fhir.pipeline.validation import STDIN
from dicom2fhir.temporary import PrivateFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LENGTHS = (10, 60_000, 49_152, 49_153, 49_154, 3_000_000)
"""Of bytes: short ones, and such of every padding."""


@pytest.fixture
def spools(tmp_path: Path) -> Iterator[PrivateFolder]:
    folder = PrivateFolder(str(tmp_path))
    yield folder
    folder.remove()


def bundle(length: int) -> tuple[dict[str, Any], bytes]:
    content = random.Random(length).randbytes(length)  # noqa: S311 - any bytes
    data = base64.b64encode(content).decode()
    note = 'a note that says "data": "nothing"'
    return {"note": note, "entry": [{"data": data, "text": "é"}, {"data": "x" * 70_001}]}, content


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("length", LENGTHS)
def test_a_document_is_read_as_it_stands(
    tmp_path: Path, spools: PrivateFolder, length: int, indent: int | None
) -> None:
    document, content = bundle(length)
    (tmp_path / "x.json").write_text(json.dumps(document, indent=indent))
    (read,) = read_documents(tmp_path / "x.json", spools)
    found = read["entry"][0].pop("data")
    if isinstance(found, Bytes):
        assert found.length == length
        assert Contents().sha256(found) == hashlib.sha256(content).hexdigest()
        assert b"".join(read_payload(found)) == content
    else:
        assert base64.b64decode(found) == content
    del document["entry"][0]["data"]
    assert read == document


def test_lines_are_documents_also_where_they_are_compressed(
    tmp_path: Path, spools: PrivateFolder
) -> None:
    documents = [bundle(length)[0] for length in LENGTHS]
    text = "".join(json.dumps(one) + "\n" for one in documents).encode()
    (tmp_path / "x.ndjson.gz").write_bytes(gzip.compress(text))
    read = list(read_documents(tmp_path / "x.ndjson.gz", spools))
    assert [one["note"] for one in read] == [one["note"] for one in documents]
    long = [one["entry"][0]["data"] for one in read if isinstance(one["entry"][0]["data"], Bytes)]
    assert len(long) == 5


@pytest.mark.parametrize("text", [b"", b"\n", b"{", b"<html>", b'{"data": "' + b"A" * 70_000])
def test_what_is_no_json_is_told(tmp_path: Path, spools: PrivateFolder, text: bytes) -> None:
    (tmp_path / "x.json").write_bytes(text)
    with pytest.raises(DocumentError, match=r"check\.json"):
        list(read_documents(tmp_path / "x.json", spools))


@pytest.mark.parametrize("before", [b"", b"\n \r\n", b"\xef\xbb\xbf"], ids=repr)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_pipe_may_bring_lines_also_compressed(
    spools: PrivateFolder,
    monkeypatch: pytest.MonkeyPatch,
    before: bytes,
    pack: Callable[[bytes], bytes],
) -> None:
    text = before + b'{"id": "1"}\n\n{"id": "2"}\n'
    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(pack(text))))  # type: ignore[arg-type]
    monkeypatch.setattr("sys.stdin", stream)
    assert list(read_documents(STDIN, spools)) == [{"id": "1"}, {"id": "2"}]


@pytest.mark.parametrize(
    "packed", [b"{}", gzip.compress(b"{}")[:-9], gzip.compress(b"{}" * 99)[:-12]]
)
def test_a_damaged_gzip_is_no_matter_of_permissions(
    tmp_path: Path, spools: PrivateFolder, packed: bytes
) -> None:
    (tmp_path / "x.json.gz").write_bytes(packed)
    with pytest.raises(DocumentError, match=r"check\.json"):
        list(read_documents(tmp_path / "x.json.gz", spools))


def test_a_file_of_lines_may_be_empty(tmp_path: Path, spools: PrivateFolder) -> None:
    (tmp_path / "x.ndjson").touch()
    assert list(read_documents(tmp_path / "x.ndjson", spools)) == []


@pytest.mark.parametrize("number", ["10.50", "7.460000", "0.000000120"])
def test_a_number_keeps_its_digits(tmp_path: Path, spools: PrivateFolder, number: str) -> None:
    data = base64.b64encode(bytes(60_000)).decode()
    text = f'{{"data":"{data}","value":{number}}}'
    (tmp_path / "x.json").write_text(text)
    (read,) = read_documents(tmp_path / "x.json", spools)
    assert str(encode({"value": read["value"]}), "ascii") == f'{{"value":{number}}}'


def test_an_escaped_slash_is_text_as_in_any_json(tmp_path: Path, spools: PrivateFolder) -> None:
    document = {"data": "AA/A" * 40_000}
    (tmp_path / "x.json").write_text(json.dumps(document).replace("/", r"\/"))
    assert list(read_documents(tmp_path / "x.json", spools)) == [document]


@pytest.mark.parametrize("shift", range(-12, 13))
def test_a_value_is_found_wherever_the_window_ends(
    tmp_path: Path, spools: PrivateFolder, shift: int
) -> None:
    documents = [{"text": "x" * (MIB + shift), "data": "AAAA" * 30_000}] * 2
    lines = "".join(json.dumps(one) + "\n" for one in documents)
    (tmp_path / "x.ndjson").write_text(lines)
    for found in read_documents(tmp_path / "x.ndjson", spools):
        assert found["data"].length == 90_000
        assert found["text"] == documents[0]["text"]
