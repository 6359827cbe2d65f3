"""Renders: frames of instances as pictures. The only reader of pixels.

numpy, Pillow and pydicom are imported where something is rendered, and never before.
"""

from dicom2fhir.render.choice import Candidates, Choice, Chosen, choose
from dicom2fhir.render.decoders import DecoderRow, list_decoders, load_decoders
from dicom2fhir.render.faults import RenderError
from dicom2fhir.render.frames import render_frames
from dicom2fhir.render.streams import Extract, extract

__all__ = [
    "Candidates",
    "Choice",
    "Chosen",
    "DecoderRow",
    "Extract",
    "RenderError",
    "choose",
    "extract",
    "list_decoders",
    "load_decoders",
    "render_frames",
]
