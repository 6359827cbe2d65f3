"""The attributes that pictures need, by their tags; everything else is stepped over."""

from __future__ import annotations

PER_FRAME = 0x52009230
SHARED = "SharedFunctionalGroupsSequence"

TAGS: tuple[int, ...] = (
    0x00080016,  # SOP Class UID
    0x00089205,  # Pixel Presentation
    0x00181164,  # Imager Pixel Spacing
    0x00182010,  # Nominal Scanned Pixel Spacing
    # Image Pixel (PS3.3 C.7.6.3)
    0x00280002,  # Samples per Pixel
    0x00280004,  # Photometric Interpretation
    0x00280006,  # Planar Configuration
    0x00280008,  # Number of Frames
    0x00280010,  # Rows
    0x00280011,  # Columns
    0x00280030,  # Pixel Spacing
    0x00280034,  # Pixel Aspect Ratio
    0x00280100,  # Bits Allocated
    0x00280101,  # Bits Stored
    0x00280102,  # High Bit
    0x00280103,  # Pixel Representation
    0x00280120,  # Pixel Padding Value
    0x00280121,  # Pixel Padding Range Limit
    0x00280122,  # Float Pixel Padding Value
    0x00280123,  # Double Float Pixel Padding Value
    0x00280124,  # Float Pixel Padding Range Limit
    0x00280125,  # Double Float Pixel Padding Range Limit
    # Modality LUT and VOI LUT (PS3.3 C.11.1, C.11.2)
    0x00281040,  # Pixel Intensity Relationship
    0x00281050,  # Window Center
    0x00281051,  # Window Width
    0x00281052,  # Rescale Intercept
    0x00281053,  # Rescale Slope
    0x00281056,  # VOI LUT Function
    0x00283000,  # Modality LUT Sequence
    0x00283010,  # VOI LUT Sequence
    # palettes (PS3.3 C.7.9)
    0x00281101,  # Red Palette Color Lookup Table Descriptor
    0x00281102,  # Green
    0x00281103,  # Blue
    0x00281201,  # Red Palette Color Lookup Table Data
    0x00281202,  # Green
    0x00281203,  # Blue
    0x00281221,  # Segmented Red Palette Color Lookup Table Data
    0x00281222,  # Segmented Green
    0x00281223,  # Segmented Blue
    # colours (PS3.3 C.11.15)
    0x00282000,  # ICC Profile
    0x00282002,  # Color Space
    0x00480105,  # Optical Path Sequence
    0x20500020,  # Presentation LUT Shape
    0x52009229,  # Shared Functional Groups Sequence
    0x7FE00001,  # Extended Offset Table
    0x7FE00002,  # Extended Offset Table Lengths
)
