"""One instance that is being rendered: its header, and any of its frames as stored values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from dicom2fhir.render.dataset import UNDEFINED, Dataset, Element, Opened, open_dataset
from dicom2fhir.render.faults import RenderError, guarded
from dicom2fhir.render.fragments import FrameIndex, read_ranges
from dicom2fhir.render.grey_values import GreyValues, read_grey_values
from dicom2fhir.render.layout import MOST_BYTES, PIXELS, Layout, read_layout
from dicom2fhir.render.picture import pixel_aspect
from dicom2fhir.render.quiet import quietly
from dicom2fhir.render.tags import PER_FRAME, SHARED, TAGS
from dicom2fhir.render.values import items, raw

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_ITEMS = 1_000_000


@dataclass(frozen=True, slots=True)
class FrameSettings:
    """What may differ from frame to frame: grey values and the shape of a pixel."""

    grey: GreyValues
    aspect: float


@dataclass(slots=True)
class ImageFile:
    """The header of an instance, where its pixels lie, and what its frames say of themselves."""

    opened: Opened
    header: Dataset
    pixels: Element
    layout: Layout
    settings: dict[int, FrameSettings]
    shared: FrameSettings
    _index: FrameIndex | None = field(default=None)

    def close(self) -> None:
        """Release what was inflated for it."""
        self.opened.close()

    def compressed(self, frame: int) -> bytes:
        """Return the bytes of one frame, which counts from 1, as they lie in their fragments."""
        if self._index is None:
            extended = raw(self.header, "ExtendedOffsetTable")
            lengths = raw(self.header, "ExtendedOffsetTableLengths")
            self._index = FrameIndex(
                self.opened.stream,
                self.pixels,
                self.layout.frames,
                (extended, lengths) if extended else None,
            )
        return read_ranges(self.opened.stream, self._index[frame - 1], MOST_BYTES)

    def frame_settings(self, frame: int) -> FrameSettings:
        """Return what holds for one frame, which counts from 1."""
        return self.settings.get(frame, self.shared)

    @property
    def is_encapsulated(self) -> bool:
        """Tell whether the pixels lie in fragments."""
        return self.pixels.length == UNDEFINED


def open_image(stream: BinaryIO, transfer_syntax_uid: str, frames: Iterable[int]) -> ImageFile:
    """Read all of an instance but its pixels; of its frames, only what is said of those asked for.

    Errors: RenderError pixels.no-image, pixels.undecodable, pixels.too-large
    """
    opened = open_dataset(stream, transfer_syntax_uid)
    try:
        return _read_image(opened, frames)
    except BaseException:
        opened.close()
        raise


def _read_image(opened: Opened, frames: Iterable[int]) -> ImageFile:
    header, end = opened.read(TAGS, (PER_FRAME, *PIXELS))
    per_frame: Element | None = None
    if end is not None and end.tag == PER_FRAME:
        per_frame = end
        _pass(opened, per_frame)
        rest, end = opened.read(TAGS, PIXELS)
        header.update(rest)
    if end is None or end.length == 0:
        raise RenderError("pixels.no-image", "no pixel data")
    with guarded("the header"), quietly():
        layout = read_layout(header, end.tag)
        shared_groups = items(header, SHARED)[:1]
        shared = _settings(opened, header, shared_groups, layout)
        image = ImageFile(opened, header, end, layout, {}, shared)
        if per_frame is not None:
            _read_frames(image, per_frame, shared_groups, frames)
    return image


def _settings(
    opened: Opened, header: Dataset, groups: list[Dataset], layout: Layout
) -> FrameSettings:
    return FrameSettings(
        read_grey_values(header, groups, layout, little=opened.little),
        pixel_aspect(header, groups),
    )


def _pass(opened: Opened, sequence: Element) -> None:
    """Go behind the functional groups of the frames."""
    if sequence.length != UNDEFINED:
        opened.stream.seek(sequence.pos + sequence.length)
        return
    for number, (_, length) in enumerate(opened.items(sequence)):
        if number > _MOST_ITEMS:
            raise RenderError("pixels.undecodable", "millions of functional groups")
        if length == UNDEFINED:
            opened.read_item(None)


def _read_frames(
    image: ImageFile, sequence: Element, shared: list[Dataset], frames: Iterable[int]
) -> None:
    """Keep what is said of the frames asked for; equal settings are held once."""
    asked, opened = set(frames) if not isinstance(frames, range) else frames, image.opened
    last = max(asked[0], asked[-1]) if isinstance(asked, range) else max(asked, default=0)
    seen: dict[FrameSettings, FrameSettings] = {}
    for number, (pos, length) in enumerate(opened.items(sequence), start=1):
        if number > last:
            break
        if number not in asked and length != UNDEFINED:
            continue
        stop = None if length == UNDEFINED else pos + length
        group = opened.read_item(stop)
        if number in asked:
            found = _settings(opened, image.header, [group, *shared], image.layout)
            image.settings[number] = seen.setdefault(found, found)
