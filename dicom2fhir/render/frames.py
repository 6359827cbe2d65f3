"""Frames of one instance, made into pictures one after another."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO

from dicom2fhir.render.faults import RenderError, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.model import Picture, RenderRequest

_MOST_FAILED = 8
"""Frames of one instance that fail before the rest of it is left."""


def render_frames(stream: BinaryIO, request: RenderRequest) -> Iterator[Picture]:
    """Yield a picture of each frame asked for; never more than one frame is held.

    `stream` is seekable, over the bytes of a DICOM file.
    Errors: RenderError of a code pixels.*; that of a frame comes behind the last of the others
    """
    # numpy, Pillow and pydicom: only where something is rendered
    from dicom2fhir.render.instance import open_image  # noqa: PLC0415
    from dicom2fhir.render.rendering import render_frame  # noqa: PLC0415

    failed: list[RenderError] = []
    with closing(open_image(stream, request.transfer_syntax_uid, request.frames)) as image:
        for frame in request.frames:
            try:
                with guarded():
                    picture = render_frame(image, frame, request)
            except RenderError as error:
                failed.append(error)
                if len(failed) >= _MOST_FAILED:
                    break
                continue
            yield picture
    if failed:
        raise failed[0]
