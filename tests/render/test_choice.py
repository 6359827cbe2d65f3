"""Which images of a study are rendered, and the reason for each that is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom2fhir.model import Series, SeriesInstance, Study
from dicom2fhir.options import RenderOptions
from dicom2fhir.problems import CODES
from dicom2fhir.render import Choice, choose
from dicom2fhir.render.choice import nearest

ROOT = "1.2.840.10008.5.1.4.1.1"
CT, US, SC, SLIDE = f"{ROOT}.2", f"{ROOT}.6.1", f"{ROOT}.7", f"{ROOT}.77.1.6"
EXPLICIT, MPEG4 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.102"


def instance(
    number: int,
    sop_class: str = CT,
    syntax: str = EXPLICIT,
    **attributes: Any,  # noqa: ANN401
) -> SeriesInstance:
    sides = {"Rows": (8,), "Columns": (8,)}
    values = {
        name: value if isinstance(value, tuple) else (value,) for name, value in attributes.items()
    }
    return SeriesInstance(
        uid=f"1.2.{number}",
        sop_class_uid=sop_class,
        transfer_syntax_uid=syntax,
        part10=True,
        attributes={**sides, **values},
        source=number,
    )


def study(*instances: SeriesInstance, **attributes: Any) -> Study:  # noqa: ANN401
    series = Series(uid="1.2.3", attributes=attributes, instances=instances)
    return Study(uid="1.2", patient={}, attributes={}, series=(series,))


def first_choices(choice: Choice) -> list[tuple[str, list[int]]]:
    firsts = (candidates.images[0] for candidates in choice.pictures)
    return [(first.instance.uid, list(first.request.frames)) for first in firsts]


def reasons(choice: Choice) -> list[tuple[str, str]]:
    return [(problem.code, problem.detail) for problem in choice.problems]


FIVE = tuple(instance(number, NumberOfFrames=str(number)) for number in range(1, 6))


def test_a_series_has_its_middle_image_and_the_middle_frame_of_that() -> None:
    choice = choose(study(*FIVE), RenderOptions())
    assert first_choices(choice) == [("1.2.3", [2])]
    assert choice.problems == ()


def test_the_nearest_to_the_middle_follow_in_case_it_cannot_be_decoded() -> None:
    (candidates,) = choose(study(*FIVE), RenderOptions()).pictures
    assert [one.instance.source for one in candidates.images] == [3, 4, 2, 5, 1]


@given(st.integers(1, 50))
def test_each_place_is_tried_once_from_the_middle_outwards(count: int) -> None:
    places = list(nearest(count, count))
    assert sorted(places) == list(range(count))
    steps = [abs(place - (count - 1) // 2) for place in places]
    assert steps == sorted(steps)


def test_of_a_large_series_only_a_few_are_tried() -> None:
    many = [instance(number) for number in range(1000)]
    (candidates,) = choose(study(*many), RenderOptions()).pictures
    assert len(candidates.images) == 8


def test_every_image_is_rendered_when_asked_and_its_middle_frame() -> None:
    choice = choose(study(*FIVE), RenderOptions(media="instance"))
    assert first_choices(choice) == [(f"1.2.{n}", [(n + 1) // 2]) for n in range(1, 6)]
    assert all(len(candidates.images) == 1 for candidates in choice.pictures)


def test_every_frame_is_rendered_when_asked() -> None:
    choice = choose(study(*FIVE), RenderOptions(media="frame"))
    assert first_choices(choice) == [(f"1.2.{n}", list(range(1, n + 1))) for n in range(1, 6)]


def test_nothing_is_rendered_when_nothing_is_asked_for() -> None:
    assert choose(study(*FIVE), RenderOptions(media="none")) == Choice()


@pytest.mark.parametrize("media", ["series", "instance", "frame", "none"])
def test_each_series_has_one_thumbnail_whatever_is_asked_for(media: str) -> None:
    choice = choose(study(*FIVE), RenderOptions(media=media, thumbnails=True))
    sized = [
        (one.instance.source, list(one.request.frames))
        for candidates in choice.pictures
        for one in candidates.images[:1]
        if one.request.thumbnail
    ]
    assert sized == [(3, [2])]
    assert all(one.is_media == (media != "none") for c in choice.pictures for one in c.images)


def test_a_frame_with_a_thumbnail_is_rendered_once() -> None:
    choice = choose(study(*FIVE), RenderOptions(media="frame", thumbnails=True))
    frames = [(uid, frame) for uid, frames in first_choices(choice) for frame in frames]
    assert frames == [(f"1.2.{n}", frame) for n in range(1, 6) for frame in range(1, n + 1)]


NO_IMAGES = {
    "88.33": "Comprehensive SR Storage",
    "88.59": "Key Object Selection Document Storage",
    "11.1": "Grayscale Softcopy Presentation State Storage",
    "481.2": "RT Dose Storage",
    "481.3": "RT Structure Set Storage",
    "66.4": "Segmentation Storage",
    "66.1": "Spatial Registration Storage",
    "9.1.1": "12-lead ECG Waveform Storage",
}


@pytest.mark.parametrize(("last", "name"), NO_IMAGES.items())
@pytest.mark.parametrize("media", ["series", "instance", "frame"])
def test_what_is_no_image_is_left_out_by_its_name(last: str, name: str, media: str) -> None:
    choice = choose(study(instance(1, f"{ROOT}.{last}")), RenderOptions(media=media))
    assert reasons(choice) == [("pixels.no-image", name)]
    assert choice.pictures == ()


@pytest.mark.parametrize("last", ["481.1", "30", "1.2", "4.1", "77.1.4", "128"])
def test_images_of_many_kinds_are_rendered(last: str) -> None:
    assert choose(study(instance(1, f"{ROOT}.{last}")), RenderOptions()).pictures


def test_what_has_no_sides_is_no_image() -> None:
    assert not choose(study(instance(1, Rows=(), Columns=())), RenderOptions()).pictures
    assert not choose(study(instance(1, Rows=0)), RenderOptions()).pictures


def test_an_image_with_names_is_rendered_only_when_asked() -> None:
    one = study(instance(1, SC, BurnedInAnnotation="YES"))
    choice = choose(one, RenderOptions())
    assert (reasons(choice), choice.pictures) == ([("pixels.burned-in", "")], ())
    assert choose(one, RenderOptions(burned_in=True)).pictures


@pytest.mark.parametrize(
    ("sop_class", "attributes", "warned"),
    [
        (US, {}, True),
        (SC, {}, True),
        (SC, {"BurnedInAnnotation": "NO"}, False),
        (CT, {}, False),
    ],
)
def test_images_that_may_show_names_are_warned_of_once_rendered(
    sop_class: str, attributes: dict[str, str], *, warned: bool
) -> None:
    choice = choose(study(instance(1, sop_class, **attributes)), RenderOptions())
    codes = [problem.code for problem in choice.pictures[0].images[0].warnings]
    assert codes == ["pixels.may-show-names"] * warned
    assert choice.problems == ()


def slide(number: int, part: str, **attributes: Any) -> SeriesInstance:  # noqa: ANN401
    kind = ("DERIVED", "PRIMARY", part, "NONE")
    return instance(number, SLIDE, ImageType=kind, **attributes)


PYRAMID = (
    slide(1, "VOLUME", NumberOfFrames="4000"),
    slide(2, "VOLUME", NumberOfFrames="1"),
    slide(3, "LABEL"),
    slide(4, "OVERVIEW"),
    slide(5, "THUMBNAIL"),
)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [(PYRAMID, "1.2.5"), (PYRAMID[:4], "1.2.4"), (PYRAMID[:3], "1.2.2"), (PYRAMID[:1], None)],
)
def test_a_slide_is_shown_by_its_thumbnail_or_what_comes_next(
    parts: tuple[SeriesInstance, ...], expected: str | None
) -> None:
    choice = choose(study(*parts), RenderOptions())
    assert [uid for uid, _ in first_choices(choice)] == ([expected] if expected else [])


def test_of_two_levels_of_one_frame_the_smaller_one_is_shown() -> None:
    levels = [slide(number, "VOLUME", Rows=(side,)) for number, side in ((1, 900), (2, 90))]
    assert [uid for uid, _ in first_choices(choose(study(*levels), RenderOptions()))] == ["1.2.2"]


def test_a_slide_of_tiles_alone_has_no_picture() -> None:
    choice = choose(study(PYRAMID[0]), RenderOptions())
    assert reasons(choice) == [("pixels.pyramid", "the series has none")]


def test_levels_and_labels_of_a_slide_are_counted() -> None:
    choice = choose(study(*PYRAMID), RenderOptions(media="instance"))
    codes = [(problem.code, problem.source) for problem in choice.problems]
    assert codes == [("pixels.pyramid", 1), ("pixels.pyramid", 2), ("pixels.label", 3)]
    assert [uid for uid, _ in first_choices(choice)] == ["1.2.4", "1.2.5"]


def test_a_label_is_rendered_only_when_asked() -> None:
    choice = choose(study(*PYRAMID), RenderOptions(media="instance", labels=True))
    assert "1.2.3" in dict(first_choices(choice))


def test_an_overview_with_the_label_in_it_is_a_label() -> None:
    choice = choose(study(slide(1, "OVERVIEW", SpecimenLabelInImage="YES")), RenderOptions())
    assert reasons(choice) == [("pixels.label", "")]


@pytest.mark.parametrize(("media", "carried"), [("series", 0), ("instance", 1), ("frame", 1)])
def test_a_video_is_carried_or_counted_but_no_still_is_made(media: str, carried: int) -> None:
    choice = choose(study(instance(1, syntax=MPEG4)), RenderOptions(media=media))
    assert choice.pictures == ()
    assert len(choice.videos) == carried
    assert reasons(choice) == [("pixels.video", "")] * (1 - carried)


def test_documents_are_carried_and_no_fault() -> None:
    one = instance(1, f"{ROOT}.104.1")
    assert choose(study(one), RenderOptions()) == Choice(documents=(one,))


@pytest.mark.parametrize("frames", ["0", "-1", "x", "", "1.5", "9" * 30])
def test_a_number_of_frames_that_cannot_be_does_no_harm(frames: str) -> None:
    one = study(instance(1, NumberOfFrames=frames))
    for media in ("series", "instance", "frame"):
        (candidates,) = choose(one, RenderOptions(media=media)).pictures
        assert 1 <= len(candidates.images[0].request.frames) <= 1_000_000


def test_options_reach_the_request() -> None:
    options = RenderOptions(format="png", size=99, quality=7, window="40,400")
    request = choose(study(instance(1)), options).pictures[0].images[0].request
    assert (request.format, request.size, request.quality, request.window) == (
        ("png", 99, 7, "40,400")
    )
    assert request.transfer_syntax_uid == EXPLICIT


def test_every_reason_stands_in_the_table_of_problems() -> None:
    for media in ("series", "instance"):
        choice = choose(study(*PYRAMID, instance(9, syntax=MPEG4)), RenderOptions(media=media))
        assert all(problem.code in CODES for problem in choice.problems)


def test_key_images_stand_for_their_series_with_the_frames_that_are_key() -> None:
    choice = choose(study(*FIVE), RenderOptions(), {"1.2.5": [2, 4, 9], "1.2.1": []})
    assert first_choices(choice) == [("1.2.1", [1]), ("1.2.5", [2, 4])]
    assert [one.instance.uid for one in choice.pictures[0].images] == [
        *("1.2.1", "1.2.3", "1.2.4", "1.2.2"),
    ]


def test_key_images_change_nothing_where_every_image_is_rendered() -> None:
    options = RenderOptions(media="instance")
    assert choose(study(*FIVE), options, {"1.2.5": [1]}) == choose(study(*FIVE), options)


def test_a_key_image_that_shows_names_is_not_rendered() -> None:
    burned = instance(1, BurnedInAnnotation="YES")
    choice = choose(study(burned), RenderOptions(), {"1.2.1": []})
    assert not choice.pictures
