"""One content item, or one measurement group, as a line that a doctor reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dicom2fhir.mapping.tables.sop_classes import SOP_CLASSES
from dicom2fhir.sr import roles
from dicom2fhir.sr.measuring import MOST_VALUES, values_of
from dicom2fhir.sr.words import site_words, spoken, title_of, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dicom2fhir.content import ContentItem, Referenced

_POINTING: Final = frozenset({"IMAGE", "COMPOSITE", "WAVEFORM", "SCOORD", "SCOORD3D", "TCOORD"})
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_TIME = re.compile(r"(\d{2})(\d{2})(\d{2})?")
_MOST_ITEMS: Final = 30
_LONGEST_LINE: Final = 240
"""Items and characters that a reader takes in as one line."""
_MODIFYING: Final = frozenset({"HAS CONCEPT MOD", "HAS PROPERTIES"})
_SAYING: Final = frozenset({"CODE", "TEXT", "NUM"})
_NAMELESS: Final = frozenset({roles.DERIVATION, roles.LATERALITY, roles.TOPOGRAPHY})
"""Modifiers whose values speak for themselves."""
_OF_SITES: Final = frozenset({roles.LATERALITY, roles.TOPOGRAPHY})
_HEAD: Final = frozenset(
    {
        roles.TRACKING_ID,
        roles.TRACKING_UID,
        roles.FINDING,
        roles.FINDING_CATEGORY,
        roles.FINDING_SITE,
    }
)


def line_of(item: ContentItem) -> tuple[str, Sequence[ContentItem]]:
    """Return an item in words with its modifiers, and the children that need their own lines."""
    if item.value_type == "CONTAINER":
        nameless = item.name is None and "." in item.path
        return "" if nameless else title_of(item), item.children
    if item.value_type in _POINTING:
        shown, below = _pointed(item)
        return _named(item, f"[{shown}]"), below
    small = [child for child in item.children if _is_small(child)]
    notes = "; ".join(_note(child) for child in small)
    shown = f"{_value(item)} ({notes})" if notes else _value(item)
    below = [child for child in item.children if not _is_small(child)]
    return _named(item, shown), below


def one_line_of(group: ContentItem) -> str:
    """Return a measurement group as one line, "" where it holds more than a line can say.

    `Lesion 1 — Nodule, left lung: Diameter 10.0 mm; Texture: Solid. [CT image, circle]`
    """
    if len(group.children) > _MOST_ITEMS:
        return ""
    said, shown = [], []
    for child in rest_of(group):
        text, below = line_of(child)
        if below or child.value_type == "CONTAINER" or "\n" in text:
            return ""
        if child.value_type in _POINTING:
            shown.append(text[text.index("[") :])
        else:
            said.append(text.replace(": ", " ", 1) if child.value_type == "NUM" else text)
    pictures = "".join(f" {text}" for text in dict.fromkeys(shown))
    line = f"{head_of(group)}{': ' if said else ''}{'; '.join(said)}.{pictures}"
    return line if len(line) <= _LONGEST_LINE else ""


def rest_of(group: ContentItem) -> list[ContentItem]:
    """Return what a measurement group holds besides what its head says, the first of each."""
    said: set[roles.Key] = set()
    rest = []
    for child in group.children:
        name = roles.key(child.name)
        if name in said or name not in _HEAD or child.value_type == "NUM":
            rest.append(child)
        said.add(name)
    return rest


def sentence_of(items: Iterable[ContentItem]) -> str:
    """Return items of a text that goes on from one to the next, without their names."""
    text = ""
    for item in items:
        said = line_of(item)[0] if item.value_type in _POINTING else _value(item)
        if text[-1:] == said[:1] == ".":
            said = said[1:].lstrip()  # `Dr.` may end a sentence
        text += said if not text or said[:1] in ".,;:!?)" else f" {said}"
    return text


def qualified(item: ContentItem, besides: frozenset[roles.Key] = frozenset()) -> str:
    """Return what an item says with what modifies it: a finding may be an absent one."""
    notes = "; ".join(
        _note(child)
        for child in item.children
        if child.relationship in _MODIFYING
        and child.value_type in _SAYING
        and roles.key(child.name) not in besides
    )
    return f"{_value(item)} ({notes})" if notes else _value(item)


def head_of(group: ContentItem) -> str:
    """Return how a measurement group is tracked, what was found, and where."""
    found = {roles.key(child.name): child for child in reversed(group.children)}
    tracking = found.get(roles.TRACKING_ID)
    finding = found.get(roles.FINDING) or found.get(roles.FINDING_CATEGORY)
    what = [qualified(finding)] if finding else []
    if site := _site(group):
        what.append(site)
    name = tracking.text.strip() if tracking and tracking.text else title_of(group)
    return " — ".join(filter(None, (name, ", ".join(what))))


def _site(group: ContentItem) -> str:
    site = next((one for one in group.children if roles.named(one, roles.FINDING_SITE)), None)
    if site is None:
        return ""
    modifiers = {roles.key(child.name): child.code for child in (*group.children, *site.children)}
    laterality, topography = modifiers.get(roles.LATERALITY), modifiers.get(roles.TOPOGRAPHY)
    said = site_words(site.code, laterality, topography) or words(site.code)
    return qualified(site, _OF_SITES).replace(_value(site), said, 1)


def _named(item: ContentItem, value: str) -> str:
    if item.name is None and item.value_type != "NUM":
        return value
    return f"{title_of(item)}: {value}"


def _is_small(item: ContentItem) -> bool:
    """Tell whether an item can stand in parentheses behind what it modifies."""
    if item.target or item.value_type == "CONTAINER":
        return False
    if item.value_type in _POINTING:
        return not _pointed(item)[1]
    return not item.children and "\n" not in _value(item)


def _note(item: ContentItem) -> str:
    if item.value_type in _POINTING:
        return f"[{_pointed(item)[0]}]"
    return _value(item) if roles.key(item.name) in _NAMELESS else line_of(item)[0]


def _value(item: ContentItem) -> str:
    if item.value_type == "NUM":
        return _numbers(item)
    if item.value_type == "CODE":
        return words(item.code) or "not stated"
    text = item.text.strip()
    match item.value_type:
        case "PNAME":
            return ", ".join(part for part in re.split("[=^]", text) if part.strip())
        case "DATE" | "DATETIME":
            return _moment(text)
        case "TIME":
            return _TIME.sub(_clock, text, count=1)
        case _:
            return text or "not stated"


def _numbers(item: ContentItem) -> str:
    numbers = values_of(item)
    if not numbers:
        return words(item.qualifier) or "no value"
    shown = ", ".join(spoken(number) for number in numbers[:MOST_VALUES])
    more = len(numbers) - MOST_VALUES
    return f"{shown} and {more} more values" if more > 0 else shown


def _moment(text: str) -> str:
    date = _DATE.match(text)
    if not date:
        return text or "not stated"
    time = text[date.end() :]
    return "-".join(date.groups()) + (f" {_TIME.sub(_clock, time, count=1)}" if time else "")


def _clock(match: re.Match[str]) -> str:
    return ":".join(part for part in match.groups() if part)


def _pointed(item: ContentItem) -> tuple[str, list[ContentItem]]:
    """Return what an item points at in words, and the children that these do not cover."""
    pictures = [_picture(one) for one in item.references]
    below = []
    for child in item.children:
        if child.value_type in _POINTING and not child.children and not child.region:
            pictures += [_picture(one) for one in child.references]
        elif not child.target:
            below.append(child)
    shapes = [item.region.graphic.lower()] if item.region and item.region.graphic else []
    counted = dict.fromkeys(filter(None, pictures))
    return ", ".join((*counted, *shapes)) or item.value_type.lower(), below


def _picture(reference: Referenced) -> str:
    name = SOP_CLASSES.get(reference.sop_class_uid, "instance").removesuffix(" Storage")
    frames = _list("frame", reference.frames)
    segments = _list("segment", reference.segments)
    return ", ".join(filter(None, (name.replace(" Image", " image"), frames, segments)))


def _list(noun: str, numbers: Iterable[int]) -> str:
    shown = tuple(numbers)
    if not shown:
        return ""
    return f"{noun}{'s' if len(shown) > 1 else ''} {', '.join(map(str, shown[:20]))}"
