"""Reading the content tree of one file: the attributes of the second table, nested as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from dicom2fhir.problems import Problem
from dicom2fhir.read.attributes import SPECIFIC_CHARACTER_SET
from dicom2fhir.read.content_attributes import CONTENT
from dicom2fhir.read.content_walk import ContentWalk
from dicom2fhir.read.decode import find_decoder
from dicom2fhir.read.meta import find_encoding, read_meta
from dicom2fhir.read.reading import Reading, counted, open_data_set
from dicom2fhir.read.recognise import recognise
from dicom2fhir.read.runs import Runs
from dicom2fhir.read.structure import HEADER
from dicom2fhir.read.window import UnreadableError, Window

if TYPE_CHECKING:
    from dicom2fhir.model import Attributes, ByteSource
    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.decode import Decoder
    from dicom2fhir.read.wanted import RawItem

_EACH: Final = 4
"""Items that a content item takes: itself, its name, its value and its unit."""
_MOST_VALUES: Final = 100_000
"""Values of one attribute: coordinates are many, and no resource of their own."""
_DEEPEST: Final = 128
"""Levels that can be read and carried without reaching the limit of Python's stack."""


class ContentResult(NamedTuple):
    """What reading the content of one file gave."""

    attributes: Attributes | None
    problems: tuple[Problem, ...] = ()


def read_content(source: ByteSource, options: ReadOptions) -> ContentResult:
    """Read the content tree of one file, with the attributes of the document around it.

    `max_items` counts content items here, and `max_depth` their levels. Problems that reading the
    header notes of the same file too are left out. Half a report is none: what ends early is not
    read, whatever the options allow.
    Errors: every fault is a Problem of the result; without attributes it is sr.unreadable
    """
    reading = Reading(
        replace(
            options,
            allow_truncated=False,
            max_items=options.max_items * _EACH,
            max_values=max(options.max_values, _MOST_VALUES),
            max_depth=min(options.max_depth, _DEEPEST),
        ),
        CONTENT,
        ContentWalk,
    )
    try:
        values, decoder, problems = open_values(source, reading)
    except UnreadableError as error:
        return ContentResult(None, (Problem(code="sr.unreadable", detail=error.code),))
    except OSError:
        return ContentResult(None, (Problem(code="sr.unreadable", detail="read.failed"),))
    attributes, repaired = decoder.decode_content(values, CONTENT)
    return ContentResult(attributes, counted([*problems, *repaired]))


def open_values(source: ByteSource, reading: Reading) -> tuple[RawItem, Decoder, list[Problem]]:
    """Return what a table keeps of a data set as bytes, their decoder, and what was wrong.

    Errors: UnreadableError, OSError
    """
    window = Window(source)
    start = recognise(window.data, window.size)
    if start is None:
        raise UnreadableError("read.not-dicom")
    options = reading.options
    window, pos, _ = open_data_set(window, read_meta(window, start.pos), options)
    encoding = find_encoding(window.take(pos, HEADER))
    kept = reading.elements(window, pos, encoding, Runs())
    charset = kept.values[SPECIFIC_CHARACTER_SET.tag]
    decoder = find_decoder(charset, options.charset, encoding.order, options.max_values)
    return kept.values, decoder, list(kept.problems)
