"""DA, TM and DT values as FHIR's date and dateTime (PS3.5 6.2, R4 datatypes.html#dateTime)."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from dicom2fhir.errors import UsageError
from dicom2fhir.mapping.text import first
from dicom2fhir.model import PartialDateTime

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Series, SeriesInstance, Study

# Old data sets write 1993.08.22 (PS3.5 6.2, note on ACR-NEMA); months and days of 00 are unknown.
_DATE = re.compile(r"([0-9]{4})(?:[.\-/]?([0-9]{2})(?:[.\-/]?([0-9]{2}))?)?")
_TIME = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]+))?)?)?")
_DATE_TIME = re.compile(r"([0-9]{4,8})([0-9]{2,6}(?:\.[0-9]+)?)?([+-][0-9]{4})?")
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")
_DAY = 8
_MICROSECONDS = 6
_MINUTES_EAST = 14 * 60
_MINUTES_WEST = -12 * 60
_NO_OFFSET = "-0000"
_CENTURIES = frozenset({"18", "19", "20", "21"})


def load_zone(name: str) -> ZoneInfo:
    """Return an IANA time zone.

    Errors: UsageError when there is none of that name.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise UsageError(
            "The time zone is not known on this machine.",
            hint="Use a name of the IANA database such as Europe/Berlin.",
        ) from error


_zone = lru_cache(maxsize=8)(load_zone)


@lru_cache(maxsize=4096)
def parse_date(text: str) -> str | None:
    """Return a DA value as FHIR's date, as precise as it is, or None.

    >>> parse_date("20240229"), parse_date("1993.08.22"), parse_date("19930000")
    ('2024-02-29', '1993-08-22', '1993')
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day = match[1], match[2] or "00", match[3] or "00"
    if match[2] and not match[3] and year[:2] not in _CENTURIES:
        return None  # rather a year of two digits, month and day
    try:
        date(int(year), int(month) or 1, int(day) or 1)
    except ValueError:
        return None
    if month == "00":
        return year if day == "00" else None
    return f"{year}-{month}" if day == "00" else f"{year}-{month}-{day}"


@lru_cache(maxsize=4096)
def parse_time(text: str) -> str | None:
    """Return a TM value as `HH:MM:SS` with its fraction, or None.

    What TM leaves open is 0, for FHIR has no time without seconds; a leap second counts as 59.

    >>> parse_time("1011"), parse_time("101112.500000"), parse_time("24")
    ('10:11:00', '10:11:12.5', None)
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, second = match[1], match[2] or "00", match[3] or "00"
    if second == "60":
        second = "59"
    if hour > "23" or minute > "59" or second > "59":
        return None
    fraction = (match[4] or "")[:_MICROSECONDS].rstrip("0")
    return f"{hour}:{minute}:{second}" + (f".{fraction}" if fraction else "")


def parse_offset(text: str) -> str | None:
    """Return an offset from UTC as FHIR writes it, or None.

    DICOM:  TimezoneOffsetFromUTC (0008,0201): -1200 to +1400, -0000 is not allowed (PS3.3 C.12.1)
    """
    match = _OFFSET.fullmatch(text.strip())
    if match is None or int(match[3]) > 59 or match[0] == _NO_OFFSET:  # noqa: PLR2004
        return None
    minutes = int(f"{match[1]}1") * (int(match[2]) * 60 + int(match[3]))
    if not _MINUTES_WEST <= minutes <= _MINUTES_EAST:
        return None
    return f"{match[1]}{match[2]}:{match[3]}"


def parse_date_time(text: str) -> tuple[str, str | None, str | None] | None:
    """Return a DT value as date, time and offset, or None; the offset is "" where it is none."""
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        return None
    day = parse_date(match[1])
    time = parse_time(match[2]) if match[2] else None
    if day is None or (match[2] and (time is None or len(match[1]) < _DAY)):
        return None
    return day, time, _stated_offset(match[3] or "")


def _stated_offset(text: str) -> str | None:
    """Return an offset; "" for one that is stated and is none, None where none is stated.

    -0000 states none: in the formats it comes from it says that the zone is not known (RFC 3339).
    """
    return None if text in {"", _NO_OFFSET} else parse_offset(text) or ""


def offset_at(day: str, time: str, zone_name: str) -> str | None:
    """Return the offset of a zone at a local time; None where it is unclear or no whole minute."""
    local = datetime.fromisoformat(f"{day}T{time.partition('.')[0]}").replace(
        tzinfo=_zone(zone_name)
    )
    offset = local.utcoffset()
    # When clocks change, a local time exists twice or not at all; neither is ours to choose.
    clear = offset == local.replace(fold=1).utcoffset()
    if offset is None or not clear or offset % timedelta(minutes=1):
        return None
    minutes = int(offset / timedelta(minutes=1))
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _offset_or_option(day: str, time: str, offset: str | None, context: Context) -> str:
    if offset is None and context.options.timezone:
        offset = offset_at(day, time, context.options.timezone)
    return offset or ""


def moment(day: str, time: str | None, offset: str | None, context: Context) -> PartialDateTime:
    """Return a moment as precise as it can be written.

    DICOM:  the offset that the data set states, else that of the option (PS3.3 C.12.1);
            the option does not replace one that is stated and is none ("")
    FHIR:   dateTime; a time needs an offset (R4 datatypes.html#dateTime)
    Errors: Problem map.no-timezone; the date alone is written.
    """
    if time is None or len(day) < len("YYYY-MM-DD"):
        return PartialDateTime(text=day)
    known = _offset_or_option(day, time, offset, context)
    if not known:
        context.note("map.no-timezone", "TimezoneOffsetFromUTC")
        return PartialDateTime(text=day)
    return PartialDateTime(text=f"{day}T{time}{known}", has_time=True)


def day_of(attributes: Attributes, keyword: str, context: Context, element: str) -> str | None:
    """Return a DA attribute as FHIR's date.

    Errors: Problem map.bad-date.
    """
    text = first(attributes, keyword)
    day = parse_date(text) if text else None
    if text and day is None:
        context.note("map.bad-date", keyword, element)
    return day


def time_of(attributes: Attributes, keyword: str, context: Context, element: str) -> str | None:
    """Return a TM attribute as `HH:MM:SS`.

    Errors: Problem map.bad-date.
    """
    text = first(attributes, keyword)
    time = parse_time(text) if text else None
    if text and time is None:
        context.note("map.bad-date", keyword, element)
    return time


def _zone_in(attributes: Attributes) -> str | None:
    return _stated_offset(first(attributes, "TimezoneOffsetFromUTC"))


def zone_of(attributes: Attributes, context: Context) -> str | None:
    """Return the offset from UTC that these attributes state, "" where they state a bad one.

    DICOM:  TimezoneOffsetFromUTC (0008,0201); it governs its own data sets alone (PS3.3 C.12.1)
    Errors: Problem map.bad-date.
    """
    offset = _zone_in(attributes)
    if not offset and first(attributes, "TimezoneOffsetFromUTC"):
        context.note("map.bad-date", "TimezoneOffsetFromUTC")
    return offset


_Moment = tuple[str, str, str]  # day, time and offset; "" where not known: earliest sorts first
_Sources: TypeAlias = "Iterable[tuple[Attributes, str | None]]"  # with the offset of their times


def _moment_of(day: str, time: str | None, zone: str | None, context: Context) -> _Moment:
    if time is None or len(day) < len("YYYY-MM-DD"):
        return day, "", ""
    return day, time, _offset_or_option(day, time, zone, context)


def _moments(sources: _Sources, kind: str, context: Context, element: str) -> set[_Moment]:
    """Return the distinct moments that `<kind>Date` and `<kind>Time` state."""
    found = set()
    for attributes, zone in sources:
        day = day_of(attributes, f"{kind}Date", context, element)
        if day:
            time = time_of(attributes, f"{kind}Time", context, element)
            found.add(_moment_of(day, time, zone, context))
    return found


def _instances(series: Iterable[Series]) -> list[tuple[Attributes, str | None]]:
    zoned = ((one, _zone_in(one.attributes)) for one in series)
    return [(instance.attributes, zone) for one, zone in zoned for instance in one.instances]


def _acquired(instances: _Sources, context: Context, element: str) -> set[_Moment]:
    found = set()
    rest = []
    for attributes, zone in instances:
        text = first(attributes, "AcquisitionDateTime")
        if not text:
            rest.append((attributes, zone))
            continue
        day, time, offset = parse_date_time(text) or ("", None, "")
        if offset == "":
            context.note("map.bad-date", "AcquisitionDateTime", element)
        if day:
            found.add(_moment_of(day, time, zone if offset is None else offset, context))
    return found | _moments(rest, "Acquisition", context, element)


def _earliest(moments: set[_Moment], context: Context) -> str | None:
    if not moments:
        return None
    # Wall clocks of different zones compare only as instants.
    zoned = all(time and offset for _, time, offset in moments)
    day, time, offset = min(moments, key=_instant if zoned else None)
    return moment(day, time or None, offset, context).text


def _instant(moment: _Moment) -> tuple[datetime, _Moment]:
    day, time, offset = moment
    return datetime.fromisoformat(f"{day}T{time}{offset}"), moment


def content_moment(
    instance: SeriesInstance, series: Series, context: Context, element: str
) -> PartialDateTime | None:
    """Return when the content of an instance was made, else when it was acquired.

    DICOM:  ContentDate (0008,0023) and ContentTime, then AcquisitionDateTime (0008,002A), then
            AcquisitionDate (0008,0022) and AcquisitionTime
    Errors: Problem map.bad-date, map.no-timezone.
    """
    zone = _zone_in(series.attributes)
    one = [(instance.attributes, zone)]
    found = _moments(one, "Content", context, element) or _acquired(one, context, element)
    day, time, offset = next(iter(found), ("", "", ""))
    return moment(day, time or None, offset, context) if day else None


def acquired_moment(
    instance: SeriesInstance, series: Series, context: Context, element: str
) -> str | None:
    """Return when an instance was acquired.

    DICOM:  AcquisitionDateTime (0008,002A), then AcquisitionDate (0008,0022), AcquisitionTime
    Errors: Problem map.bad-date, map.no-timezone.
    """
    own = [(instance.attributes, _zone_in(series.attributes))]
    return _earliest(_acquired(own, context, element), context)


def instant(day: str, time: str | None, offset: str | None, context: Context) -> str | None:
    """Return a moment as FHIR's instant; None where its time or its zone is not known."""
    if time is None or len(day) < len("YYYY-MM-DD"):
        return None
    known = _offset_or_option(day, time, offset, context)
    return f"{day}T{time}{known}" if known else None


def study_start(study: Study, context: Context) -> str | None:
    """Return StudyDate and StudyTime, else the earliest date of its series, acquisitions, content.

    DICOM:  StudyDate (0008,0020), StudyTime (0008,0030), then SeriesDate, Acquisition, ContentDate
    FHIR:   ImagingStudy.started
    Errors: Problem map.bad-date, map.no-timezone.
    """
    element = "ImagingStudy.started"
    own = [(study.attributes, zone_of(study.attributes, context))]
    series = [(one.attributes, _zone_in(one.attributes)) for one in study.series]
    found = (
        _moments(own, "Study", context, element)
        or _moments(series, "Series", context, element)
        or _acquired(_instances(study.series), context, element)
        or _moments(_instances(study.series), "Content", context, element)
    )
    return _earliest(found, context)


def series_start(series: Series, context: Context) -> str | None:
    """Return SeriesDate and SeriesTime, else the earliest acquisition.

    DICOM:  SeriesDate (0008,0021), SeriesTime (0008,0031), AcquisitionDate and AcquisitionTime
    FHIR:   ImagingStudy.series.started
    Errors: Problem map.bad-date, map.no-timezone.
    """
    element = "ImagingStudy.series.started"
    own = [(series.attributes, zone_of(series.attributes, context))]
    stated = _moments(own, "Series", context, element)
    return _earliest(stated or _acquired(_instances([series]), context, element), context)
