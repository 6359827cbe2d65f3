"""What an instance carries unchanged: the stream of a video, or an encapsulated document."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, BinaryIO

from dicom2fhir.render.dataset import UNDEFINED, Element, Opened, open_dataset, size_of
from dicom2fhir.render.faults import RenderError, guarded
from dicom2fhir.render.fragments import find_fragments
from dicom2fhir.render.quiet import quietly
from dicom2fhir.render.syntaxes import VIDEO_TYPES
from dicom2fhir.render.values import text, whole

if TYPE_CHECKING:
    from dicom2fhir.render.fragments import Ranges

_PIXEL_DATA = 0x7FE00010
_SOP_CLASS = 0x00080016
_DOCUMENT = 0x00420011
_MIME_TYPE = 0x00420012
_LENGTH = 0x00420015
_LARGEST = 64 * 1024 * 1024
"""Bytes of a document of a deflated file, which has to be held."""
_HEAD = 4 * 188 + 1
_TS_PACKET = 188
_SYNC = 0x47
_START = b"\0\0\1"
_MPEG_PROGRAM = 0xBA
_MPEG_SEQUENCE = 0xB3
_STL_HEAD = Struct("<80xL")
_STL_TRIANGLE = 50
_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
_ROOT = "1.2.840.10008.5.1.4.1.1.104"
_DOCUMENT_TYPES = {
    f"{_ROOT}.1": "application/pdf",
    f"{_ROOT}.2": "text/xml",
    f"{_ROOT}.3": "model/stl",
    f"{_ROOT}.4": "model/obj",
    f"{_ROOT}.5": "model/mtl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """Bytes that are carried as they are: where they lie in the file, or themselves.

    `data` holds them where the file is deflated; `ranges` is empty then.
    """

    content_type: str
    ranges: Ranges = ()
    data: bytes = field(default=b"", repr=False)

    @property
    def length(self) -> int:
        """Return how many bytes there are."""
        return len(self.data) or sum(length for _, length in self.ranges)


def extract(stream: BinaryIO, transfer_syntax_uid: str) -> Extract:
    """Return where what an instance carries lies: its video, or else its document.

    Errors: RenderError pixels.no-image, pixels.undecodable, pixels.too-large
    """
    with closing(open_dataset(stream, transfer_syntax_uid)) as opened:
        if transfer_syntax_uid in VIDEO_TYPES:
            return _find_video(opened, transfer_syntax_uid)
        return _find_document(opened)


def _find_video(opened: Opened, transfer_syntax_uid: str) -> Extract:
    """Return where the bit stream of a video lies (PS3.5 8.2.5 to 8.2.11): its joined fragments."""
    stream = opened.stream
    _, pixels = opened.read((_SOP_CLASS,), (_PIXEL_DATA,))
    if pixels is None:
        raise RenderError("pixels.no-image", "no pixel data")
    with guarded("the fragments"):
        fragments = find_fragments(stream, pixels)
        ranges = fragments.ranges(0, len(fragments))
        if not ranges or not fragments.whole:
            raise RenderError("pixels.undecodable", "the file ends within the video")
        head = b""
        for pos, length in ranges:
            stream.seek(pos)
            head += stream.read(min(length, _HEAD - len(head)))
            if len(head) >= _HEAD:
                break
    return Extract(content_type=sniff_video(head, transfer_syntax_uid), ranges=ranges)


def sniff_video(head: bytes, transfer_syntax_uid: str) -> str:
    """Return the media type of a stream by how it begins."""
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if _is_transport_stream(head):
        return "video/mp2t"
    start = head.find(_START, 0, 64)
    if start >= 0 and head[start + 3 : start + 4] in (
        bytes([_MPEG_PROGRAM]),
        bytes([_MPEG_SEQUENCE]),
    ):
        return "video/mpeg"
    return VIDEO_TYPES.get(transfer_syntax_uid, "application/octet-stream")


def _is_transport_stream(head: bytes) -> bool:
    """Tell whether packets of 188 bytes follow each other (ISO/IEC 13818-1)."""
    return head[:1] == bytes([_SYNC]) and all(byte == _SYNC for byte in head[::_TS_PACKET])


def _find_document(opened: Opened) -> Extract:
    """Return where the encapsulated document lies (PS3.3 C.24.2), without its padding."""
    before, document = opened.read((_SOP_CLASS,), (_DOCUMENT,))
    if document is None or document.length in (0, UNDEFINED):
        raise RenderError("pixels.no-image", "no document")
    if document.pos + document.length > size_of(opened.stream):
        raise RenderError("pixels.undecodable", "the file ends within the document")
    opened.stream.seek(document.pos + document.length)
    behind, _ = opened.read((_MIME_TYPE, _LENGTH), (_PIXEL_DATA,))
    with guarded("the document"), quietly():
        length = _document_length(opened, document, whole(behind, "EncapsulatedDocumentLength", 0))
        stated = text(behind, "MIMETypeOfEncapsulatedDocument").lower()
        usual = _DOCUMENT_TYPES.get(text(before, "SOPClassUID"), "application/octet-stream")
        content_type = stated if _TYPE.fullmatch(stated) else usual
        if not opened.inflated:
            return Extract(content_type=content_type, ranges=((document.pos, length),))
        if length > _LARGEST:
            raise RenderError("pixels.too-large", "the document in a deflated file")
        opened.stream.seek(document.pos)
        return Extract(content_type=content_type, data=opened.stream.read(length))


def _document_length(opened: Opened, document: Element, stated: int) -> int:
    """Return the length without the byte that makes it even.

    DICOM: Encapsulated Document Length; older writers do not state it, and then a last zero is
    taken for padding (PS3.5 6.2: OB is padded by one zero byte). Only a binary STL ends with
    zeros of its own, and its length is known by its triangles.
    """
    if document.length - 1 <= stated <= document.length:
        return stated
    opened.stream.seek(document.pos)
    if document.length == _stl_length(opened.stream.read(_STL_HEAD.size)):
        return document.length
    opened.stream.seek(document.pos + document.length - 1)
    return document.length - (opened.stream.read(1) == b"\0")


def _stl_length(head: bytes) -> int:
    """Return how long a binary STL that begins so is."""
    if len(head) < _STL_HEAD.size:
        return 0
    (triangles,) = _STL_HEAD.unpack(head)
    return _STL_HEAD.size + _STL_TRIANGLE * int(triangles)
