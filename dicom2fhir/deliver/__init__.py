"""Bundles to disk and stdout: whole or not at all, never into the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dicom2fhir.deliver.blocks import HashMismatchError, NotBase64Error, SourceChangedError
from dicom2fhir.deliver.channel import open_channel
from dicom2fhir.deliver.faults import output_faults
from dicom2fhir.deliver.folder import FolderSink
from dicom2fhir.deliver.raw import LIST as RAW_LIST
from dicom2fhir.deliver.raw import RawFolder, open_raw, part_raw
from dicom2fhir.deliver.single import BundleSink, LinesSink
from dicom2fhir.deliver.target import Form, find_target, refuse_sources
from dicom2fhir.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.deliver.blocks import ReadBytes
    from dicom2fhir.model import EncodedBundle
    from dicom2fhir.options import OutputOptions
    from dicom2fhir.problems import Problem

__all__ = [
    "RAW_LIST",
    "HashMismatchError",
    "NotBase64Error",
    "RawFolder",
    "Sink",
    "SourceChangedError",
    "open_raw",
    "open_sink",
    "part_raw",
    "refuse_sources",
]


class Sink(Protocol):
    """Something that Bundles are delivered to, in order; it is either finished or aborted.

    `bytes` counts the JSON before compression, `files` those that now hold it, `unchanged` those
    of them that held the same before. `is_one_bundle` tells whether all goes into a single Bundle.
    """

    is_one_bundle: bool
    bundles: int
    entries: int
    bytes: int
    files: int
    unchanged: int

    def write(self, bundle: EncodedBundle) -> tuple[Problem, ...]:
        """Deliver one Bundle, or leave it out whole and say why.

        Errors: OutputError, OutputClosedError
        """

    def finish(self) -> tuple[Problem, ...]:
        """Complete the output; only now is all of it in its place.

        Errors: OutputError, OutputClosedError
        """

    def abort(self) -> None:
        """Leave nothing half-written behind; what is complete stays. Harmless after an error."""


def open_sink(options: OutputOptions, sources: Sequence[str], read_bytes: ReadBytes) -> Sink:
    """Open what `options.path` names, and refuse it early where it cannot be written.

    Files are readable by their owner alone, folders that are made too. `read_bytes` yields in
    chunks what stands in a Bundle as base64, and raises SourceChangedError.

    Errors: UsageError for a path of no known form or inside a source, OutputError
    """
    if options.path is None:
        raise UsageError("There is no OUT to write to.", hint="Give -o OUT.")
    target = find_target(options.path, sources)
    with output_faults():
        if target.form is Form.FOLDER:
            return FolderSink(target.path, options.overwrite, read_bytes)
        channel = open_channel(target, options.overwrite)
    kind = LinesSink if target.form is Form.LINES else BundleSink
    return kind(channel, read_bytes)
