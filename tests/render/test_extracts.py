"""Videos and encapsulated documents: where they stand in their files, byte for byte."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from dicom2fhir.render import Extract, RenderError, extract
from render_cases import file_of, image

if TYPE_CHECKING:
    from pathlib import Path

ROOT = "1.2.840.10008.5.1.4.1.1"
MPEG2, H264, HEVC = (f"1.2.840.10008.1.2.4.{last}" for last in ("100", "102", "107"))


def taken(file: io.BytesIO, found: Extract) -> bytes:
    whole = file.getvalue()
    return found.data or b"".join(whole[pos : pos + size] for pos, size in found.ranges)


def video(data: bytes, syntax: str, fragments: int = 1) -> tuple[io.BytesIO, Extract]:
    one = image(bytes(4), Rows=2, Columns=2, NumberOfFrames=25)
    one.PixelData = encapsulate([data], fragments_per_frame=fragments)
    file = file_of(one, syntax)
    return file, extract(file, syntax)


PACKETS = (b"G" + bytes(187)) * 6


@pytest.mark.parametrize(
    ("data", "syntax", "content_type"),
    [
        (b"\0\0\0\x18ftypmp42" + bytes(900), H264, "video/mp4"),
        (PACKETS, H264, "video/mp2t"),
        (PACKETS, MPEG2, "video/mp2t"),
        (b"\0\0\0\1\x67\x64" + bytes(900), H264, "video/h264"),
        (b"\0\0\1\x67\x64" + bytes(900), f"{H264}.1", "video/h264"),
        (b"\0\0\0\1\x40\1" + bytes(900), HEVC, "video/h265"),
        (b"\0\0\1\xba" + bytes(900), MPEG2, "video/mpeg"),
        (b"\0\0\1\xb3" + bytes(900), MPEG2, "video/mpeg"),
        (b"short", MPEG2, "video/mpeg"),
    ],
)
@pytest.mark.parametrize("fragments", [1, 3])
def test_a_video_is_the_stream_of_its_fragments(
    data: bytes, syntax: str, content_type: str, fragments: int
) -> None:
    file, found = video(data, syntax, fragments if len(data) > 6 else 1)
    assert found.content_type == content_type
    assert taken(file, found)[: len(data)] == data
    assert len(taken(file, found)) == found.length <= len(data) + 1


def test_a_video_that_is_cut_is_refused() -> None:
    file, _ = video(PACKETS, H264)
    with pytest.raises(RenderError, match=r"pixels\.undecodable"):
        extract(io.BytesIO(file.getvalue()[:-500]), H264)


def document(data: bytes, kind: str = "application/pdf", last: str = "104.1") -> Dataset:
    one = Dataset()
    one.SOPClassUID, one.SOPInstanceUID = f"{ROOT}.{last}", "1.2.3"
    one.EncapsulatedDocument = data + bytes(len(data) % 2)
    if kind:
        one.MIMETypeOfEncapsulatedDocument = kind
    return one


@pytest.mark.parametrize("stated", [False, True])
@pytest.mark.parametrize("data", [b"%PDF-1.7 even", b"%PDF-1.7 odd"])
def test_a_document_comes_without_its_padding(data: bytes, *, stated: bool) -> None:
    one = document(data)
    if stated:
        one.EncapsulatedDocumentLength = len(data)
    file = file_of(one)
    found = extract(file, ExplicitVRLittleEndian)
    assert (found.content_type, taken(file, found)) == ("application/pdf", data)
    assert len(found.ranges) == 1


def test_the_zeros_that_a_binary_stl_ends_with_are_its_own() -> None:
    data = bytes(80) + (2).to_bytes(4, "little") + bytes(2 * 50)
    file = file_of(document(data, "model/stl", "104.3"))
    assert taken(file, extract(file, ExplicitVRLittleEndian)) == data


def test_a_length_that_cannot_be_is_not_believed() -> None:
    one = document(b"%PDF-1.7")
    one.EncapsulatedDocumentLength = 3
    file = file_of(one)
    assert taken(file, extract(file, ExplicitVRLittleEndian)) == b"%PDF-1.7"


@pytest.mark.parametrize(
    ("kind", "last", "expected"),
    [
        ("", "104.1", "application/pdf"),
        ("", "104.2", "text/xml"),
        ("", "104.3", "model/stl"),
        ("Jane Doe", "104.4", "model/obj"),
        ("Text/XML ", "104.2", "text/xml"),
    ],
)
def test_the_media_type_is_what_is_stated_or_that_of_the_class(
    kind: str, last: str, expected: str
) -> None:
    found = extract(file_of(document(b"data", kind, last)), ExplicitVRLittleEndian)
    assert found.content_type == expected


def test_the_document_of_a_deflated_file_is_handed_over_itself() -> None:
    one = document(b"%PDF-1.7 deflated")
    file = file_of(one, DeflatedExplicitVRLittleEndian)
    found = extract(file, DeflatedExplicitVRLittleEndian)
    assert (found.data, found.ranges) == (b"%PDF-1.7 deflated", ())
    assert found.length == 17


def test_a_deflated_file_that_would_fill_the_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dicom2fhir.render.dataset._MOST_INFLATED", 1 << 20)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = deflater.compress(bytes(1 << 24)) + deflater.flush()
    with pytest.raises(RenderError, match=r"pixels\.too-large"):
        extract(io.BytesIO(bytes(128) + b"DICM" + bomb), DeflatedExplicitVRLittleEndian)


def test_an_image_holds_no_document() -> None:
    with pytest.raises(RenderError, match=r"pixels\.no-image"):
        extract(file_of(image(bytes(4), Rows=2, Columns=2)), ExplicitVRLittleEndian)


def test_the_shared_pdf_is_found_whole(real_data: Path) -> None:
    path = real_data / "encapsulated-pdf" / "pdf" / "embeddedpdf.dcm"
    file = io.BytesIO(path.read_bytes())
    found = extract(file, ExplicitVRLittleEndian)
    assert found.content_type == "application/pdf"
    data = taken(file, found)
    assert data.startswith(b"%PDF")
    assert data.rstrip().endswith(b"%%EOF")
