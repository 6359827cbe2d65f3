"""The words of an Observation's code, so that no two of one group read the same."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final

from dicom2fhir.content import Number, Text
from dicom2fhir.sr import roles
from dicom2fhir.sr.words import lowered, spoken, title_of, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dicom2fhir.content import Part
    from dicom2fhir.sr.draft import Draft

_LONGEST: Final = 60
"""Characters of a word that may stand in a title."""
_MOST_FEATURES: Final = 32
"""Kinds of modifiers that are looked at; a title that needs more is none."""


def entitle(siblings: Sequence[Draft]) -> None:
    """Give these drafts of one group their titles.

    A derivation and a side are always said. What else differs (site, method, finding, modifiers)
    is said where titles would be the same otherwise.
    """
    said: dict[int, list[str]] = {id(draft): list(_always(draft)) for draft in siblings}
    for cluster in _same(siblings, said):
        _distinguish(cluster, said)
    for draft in siblings:
        draft.title = _title(draft, said)


def _title(draft: Draft, said: dict[int, list[str]]) -> str:
    name = words(draft.name) or title_of(draft.item)
    found = dict.fromkeys(said[id(draft)])
    # a site says its side itself
    whole = (
        word for word in found if not any(one.startswith(f"{lowered(word)} ") for one in found)
    )
    more = ", ".join(whole)
    return f"{name} ({more})" if more else name


def _same(drafts: Sequence[Draft], said: dict[int, list[str]]) -> list[list[Draft]]:
    clusters: dict[str, list[Draft]] = {}
    for draft in drafts:
        clusters.setdefault(_title(draft, said), []).append(draft)
    return [cluster for cluster in clusters.values() if len(cluster) > 1]


def _always(draft: Draft) -> Iterator[str]:
    for part in draft.parts:
        own = part.path.startswith(f"{draft.path}.")
        if own and roles.key(part.name) in (roles.DERIVATION, roles.LATERALITY):
            yield from filter(None, [_word(part)])


def _distinguish(cluster: list[Draft], said: dict[int, list[str]]) -> None:
    features = {id(draft): dict(_features(draft)) for draft in cluster}
    names = dict.fromkeys(name for found in features.values() for name in found)
    last = ("holds", "code")
    for name in (*islice((name for name in names if name not in last), _MOST_FEATURES), *last):
        clusters = _same(cluster, said)
        if not clusters:
            return
        for same in clusters:
            found = [features[id(draft)].get(name, "") for draft in same]
            if len(set(found)) > 1:
                for draft, word in zip(same, found, strict=True):
                    said[id(draft)].extend([word] if word else [])


def _features(draft: Draft) -> Iterator[tuple[str, str]]:
    """Yield what may tell a draft from others, what says most to a reader first."""
    place = draft.place
    if draft.kind in ("group", "finding"):
        yield "value", _short(spoken(draft.value))
    yield "focus", place.focus
    yield "site", draft.site_text or words(draft.site)
    yield "method", words(place.method)
    yield "tracking", _short(draft.tracking_id)
    # One of several values tells nothing; numbers do where no words do.
    parts = (part for part in draft.parts if part.path != draft.path)
    numbers: Counter[roles.Key] = Counter()
    for part in sorted(parts, key=lambda part: isinstance(part.value, Number)):
        name = roles.key(part.name)
        numbers[name] += 1
        yield f"{name} {numbers[name]}", _word(part)
    measured = (child.name for child in draft.children if child.item.value_type == "NUM")
    yield "holds", _short(words(next(measured, None)))
    # Some writers give all of their concepts one meaning.
    yield "code", draft.name.value if draft.name else ""


def _word(part: Part) -> str:
    if isinstance(part.value, Text) and part.value.kind != "TEXT":
        return ""  # a UID or a moment tells nothing to a reader; the part itself tells them apart
    return _short(spoken(part.value))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST and text.isprintable() else ""
