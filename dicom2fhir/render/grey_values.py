"""What a header says of grey values: modality and VOI transformations (PS3.3 C.11.1, C.11.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.render.lookup import Lookup, read_lookup
from dicom2fhir.render.values import items, number, numbers, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.render.dataset import Dataset
    from dicom2fhir.render.layout import Layout

LINEAR = "LINEAR"
LINEAR_EXACT = "LINEAR_EXACT"
SIGMOID = "SIGMOID"
_FLOATS = {32: "Float", 64: "DoubleFloat"}
_XRAY = frozenset(f"1.2.840.10008.5.1.4.1.1.12.{last}" for last in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Window:
    """One window, and the function that it shapes."""

    center: float
    width: float
    function: str = LINEAR

    def __str__(self) -> str:
        """Return it as people write it."""
        shape = "" if self.function == LINEAR else f" {self.function}"
        return f"window {self.center:g}/{self.width:g}{shape}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyValues:
    """How stored values become grey values in one frame.

    `slope` and `intercept` stand for the modality transformation where `modality` is None.
    `padding` is the range of stored values that stand for no image (PS3.3 C.7.5.1.1.2).
    """

    slope: float = 1.0
    intercept: float = 0.0
    modality: Lookup | None = None
    windows: tuple[Window, ...] = ()
    voi: tuple[Lookup, ...] = ()
    inverse: bool = False
    padding: tuple[float, float] | None = None


def read_grey_values(
    dataset: Dataset, groups: Sequence[Dataset], layout: Layout, *, little: bool
) -> GreyValues:
    """Return the grey values of one frame; functional groups go before the data set itself."""
    transformation = _first_with(groups, "PixelValueTransformationSequence", "RescaleSlope")
    frame_voi = _first_with(groups, "FrameVOILUTSequence", "WindowCenter", "VOILUTSequence")
    modality = _modality_item(dataset, transformation)
    slope, intercept, table = 1.0, 0.0, None
    if modality is not None:
        slope = number(modality, "RescaleSlope") or 1.0
        intercept = number(modality, "RescaleIntercept") or 0.0
        lookups = _lookups(modality, "ModalityLUTSequence", signed=layout.signed, little=little)
        table = lookups[0] if lookups else None
    voi = dataset if frame_voi is None else frame_voi
    # the VOI table maps what the modality transformation gives: that is signed where it can be
    least = _least(layout, slope, intercept, table)
    shape = text(dataset, "PresentationLUTShape").upper()
    inverse = shape == "INVERSE" if shape in ("INVERSE", "IDENTITY") else _is_inverse(layout)
    return GreyValues(
        slope=slope,
        intercept=intercept,
        modality=table,
        windows=_windows(voi),
        voi=_lookups(voi, "VOILUTSequence", signed=least < 0, little=little),
        inverse=inverse,
        padding=_padding(dataset, layout),
    )


def _is_inverse(layout: Layout) -> bool:
    return layout.photometric == "MONOCHROME1"


def _first_with(groups: Sequence[Dataset], sequence: str, *keywords: str) -> Dataset | None:
    for group in groups:
        for item in items(group, sequence)[:1]:
            if any(keyword in item for keyword in keywords):
                return item
    return None


def _modality_item(dataset: Dataset, transformation: Dataset | None) -> Dataset | None:
    """Return what holds the modality transformation that is meant for display.

    That of an XA or XRF image whose values are logarithmic or for display already leads back to
    beam intensity (PS3.3 C.8.7.1.1.2).
    """
    if transformation is not None:
        return transformation
    relation = text(dataset, "PixelIntensityRelationship").upper()
    if text(dataset, "SOPClassUID") in _XRAY and relation in ("LOG", "DISP"):
        return None
    return dataset


def _least(layout: Layout, slope: float, intercept: float, table: Lookup | None) -> float:
    if table is not None:
        return 0.0
    low = -(1 << (layout.stored - 1)) if layout.signed else 0
    high = low + (1 << layout.stored) - 1
    return min(low * slope, high * slope) + intercept


def _windows(dataset: Dataset) -> tuple[Window, ...]:
    """Return the windows that can be used (PS3.3 C.11.2.1.2, C.11.2.1.3)."""
    function = text(dataset, "VOILUTFunction").upper()
    if function not in (LINEAR_EXACT, SIGMOID):
        function = LINEAR
    narrowest = 1.0 if function == LINEAR else 0.0
    pairs = zip(numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth"), strict=False)
    return tuple(
        Window(center, width, function)
        for center, width in pairs
        if width >= narrowest and width > 0
    )


def _lookups(dataset: Dataset, sequence: str, *, signed: bool, little: bool) -> tuple[Lookup, ...]:
    found = (
        read_lookup(item, "LUTDescriptor", "LUTData", signed=signed, little=little)
        for item in items(dataset, sequence)
    )
    return tuple(one for one in found if one is not None)


def _padding(dataset: Dataset, layout: Layout) -> tuple[float, float] | None:
    """Return between which stored values there is no image (PS3.3 C.7.5.1.1.2)."""
    kind = "" if not layout.floating else _FLOATS[layout.allocated]
    one = number(dataset, f"{kind}PixelPaddingValue")
    if one is None:
        return None
    other = number(dataset, f"{kind}PixelPaddingRangeLimit")
    ends = [one, one if other is None else other]
    if not layout.floating:
        ends = [_as_stored(end, layout) for end in ends]
    return min(ends), max(ends)


def _as_stored(value: float, layout: Layout) -> int:
    """Return a padding value in the signedness of the pixels, whatever its VR said."""
    padding = int(value) & 0xFFFF
    if layout.signed and padding >= 0x8000:  # noqa: PLR2004 - the sign of 16 bits
        padding -= 0x10000
    return padding
