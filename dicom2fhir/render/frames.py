"""Frames of one instance, made into pictures one after another."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO

from dicom2fhir.render.faults import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.model import Picture, RenderRequest


def render_frames(stream: BinaryIO, request: RenderRequest) -> Iterator[Picture]:
    """Yield a picture of each frame asked for; never more than one frame is held.

    `stream` is seekable, over the bytes of a DICOM file.
    Errors: RenderError of a code pixels.*
    """
    # numpy, Pillow and pydicom: only where something is rendered
    from dicom2fhir.render.instance import open_image  # noqa: PLC0415
    from dicom2fhir.render.rendering import render_frame  # noqa: PLC0415

    with closing(open_image(stream, request.transfer_syntax_uid, request.frames)) as image:
        for frame in request.frames:
            with guarded():
                picture = render_frame(image, frame, request)
            yield picture
