from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dicom2fhir.report.pictures import SeriesCard, StudyCard, why_no_picture
from report_cases import make_card, make_series

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
SERIES = st.builds(
    SeriesCard,
    number=TEXT,
    modality=TEXT,
    instances=st.integers(0, 10**6),
    thumbnail=st.none() | st.binary(max_size=40),
    may_show_names=st.booleans(),
    description=TEXT,
)
STUDIES = st.builds(
    StudyCard,
    series=st.lists(SERIES, max_size=3).map(tuple),
    instances=st.integers(0, 10**9),
    patient_name=TEXT,
)


@given(STUDIES)
def test_a_card_comes_back_from_its_line(card: StudyCard) -> None:
    line = card.to_json()
    assert b"\n" not in line
    assert StudyCard.from_json(line) == card


def test_a_card_says_nothing_of_its_pictures_when_printed() -> None:
    assert "not decoded" not in repr(make_card(make_series()))


def test_a_picture_that_may_show_names_is_shown_only_with_names() -> None:
    series = make_series(may_show_names=True)
    assert why_no_picture(series, show_names=False) == "May show names"
    assert not why_no_picture(series, show_names=True)


def test_a_series_without_a_picture_says_why() -> None:
    series = make_series(thumbnail=None, left_out="pixels.no-image")
    assert why_no_picture(series, show_names=True) == "Not an image that is shown by itself"
    assert why_no_picture(make_series(thumbnail=None), show_names=False) == "No picture"
