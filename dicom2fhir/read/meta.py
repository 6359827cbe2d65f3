"""The file meta information (PS3.10 7.1) and how the data set behind it is really encoded."""

from __future__ import annotations

import re
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from dicom2fhir.read.recognise import guess_encoding
from dicom2fhir.read.structure import HEADER, LONG_HEADER, LONG_VRS, SHORT_VRS, Encoding
from dicom2fhir.read.tables.transfer_syntaxes import TRANSFER_SYNTAXES
from dicom2fhir.read.window import UnreadableError

if TYPE_CHECKING:
    from dicom2fhir.read.window import Window

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
IMPLICIT = Encoding(implicit=True)
EXPLICIT = Encoding(implicit=False)
BIG = Encoding(implicit=False, little=False)
JPIP = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in (94, 95, 204, 205))
NATIVE = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG})
_DEFLATED = frozenset({DEFLATED, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
_PAPYRUS = "1.2.840.10008.1.20"
_VR = re.compile(rb"[A-Z]{2}")
_GROUP = 0x0002
_SOP_CLASS = 0x0002
_SOP_INSTANCE = 0x0003
_TRANSFER_SYNTAX = 0x0010
_KEPT = frozenset({_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX})
_EXPLICIT = Struct("<HH2sH").unpack_from
_LENGTH = Struct("<L").unpack_from
_PRIVATE_UID = re.compile(r"(?!1\.2\.840\.10008\.)[0-2](\.(0|[1-9][0-9]*))+")
_LONGEST = 1024
_ENOUGH = 64


class Meta(NamedTuple):
    """What the file meta information says, and where the data set begins."""

    pos: int
    sop_class_uid: bytes = b""
    sop_instance_uid: bytes = b""
    transfer_syntax_uid: str = ""


class _Known(NamedTuple):
    """What stands around the SOP instance UID in the file meta information of many files."""

    sop_class_uid: bytes
    transfer_syntax_uid: str
    suffix: bytes


_known: dict[bytes, _Known] = {}
_MOST_KNOWN = 64
_GROUP_LENGTH = b"\2\0\0\0UL\4\0"
_SOP_INSTANCE_HEAD = b"\2\0\3\0UI"
_PREFIX_ENDS = 256


def read_meta(window: Window, start: int) -> Meta:
    """Read the elements of group 0002; the group length is not needed and often wrong."""
    data = window.data
    at = data.find(_SOP_INSTANCE_HEAD, start, start + _PREFIX_ENDS)
    if at < 0 or at + HEADER > len(data) or not data.startswith(_GROUP_LENGTH, start):
        return _walk_meta(window, start)[0]
    # the same bytes before and behind the SOP Instance UID are the same elements again
    prefix = data[start + LONG_HEADER : at]
    value = at + HEADER
    stop = value + data[at + 6] + (data[at + 7] << 8)
    known = _known.get(prefix)
    if known is not None and data.startswith(known.suffix, stop) and stop - value <= _LONGEST:
        pos = stop + len(known.suffix) - 2
        return Meta(pos, known.sop_class_uid, data[value:stop], known.transfer_syntax_uid)
    meta, instance_at = _walk_meta(window, start)
    suffix = data[stop : meta.pos + 2]
    ends = stop < meta.pos + 1 < len(data) and not suffix.endswith(_GROUP_LENGTH[:2])
    if instance_at == at and ends and len(suffix) <= _LONGEST:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[prefix] = _Known(meta.sop_class_uid, meta.transfer_syntax_uid, suffix)
    return meta


def _walk_meta(window: Window, start: int) -> tuple[Meta, int]:
    """Return what group 0002 says, and where its last SOP Instance UID stands."""
    found: dict[int, bytes] = {}
    pos, instance_at = start, -1
    while window.hold(pos, LONG_HEADER):
        group, element, vr, length = _EXPLICIT(window.data, pos - window.base)
        if group != _GROUP:
            break
        value = pos + HEADER
        if vr in LONG_VRS:
            (length,) = _LENGTH(window.data, value - window.base)
            value = pos + LONG_HEADER
        elif vr not in SHORT_VRS:
            (length,) = _LENGTH(window.data, value - window.base - 4)
        if value + length > window.size:
            raise UnreadableError("read.truncated")
        if element == _SOP_INSTANCE:
            instance_at = pos
        if element in _KEPT and length <= _LONGEST:
            found[element] = window.take(value, length)
        pos = value + length
    meta = Meta(
        pos,
        found.get(_SOP_CLASS, b""),
        found.get(_SOP_INSTANCE, b""),
        found.get(_TRANSFER_SYNTAX, b"").strip(b" \0").decode("latin-1"),
    )
    return meta, instance_at


def is_deflated(meta: Meta, window: Window) -> bool:
    """Tell whether the data set is deflated: declared so, and not plainly readable."""
    if meta.transfer_syntax_uid not in _DEFLATED:
        return False
    rest = window.size - meta.pos
    return guess_encoding(window.take(meta.pos, min(_ENOUGH, rest)), rest) is None


def find_encoding(head: bytes) -> Encoding:
    """Return how a data set that begins with these bytes is encoded, whatever is declared.

    Two capital letters after the first tag are a VR: as a length they would be over 16 KiB. Tags of
    big endian begin with the high byte of a low group, a zero.
    """
    if not _VR.match(head, 4):
        return IMPLICIT
    return EXPLICIT if head[0] != 0 or head[1] == 0 else BIG


def settle_syntax(
    declared: str,
    encoding: Encoding,
    *,
    deflated: bool,
    encapsulated: bool,
    native: bool,
) -> tuple[str, bool]:
    """Return the transfer syntax that the data set is in, and whether it is the declared one.

    `native` tells that the pixel data is exactly as long as uncompressed pixels are.
    """
    if encoding.implicit:
        found = IMPLICIT_LITTLE
    else:
        found = EXPLICIT_LITTLE if encoding.little else EXPLICIT_BIG
    if declared in TRANSFER_SYNTAXES:
        same = _encoding_of(declared) == encoding and (declared in _DEFLATED) == deflated
        if encapsulated and declared not in NATIVE:
            # only the declaration tells how the pixels are compressed
            return declared, same
        if same and not (native and declared not in NATIVE):
            return declared, not encapsulated
    elif encapsulated and _PRIVATE_UID.fullmatch(declared):
        return declared, True
    return found, False


def _encoding_of(syntax: str) -> Encoding:
    implicit = syntax in (IMPLICIT_LITTLE, _PAPYRUS)
    return Encoding(implicit=implicit, little=syntax != EXPLICIT_BIG)
