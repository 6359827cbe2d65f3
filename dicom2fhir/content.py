"""What structured reports hold, as it travels: the content tree, and what was understood of it.

Frozen and plain, without FHIR. A path is that of PS3.3 C.17.3.2.5: `1` is the root, `1.7.2` the
second child of its seventh.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dicom2fhir.model import Attributes, Coded


class Number(NamedTuple):
    """One value of a NUM item with its unit.

    `text` is what DICOM states (DS). `exact` is the decimal to write, with every digit stated, and
    "" where there is no number in it; it differs from `text` where that is no JSON number (`+5`,
    `.5`, blanks) or where a Floating Point Value or a Rational states more (PS3.3 C.18.1).
    """

    text: str
    exact: str
    unit: Coded | None = None


class Referenced(NamedTuple):
    """An instance that a content item names, with what of it is meant.

    `study_uid` and `series_uid` come from the evidence sequences, "" where these do not list it.
    `purpose` is the concept name of the item.
    """

    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str = ""
    series_uid: str = ""
    frames: tuple[int, ...] = ()
    segments: tuple[int, ...] = ()
    purpose: Coded | None = None
    channels: tuple[int, ...] = ()


class Region(NamedTuple):
    """Coordinates of SCOORD, SCOORD3D or TCOORD: graphic or temporal type and what is stated."""

    graphic: str
    data: tuple[str, ...] = ()
    frame_of_reference_uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentItem:
    """One content item (PS3.3 C.17.3), repaired where its faults are known ones.

    `text` is the value of TEXT, PNAME, DATE, TIME, DATETIME and UIDREF. `target` is the path that
    an item by reference leads to. `observed` is Observation DateTime, `uid` Observation UID.
    `continuous` tells that what a CONTAINER holds reads as one text (Continuity of Content).
    """

    path: str
    value_type: str
    relationship: str = ""
    name: Coded | None = None
    text: str = ""
    code: Coded | None = None
    numbers: tuple[Number, ...] = ()
    qualifier: Coded | None = None
    references: tuple[Referenced, ...] = ()
    region: Region | None = None
    target: str = ""
    template: str = ""
    uid: str = ""
    observed: str = ""
    continuous: bool = False
    children: tuple[ContentItem, ...] = ()

    def walk(self) -> Iterator[ContentItem]:
        """Yield this item and all below it in the order of the document."""
        waiting = [self]
        while waiting:
            item = waiting.pop()
            yield item
            waiting.extend(reversed(item.children))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentTree:
    """The content of one instance: its root, the attributes around it, what was wrong with it.

    `attributes` are those of the data set that the tree's table keeps, without the content.
    `evidence` gives the study and series of each SOP Instance UID that the evidence sequences list.
    `faults` counts Problems by code and tag.
    """

    root: ContentItem
    attributes: Attributes
    evidence: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    faults: Mapping[tuple[str, str], int] = field(default_factory=dict)


class Text(NamedTuple):
    """A value in words; `kind` is the value type it had (TEXT, DATE, TIME, DATETIME, UIDREF)."""

    kind: str
    text: str


Answer: TypeAlias = "Number | Coded | Text | None"
"""What an Observation or a component says; None: nothing, and `qualifier` may say why."""


class Part(NamedTuple):
    """What becomes a component: a modifier or property, or one of several values.

    `counts` tells that it carries a NUM item of the tree. One of several values does not: these
    have the path of their item, which its Observed counts. A part that came from further up (the
    laterality of an inherited site, a modifier of the whole group) keeps the path of its own item.
    """

    path: str
    name: Coded | None
    value: Answer
    qualifier: Coded | None = None
    title: str = ""
    counts: bool = False


class Range(NamedTuple):
    """A reference range of a measurement (PS3.16 TID 310, 312)."""

    low: Number | None = None
    high: Number | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What becomes one Observation; `path` is its content item's, and with the instance its key.

    `kind` is group, number, evaluation, derived, dose, event, administration or finding.
    `title` is the text of its code: the concept's words and, in parentheses, what tells it from
    others of one group. `site` comes as it is stated, its modifiers as parts, and `site_text` says
    them together, "" where the site has none. `members` and `sources` are paths of others, for
    hasMember and derivedFrom. `focus` names a fetus. `interpretation` is the stated normality,
    where it is Normal, Abnormal, Abnormally High or Abnormally Low (PS3.16 CID 222). `algorithm` is
    the path of an Algorithm. A group's `value` is its finding and its `name` the finding category,
    where it states these, else the name of its container. A measurement without references has
    those of its measurement group.
    """

    path: str
    kind: str
    name: Coded | None
    title: str
    value: Answer = None
    qualifier: Coded | None = None
    parts: tuple[Part, ...] = ()
    method: Coded | None = None
    site: Coded | None = None
    site_text: str = ""
    interpretation: Coded | None = None
    ranges: tuple[Range, ...] = ()
    members: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    references: tuple[Referenced, ...] = ()
    tracking_id: str = ""
    tracking_uid: str = ""
    uid: str = ""
    observed: str = ""
    begun: str = ""
    """When an irradiation or an administration began, as DT; "" for what has no time of its own."""
    focus: str = ""
    algorithm: str = ""
    identifiers: tuple[tuple[Coded, str], ...] = ()
    counts: bool = False
    """It carries a NUM item of the tree: its value, its several values as parts, or why not."""


class Algorithm(NamedTuple):
    """What computed measurements (PS3.16 TID 4019), or a device observer (TID 1004).

    `path` is that of its first content item, `kind` algorithm or observer.
    """

    path: str
    name: str
    version: str = ""
    parameters: tuple[str, ...] = ()
    manufacturer: str = ""
    model: str = ""
    serial: str = ""
    uid: str = ""
    kind: str = "algorithm"


class Channel(NamedTuple):
    """One channel of a waveform (PS3.3 C.10.9): a value is `baseline` + `factor` x sample.

    `name` is its source, such as a lead. `baseline` and `factor` are decimals, `unit` is theirs.
    `samples` are whole numbers parted by blanks, `E` where there is none.
    """

    number: int
    name: Coded | None
    label: str
    modifiers: tuple[Coded, ...]
    unit: Coded | None
    baseline: str
    factor: str
    samples: str


class Waveform(NamedTuple):
    """One multiplex group of a waveform: channels that were sampled together.

    Units: `period` between samples and `offset` from the acquisition, decimals in milliseconds.
    """

    sop_instance_uid: str
    number: int
    label: str
    period: str
    offset: str
    channels: tuple[Channel, ...]


class Omission(NamedTuple):
    """A NUM item that became neither an Observation nor a component, and the Problem's code."""

    path: str
    reason: str


class ListedSeries(NamedTuple):
    """One series that a manifest lists, and where it may be retrieved from (PS3.3 C.17.2.1).

    `instances` are SOP Class and SOP Instance UIDs.
    """

    study_uid: str
    series_uid: str
    instances: tuple[tuple[str, str], ...]
    retrieve_url: str = ""
    retrieve_ae: str = ""
    location_uid: str = ""
    modality: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One structured report as it was understood.

    `kind` is measurement, xray-dose, radiopharmaceutical-dose, cad, echo, ob-gyn, vascular, text,
    key-objects, manifest or other. `observed` holds what is referred to before what refers to it;
    `results` are the paths at the top. `numbers` counts the NUM items of the tree: as many as
    `observed` that count, parts that count, and `omissions`. `cited` are the instances it names
    outside of its image library, each once. `persons` are its person observers (PN), `observers`
    those of all below each path.
    """

    sop_instance_uid: str
    kind: str
    name: Coded | None
    title: str
    attributes: Attributes
    observed: tuple[Observed, ...] = ()
    results: tuple[str, ...] = ()
    conclusion: str = ""
    text: str = ""
    html: str = ""
    persons: tuple[str, ...] = ()
    observers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    authorising: tuple[str, ...] = ()
    """Who authorised the irradiation (PS3.16 TID 1020)."""
    algorithms: tuple[Algorithm, ...] = ()
    cited: tuple[Referenced, ...] = ()
    listed: tuple[ListedSeries, ...] = ()
    """What a manifest stands for; empty for every other kind."""
    numbers: int = 0
    omissions: tuple[Omission, ...] = ()
    faults: Mapping[tuple[str, str], int] = field(default_factory=dict)
