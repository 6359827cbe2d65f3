"""Which images of a study are rendered, and why the others are not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from dicom2fhir.model import RenderRequest
from dicom2fhir.problems import Problem
from dicom2fhir.render import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dicom2fhir.model import Series, SeriesInstance, Study
    from dicom2fhir.options import RenderOptions

    Keys: TypeAlias = Mapping[str, Sequence[int]]

THUMBNAIL = 256
"""Pixels of the longest side of a series' thumbnail."""
_PREVIEWS = ("THUMBNAIL", "OVERVIEW")
"""Parts of a slide that stand for it, the better one first (PS3.3 C.8.12.4.1.1)."""
_ATTEMPTS = 8
"""Images of one series that are tried before it is left without a picture."""
_MOST_KEYS = 100
"""Key images of a series, and frames of one, that are rendered: more are no selection."""
_LIMITS = 1_000_000
"""Frames of one instance; more is nonsense in the header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Frames of one instance to be rendered.

    `is_media` is False for what only a thumbnail is wanted of. `warnings` hold once it is rendered.
    """

    series_uid: str
    instance: SeriesInstance
    request: RenderRequest
    is_media: bool = True
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Images that can stand for a series, best first: the first that can be rendered is enough."""

    images: tuple[Chosen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of a study is rendered, what is carried as it is, and what is left out with a reason."""

    pictures: tuple[Candidates, ...] = ()
    videos: tuple[SeriesInstance, ...] = ()
    documents: tuple[SeriesInstance, ...] = ()
    problems: tuple[Problem, ...] = ()


def choose(study: Study, options: RenderOptions, keys: Keys = MappingProxyType({})) -> Choice:
    """Return which images of a study are rendered.

    `keys` are the key images by SOP Instance UID, with the frames that are key, none for all.
    media=series: the key images of each series; without any the middle image and its middle frame,
    or the next nearest; instance: every image and its middle frame; frame: every frame.
    """
    chooser = _Chooser(options, keys)
    for series in study.series:
        chooser.add(series)
    return Choice(
        pictures=tuple(chooser.pictures),
        videos=tuple(chooser.videos),
        documents=tuple(chooser.documents),
        problems=tuple(chooser.problems),
    )


class _Chooser:
    """The choice as far as it has been made."""

    def __init__(self, options: RenderOptions, keys: Keys) -> None:
        self.options = options
        self._keys = keys
        self.pictures: list[Candidates] = []
        self.videos: list[SeriesInstance] = []
        self.documents: list[SeriesInstance] = []
        self.problems: list[Problem] = []
        self._pyramid = _Pyramid(has_preview=False, smallest=None)

    def add(self, series: Series) -> None:
        """Choose from one series."""
        self._pyramid = _find_pyramid(series)
        shown = [one for one in series.instances if self._is_shown(one)]
        media = self.options.media
        stills = _stills_of_slides(shown)
        if media in ("series", "none"):
            if stills and (media == "series" or self.options.thumbnails):
                near = [stills[number] for number in nearest(len(stills), _ATTEMPTS)]
                keys = [one for one in shown if one.uid in self._keys][:_MOST_KEYS]
                self._add_some_of(series, near, keys if media == "series" else [])
            return
        middle = stills[(len(stills) - 1) // 2] if stills else None
        for instance in shown:
            self._add_each(series, instance, is_middle=instance is middle)

    def _add_some_of(
        self, series: Series, near: Sequence[SeriesInstance], keys: Sequence[SeriesInstance]
    ) -> None:
        """Choose what stands for a series: its first key image or else its middle; all key images.

        The others stand in for the first where that cannot be rendered.
        """
        first = [*keys[:1], *(one for one in near if one not in keys)]
        images = tuple(
            self._chosen(series, one, self._frames(one), is_thumbnail=True) for one in first
        )
        self.pictures.append(Candidates(images=images))
        for one in keys[1:]:
            chosen = self._chosen(series, one, self._frames(one), is_thumbnail=False)
            self.pictures.append(Candidates(images=(chosen,)))

    def _frames(self, instance: SeriesInstance) -> Sequence[int]:
        """Return the frames that are key, else the middle one."""
        count = kinds.frame_count(instance)
        named = [one for one in self._keys.get(instance.uid, ()) if 0 < one <= count]
        return named[:_MOST_KEYS] or (middle_frame(instance),)

    def _add_each(self, series: Series, instance: SeriesInstance, *, is_middle: bool) -> None:
        """Choose the frames of one instance, the one that stands for the series by itself."""
        middle, count = middle_frame(instance), min(_LIMITS, kinds.frame_count(instance))
        runs: list[Sequence[int]] = [(middle,)]
        if self.options.media == "frame" and is_middle and self.options.thumbnails:
            runs = [range(1, middle), (middle,), range(middle + 1, count + 1)]
        elif self.options.media == "frame":
            runs = [range(1, count + 1)]
        for frames in runs:
            if frames:
                is_thumbnail = is_middle and len(frames) == 1 and frames[0] == middle
                chosen = self._chosen(series, instance, frames, is_thumbnail=is_thumbnail)
                self.pictures.append(Candidates(images=(chosen,)))

    def _chosen(
        self,
        series: Series,
        instance: SeriesInstance,
        frames: Sequence[int],
        *,
        is_thumbnail: bool,
    ) -> Chosen:
        options = self.options
        warnings: tuple[Problem, ...] = ()
        if kinds.may_show_names(instance):
            warnings = (Problem(code="pixels.may-show-names", source=instance.source),)
        return Chosen(
            series_uid=series.uid,
            instance=instance,
            request=RenderRequest(
                transfer_syntax_uid=instance.transfer_syntax_uid,
                frames=frames,
                format=options.format,
                size=options.size,
                quality=options.quality,
                window=options.window,
                thumbnail=THUMBNAIL if is_thumbnail and options.thumbnails else 0,
            ),
            is_media=options.media != "none",
            warnings=warnings,
        )

    def _is_shown(self, instance: SeriesInstance) -> bool:
        """Tell whether an image may be rendered; what may not be is noted with its reason."""
        if kinds.is_document(instance):
            self.documents.append(instance)
            return False
        code, detail = self._objection(instance)
        if code and self.options.media != "none":
            self.problems.append(Problem(code=code, detail=detail, source=instance.source))
        if code or not kinds.is_video(instance):
            return not code
        if self.options.media in ("instance", "frame"):
            self.videos.append(instance)
        return False

    def _objection(self, instance: SeriesInstance) -> tuple[str, str]:
        options = self.options
        if not kinds.is_image(instance):
            return "pixels.no-image", _class_name(instance.sop_class_uid)
        if kinds.is_burned_in(instance) and not options.burned_in:
            return "pixels.burned-in", ""
        if kinds.is_video(instance) and options.media == "series":
            return "pixels.video", ""
        if instance.sop_class_uid == kinds.WHOLE_SLIDE:
            return self._slide_objection(instance)
        return "", ""

    def _slide_objection(self, instance: SeriesInstance) -> tuple[str, str]:
        part = kinds.slide_part(instance)
        if part == "LABEL":
            return ("", "") if self.options.labels else ("pixels.label", "")
        if part in _PREVIEWS or instance is self._pyramid.smallest:
            return "", ""
        return "pixels.pyramid", "" if self._pyramid.has_preview else "the series has none"


def _class_name(sop_class_uid: str) -> str:
    # its package brings all of mapping, which a process that decodes has no use for
    from dicom2fhir.mapping.tables.sop_classes import SOP_CLASSES  # noqa: PLC0415

    return SOP_CLASSES.get(sop_class_uid, "unknown SOP class")


class _Pyramid(NamedTuple):
    """What can stand for the slide of a series.

    `smallest` is the smallest level of which one frame is the whole, where there is no preview.
    """

    has_preview: bool
    smallest: SeriesInstance | None


def _find_pyramid(series: Series) -> _Pyramid:
    slides = [one for one in series.instances if one.sop_class_uid == kinds.WHOLE_SLIDE]
    if any(kinds.slide_part(one) in _PREVIEWS for one in slides):
        return _Pyramid(has_preview=True, smallest=None)
    whole = (
        one for one in slides if kinds.frame_count(one) == 1 and kinds.slide_part(one) != "LABEL"
    )
    return _Pyramid(has_preview=False, smallest=min(whole, key=kinds.area, default=None))


def _stills_of_slides(shown: Sequence[SeriesInstance]) -> Sequence[SeriesInstance]:
    """Return the images that can stand for a series: of a slide the thumbnail, if it has one."""
    for part in _PREVIEWS:
        found = [
            one
            for one in shown
            if one.sop_class_uid == kinds.WHOLE_SLIDE and kinds.slide_part(one) == part
        ]
        if found:
            return found
    return shown


def middle_frame(instance: SeriesInstance) -> int:
    """Return the number of the middle frame; frames count from 1."""
    return (min(_LIMITS, kinds.frame_count(instance)) + 1) // 2


def nearest(count: int, most: int) -> Iterator[int]:
    """Yield the middle of `count` places and then the nearest to it, as many as asked."""
    middle = (count - 1) // 2
    for step in range(min(count, most)):
        # 0, +1, -1, +2, -2 and so on
        yield middle + (step + 1) // 2 * (1 if step % 2 else -1)
