"""Opening candidates: the one way to their bytes."""

from __future__ import annotations

import io
import os
import stat
import struct
import zlib
from typing import TYPE_CHECKING, Final

from dicom2fhir.options import MIB

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from dicom2fhir.model import ByteSource, Candidate

GZIP_MAGIC: Final = b"\x1f\x8b\x08"
ZIP_MEMBER_MAGIC: Final = b"PK\x03\x04"

_LOCAL_HEADER = struct.Struct("<4sHHHHHLLLHH")
_STORED, _DEFLATED = 0, 8
# O_NONBLOCK: a path that became a FIFO since it was listed must not block the run.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_HELD = 32 * MIB
_CHUNK = 65536


def open_candidate(candidate: Candidate) -> ByteSource:
    """Open the bytes of a candidate, in any process.

    Errors: OSError, never with a path in it; a FIFO, socket or device is refused without waiting
    """
    descriptor, status = open_regular(candidate.spool or candidate.path, follow=candidate.linked)
    if candidate.offset is None:
        return FileBytes(descriptor, 0, status.st_size, status)
    try:
        return _open_member(descriptor, candidate, candidate.offset, status)
    except BaseException:
        os.close(descriptor)
        raise


def open_stream(candidate: Candidate) -> io.BufferedReader:
    """Open the bytes of a candidate as a file, for libraries that want one.

    Errors: OSError, as `open_candidate`
    """
    return io.BufferedReader(_Stream(open_candidate(candidate)), _CHUNK)


class _Stream(io.RawIOBase):
    """A source with a position."""

    def __init__(self, source: ByteSource) -> None:
        super().__init__()
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._source.size}
        self._position = max(0, start[whence] + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._source.read_at(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


def open_regular(path: str, *, follow: bool) -> tuple[int, os.stat_result]:
    """Return a descriptor of a regular file and its status; a link is followed only if told so."""
    try:
        descriptor = os.open(path, _FLAGS if follow else _FLAGS | os.O_NOFOLLOW)
    except OSError as error:
        number = error.errno or 0
    else:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            return descriptor, status
        os.close(descriptor)
        raise OSError("not a regular file")
    # Raised here, outside the handler: the first error holds the path.
    raise OSError(number, os.strerror(number))


def _open_member(
    descriptor: int, candidate: Candidate, offset: int, status: os.stat_result
) -> ByteSource:
    size = candidate.size or 0
    magic = b"" if candidate.spool else os.pread(descriptor, 4, 0)
    if magic == ZIP_MEMBER_MAGIC:
        method, start = _read_local_header(descriptor, offset)
        if method == _DEFLATED:
            return InflatedBytes(descriptor, start, size, status, -zlib.MAX_WBITS)
    elif magic.startswith(GZIP_MAGIC):
        return InflatedBytes(descriptor, offset, size, status, zlib.MAX_WBITS + 16)
    else:
        start = offset
    if start + size > status.st_size:
        raise OSError("the archive ends before its member does")
    return FileBytes(descriptor, start, size, status)


def _read_local_header(descriptor: int, offset: int) -> tuple[int, int]:
    header = os.pread(descriptor, _LOCAL_HEADER.size, offset)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(ZIP_MEMBER_MAGIC):
        raise OSError("the archive holds no member at this offset")
    fields = _LOCAL_HEADER.unpack(header)
    method, name_length, extra_length = fields[3], fields[9], fields[10]
    if method not in {_STORED, _DEFLATED}:
        raise OSError("the compression of this member is not supported")
    return method, offset + _LOCAL_HEADER.size + name_length + extra_length


class FileBytes:
    """A regular file, or the part of one from `start` on."""

    __slots__ = ("_before", "_descriptor", "_start", "size")

    def __init__(self, descriptor: int, start: int, size: int, status: os.stat_result) -> None:
        self._descriptor = descriptor
        self._start = start
        self.size = size
        self._before = _state(status)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end."""
        # Clamped first: pread allocates what is asked for, however little there is.
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        data = os.pread(self._descriptor, length, self._start + offset)
        while 0 < len(data) < length:  # Linux returns at most 2 GiB at once
            more = os.pread(self._descriptor, length - len(data), self._start + offset + len(data))
            if not more:
                break
            data += more
        return data

    def changed(self) -> bool:
        """Tell whether the file has changed since it was opened."""
        return _state(os.fstat(self._descriptor)) != self._before

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)


class InflatedBytes:
    """A deflated member, inflated as far as it is read and never beyond its declared size.

    Only its head and the latest pieces are held: what lies between is inflated again when it is
    asked for, which needs neither memory nor disk.
    Errors: OSError when the stream is damaged, or not as long as declared
    """

    __slots__ = (
        "_at",
        "_before",
        "_descriptor",
        "_head",
        "_inflated",
        "_latest",
        "_packed",
        "_position",
        "_recent",
        "_start",
        "_stream",
        "_window_bits",
        "size",
    )

    def __init__(
        self, descriptor: int, start: int, size: int, status: os.stat_result, window_bits: int
    ) -> None:
        self._descriptor = descriptor
        self._start = start
        self._window_bits = window_bits
        self.size = size
        self._head = bytearray()
        self._before = _state(status)
        self._begin()

    def _begin(self) -> None:
        self._position = self._start
        self._stream = zlib.decompressobj(self._window_bits)
        self._packed = b""
        self._inflated = self._at = self._latest = 0
        self._recent = b""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end."""
        end = min(offset + length, self.size)
        if offset >= end:
            return b""
        if end <= len(self._head):
            return bytes(self._head[offset:end])
        if offset < self._at:
            self._begin()
        found = bytearray()
        while offset < end:
            piece = self._recent[offset - self._at : end - self._at]
            if not piece:
                self._inflate()
            found += piece
            offset += len(piece)
        return bytes(found)

    def _inflate(self) -> None:
        """Inflate the next piece, and forget all but the one before it."""
        if not self._packed:
            self._packed = os.pread(self._descriptor, _CHUNK, self._position)
            self._position += len(self._packed)
        starved = not self._packed
        # One byte more than declared shows a member that lies about its size.
        limit = min(MIB, self.size - self._inflated + 1)
        try:
            data = self._stream.decompress(self._packed, limit)
        except zlib.error:
            raise OSError("the compressed member is damaged") from None
        self._packed = self._stream.unconsumed_tail
        if len(self._head) == self._inflated < _HELD:
            self._head += data
        self._inflated += len(data)
        if self._inflated > self.size:
            raise OSError("the member is longer than it declares")
        if self._inflated < self.size and (self._stream.eof or starved):
            raise OSError("the member is shorter than it declares")
        if data:
            before = self._recent[len(self._recent) - self._latest :]
            self._at = self._inflated - len(data) - len(before)
            self._recent = before + data
            self._latest = len(data)

    def changed(self) -> bool:
        """Tell whether the archive has changed since it was opened."""
        return _state(os.fstat(self._descriptor)) != self._before

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)


def _state(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
