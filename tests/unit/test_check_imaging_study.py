"""The rules of ImagingStudy that our output keeps in every version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from check_cases import DCM, make_instance, make_study
from dicom2fhir.check.imaging_study import study_faults

if TYPE_CHECKING:
    from collections.abc import Callable


def make_two_series() -> dict[str, Any]:
    study = make_study(3)
    second = make_study(2)["series"][0] | {"uid": "1.2.826.0.1.3680043.8.498.3"}
    second["instance"] = [make_instance(number) for number in (10, 11)]
    study["series"].append(second)
    return study | {"numberOfSeries": 2, "numberOfInstances": 5}


def test_a_study_that_counts_what_it_lists_is_sound() -> None:
    assert list(study_faults(make_two_series())) == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda study: study.update(numberOfSeries=3), ".numberOfSeries"),
        (lambda study: study.update(numberOfInstances=6), ".numberOfInstances"),
        (lambda study: study.update(numberOfInstances=4), ".numberOfInstances"),
        (lambda study: study["series"][1].update(uid=study["series"][0]["uid"]), ".series[0].uid"),
        (
            lambda study: study["series"][1].update(modality={"system": DCM, "code": "SR"}),
            ".series[1].modality",
        ),
        (
            lambda study: study["series"][1].update(modality={"system": "urn:x", "code": "CT"}),
            ".series[1].modality",
        ),
        (
            lambda study: study["series"][0]["instance"][1].update(
                uid=study["series"][0]["instance"][0]["uid"]
            ),
            ".series[0].instance[0].uid",
        ),
        (
            lambda study: study["series"][1]["instance"][1].update(
                uid=study["series"][0]["instance"][2]["uid"]
            ),
            ".series[0].instance[2].uid",
        ),
    ],
)
def test_a_broken_rule_is_found(change: Callable[[dict[str, Any]], object], place: str) -> None:
    study = make_two_series()
    change(study)
    assert place in [fault[0] for fault in study_faults(study)]


def test_a_wrong_count_of_a_series_is_found_there_and_not_in_the_sum() -> None:
    study = make_two_series()
    study["series"][1]["numberOfInstances"] = 7
    assert [place for place, _ in study_faults(study)] == [".series[1].numberOfInstances"]


def test_a_uid_that_stands_twice_is_told_at_both_places() -> None:
    study = make_two_series()
    study["series"][1]["instance"][0]["uid"] = study["series"][0]["instance"][1]["uid"]
    assert [place for place, _ in study_faults(study)] == [
        ".series[0].instance[1].uid",
        ".series[1].instance[0].uid",
    ]


def test_a_series_that_lists_nothing_keeps_its_count() -> None:
    study = make_two_series()
    del study["series"][0]["instance"]
    study["series"][0]["numberOfInstances"] = 40_000
    study["numberOfInstances"] = 40_002
    assert list(study_faults(study)) == []
    study["numberOfInstances"] = 5
    assert [place for place, _ in study_faults(study)] == [".numberOfInstances"]


def test_a_study_without_series_or_counts_is_sound() -> None:
    study = make_two_series()
    for name in ("numberOfSeries", "numberOfInstances", "modality"):
        del study[name]
    assert list(study_faults(study)) == []
    assert list(study_faults(make_study(5) | {"series": [], "numberOfSeries": 9})) == []
