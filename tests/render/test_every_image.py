"""Every image of the shared data is rendered, or stands here with the reason why not."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.model import Series, SeriesInstance, Study
from dicom2fhir.options import RenderOptions
from dicom2fhir.problems import CODES
from dicom2fhir.render import RenderError, choose, render_frames
from render_cases import RealImage, read_images

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

NOT_RENDERED = {
    # pixels that end early
    "corrupt/cat02_vr_mismatch/TC0243_pixeldata_OB_as_OW.dcm": "pixels.undecodable",
    "corrupt/cat04_pixel_data/TC0285_buf_half.dcm": "pixels.undecodable",
    # a million frames said to be there
    "corrupt/cat04_pixel_data/TC0339_mf_nf_million.dcm": "pixels.undecodable",
    # no JPEG in a transfer syntax of JPEG
    "corrupt/cat04_pixel_data/TC0321_encap_empty_bot.dcm": "pixels.undecodable",
    "corrupt/cat04_pixel_data/TC0325_encap_10k_frags.dcm": "pixels.undecodable",
    "dicomweb-adapter/integration_test/data/example3.dcm": "pixels.undecodable",
    # a delimiter written over the size in the stream
    "dicognito/test_pixel_data_with_embedded_sequence_delimiter"
    "/JPEG2000-embedded-sequence-delimiter.dcm": "pixels.undecodable",
    # a photometric interpretation that is none
    "corrupt/cat04_pixel_data/TC0331_pi_invalid.dcm": "pixels.undecodable",
    "corrupt/cat04_pixel_data/TC0333_pi_empty.dcm": "pixels.undecodable",
    "corrupt/cat04_pixel_data/TC0335_pi_256chars.dcm": "pixels.undecodable",
    # pixel data of no length
    "fo-dicom/GH1146.dcm": "pixels.no-image",
    "fo-dicom/GH178.dcm": "pixels.no-image",
    "fo-dicom/GH179A.dcm": "pixels.no-image",
    "fo-dicom/GH179B.dcm": "pixels.no-image",
}
"""Files that are chosen as images, and the code with which they are refused."""
LEFT_OUT = {
    "Comprehensive 3D SR Storage": 2,
    "Enhanced SR Storage": 6,
    "Grayscale Softcopy Presentation State Storage": 2,
    "Key Object Selection Document Storage": 3,
    "Microscopy Bulk Simple Annotations Storage": 1,
    "MR Image Storage": 1,  # a header without rows and columns
    "Radiopharmaceutical Radiation Dose SR Storage": 1,
    "RT Plan Storage": 1,
    "RT Structure Set Storage": 1,
    "Segmentation Storage": 11,
    "Ultrasound Image Storage": 1,  # a header without rows and columns
    "unknown SOP class": 3,
    "X-Ray Radiation Dose SR Storage": 7,
    "the series has none": 8,  # levels of slides without thumbnail
}
"""What is not chosen: names of SOP classes, and how many there are."""
EVERY = RenderOptions(media="instance", burned_in=True, labels=True)


def studies(images: list[RealImage]) -> list[tuple[Study, dict[int, RealImage]]]:
    """Return each series as a study of its own."""
    by_series: dict[str, list[RealImage]] = defaultdict(list)
    for one in images:
        by_series[one.instance.series_uid].append(one)
    found = []
    for uid, members in by_series.items():
        listed = tuple(
            SeriesInstance(
                uid=one.instance.sop_instance_uid,
                sop_class_uid=one.instance.sop_class_uid,
                transfer_syntax_uid=one.instance.transfer_syntax_uid,
                part10=one.instance.part10,
                attributes={**one.instance.series, **one.instance.attributes},
                source=number,
            )
            for number, one in enumerate(members)
        )
        series = Series(uid=uid, attributes={}, instances=listed)
        study = Study(uid="1.2", patient={}, attributes={}, series=(series,))
        found.append((study, dict(enumerate(members))))
    return found


def test_every_shared_image_has_a_picture_or_a_reason(real_data: Path) -> None:
    images = read_images(path for path in sorted(real_data.rglob("*")) if path.is_file())
    rendered, refused, left_out = 0, {}, Counter[str]()
    for study, members in studies(images):
        choice = choose(study, EVERY)
        left_out.update(problem.detail or problem.code for problem in choice.problems)
        for candidates in choice.pictures:
            (chosen,) = candidates.images
            one = members[chosen.instance.source]
            try:
                (picture,) = render_frames(one.stream(), chosen.request)
            except RenderError as error:
                refused[str(one.path.relative_to(real_data))] = error.code
                continue
            rendered += 1
            assert picture.data
            assert max(picture.width, picture.height) <= EVERY.size
            assert all(note in CODES for note in picture.notes)
    assert refused == NOT_RENDERED
    assert left_out == LEFT_OUT
    assert rendered > 550
