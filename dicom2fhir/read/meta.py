"""The file meta information (PS3.10 7.1) and how the data set behind it is really encoded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.read.recognise import guess_encoding
from dicom2fhir.read.structure import UNDEFINED, Encoding, Walk
from dicom2fhir.read.tables.transfer_syntaxes import TRANSFER_SYNTAXES
from dicom2fhir.read.window import UnreadableError

if TYPE_CHECKING:
    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.recognise import Start
    from dicom2fhir.read.window import Window

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
JPIP = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in (94, 95, 204, 205))
NATIVE = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG})
_DEFLATED = frozenset({DEFLATED, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
_PAPYRUS = "1.2.840.10008.1.20"
_VR = re.compile(rb"[A-Z]{2}")
_SOP_CLASS = 0x00020002
_SOP_INSTANCE = 0x00020003
_TRANSFER_SYNTAX = 0x00020010
_PRIVATE_UID = re.compile(r"(?!1\.2\.840\.10008\.)[0-2](\.(0|[1-9][0-9]*))+")
_LONGEST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What the file meta information says, and where the data set begins."""

    pos: int
    sop_class_uid: bytes = b""
    sop_instance_uid: bytes = b""
    transfer_syntax_uid: str = ""


def read_meta(window: Window, start: Start, options: ReadOptions) -> Meta:
    """Read the elements of group 0002; the group length is not needed and often wrong."""
    found: dict[int, bytes] = {}
    walk = Walk(window, Encoding(implicit=False), options)
    pos = start.pos
    while window.hold(pos, 8):
        tag, _vr, length, value = walk.header(pos, implicit=False)
        if tag >> 16 != 0x0002:
            break
        if length == UNDEFINED or value + length > window.size:
            raise UnreadableError("read.truncated")
        if length <= _LONGEST:
            found[tag] = window.take(value, length)
        pos = value + length
    return Meta(
        pos=pos,
        sop_class_uid=found.get(_SOP_CLASS, b""),
        sop_instance_uid=found.get(_SOP_INSTANCE, b""),
        transfer_syntax_uid=found.get(_TRANSFER_SYNTAX, b"").strip(b" \0").decode("latin-1"),
    )


def is_deflated(meta: Meta, head: bytes, size: int) -> bool:
    """Tell whether the data set is deflated: declared so, and not plainly readable."""
    return meta.transfer_syntax_uid in _DEFLATED and guess_encoding(head, size) is None


def find_encoding(head: bytes) -> Encoding:
    """Return how a data set that begins with these bytes is encoded, whatever is declared.

    Two capital letters after the first tag are a VR: as a length they would be over 16 KiB. Tags of
    big endian begin with the high byte of a low group, a zero.
    """
    if not _VR.match(head, 4):
        return Encoding(implicit=True)
    return Encoding(implicit=False, little=head[0] != 0 or head[1] == 0)


def settle_syntax(
    declared: str, encoding: Encoding, *, deflated: bool, encapsulated: bool, native: bool
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
