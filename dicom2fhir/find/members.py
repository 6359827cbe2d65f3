"""What a zip or a tar lists: its members, read one at a time so that memory stays flat.

The standard library's zipfile and tarfile keep every member in memory, and tarfile reads a
header of any declared size; an archive of a million members, or a hostile one, must cost nothing.
"""

from __future__ import annotations

import os
import stat
import struct
from typing import TYPE_CHECKING, NamedTuple

from dicom2fhir.find.sources import ZIP_MEMBER_MAGIC
from dicom2fhir.options import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 512

_END = struct.Struct("<4s4H2LH")  # APPNOTE 4.3.16
_END_MAGIC = b"PK\x05\x06"
_LOCATOR = struct.Struct("<4sLQL")  # APPNOTE 4.3.15
_END64 = struct.Struct("<4sQ2H2L4Q")  # APPNOTE 4.3.14
_ENTRY = struct.Struct("<4s6H3L5H2L")  # APPNOTE 4.3.12
_NOT_PLAIN = 1 << 0 | 1 << 6 | 1 << 13  # encrypted, one way or another (APPNOTE 4.4.4)
_UTF8 = 1 << 11
_UNIX = 3
_METHODS = {0, 8}  # stored, deflated
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF

_LONGEST_HEADER = MIB  # a name of more bytes opens nowhere
_LENGTH_DIGITS = 19  # 2^64 has 20
_NO_DATA = b"123456"  # links, devices, folders, FIFOs (POSIX pax, typeflag)


class BadArchiveError(Exception):
    """The archive cannot be listed, or not beyond what was listed."""


class Member(NamedTuple):
    """One member: where to reopen it, its size, and how many bytes it takes in the archive."""

    name: str
    offset: int
    size: int
    packed: int
    is_folder: bool = False
    is_usable: bool = True


def list_zip(descriptor: int) -> Iterator[Member]:
    """Yield the members that the central directory names.

    Errors: BadArchiveError when the directory is damaged or holds another count than it declares
    """
    position, end, shift, declared = _find_directory(descriptor)
    count = 0
    while position < end:
        header = _read(descriptor, position, _ENTRY.size)
        if not header.startswith(b"PK\x01\x02"):
            raise BadArchiveError
        fields = _ENTRY.unpack(header)
        lengths = fields[10:13]
        variable = _read(descriptor, position + _ENTRY.size, sum(lengths))
        yield _zip_member(fields, variable, shift, end)
        position += _ENTRY.size + sum(lengths)
        count += 1
    # Some writers without zip64 let the count of 16 bits overflow.
    if (count - declared) % (_FULL16 + 1):
        raise BadArchiveError


def _find_directory(descriptor: int) -> tuple[int, int, int, int]:
    """Return start and end of the central directory, what to add to offsets, and its count."""
    length = os.fstat(descriptor).st_size
    tail_start = max(0, length - _END.size - _FULL16)
    tail = os.pread(descriptor, length - tail_start, tail_start)
    found = tail.rfind(_END_MAGIC)
    if found < 0 or len(tail) - found < _END.size:
        raise BadArchiveError
    end = tail_start + found
    _, _, _, _, count, size, offset, _ = _END.unpack_from(tail, found)
    locator = os.pread(descriptor, _LOCATOR.size, max(0, end - _LOCATOR.size))
    if locator.startswith(b"PK\x06\x07") and len(locator) == _LOCATOR.size:
        end = _LOCATOR.unpack(locator)[2]
        record = _read(descriptor, end, _END64.size)
        *_, count, size, offset = _END64.unpack(record)
        if not record.startswith(b"PK\x06\x06"):
            raise BadArchiveError
    shift = end - size - offset  # bytes before the archive that its offsets do not count
    if shift < 0:
        raise BadArchiveError
    return end - size, end, shift, count


def _zip_member(fields: tuple[int, ...], variable: bytes, shift: int, end: int) -> Member:
    made_by, flags, method = fields[1], fields[3], fields[4]
    packed, size, name_length, extra_length = fields[8], fields[9], fields[10], fields[11]
    offset, mode = fields[16], fields[15] >> 16
    extra = variable[name_length : name_length + extra_length]
    if _FULL32 in {packed, size, offset}:
        size, packed, offset = _zip64(extra, size, packed, offset)
    raw = variable[:name_length]
    name = raw.decode("utf-8", "surrogateescape") if flags & _UTF8 else raw.decode("cp437")
    is_other_kind = made_by >> 8 == _UNIX and stat.S_IFMT(mode) not in {0, stat.S_IFREG}
    return Member(
        name=name,
        # One of 64 bits may be more than a file, or a database, can take.
        offset=min(offset + shift, end),
        size=size,
        packed=packed,
        is_folder=name.endswith("/"),
        is_usable=method in _METHODS and not flags & _NOT_PLAIN and not is_other_kind,
    )


def _zip64(extra: bytes, *values: int) -> list[int]:
    """Return size, packed size and offset, each from the zip64 field where it overflowed."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == 1:
            field = extra[position + 4 : position + 4 + length]
            wide = iter(struct.unpack_from(f"<{len(field) // 8}Q", field))
            return [next(wide, value) if value == _FULL32 else value for value in values]
        position += 4 + length
    return list(values)


def is_tar_header(block: bytes) -> bool:
    """Tell whether the block is a tar header, of any dialect, by its checksum."""
    if len(block) < BLOCK or not block[0]:
        return False
    try:
        declared = _number(block[148:156])
    except BadArchiveError:
        return False
    unsigned = sum(block[:148]) + 8 * ord(" ") + sum(block[156:BLOCK])
    negatives = sum(byte > 127 for byte in block[:148] + block[156:BLOCK])  # noqa: PLR2004
    return declared in {unsigned, unsigned - 256 * negatives}


def list_tar(descriptor: int) -> Iterator[Member]:
    """Yield the members of an unpacked tar.

    Errors: BadArchiveError when a header is damaged, or the file ends before its end mark
    """
    length = os.fstat(descriptor).st_size
    position = 0
    override: dict[str, str] = {}
    while any(header := _read(descriptor, position, BLOCK)):
        if not is_tar_header(header):
            raise BadArchiveError
        position += BLOCK
        kind = header[156:157]
        size = _tar_size(header, kind, override)
        if kind in b"LKxg":
            if size > min(_LONGEST_HEADER, length - position):
                raise BadArchiveError
            override |= _tar_override(kind, os.pread(descriptor, size, position))
        else:
            if kind == b"S":
                position = _skip_sparse_map(descriptor, header, position)
            if position + size > length:
                raise BadArchiveError
            yield _tar_member(header, kind, override, position, size)
            override = {}
        position += -(-size // BLOCK) * BLOCK


def _tar_size(header: bytes, kind: bytes, override: dict[str, str]) -> int:
    if kind in _NO_DATA:
        return 0
    size = override.get("size", "") if kind not in b"LKxg" else ""
    if size.isdecimal() and len(size) <= _LENGTH_DIGITS:
        return int(size)
    return _number(header[124:136])


def _tar_member(
    header: bytes, kind: bytes, override: dict[str, str], position: int, size: int
) -> Member:
    name = _text(header[:100])
    if header[257:263] == b"ustar\0" and header[345]:
        name = f"{_text(header[345:500])}/{name}"
    name = override.get("path", name)
    is_folder = kind == b"5" or (kind in b"\x000" and name.endswith("/"))
    is_sparse = any(keyword.startswith("GNU.sparse.") for keyword in override)
    return Member(name, position, size, size, is_folder, kind in b"\x0007" and not is_sparse)


def _tar_override(kind: bytes, data: bytes) -> dict[str, str]:
    """Return what an extra header says of the member after it: a long name, or pax records."""
    if kind == b"L":
        return {"path": _text(data)}
    records: dict[str, str] = {}
    while kind == b"x" and data.strip(b"\0"):
        length, _, _ = data.partition(b" ")
        if not length.isdigit() or len(length) > _LENGTH_DIGITS:
            raise BadArchiveError
        if not len(length) + 1 < int(length) <= len(data):
            raise BadArchiveError
        record, data = data[len(length) + 1 : int(length) - 1], data[int(length) :]
        keyword, _, value = record.partition(b"=")
        records[_text(keyword)] = _text(value)
    return records


def _skip_sparse_map(descriptor: int, header: bytes, position: int) -> int:
    is_continued = header[482]
    while is_continued:
        is_continued = _read(descriptor, position, BLOCK)[504]
        position += BLOCK
    return position


def _number(field: bytes) -> int:
    if field[0] == 0x80:  # noqa: PLR2004 - GNU: the rest of the field is binary
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip()
    if digits.strip(b"01234567"):
        raise BadArchiveError
    return int(digits or b"0", 8)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _read(descriptor: int, offset: int, length: int) -> bytes:
    try:
        data = os.pread(descriptor, length, offset)
    except OverflowError:  # an offset of 64 bits
        raise BadArchiveError from None
    if len(data) < length:
        raise BadArchiveError
    return data


def is_zip(head: bytes) -> bool:
    """Tell whether a file that starts like this is a zip; an empty one holds only its end."""
    return head.startswith((ZIP_MEMBER_MAGIC, _END_MAGIC))
