"""How the pixels of one instance are laid out (PS3.3 C.7.6.3), and the limits on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.render.faults import RenderError
from dicom2fhir.render.values import text, whole

if TYPE_CHECKING:
    from dicom2fhir.render.dataset import Dataset

FLOAT = 0x7FE00008
DOUBLE_FLOAT = 0x7FE00009
PIXEL_DATA = 0x7FE00010
PIXELS = (FLOAT, DOUBLE_FLOAT, PIXEL_DATA)
MOST_BYTES = 512 * 1024 * 1024
"""Of one frame, decoded or not."""
_FLOATS = {FLOAT: 32, DOUBLE_FLOAT: 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Rows, columns and samples of a frame and how each is stored."""

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    photometric: str
    planar: bool
    frames: int
    floating: bool

    @property
    def pixels(self) -> int:
        """Return how many pixels a frame has."""
        return self.rows * self.columns

    @property
    def frame_bits(self) -> int:
        """Return the size of a native frame; 4:2:2 has two samples a pixel (PS3.5 8.2)."""
        return self.pixels * self.samples * self.allocated

    @property
    def is_colour(self) -> bool:
        """Tell whether each pixel has three samples."""
        return self.samples == 3  # noqa: PLR2004 - red, green and blue, or Y, CB and CR


def read_layout(dataset: Dataset, tag: int) -> Layout:
    """Return the layout that the header states, once it is known to be within the limits.

    Errors: RenderError pixels.undecodable, pixels.too-large
    """
    allocated = _FLOATS.get(tag) or whole(dataset, "BitsAllocated", 0)
    stored = whole(dataset, "BitsStored", 0)
    if not 0 < stored <= allocated or tag in _FLOATS:
        stored = allocated
    high_bit = whole(dataset, "HighBit", stored - 1)
    if not stored - 1 <= high_bit < allocated:
        high_bit = stored - 1
    samples = whole(dataset, "SamplesPerPixel", 1)
    layout = Layout(
        rows=whole(dataset, "Rows", 0),
        columns=whole(dataset, "Columns", 0),
        samples=samples,
        allocated=allocated,
        stored=stored,
        high_bit=high_bit,
        # colours have no sign (PS3.3 C.8.12.1.1.3, table C.8-82), whatever some headers say
        signed=samples == 1 and whole(dataset, "PixelRepresentation", 0) == 1,
        photometric=text(dataset, "PhotometricInterpretation").upper(),
        planar=whole(dataset, "PlanarConfiguration", 0) == 1,
        frames=max(1, whole(dataset, "NumberOfFrames", 1)),
        floating=tag in _FLOATS,
    )
    _check(layout)
    return layout


def _check(layout: Layout) -> None:
    if layout.rows <= 0 or layout.columns <= 0:
        raise RenderError("pixels.undecodable", "Rows or Columns is missing")
    if layout.samples not in (1, 3):
        raise RenderError("pixels.undecodable", f"{layout.samples} samples per pixel")
    if layout.allocated not in (1, 8, 16, 32, 64):
        raise RenderError("pixels.undecodable", f"{layout.allocated} bits allocated")
    if layout.frame_bits > 8 * MOST_BYTES:
        raise RenderError("pixels.too-large", f"{layout.columns} x {layout.rows} pixels")
