"""Images for the tests of render: real ones, and invented ones written by pydicom."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian
from read_cases import MemorySource

from dicom2fhir.model import Picture, RenderRequest
from dicom2fhir.options import ReadOptions
from dicom2fhir.read import read_instance
from dicom2fhir.render import RenderError, render_frames
from dicom2fhir.render.kinds import frame_count

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dicom2fhir.model import Instance, SeriesInstance

AS_STORED = 1_000_000
"""A size at which nothing is made smaller."""
JPEG = "1.2.840.10008.1.2.4.50"
LOSSLESS = "1.2.840.10008.1.2.4.70"
RLE = "1.2.840.10008.1.2.5"
SIDE = 32
"""Rows and columns of an invented JPEG."""
_OPTIONS = ReadOptions(allow_truncated=True)


@dataclass(frozen=True)
class RealImage:
    """One file of the real data, as read found it, and its middle frame."""

    path: Path
    instance: Instance
    frame: int

    def stream(self) -> io.BytesIO:
        return io.BytesIO(self.path.read_bytes())

    def request(self, **changes: Any) -> RenderRequest:  # noqa: ANN401 - any field
        request = RenderRequest(
            transfer_syntax_uid=self.instance.transfer_syntax_uid,
            frames=(self.frame,),
            format="png",
            size=AS_STORED,
        )
        return replace(request, **changes)

    def picture(self, **changes: Any) -> Picture:  # noqa: ANN401 - any field
        return next(iter(render_frames(self.stream(), self.request(**changes))))


def read_images(paths: Iterable[Path]) -> list[RealImage]:
    """Return every file that is read as an instance."""
    found = []
    for path in paths:
        instance = read_instance(MemorySource(path.read_bytes()), _OPTIONS).instance
        if instance is not None:
            listed: SeriesInstance = instance  # type: ignore[assignment] # the same attributes
            found.append(RealImage(path, instance, (frame_count(listed) + 1) // 2))
    return found


def image(values: np.ndarray[Any, Any] | bytes, **attributes: Any) -> Dataset:  # noqa: ANN401
    """Return an invented image of these stored values."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = "1.2.3"
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.SamplesPerPixel = 1
    if isinstance(values, np.ndarray):
        size = values.dtype.itemsize
        dataset.Rows, dataset.Columns = values.shape[:2]
        dataset.SamplesPerPixel = values.shape[2] if values.ndim == 3 else 1
        dataset.BitsAllocated = dataset.BitsStored = 8 * size
        dataset.HighBit = 8 * size - 1
        dataset.PixelRepresentation = int(values.dtype.kind == "i")
        if dataset.SamplesPerPixel == 3:
            dataset.PhotometricInterpretation = "RGB"
            dataset.PlanarConfiguration = 0
        values = values.tobytes()
    dataset.PixelData = values + bytes(len(values) % 2)
    dataset["PixelData"].VR = "OW" if dataset.get("BitsAllocated", 8) > 8 else "OB"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def stream(colour: int | tuple[int, int, int], **options: Any) -> bytes:  # noqa: ANN401
    """Return a JPEG of one colour."""
    mode = "L" if isinstance(colour, int) else "RGB"
    out = io.BytesIO()
    Image.new(mode, (SIDE, SIDE), colour).save(out, "JPEG", quality=95, **options)
    return out.getvalue()


def jpeg_image(*frames: bytes, per_fragment: int = 1, bot: bool = True, **changes: Any) -> Dataset:  # noqa: ANN401
    samples = 3 if b"\xff\xc0\0\x11" in frames[0] else 1
    shape = (SIDE, SIDE, 3) if samples == 3 else (SIDE, SIDE)
    one = image(np.zeros(shape, np.uint8), NumberOfFrames=len(frames))
    one.PixelData = encapsulate(list(frames), fragments_per_frame=per_fragment, has_bot=bot)
    if samples == 3:
        one.PhotometricInterpretation = "YBR_FULL_422"
    for keyword, value in changes.items():
        setattr(one, keyword, value)
    return one


def file_of(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> io.BytesIO:
    """Return a DICOM file of a data set."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    if syntax != ExplicitVRLittleEndian and "PixelData" in dataset:
        dataset["PixelData"].is_undefined_length = dataset.PixelData[:4] == b"\xfe\xff\x00\xe0"
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    out.seek(0)
    return out


def draw(
    dataset: Dataset,
    syntax: str = ExplicitVRLittleEndian,
    **request: Any,  # noqa: ANN401 - any field
) -> Picture:
    """Return the picture of the first frame asked for, as PNG and of the size of the image."""
    asked = {"transfer_syntax_uid": syntax, "frames": (1,), "format": "png", "size": AS_STORED}
    return next(iter(render_frames(file_of(dataset, syntax), RenderRequest(**asked | request))))


def pixels(picture: Picture) -> np.ndarray[Any, Any]:
    """Return what a picture shows."""
    return np.asarray(Image.open(io.BytesIO(picture.data)))


def shown(dataset: Dataset, syntax: str = ExplicitVRLittleEndian, **request: Any) -> list[Any]:  # noqa: ANN401
    """Return what the picture of a data set shows, as a list."""
    found: list[Any] = pixels(draw(dataset, syntax, **request)).tolist()
    return found


def refusal(dataset: Dataset, syntax: str = ExplicitVRLittleEndian, **request: Any) -> str:  # noqa: ANN401
    """Return the code with which a data set is refused."""
    try:
        draw(dataset, syntax, **request)
    except RenderError as error:
        return error.code
    return ""
