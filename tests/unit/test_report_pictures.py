from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dicom2fhir.model import Series, SeriesInstance, Study
from dicom2fhir.problems import Problem
from dicom2fhir.report.pictures import (
    SERIES_SHOWN,
    SeriesCard,
    StudyCard,
    make_card,
    why_no_picture,
)
from report_cases import made_up_card, make_series

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
    assert "not decoded" not in repr(made_up_card(make_series()))


def test_a_picture_that_may_show_names_is_shown_only_with_names() -> None:
    series = make_series(may_show_names=True)
    assert why_no_picture(series, show_names=False) == "May show names"
    assert not why_no_picture(series, show_names=True)


def test_a_series_without_a_picture_says_why() -> None:
    series = make_series(thumbnail=None, left_out="pixels.no-image")
    assert why_no_picture(series, show_names=True) == "Not an image that is shown by itself"
    assert why_no_picture(make_series(thumbnail=None), show_names=False) == "No picture"


def make_study(series: int) -> Study:
    instances = [
        SeriesInstance(
            uid=f"1.{n}.1",
            sop_class_uid="1.2",
            transfer_syntax_uid="1.2",
            part10=True,
            attributes={},
            source=n,
        )
        for n in range(series)
    ]
    return Study(
        uid="1",
        patient={"PatientName": ["A^B"], "PatientID": ["7"]},
        attributes={"StudyDate": ["20240311"]},
        series=tuple(
            Series(
                uid=f"1.{n}",
                attributes={"Modality": ["CT"], "SeriesNumber": [str(n)]},
                instances=(instances[n],),
            )
            for n in range(series)
        ),
    )


def test_a_card_is_made_of_a_study_its_thumbnails_and_what_was_wrong_with_them() -> None:
    problems = [
        Problem(code="map.no-timezone", source=0),
        Problem(code="pixels.may-show-names", source=1),
        Problem(code="pixels.no-image", source=2),
    ]
    card = make_card(make_study(3), {"1.0": b"a", "1.1": b"b"}, problems)
    assert (card.series_count, card.instances, card.date) == (3, 3, "20240311")
    assert (card.patient_name, card.patient_id, card.birth_date) == ("A^B", "7", "")
    assert [one.thumbnail for one in card.series] == [b"a", b"b", None]
    assert [one.may_show_names for one in card.series] == [False, True, False]
    assert [one.left_out for one in card.series] == ["", "", "pixels.no-image"]
    assert [one.number for one in card.series] == ["0", "1", "2"]


def test_a_card_lists_no_more_series_than_it_has_room_for() -> None:
    card = make_card(make_study(SERIES_SHOWN + 5), {}, [])
    assert (len(card.series), card.series_count) == (SERIES_SHOWN, SERIES_SHOWN + 5)
