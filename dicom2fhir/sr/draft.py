"""Observations while the tree is walked: what holds at a place, and what was gathered of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dicom2fhir.content import Observed, Part
from dicom2fhir.sr import roles
from dicom2fhir.sr.context import find_fetus
from dicom2fhir.sr.words import site_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dicom2fhir.content import Answer, ContentItem, Range, Referenced
    from dicom2fhir.model import Coded


class Place(NamedTuple):
    """What holds for all below a content item unless one of them says otherwise.

    `site`, `laterality` and `topography` are the items that state them. `omit` is the code of why
    numbers here are no results. `derived` tells that measurements here come from others (TID 1420).
    """

    site: ContentItem | None = None
    laterality: ContentItem | None = None
    topography: ContentItem | None = None
    method: Coded | None = None
    focus: str = ""
    algorithm: str = ""
    derived: bool = False
    omit: str = ""

    def within(self, item: ContentItem, algorithms: Mapping[str, str]) -> Place:
        """Return what holds below this item: its own context, else what holds around it."""
        site = find(item.children, roles.FINDING_SITE)
        around = (*site.children, *item.children) if site else item.children
        laterality = find(around, roles.LATERALITY)
        topography = find(around, roles.TOPOGRAPHY)
        if site is None or self.site is None:
            # Modifiers belong to their site: another site does not inherit them. The side of a
            # container without a site is that of all below.
            site = site or self.site
            laterality = laterality or self.laterality
            topography = topography or self.topography
        method = find(item.children, roles.METHOD)
        fetus = find_fetus(item)
        return self._replace(
            site=site,
            laterality=laterality,
            topography=topography,
            method=self.method if method is None else method.code,
            focus=self.focus if fetus is None else fetus,
            algorithm=algorithms.get(item.path, self.algorithm),
        )


def find(items: Iterable[ContentItem], name: roles.Key) -> ContentItem | None:
    """Return the first coded item of this concept name."""
    return next(
        (item for item in items if item.code is not None and roles.key(item.name) == name), None
    )


@dataclass(slots=True, kw_only=True)
class Draft:
    """One Observation to be; `kind` is report for the root, which becomes none.

    `consumed` are the paths of children that became attributes. `links` are the paths that items
    by reference lead to.
    """

    item: ContentItem
    kind: str
    place: Place
    name: Coded | None = None
    title: str = ""
    value: Answer = None
    qualifier: Coded | None = None
    parts: list[Part] = field(default_factory=list)
    interpretation: Coded | None = None
    ranges: list[Range] = field(default_factory=list)
    children: list[Draft] = field(default_factory=list)
    inferred: list[Draft] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    references: list[Referenced] = field(default_factory=list)
    tracking_id: str = ""
    tracking_uid: str = ""
    consumed: set[str] = field(default_factory=set)
    counts: bool = False

    @property
    def path(self) -> str:
        """Return the path of its content item."""
        return self.item.path

    @property
    def site(self) -> Coded | None:
        """Return the site as it is stated here or further up."""
        return self.place.site.code if self.place.site else None

    @property
    def site_text(self) -> str:
        """Return the site with its modifiers in words, "" where it has none."""
        place = self.place
        return site_words(
            self.site,
            place.laterality.code if place.laterality else None,
            place.topography.code if place.topography else None,
        )

    def inherit(self) -> None:
        """Add the modifiers of a site that stands further up: a site is never without its side."""
        for modifier in (self.place.laterality, self.place.topography):
            if modifier is not None and not modifier.path.startswith(f"{self.path}."):
                self.parts.append(Part(path=modifier.path, name=modifier.name, value=modifier.code))

    def freeze(self, sources: tuple[str, ...]) -> Observed:
        """Return the Observed; `sources` are the paths that its links lead to."""
        place, item = self.place, self.item
        inferred = tuple(draft.path for draft in self.inferred)
        return Observed(
            path=item.path,
            kind=self.kind,
            name=self.name,
            title=self.title,
            value=self.value,
            qualifier=self.qualifier,
            parts=tuple(self.parts),
            method=place.method,
            site=self.site,
            site_text=self.site_text,
            interpretation=self.interpretation,
            ranges=tuple(self.ranges),
            members=tuple(child.path for child in self.children),
            sources=tuple(dict.fromkeys((*inferred, *sources))),
            references=tuple(dict.fromkeys(self.references)),
            tracking_id=self.tracking_id,
            tracking_uid=self.tracking_uid,
            uid=item.uid,
            observed=item.observed,
            focus=place.focus,
            algorithm=place.algorithm,
            counts=self.counts,
        )
