"""ImagingStudy resources that are larger than one resource may be, divided by series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.bundle.encoding import encode_pieces
from dicom2fhir.bundle.writing import own_identifier
from dicom2fhir.identity import IDENTIFIER_SYSTEM, resource_id
from dicom2fhir.model import size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.model import Resource


def divide_study(study: Resource, room: int, margin: int) -> tuple[list[Resource], int]:
    """Divide an ImagingStudy into groups of whole consecutive series of at most `room` bytes.

    The id of a group, where there is more than one, is
    `identity.resource_id("ImagingStudy", <id of the undivided study>, <series uid>, …)`: a UUIDv5
    of the project namespace over these parts with a line feed between. `margin` is how many bytes
    rewriting may add to each reference. A group that exceeds the room nevertheless is returned as
    it is. The second value counts the series that had to be written without their instances.

    FHIR: ImagingStudy.series, numberOfSeries, numberOfInstances, modality of what a group lists
    """
    shell = _size(_group(study, study["series"]) | {"series": []}, margin)
    groups: list[list[Resource]] = []
    left, stripped = 0, 0
    for whole in study["series"]:
        series, size = whole, _size(whole, margin)
        if shell + size > room and "instance" in whole:
            series = {key: value for key, value in whole.items() if key != "instance"}
            size = _size(series, margin)
            stripped += 1
        if not groups or size + 1 > left:
            groups.append([])
            left = room - shell
        groups[-1].append(series)
        left -= size + 1
    if len(groups) == 1:
        return [study | {"series": groups[0]}], stripped
    return [_group(study, group) for group in groups], stripped


def _group(study: Resource, series: Sequence[Resource]) -> Resource:
    identity = resource_id("ImagingStudy", study["id"], *(item["uid"] for item in series))
    modalities = [item["modality"] for item in series if "modality" in item]
    counts = {
        "numberOfSeries": len(series),
        "numberOfInstances": sum(item.get("numberOfInstances", 0) for item in series),
        "modality": [coding for coding in study.get("modality", ()) if coding in modalities],
        "identifier": [_renamed(item, identity) for item in study.get("identifier", ())],
    }
    kept = {key: value for key, value in counts.items() if key in study}
    return {**study, **kept, "id": identity, "series": list(series)}


def _renamed(identifier: Resource, identity: str) -> Resource:
    if identifier.get("system") != IDENTIFIER_SYSTEM:
        return identifier
    return identifier | own_identifier(identity)


def _size(node: Resource, margin: int) -> int:
    pieces = encode_pieces(node)
    references = sum(piece.count(b'"reference":') for piece in pieces if isinstance(piece, bytes))
    return size_of(pieces) + margin * references
