"""What a JPEG or JPEG 2000 code stream says of itself, read without decoding it.

ISO/IEC 10918-1 B (JPEG), 14495-1 C (JPEG-LS), 15444-1 A (JPEG 2000 and HTJ2K).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

from dicom2fhir.render.faults import RenderError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZE = Struct(">HHLLLLLLLLH")
_FRAME = Struct(">BHHB")
_SOC = b"\xff\x4f"
_SIZ = b"\xff\x51"
_JP2 = b"\0\0\0\x0cjP  "
_SOI = b"\xff\xd8"
EOI, SOS = 0xD9, 0xDA
_SOFS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
APPS = range(0xE0, 0xF0)
COMMENT = 0xFE
BASELINE = 0xC0
RGB_IDS = (b"RGB", b"rgb")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeStream:
    """Size and components of a stream; the last four are those of a JPEG only.

    `adobe` is the transformation that an Adobe segment names, None without one.
    """

    columns: int
    rows: int
    components: int
    precision: int
    process: int = 0
    identifiers: bytes = b""
    jfif: bool = False
    adobe: int | None = None

    @property
    def is_rgb(self) -> bool:
        """Tell whether the stream names its components red, green and blue."""
        return self.adobe == 0 or (self.adobe is None and self.identifiers in RGB_IDS)


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment of a JPEG; a scan's ends behind its data.

    Errors: RenderError pixels.undecodable
    """
    if not data.startswith(_SOI):
        raise RenderError("pixels.undecodable", "no JPEG stream")
    pos = len(_SOI)
    while True:
        while data[pos : pos + 2] == b"\xff\xff":
            pos += 1  # a fill byte
        if pos + 2 > len(data) or data[pos] != 0xFF:  # noqa: PLR2004 - the marker's prefix
            raise RenderError("pixels.undecodable", "the JPEG stream is damaged")
        marker, start = data[pos + 1], pos
        pos = _segment_end(data, start, marker)
        yield marker, start, pos
        if marker == EOI:
            return


def _segment_end(data: bytes, start: int, marker: int) -> int:
    pos = start + 2
    if marker == EOI or marker in _BARE:
        return pos
    length = int.from_bytes(data[pos : pos + 2], "big")
    if length < 2:  # noqa: PLR2004 - the length counts itself
        raise RenderError("pixels.undecodable", "the JPEG stream is damaged")
    pos += length
    return _scan_end(data, pos) if marker == SOS else pos


def _scan_end(data: bytes, pos: int) -> int:
    """Return where entropy-coded data ends: at a marker that is neither stuffing nor a restart."""
    while (pos := data.find(b"\xff", pos)) >= 0:
        if pos + 1 >= len(data):
            break
        marker = data[pos + 1]
        # in JPEG-LS a byte below 0x80 behind 0xFF belongs to the data
        if marker >= 0x80 and marker != 0xFF and not 0xD0 <= marker <= 0xD7:  # noqa: PLR2004
            return pos
        pos += 1
    return len(data)


def read_codestream(data: bytes) -> CodeStream:
    """Return what the stream of one frame says of itself.

    Errors: RenderError pixels.undecodable
    """
    if data.startswith((_JP2, _SOC)):
        return _jpeg2000(data)
    return _jpeg(data)


def unboxed(data: bytes) -> bytes:
    """Return the code stream out of a JP2 file, which has no place in DICOM (PS3.5 A.4.4).

    pydicom's own walk over its boxes never ends where one is of no length.
    """
    return data[max(0, data.find(_SOC + _SIZ)) :] if data.startswith(_JP2) else data


def _jpeg2000(data: bytes) -> CodeStream:
    pos = data.find(_SOC + _SIZ)
    if pos < 0 or len(data) < pos + 4 + _SIZE.size + 3:
        raise RenderError("pixels.undecodable", "no JPEG 2000 stream")
    _length, _capabilities, x, y, x0, y0, *_tiles, count = _SIZE.unpack_from(data, pos + 4)
    return CodeStream(
        columns=x - x0,
        rows=y - y0,
        components=count,
        precision=(data[pos + 4 + _SIZE.size] & 0x7F) + 1,
    )


def _jpeg(data: bytes) -> CodeStream:
    jfif, adobe = False, None
    for marker, start, stop in segments(data):
        content = data[start + 4 : stop]
        if marker == APPS[0]:
            jfif = jfif or content.startswith(b"JFIF")
        elif marker == APPS[14] and content.startswith(b"Adobe") and len(content) >= 12:  # noqa: PLR2004
            adobe = content[11]
        elif marker in _SOFS:
            if len(content) < _FRAME.size:
                break
            precision, rows, columns, count = _FRAME.unpack_from(content)
            return CodeStream(
                columns=columns,
                rows=rows,
                components=count,
                precision=precision,
                process=marker,
                identifiers=content[_FRAME.size :: 3][:count],
                jfif=jfif,
                adobe=adobe,
            )
        elif marker == SOS:
            break
    raise RenderError("pixels.undecodable", "no frame header in the JPEG stream")
