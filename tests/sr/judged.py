"""Files with reports, what pydicom finds in them, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.filereader import dcmread

from content_walk import StatedNumber, stated_numbers
from recovered import Conversion, convert_files

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Files with reports, what pydicom finds in them, and what became of them."""

    files: dict[str, Path]
    """By SOP Instance UID."""
    stated: dict[str, list[StatedNumber]]
    conversion: Conversion


def judge(files: list[Path], out: Path, **options: Any) -> Judged:  # noqa: ANN401
    uids = {str(dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID): path
            for path in files}  # fmt: skip
    return Judged(
        files=uids,
        stated={uid: stated_numbers(path) for uid, path in uids.items()},
        conversion=convert_files(files, out, **options),
    )
