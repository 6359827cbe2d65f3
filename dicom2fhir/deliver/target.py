"""What OUT names: a folder, one Bundle, a Bundle a line, a pipe; and where it may not be."""

from __future__ import annotations

import os
import re
import stat
import zlib
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from dicom2fhir.deliver.faults import output_faults
from dicom2fhir.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HEAD = 4096
FORMS_HINT = "OUT is a folder, x.json, x.ndjson, x.json.gz, x.ndjson.gz, or - for stdout."
_FILE = re.compile(r"\.(json|ndjson)(\.gz)?$", re.IGNORECASE)
_OTHER_FILE = re.compile(
    r"\.(gz|bz2|xz|zst|7z|zip|tar|tgz|xml|txt|csv|jsonl|html|dcm|db|log|ya?ml|bundle)$",
    re.IGNORECASE,
)
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")


class Form(StrEnum):
    """How Bundles are laid out."""

    FOLDER = "folder"
    """A file a Bundle."""
    BUNDLE = "bundle"
    """One Bundle of everything."""
    LINES = "lines"
    """A Bundle a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where and how Bundles are written; `descriptor` is one that is open already."""

    path: Path
    form: Form
    compressed: bool = False
    streamed: bool = False
    descriptor: int | None = None


def find_target(out: str, sources: Sequence[str]) -> Target:
    """Return what this OUT names.

    Errors: UsageError when it is neither, or lies in a source
    """
    if not out:
        raise UsageError("OUT is empty.", hint=FORMS_HINT)
    opened = {"-": 1, "/dev/stdout": 1}.get(out)
    numbered = _DESCRIPTOR.fullmatch(out)
    if opened is not None or numbered is not None:
        descriptor = opened if numbered is None else int(numbered[1])
        return Target(path=Path(out), form=Form.BUNDLE, streamed=True, descriptor=descriptor)
    target = _by_what_is_there(out)
    if not target.streamed:
        _refuse_sources(target.path, sources)
    return target


def _by_what_is_there(out: str) -> Target:
    suffix = None if out.endswith(os.sep) else _FILE.search(out)
    form = Form.FOLDER
    if suffix is not None:
        form = Form.LINES if suffix[1].lower() == "ndjson" else Form.BUNDLE
    compressed = suffix is not None and suffix[2] is not None
    # a link is followed, so that what it leads to is replaced and not the link
    path = Path(os.path.realpath(out))
    try:
        mode = Path(out).stat().st_mode
    except OSError:
        if suffix is None and _OTHER_FILE.search(out):
            raise UsageError("OUT has an ending that is not known.", hint=FORMS_HINT) from None
        return Target(path=path, form=form, compressed=compressed)
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        form = Form.BUNDLE if form is Form.FOLDER else form
        return Target(path=Path(out), form=form, compressed=compressed, streamed=True)
    _refuse_mismatch(mode, form)
    if form is not Form.FOLDER:
        _refuse_stranger(path)
    return Target(path=path, form=form, compressed=compressed)


def _refuse_mismatch(mode: int, form: Form) -> None:
    if stat.S_ISDIR(mode):
        if form is not Form.FOLDER:
            raise UsageError("OUT has the name of a file and is a folder.", hint=FORMS_HINT)
    elif not stat.S_ISREG(mode):
        raise UsageError("OUT is a device or a socket.", hint=FORMS_HINT)
    elif form is Form.FOLDER:
        raise UsageError("OUT is a file that is there already, not a folder.", hint=FORMS_HINT)


def _refuse_stranger(path: Path) -> None:
    """Replace a file only where it holds JSON, plain or gzipped, or nothing.

    Whatever way an image was named as input, by a list or through a link, it is not JSON.
    """
    with output_faults():
        head = _head_of(path)
    if head.startswith(b"\x1f\x8b"):
        with suppress(zlib.error):
            head = zlib.decompressobj(31).decompress(head, _HEAD)
    if head and (not head.startswith(b"{") or b"\0" in head):
        raise UsageError(
            "OUT is a file that holds something else than Bundles; it was left alone.",
            hint="Choose another name, or remove that file yourself.",
        )


def _head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def refuse_sources(path: Path, sources: Sequence[str], what: str = "OUT") -> None:
    """Keep what is written out of the input, as far as the command line tells it.

    Errors: UsageError
    """
    _refuse_sources(Path(os.path.realpath(path)), sources, what)


def _refuse_sources(path: Path, sources: Sequence[str], what: str = "OUT") -> None:
    """Keep output out of the input: the next run would read it, and an archive stays as it is."""
    lineage = dict(_lineage(path))
    for source in sources:
        if source == "-":
            continue
        try:
            found = Path(source).stat()
        except OSError:
            inside = any(
                fnmatch(str(place), str(Path(source).absolute())) for place in lineage.values()
            )
        else:
            inside = (found.st_dev, found.st_ino) in lineage
        if inside:
            raise UsageError(
                f"{what} is a source or lies inside one.", hint="Choose a place outside the input."
            )


def _lineage(path: Path) -> Iterator[tuple[tuple[int, int], Path]]:
    """Return the path and the folders above it, by device and inode where they are there."""
    for depth, place in enumerate((path, *path.parents)):
        try:
            found = place.stat()
        except OSError:
            yield (-1, depth), place
        else:
            yield (found.st_dev, found.st_ino), place
