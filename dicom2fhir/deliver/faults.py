"""What the operating system says against writing, as a sentence and an exit code."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dicom2fhir.errors import OutputClosedError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_REASONS = {
    errno.ENOSPC: ("the disk is full", "Make room and run again."),
    errno.EDQUOT: ("the disk quota is used up", "Make room and run again."),
    errno.EFBIG: ("a file would grow larger than is allowed here", "Write to a folder instead."),
    errno.EIO: ("the disk reports a fault", "Check the disk before you run again."),
    errno.EACCES: ("permission is denied", "Choose a place that you may write to."),
    errno.EPERM: ("permission is denied", "Choose a place that you may write to."),
    errno.EROFS: ("the file system is read-only", "Choose a place that you may write to."),
    errno.EBADF: ("it is not open for writing", "Choose another place."),
    errno.ENAMETOOLONG: ("a file name is too long here", "Choose another place."),
    errno.ENOTDIR: ("a part of its path is no folder", "Choose another place."),
}


@contextmanager
def output_faults() -> Iterator[None]:
    """Turn what the system raises while we write into the errors of a run.

    Errors: OutputClosedError when the reader of a pipe has gone, else OutputError; without a path,
            for the names of Bundle files hold UIDs
    """
    try:
        yield
    except BrokenPipeError:
        raise OutputClosedError("The reader of the output has gone.") from None
    except OSError as fault:
        number = fault.errno or 0
        reason, hint = _REASONS.get(number, (os.strerror(number).lower(), ""))
        raise OutputError(f"The output cannot be written: {reason}.", hint=hint) from None
