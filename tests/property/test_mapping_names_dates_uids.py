"""Whatever text a file holds, names, dates, numbers and UIDs become what FHIR allows."""

from __future__ import annotations

import re
from datetime import datetime

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_studies import instance, series, study

from dicom2fhir.identity import fold_name
from dicom2fhir.mapping import map_study
from dicom2fhir.mapping.codes import oid_uri
from dicom2fhir.mapping.dates import parse_date, parse_date_time, parse_offset, parse_time
from dicom2fhir.mapping.names import human_names, parse_name
from dicom2fhir.mapping.text import clean, unsigned
from dicom2fhir.options import MapOptions

# R4 datatypes.html#primitive
_DATE = re.compile(
    r"([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
    r"(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1]))?)?"
)
_ZONE = r"(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_DATE_TIME = re.compile(
    rf"{_DATE.pattern}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T"
    rf"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?{_ZONE}"
)
_OID = re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+")

_ANYTHING = st.text(max_size=40)
_DIGITS = st.text("0123456789.:+-", max_size=26)
_PN = st.text("ABcd^= ,'.éß山田やまだ\x00\u3000", max_size=40)


@given(_PN)
def test_a_name_loses_no_letter_and_gains_none(text: str) -> None:
    names = human_names(text)
    said = "".join(one["text"] for one in names)

    assert sorted(re.sub(r"[\s^=\x00]", "", text)) == sorted(re.sub(r"\s", "", said))


@given(_PN)
def test_every_part_of_a_name_is_a_fhir_string(text: str) -> None:
    for name in human_names(text):
        parts = [name["text"], *name.get("given", []), *name.get("suffix", [])]
        assert all(part and part == part.strip() and "\x00" not in part for part in parts)
        assert "^" not in "".join(parts)


@given(_PN)
def test_folding_a_name_twice_changes_nothing(text: str) -> None:
    folded = fold_name(text)

    assert fold_name(folded) == folded
    assert fold_name(text.replace("^", " ^")) == folded or "=" in text
    assert bool(folded) == any(
        (parse_name(text).alphabetic, parse_name(text).ideographic, parse_name(text).phonetic)
    )


@given(st.dates())
def test_every_day_survives(day: object) -> None:
    text = f"{day}"

    assert parse_date(text.replace("-", "")) == text
    assert parse_date(text.replace("-", ".")) == text


@given(_DIGITS | _ANYTHING)
def test_a_date_or_time_is_right_or_none(text: str) -> None:
    day, time, moment = parse_date(text), parse_time(text), parse_date_time(text)

    assert day is None or _DATE.fullmatch(day)
    assert time is None or datetime.fromisoformat(f"2000-01-01T{time}")
    assert moment is None or _DATE.fullmatch(moment[0])
    offset = parse_offset(text)
    assert offset is None or re.fullmatch(_ZONE, offset)


@given(
    st.datetimes(),
    st.sampled_from([None, "+0130", "-0800", "+1400"]),
    st.sampled_from([None, "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"]),
)
def test_a_start_is_always_a_fhir_date_time(
    when: datetime, offset: str | None, zone: str | None
) -> None:
    stated = {"TimezoneOffsetFromUTC": [offset]} if offset else {}
    day, time = f"{when:%Y%m%d}".rjust(8, "0"), f"{when:%H%M%S.%f}"
    source = study(StudyDate=[day], StudyTime=[time], **stated)
    (made,) = (
        one
        for one in map_study(source, MapOptions(timezone=zone)).resources
        if one["resourceType"] == "ImagingStudy"
    )

    assert _DATE_TIME.fullmatch(made["started"])
    if offset:
        assert datetime.fromisoformat(made["started"]).replace(tzinfo=None) == when


@given(_ANYTHING | _DIGITS)
def test_a_number_is_what_python_reads_or_none(text: str) -> None:
    number = unsigned(text)

    if number is not None:
        assert 0 <= number < 2**31
        assert float(text) == number


@given(st.text("0123456789.", max_size=64))
def test_an_oid_is_strictly_right_or_none(text: str) -> None:
    made = oid_uri(text)

    assert made is None or (_OID.fullmatch(made) and made.endswith(text))


@given(st.text(st.characters(), max_size=300))
def test_clean_text_can_be_written_as_json_and_is_clean(text: str) -> None:
    made = clean(text)

    orjson.dumps(made)
    assert clean(made) == made
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", made)


_VALUE = st.lists(st.text(st.characters(), max_size=12) | _DIGITS, min_size=1, max_size=3)
_KEYWORDS = """
    PatientName PatientID IssuerOfPatientID PatientBirthDate PatientBirthTime PatientSex
    OtherPatientIDs OtherPatientNames PatientSpeciesDescription ResponsiblePerson StudyDate
    StudyTime TimezoneOffsetFromUTC AccessionNumber StudyID StudyDescription AdmissionID
    ReferringPhysicianName Modality SeriesNumber SeriesDescription BodyPartExamined Laterality
    OperatorsName Manufacturer StationName InstitutionName InstanceNumber ImageType
    NumberOfFrames AcquisitionDateTime ContentLabel DocumentTitle
"""
_ATTRIBUTES = st.dictionaries(st.sampled_from(_KEYWORDS.split()), _VALUE)


def _check(value: object) -> None:
    assert value is not None
    if isinstance(value, str):
        assert value
        assert value.strip() == value
    elif isinstance(value, dict):
        assert value
        for one in value.values():
            _check(one)
    elif isinstance(value, list):
        assert value
        for one in value:
            _check(one)


@settings(max_examples=200)
@given(_ATTRIBUTES, _ATTRIBUTES, _ATTRIBUTES, _ATTRIBUTES)
def test_any_values_make_resources_without_empty_parts(
    patient: dict[str, list[str]],
    of_study: dict[str, list[str]],
    of_series: dict[str, list[str]],
    of_instance: dict[str, list[str]],
) -> None:
    source = study(series(instance(1, **of_instance), **of_series), patient=patient, **of_study)
    first = map_study(source, MapOptions(timezone="Europe/Berlin"))

    for made in first.resources:
        _check(made)
        orjson.dumps(made)
    assert map_study(source, MapOptions(timezone="Europe/Berlin")) == first
    told = " ".join(one.message for one in first.problems)
    assert "\x00" not in told
