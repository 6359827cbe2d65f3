"""What a measurement group, a measurement or a finding says of itself (PS3.16 TID 1501, 300)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.content import Text
from dicom2fhir.sr import roles
from dicom2fhir.sr.context import stated
from dicom2fhir.sr.measuring import find_ranges
from dicom2fhir.sr.words import words

if TYPE_CHECKING:
    from dicom2fhir.content import Answer, ContentItem
    from dicom2fhir.model import Coded
    from dicom2fhir.sr.draft import Draft


def is_group(item: ContentItem) -> bool:
    """Tell whether this is a measurement group, by its name or its template."""
    if item.value_type != "CONTAINER":
        return False
    return roles.named(item, roles.MEASUREMENT_GROUP) or item.template in roles.GROUP_TEMPLATES


def is_finding(item: ContentItem) -> bool:
    """Tell whether this is a finding of a CAD report (TID 4004, 4006, 4104)."""
    return item.value_type == "CODE" and roles.key(item.name) in roles.FINDINGS


def is_hidden(item: ContentItem) -> bool:
    """Tell whether a finding of a CAD report is not for presentation (PS3.16 CID 6034)."""
    return is_finding(item) and any(
        roles.named(child, roles.RENDERING_INTENT)
        and roles.key(child.code) == roles.NOT_FOR_PRESENTATION
        for child in item.children
    )


def reads_as_text(item: ContentItem, kind: str) -> bool:
    """Tell whether what this container holds is one text that goes on.

    Reports of known templates are not: some writers call all of their containers continuous.
    """
    return item.continuous and kind in ("text", "other") and not is_group(item)


def say(item: ContentItem) -> Answer:
    """Return what an item that is no NUM says, None where it says nothing."""
    if item.value_type == "CODE":
        return item.code if words(item.code) else None
    text = item.text.strip()
    return Text(item.value_type, text) if text else None


def describe(draft: Draft) -> None:
    """Take what is said of the draft itself: site and method, and of a group its finding."""
    item = draft.item
    draft.name = item.name
    _track(draft)
    if draft.kind == "group" and is_group(item):
        _describe_group(draft)
    else:
        draft.interpretation = _interpretation(item)
        draft.ranges = find_ranges(item)
    for child in item.children:
        if child is draft.place.site or _is_method(child, draft):
            draft.consumed.add(child.path)


def _is_method(item: ContentItem, draft: Draft) -> bool:
    # A second method stays a component.
    return (
        roles.named(item, roles.METHOD)
        and item.code is not None
        and item.code == draft.place.method
        and not any(
            other.path in draft.consumed and roles.named(other, roles.METHOD)
            for other in draft.item.children
        )
    )


def _track(draft: Draft) -> None:
    for child in draft.item.children:
        name = roles.key(child.name)
        if name == roles.TRACKING_ID and stated(child) and not draft.tracking_id:
            draft.tracking_id = stated(child)
        elif name == roles.TRACKING_UID and stated(child) and not draft.tracking_uid:
            draft.tracking_uid = stated(child)
        else:
            continue
        draft.consumed.add(child.path)


def _describe_group(draft: Draft) -> None:
    for child in draft.item.children:
        name = roles.key(child.name)
        if name == roles.FINDING and draft.value is None and stated(child):
            draft.value = say(child)
        elif name == roles.FINDING_CATEGORY and child.code and draft.name is draft.item.name:
            draft.name = child.code
        else:
            continue
        draft.consumed.add(child.path)


def _interpretation(item: ContentItem) -> Coded | None:
    normality = next(
        (child.code for child in item.children if roles.named(child, roles.NORMALITY)), None
    )
    return normality if roles.key(normality) in roles.INTERPRETED else None
