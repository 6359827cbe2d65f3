"""DICOM files made element by element, for the tests of read."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from dicom2fhir.options import ReadOptions
from dicom2fhir.read import ReadResult, read_instance

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
CT = "1.2.840.10008.5.1.4.1.1.2"
UNDEFINED = 0xFFFFFFFF
LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UC", "UN", "UR", "UT")
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"


class MemorySource:
    """Bytes in memory, read like a file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]

    def changed(self) -> bool:
        return False

    def close(self) -> None:
        pass


def pad(value: bytes, filler: bytes = b" ") -> bytes:
    return value + filler * (len(value) % 2)


@dataclass(frozen=True)
class Coder:
    """Encodes elements one way."""

    implicit: bool = False
    order: str = "<"

    def element(self, tag: int, vr: str, value: bytes | str, length: int | None = None) -> bytes:
        raw = (
            value
            if isinstance(value, bytes)
            else pad(value.encode(), b"\0" if vr == "UI" else b" ")
        )
        size = len(raw) if length is None else length
        head = struct.pack(f"{self.order}HH", tag >> 16, tag & 0xFFFF)
        if self.implicit:
            return head + struct.pack(f"{self.order}L", size) + raw
        if vr in LONG:
            return head + vr.encode() + struct.pack(f"{self.order}HL", 0, size) + raw
        return head + vr.encode() + struct.pack(f"{self.order}H", size) + raw

    def item(self, *elements: bytes, defined: bool = True) -> bytes:
        body = b"".join(elements)
        head = struct.pack(f"{self.order}HH", 0xFFFE, 0xE000)
        if defined:
            return head + struct.pack(f"{self.order}L", len(body)) + body
        return head + struct.pack(f"{self.order}L", UNDEFINED) + body + self.end(0xE00D)

    def end(self, element: int) -> bytes:
        return struct.pack(f"{self.order}HHL", 0xFFFE, element, 0)

    def sequence(self, tag: int, *items: bytes, defined: bool = True, vr: str = "SQ") -> bytes:
        body = b"".join(items)
        if defined:
            return self.element(tag, vr, body)
        return self.element(tag, vr, body + self.end(0xE0DD), UNDEFINED)


explicit = Coder()
implicit = Coder(implicit=True)
big = Coder(order=">")


def identity(coder: Coder = explicit, sop_class: str = CT) -> dict[int, bytes]:
    """Return what the least instance holds, by tag."""
    return {
        0x00080016: coder.element(0x00080016, "UI", sop_class),
        0x00080018: coder.element(0x00080018, "UI", "2.25.11"),
        0x00080060: coder.element(0x00080060, "CS", "CT"),
        0x00100020: coder.element(0x00100020, "LO", "P1"),
        0x0020000D: coder.element(0x0020000D, "UI", "2.25.12"),
        0x0020000E: coder.element(0x0020000E, "UI", "2.25.13"),
        0x7FE00010: coder.element(0x7FE00010, "OW", b"\1\2"),
    }


def file_meta(syntax: str | None = EXPLICIT, sop_class: str = CT) -> bytes:
    """Return preamble, prefix and file meta information."""
    body = explicit.element(0x00020002, "UI", sop_class)
    body += explicit.element(0x00020003, "UI", "2.25.11")
    if syntax is not None:
        body += explicit.element(0x00020010, "UI", syntax)
    length = explicit.element(0x00020000, "UL", struct.pack("<L", len(body)))
    return b"\0" * 128 + b"DICM" + length + body


def data_set(elements: dict[int, bytes]) -> bytes:
    return b"".join(elements[tag] for tag in sorted(elements))


@dataclass
class Case:
    """One file: its elements by tag, to change before it is read."""

    coder: Coder = explicit
    syntax: str | None = EXPLICIT
    sop_class: str = CT
    elements: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.elements = identity(self.coder, self.sop_class) | self.elements

    def put(self, tag: int, vr: str, value: bytes | str) -> Case:
        self.elements[tag] = self.coder.element(tag, vr, value)
        return self

    def without(self, *tags: int) -> Case:
        for tag in tags:
            del self.elements[tag]
        return self

    def data(self) -> bytes:
        return file_meta(self.syntax, self.sop_class) + data_set(self.elements)

    def read(self, **options: object) -> ReadResult:
        return read(self.data(), **options)


def read(data: bytes, **options: object) -> ReadResult:
    return read_instance(MemorySource(data), ReadOptions(**options))  # type: ignore[arg-type]


def codes(result: ReadResult) -> list[str]:
    return [problem.code for problem in result.problems]
