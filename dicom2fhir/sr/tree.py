"""From the attributes of a data set to its content tree, with known faults repaired.

Nothing calls itself here: a tree is laid out in the order of the document, and then its items are
made from the last to the first, children before what holds them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from dicom2fhir.content import ContentItem, ContentTree
from dicom2fhir.sr import links
from dicom2fhir.sr.values import (
    Evidence,
    find_evidence,
    first,
    items,
    number_path,
    read_concept,
    read_numbers,
    read_references,
    read_region,
    read_text,
)

if TYPE_CHECKING:
    from dicom2fhir.model import Attributes
    from dicom2fhir.options import ReportOptions

Faults = Counter[tuple[str, str]]

VALUE_TYPE: Final = "(0040,A040)"
RELATIONSHIP: Final = "(0040,A010)"
CONCEPT_NAME: Final = "(0040,A043)"
CONTENT: Final = "(0040,A730)"
IDENTIFIER: Final = "(0040,DB73)"
GRAPHIC_DATA: Final = "(0070,0022)"
_MOST_COORDINATES: Final = 500_000
"""Coordinates of one tree; as text each takes some sixty bytes."""
_NAMED: Final = frozenset(
    {
        "TEXT",
        "CODE",
        "NUM",
        "PNAME",
        "DATE",
        "TIME",
        "DATETIME",
        "UIDREF",
        "CONTAINER",
    }
)
"""Value types that are called by a concept name (PS3.3 table C.17-5); of images the title is."""
_VALUE_TYPES: Final = _NAMED | {
    "IMAGE",
    "COMPOSITE",
    "WAVEFORM",
    "SCOORD",
    "SCOORD3D",
    "TCOORD",
    "TABLE",
}
_MISSPELT: Final = {"PERSON NAME": "PNAME", "PN": "PNAME", "UID": "UIDREF", "NUMERIC": "NUM"}
_RELATIONSHIPS: Final = frozenset(
    {
        "CONTAINS",
        "HAS PROPERTIES",
        "INFERRED FROM",
        "SELECTED FROM",
        "HAS OBS CONTEXT",
        "HAS ACQ CONTEXT",
        "HAS CONCEPT MOD",
    }
)
_INFERRED: Final = (
    ("MeasuredValueSequence", "NUM"),
    ("NumericValueQualifierCodeSequence", "NUM"),
    ("ConceptCodeSequence", "CODE"),
    ("TextValue", "TEXT"),
    ("PersonName", "PNAME"),
    ("DateTime", "DATETIME"),
    ("Date", "DATE"),
    ("Time", "TIME"),
    ("UID", "UIDREF"),
    ("TemporalRangeType", "TCOORD"),
    ("ReferencedFrameOfReferenceUID", "SCOORD3D"),
    ("GraphicData", "SCOORD"),
    ("GraphicType", "SCOORD"),
    ("ContentSequence", "CONTAINER"),
)
"""What an item without a value type is, by the first attribute that it holds."""


class _Draft(NamedTuple):
    """A content item as it is laid out: where it hangs, and what it holds."""

    path: str
    parent: int
    depth: int
    attributes: Attributes


def build_tree(attributes: Attributes, options: ReportOptions) -> ContentTree:
    """Return the content tree of a data set, as `read_content` gave it.

    `faults` counts what was repaired or left out: value types, relationships, names, references
    and what lies beyond the limits. What a value is worth is not judged here.
    An item by reference has no value type; without a `target` its link is dangling or a circle.
    """
    faults: Faults = Counter()
    evidence = find_evidence(attributes)
    drafts = _lay_out(attributes, options, faults)
    targets = _find_targets(drafts, faults)
    _drop_coordinates(drafts, faults)
    # the root hangs below the last list, as the parent of index -1
    children: list[list[ContentItem]] = [[] for _ in range(len(drafts) + 1)]
    for index in range(len(drafts) - 1, -1, -1):
        draft = drafts[index]
        below = tuple(reversed(children[index]))
        children[index] = []
        item = _make_item(draft, below, targets.get(index), evidence, faults)
        children[draft.parent].append(item)
    (root,) = children[-1]
    around = {key: values for key, values in attributes.items() if key != "ContentSequence"}
    return ContentTree(root=root, attributes=around, evidence=evidence, faults=dict(+faults))


def _lay_out(attributes: Attributes, options: ReportOptions, faults: Faults) -> list[_Draft]:
    """Return the items in the order of the document, within the limits."""
    drafts: list[_Draft] = []
    waiting = [_Draft("1", -1, 1, attributes)]
    while waiting:
        if len(drafts) >= max(1, options.max_items):
            faults["sr.items-limit", CONTENT] += 1
            break
        draft = waiting.pop()
        index = len(drafts)
        drafts.append(draft)
        below = items(draft.attributes, "ContentSequence")
        if below and draft.depth >= options.max_depth:
            faults["sr.too-deep", CONTENT] += 1
            continue
        depth = draft.depth + 1
        waiting += [
            _Draft(f"{draft.path}.{number}", index, depth, below[number - 1])
            for number in range(len(below), 0, -1)
        ]
    return drafts


def _drop_coordinates(drafts: list[_Draft], faults: Faults) -> None:
    """Leave out the coordinates beyond the limit: nobody reads so many, and the file has them."""
    total = 0
    for index, draft in enumerate(drafts):
        total += len(draft.attributes.get("GraphicData", ()))
        if total > _MOST_COORDINATES and "GraphicData" in draft.attributes:
            rest = {key: one for key, one in draft.attributes.items() if key != "GraphicData"}
            drafts[index] = draft._replace(attributes=rest)
            faults["read.value-limit", GRAPHIC_DATA] += 1


def _find_targets(drafts: list[_Draft], faults: Faults) -> dict[int, str]:
    """Return where each item by reference leads, by its index; "" where it leads nowhere."""
    named = {
        index: number_path(draft.attributes)
        for index, draft in enumerate(drafts)
        if "ReferencedContentItemIdentifier" in draft.attributes
    }
    if not named:
        return named
    places = {draft.path: index for index, draft in enumerate(drafts)}
    edges = {index: places[path] for index, path in named.items() if path in places}
    circles = links.find_circles([draft.parent for draft in drafts], edges)
    faults["sr.dangling-reference", IDENTIFIER] += len(named) - len(edges)
    faults["sr.reference-loop", IDENTIFIER] += len(circles)
    return {
        index: path if index in edges and index not in circles else ""
        for index, path in named.items()
    }


def _make_item(
    draft: _Draft,
    children: tuple[ContentItem, ...],
    target: str | None,
    evidence: Evidence,
    faults: Faults,
) -> ContentItem:
    found = draft.attributes
    is_root = draft.parent < 0
    name = read_concept(found, "ConceptNameCodeSequence")
    value_type = "" if target is not None else _value_type(found, faults, is_root=is_root)
    if name is None and value_type in _NAMED:
        faults["sr.no-name", CONCEPT_NAME] += 1
    template = next(iter(items(found, "ContentTemplateSequence")), {})
    return ContentItem(
        path=draft.path,
        value_type=value_type,
        relationship="" if is_root else _relationship(found, faults),
        name=name,
        text=read_text(found, value_type),
        code=read_concept(found, "ConceptCodeSequence"),
        numbers=read_numbers(found) if value_type == "NUM" else (),
        qualifier=read_concept(found, "NumericValueQualifierCodeSequence"),
        references=read_references(found, evidence, name),
        region=read_region(found, value_type),
        target=target or "",
        template=first(template, "TemplateIdentifier"),
        uid=first(found, "ObservationUID"),
        observed=first(found, "ObservationDateTime"),
        continuous=first(found, "ContinuityOfContent") == "CONTINUOUS",
        children=children,
    )


def _value_type(found: Attributes, faults: Faults, *, is_root: bool) -> str:
    stated = " ".join(first(found, "ValueType").upper().split())
    if stated in _VALUE_TYPES:
        return stated
    faults["sr.value-type", VALUE_TYPE] += 1
    if is_root:
        return "CONTAINER"
    if stated in _MISSPELT:
        return _MISSPELT[stated]
    if "ReferencedSOPSequence" in found:
        return _referenced_type(found)
    return next((kind for keyword, kind in _INFERRED if keyword in found), "TEXT")


def _referenced_type(found: Attributes) -> str:
    reference = next(iter(items(found, "ReferencedSOPSequence")), {})
    if "ReferencedWaveformChannels" in reference:
        return "WAVEFORM"
    is_image = "ReferencedFrameNumber" in reference or "ReferencedSegmentNumber" in reference
    return "IMAGE" if is_image else "COMPOSITE"


def _relationship(found: Attributes, faults: Faults) -> str:
    stated = " ".join(first(found, "RelationshipType").upper().replace("_", " ").split())
    if stated in _RELATIONSHIPS:
        return stated
    faults["sr.relationship", RELATIONSHIP] += 1
    # some writers put the relationship into the value type
    other = " ".join(first(found, "ValueType").upper().split())
    return other if other in _RELATIONSHIPS else "CONTAINS"
