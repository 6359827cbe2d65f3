"""DA, TM and DT values as FHIR's date and dateTime."""

from __future__ import annotations

import pytest
from mapping_studies import instance, mapped, problems, series, study

from dicom2fhir.errors import UsageError
from dicom2fhir.mapping.dates import (
    load_zone,
    offset_at,
    parse_date,
    parse_date_time,
    parse_offset,
    parse_time,
)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("20240229", "2024-02-29"),
        ("1993.08.22", "1993-08-22"),
        ("2024-02-03", "2024-02-03"),
        ("19930800", "1993-08"),
        ("199308", "1993-08"),
        ("19930000", "1993"),
        ("1993", "1993"),
        ("560312", None),
        ("20230229", None),
        ("20241301", None),
        ("19930022", None),
        ("00000101", None),
        ("20240203-20240204", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date_keeps_the_precision_it_is_stated_with(text: str, day: str | None) -> None:
    assert parse_date(text) == day


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("101112", "10:11:12"),
        ("101112.5", "10:11:12.5"),
        ("101112.000000", "10:11:12"),
        ("101112.123456", "10:11:12.123456"),
        ("10:11:12", "10:11:12"),
        ("1011", "10:11:00"),
        ("10", "10:00:00"),
        ("235960", "23:59:59"),
        ("240000", None),
        ("106000", None),
        ("101161", None),
        ("1", None),
        ("noon", None),
    ],
)
def test_a_time_has_seconds_for_fhir_wants_them(text: str, time: str | None) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("+0100", "+01:00"),
        ("-0530", "-05:30"),
        ("+1400", "+14:00"),
        ("+0000", "+00:00"),
        ("-0000", None),
        ("+1401", None),
        ("-1300", None),
        ("+0160", None),
        ("0100", None),
        ("CET", None),
    ],
)
def test_an_offset_lies_within_the_limits_of_dicom(text: str, offset: str | None) -> None:
    assert parse_offset(text) == offset


def test_a_dt_value_may_end_anywhere_and_carry_its_own_offset() -> None:
    assert parse_date_time("20240203101112.5+0100") == ("2024-02-03", "10:11:12.5", "+01:00")
    assert parse_date_time("2024020310") == ("2024-02-03", "10:00:00", None)
    assert parse_date_time("202402") == ("2024-02", None, None)
    assert parse_date_time("20240203-0500") == ("2024-02-03", None, "-05:00")
    assert parse_date_time("2024020399") is None
    assert parse_date_time("20240231101112") is None


def test_the_zone_knows_summer_time() -> None:
    assert offset_at("2024-01-15", "12:00:00", "Europe/Berlin") == "+01:00"
    assert offset_at("2024-07-15", "12:00:00", "Europe/Berlin") == "+02:00"
    assert offset_at("2024-07-15", "12:00:00", "America/St_Johns") == "-02:30"


def test_an_offset_of_odd_seconds_is_none_that_fhir_can_write() -> None:
    assert offset_at("1880-01-01", "12:00:00", "Europe/Berlin") is None


def test_an_unknown_zone_is_an_error_of_usage() -> None:
    with pytest.raises(UsageError):
        load_zone("Mars/Olympus")
    with pytest.raises(UsageError):
        load_zone("../etc/passwd")


def test_a_time_without_zone_becomes_a_date_and_is_noted() -> None:
    plain = study(StudyDate=["20240203"], StudyTime=["101112"])

    assert mapped(plain)["started"] == "2024-02-03"
    assert problems(plain) == {"map.no-timezone": 1}


def test_a_date_without_time_needs_no_zone() -> None:
    plain = study(StudyDate=["20240203"])

    assert mapped(plain)["started"] == "2024-02-03"
    assert problems(plain) == {}


def test_the_offset_of_the_file_comes_before_the_zone_of_the_options() -> None:
    stated = study(StudyDate=["20240203"], StudyTime=["101112"], TimezoneOffsetFromUTC=["-0500"])
    silent = study(StudyDate=["20240703"], StudyTime=["101112"])

    assert mapped(stated, timezone="Europe/Berlin")["started"] == "2024-02-03T10:11:12-05:00"
    assert mapped(silent, timezone="Europe/Berlin")["started"] == "2024-07-03T10:11:12+02:00"


def test_a_study_without_date_starts_with_its_earliest_series() -> None:
    made = mapped(
        study(
            series(SeriesDate=["20240205"]),
            series(SeriesDate=["20240204"], number=2),
        )
    )

    assert made["started"] == "2024-02-04"


def test_without_series_dates_acquisition_and_then_content_tell_the_start() -> None:
    acquired = study(
        series(
            instance(1, AcquisitionDateTime=["20240203101112+0100"]),
            instance(2, AcquisitionDate=["20240203"], AcquisitionTime=["090000"]),
            TimezoneOffsetFromUTC=["+0200"],
        ),
    )
    written = study(series(instance(1, ContentDate=["20240206"])))

    assert mapped(acquired)["started"] == "2024-02-03T09:00:00+02:00"
    assert mapped(acquired)["series"][0]["started"] == "2024-02-03T09:00:00+02:00"
    assert mapped(written)["started"] == "2024-02-06"
    assert "started" not in mapped(written)["series"][0]


def test_the_offset_of_a_dt_value_is_its_own() -> None:
    made = mapped(
        study(
            series(instance(1, AcquisitionDateTime=["20240203101112+0100"])),
            TimezoneOffsetFromUTC=["+0900"],
        )
    )

    assert made["series"][0]["started"] == "2024-02-03T10:11:12+01:00"


def test_a_date_that_does_not_parse_is_left_out_and_noted() -> None:
    bad = study(series(SeriesDate=["20241340"]), StudyDate=["x"])

    assert "started" not in mapped(bad)
    assert "started" not in mapped(bad)["series"][0]
    assert problems(bad)["map.bad-date"] >= 1


def test_a_bad_time_leaves_the_date() -> None:
    bad = study(StudyDate=["20240203"], StudyTime=["99"])

    assert mapped(bad)["started"] == "2024-02-03"
    assert problems(bad) == {"map.bad-date": 1}


def test_the_offset_of_one_series_is_not_lent_to_another() -> None:
    stated = {"SeriesDate": ["20240203"], "SeriesTime": ["120000"]}
    made = mapped(
        study(
            series(**stated, TimezoneOffsetFromUTC=["+0500"]),
            series(**stated, number=2),
            TimezoneOffsetFromUTC=["+0200"],
        )
    )
    starts = [one["started"] for one in made["series"]]
    assert starts == ["2024-02-03T12:00:00+05:00", "2024-02-03"]


def test_of_two_clocks_the_earlier_instant_is_the_start() -> None:
    made = mapped(
        study(
            series(
                instance(1, AcquisitionDateTime=["20240203080000+0900"]),
                instance(2, AcquisitionDateTime=["20240203010000+0100"]),
            )
        )
    )
    assert made["started"] == "2024-02-03T08:00:00+09:00"


@pytest.mark.parametrize(
    ("day", "time"), [("20240331", "023000"), ("20241027", "023000")], ids=["never", "twice"]
)
def test_a_local_time_that_a_clock_change_makes_unclear_becomes_a_date(day: str, time: str) -> None:
    made = mapped(study(StudyDate=[day], StudyTime=[time]), timezone="Europe/Berlin")
    assert len(made["started"]) == len("YYYY-MM-DD")


def test_an_offset_that_is_none_is_a_problem() -> None:
    made = study(StudyDate=["20240203"], StudyTime=["101112"], TimezoneOffsetFromUTC=["+1500"])
    assert problems(made)["map.bad-date"] == 1


def test_the_zone_of_the_options_does_not_replace_a_bad_offset() -> None:
    stated = {"SeriesDate": ["20240203"], "SeriesTime": ["101112"]}
    source = study(
        series(**stated, TimezoneOffsetFromUTC=["CET"]),
        StudyDate=["20240203"],
        StudyTime=["101112"],
        TimezoneOffsetFromUTC=["+1500"],
    )
    made = mapped(source, timezone="Europe/Berlin")

    assert made["started"] == made["series"][0]["started"] == "2024-02-03"
    assert problems(source, timezone="Europe/Berlin") == {
        "map.bad-date": 2,
        "map.no-timezone": 2,
    }


def test_an_offset_of_minus_zero_states_none_and_the_options_may() -> None:
    source = study(StudyDate=["20240203"], StudyTime=["101112"], TimezoneOffsetFromUTC=["-0000"])

    assert mapped(source)["started"] == "2024-02-03"
    assert problems(source) == {"map.bad-date": 1, "map.no-timezone": 1}
    made = mapped(source, timezone="Europe/Berlin")
    assert made["started"] == "2024-02-03T10:11:12+01:00"


def test_a_bad_offset_of_a_dt_value_is_told_and_not_replaced() -> None:
    assert parse_date_time("20240203101112+1500") == ("2024-02-03", "10:11:12", "")
    image = instance(1, AcquisitionDateTime=["20240203101112+1500"])
    source = study(series(image, TimezoneOffsetFromUTC=["+0100"]))

    assert mapped(source)["series"][0]["started"] == "2024-02-03"
    assert problems(source)["map.bad-date"] >= 1


def test_a_time_of_an_incomplete_date_is_no_instant() -> None:
    source = study(StudyDate=["202402"], StudyTime=["101112"], TimezoneOffsetFromUTC=["+0100"])

    assert mapped(source)["started"] == "2024-02"


def test_instants_within_one_second_compare_by_their_fraction() -> None:
    made = mapped(
        study(
            series(
                instance(1, AcquisitionDateTime=["20240203080000.9+0100"]),
                instance(2, AcquisitionDateTime=["20240203160000.1+0900"]),
            )
        )
    )

    assert made["started"] == "2024-02-03T16:00:00.1+09:00"


def test_the_zone_of_the_options_counts_when_instants_are_compared() -> None:
    made = mapped(
        study(
            series(
                instance(1, AcquisitionDateTime=["20240203090000"]),
                instance(2, AcquisitionDateTime=["20240203100000+0900"]),
            )
        ),
        timezone="Europe/Berlin",
    )

    assert made["started"] == "2024-02-03T10:00:00+09:00"
