"""Where a stream of bytes goes: a file that appears whole, an open descriptor, through gzip."""

from __future__ import annotations

import os
import select
import sys
import zlib
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from dicom2fhir.deliver.whole import (
    PRIVATE_FOLDER,
    WholeFile,
    digest_of,
    remove_leftovers,
    sync_folder,
)
from dicom2fhir.errors import OutputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from dicom2fhir.deliver.target import Target


class Channel(Protocol):
    """Something that takes bytes in order; it is either finished or aborted."""

    def write(self, data: bytes) -> None:
        """Take the next bytes."""

    def keep(self) -> None:
        """Remember what was written so far."""

    def take_back(self) -> None:
        """Undo what was written since `keep`.

        Errors: OutputError where that has gone already
        """

    def finish(self) -> bool:
        """Complete the output; tell whether it changed."""

    def abort(self) -> None:
        """Leave nothing behind that could be taken for complete."""


class FileChannel:
    """A file that takes its place at the end, unless the same bytes are there already."""

    def __init__(self, path: Path, overwrite: str) -> None:
        if overwrite == "never" and (path.exists() or path.is_symlink()):
            raise UsageError(
                "OUT is there already and is not to be overwritten.",
                hint="Choose another name, or --overwrite changed.",
            )
        self._path = path
        tag = sha256(os.fsencode(path.name)).hexdigest()[:8]
        make_folder(path.parent)
        remove_leftovers(path.parent, tag)
        self._file = WholeFile(path.parent, tag)
        self._digest = sha256() if path.exists() and overwrite != "always" else None
        self.keep()

    def write(self, data: bytes) -> None:
        """Append to the temporary file."""
        self._file.write(data)
        if self._digest is not None:
            self._digest.update(data)

    def keep(self) -> None:
        """Remember the size and the digest."""
        self._kept = self._file.size, self._digest and self._digest.copy()

    def take_back(self) -> None:
        """Cut the temporary file."""
        size, self._digest = self._kept
        self._file.cut(size)
        self.keep()

    def finish(self) -> bool:
        """Give the file its name once it is safe on the disk."""
        if self._digest is not None and digest_of(self._path) == self._digest.hexdigest():
            self._file.discard()
            return False
        self._file.sync()
        self._file.place(self._path.name)
        sync_folder(self._path.parent)
        return True

    def abort(self) -> None:
        """Remove the temporary file; what had the name before is untouched."""
        self._file.discard()


class _OneWay:
    """What is written here is out of our hands."""

    _gone = False

    def keep(self) -> None:
        """Note that what was written is to stay."""
        self._gone = False

    def take_back(self) -> None:
        """Refuse, unless nothing was written since."""
        if self._gone:
            raise OutputError(
                "A file changed while its bytes were written, and what has gone through a pipe"
                " cannot be taken back.",
                hint="Run again, or write to a folder: then only its Bundle is left out.",
            )


class DescriptorChannel(_OneWay):
    """A pipe, a device or stdout: written straight through, as it cannot be taken back."""

    def __init__(self, descriptor: int, *, ours: bool) -> None:
        os.fstat(descriptor)
        self._descriptor = descriptor
        self._ours = ours

    def write(self, data: bytes) -> None:
        """Write now; wait where the other end has made the pipe non-blocking."""
        self._gone = True
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                select.select((), (self._descriptor,), ())

    def finish(self) -> bool:
        """Close what we opened."""
        if self._ours:
            os.close(self._descriptor)
            self._ours = False
        return True

    def abort(self) -> None:
        """Close what we opened."""
        self.finish()


class BufferChannel(_OneWay):
    """A stdout that is no descriptor, as in a test or a notebook."""

    def __init__(self, buffer: BinaryIO) -> None:
        self._buffer = buffer

    def write(self, data: bytes) -> None:
        """Write to the buffer."""
        self._gone = True
        self._buffer.write(data)

    def finish(self) -> bool:
        """Flush the buffer."""
        self._buffer.flush()
        return True

    def abort(self) -> None:
        """Leave the buffer to its owner."""


class GzipChannel:
    """Another channel behind gzip: without time or name, so same input gives same bytes."""

    def __init__(self, inner: Channel) -> None:
        self._inner = inner
        # RFC 1952 framing by zlib: MTIME 0, no FNAME
        self._gzip = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        self._kept = self._gzip

    def write(self, data: bytes) -> None:
        """Compress the next bytes."""
        packed = self._gzip.compress(data)
        if packed:
            self._inner.write(packed)

    def keep(self) -> None:
        """Remember the state of the compressor."""
        self._inner.keep()
        self._kept = self._gzip.copy()

    def take_back(self) -> None:
        """Go on from the state that was kept."""
        self._inner.take_back()
        self._gzip = self._kept.copy()

    def finish(self) -> bool:
        """Write the rest and the checksum."""
        self._inner.write(self._gzip.flush())
        return self._inner.finish()

    def abort(self) -> None:
        """Abort the channel behind."""
        self._inner.abort()


def open_channel(target: Target, overwrite: str) -> Channel:
    """Return the channel to this target."""
    inner: Channel
    if target.descriptor == 1:
        inner = _stdout()
    elif target.descriptor is not None:
        inner = DescriptorChannel(target.descriptor, ours=False)
    elif target.streamed:
        inner = DescriptorChannel(os.open(target.path, os.O_WRONLY), ours=True)
    else:
        inner = FileChannel(target.path, overwrite)
    return GzipChannel(inner) if target.compressed else inner


def _stdout() -> Channel:
    if sys.stdout is None:
        raise OutputError("There is no stdout to write to.")
    sys.stdout.flush()
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return BufferChannel(sys.stdout.buffer)
    return DescriptorChannel(descriptor, ours=False)


def make_folder(path: Path) -> bool:
    """Make the folder for its owner alone; tell whether it was not there before."""
    if path.is_dir():
        return False
    path.mkdir(PRIVATE_FOLDER, parents=True)
    path.chmod(PRIVATE_FOLDER)
    return True
