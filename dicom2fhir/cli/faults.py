"""Faults of our own: where they arose, without the error's text, which may quote a patient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dicom2fhir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_PACKAGE = Path(dicom2fhir.__file__).resolve().parent


def describe_fault(error: BaseException) -> str:
    """Return one sentence: the type of the error, and the last line of our code it came through."""
    ours = [frame for frame in frames(error.__traceback__) if frame.startswith("dicom2fhir/")]
    place = f" at {ours[-1]}" if ours else ""
    return f"This is a fault in dicom2fhir {dicom2fhir.__version__}: {type(error).__name__}{place}."


def frames(traceback: TracebackType | None) -> Iterator[str]:
    """Yield file, line and function of each frame, outermost first."""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield f"{_shorten(code.co_filename)}:{traceback.tb_lineno} in {code.co_name}"
        traceback = traceback.tb_next


def _shorten(filename: str) -> str:
    """Return the file below our package, or the last two parts of another's path."""
    path = Path(filename)
    if path.is_relative_to(_PACKAGE):
        return str(Path("dicom2fhir", path.relative_to(_PACKAGE)).as_posix())
    return "/".join(path.parts[-2:])
