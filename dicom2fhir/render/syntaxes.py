"""The transfer syntaxes (PS3.5 A) by what is done with their pixels."""

from __future__ import annotations

_ROOT = "1.2.840.10008.1.2"
IMPLICIT = _ROOT
PAPYRUS = "1.2.840.10008.1.20"
BIG_ENDIAN = f"{_ROOT}.2"
DEFLATED = frozenset({f"{_ROOT}.1.99", f"{_ROOT}.4.95", f"{_ROOT}.4.205"})
NATIVE = frozenset({IMPLICIT, PAPYRUS, f"{_ROOT}.1", f"{_ROOT}.1.99", BIG_ENDIAN})
ENCAPSULATED_NATIVE = f"{_ROOT}.1.98"
DEFLATED_FRAMES = f"{_ROOT}.8.1"
JPEG_BASELINE = f"{_ROOT}.4.50"
JPEG_LOSSLESS = frozenset({f"{_ROOT}.4.57", f"{_ROOT}.4.70"})
JPEG = JPEG_LOSSLESS | {JPEG_BASELINE, f"{_ROOT}.4.51"}
RLE = f"{_ROOT}.5"
_MPEG2 = frozenset(f"{_ROOT}.4.{last}" for last in ("100", "100.1", "101", "101.1"))
_H264 = frozenset(f"{_ROOT}.4.{one}{end}" for one in range(102, 107) for end in ("", ".1"))
_HEVC = frozenset(f"{_ROOT}.4.{last}" for last in (107, 108))
VIDEO_TYPES = {
    **dict.fromkeys(_MPEG2, "video/mpeg"),
    **dict.fromkeys(_H264, "video/h264"),
    **dict.fromkeys(_HEVC, "video/h265"),
}
"""The media type of a bare elementary stream in each video transfer syntax."""
