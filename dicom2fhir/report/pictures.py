"""The studies as the report page and the terminal show them: a card each, with thumbnails.

Cards are plain values, so that a run can keep them in a file, a line each, until it reports.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from dicom2fhir.problems import CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dicom2fhir.model import Attributes, Json, Series, Study
    from dicom2fhir.problems import Problem

MAY_SHOW_NAMES = "pixels.may-show-names"

SERIES_SHOWN = 100
"""Series of one study that a card lists; the others are only counted, so a card stays small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesCard:
    """One series: what identifies no one, then what is shown only when names are.

    `thumbnail` is a JPEG, `may_show_names` a fact about it; without one, `left_out` is the code
    of the Problem that says why.
    """

    number: str = ""
    modality: str = ""
    body_part: str = ""
    instances: int = 0
    thumbnail: bytes | None = field(default=None, repr=False)
    may_show_names: bool = False
    left_out: str = ""
    description: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyCard:
    """One study: what identifies no one, then what is shown only when names are.

    `series` are at most SERIES_SHOWN of the `series_count`; `instances` are those of all series;
    `bundles` and `written` (bytes) are what it became. `date` and `birth_date` are DA.
    """

    series: tuple[SeriesCard, ...] = ()
    series_count: int = 0
    instances: int = 0
    bundles: int = 0
    written: int = 0
    date: str = ""
    description: str = ""
    uid: str = ""
    patient_name: str = ""
    patient_id: str = ""
    birth_date: str = ""

    def to_json(self) -> bytes:
        """Return the card as one line of JSON, without the line feed."""
        import orjson  # noqa: PLC0415 - only a run that shows pictures pays for it

        document = asdict(self)
        for series in document["series"]:
            if series["thumbnail"] is not None:
                series["thumbnail"] = b64encode(series["thumbnail"]).decode("ascii")
        return orjson.dumps(document)

    @classmethod
    def from_json(cls, line: bytes) -> StudyCard:
        """Return the card that `to_json` wrote."""
        import orjson  # noqa: PLC0415 - as above

        document = orjson.loads(line)
        document["series"] = tuple(_series(one) for one in document["series"])
        return cls(**document)


def make_card(
    study: Study, thumbnails: Mapping[str, bytes], problems: Iterable[Problem]
) -> StudyCard:
    """Return the card of a study, of which nothing has been written yet.

    `thumbnails` are JPEGs by Series Instance UID; `problems` tell which images may show names, and
    why a series has no picture.
    """
    by_source: dict[int | None, list[str]] = {}
    for problem in problems:
        if problem.stage == "pixels":
            by_source.setdefault(problem.source, []).append(problem.code)
    return StudyCard(
        series=tuple(
            _make_series(one, thumbnails.get(one.uid), by_source)
            for one in study.series[:SERIES_SHOWN]
        ),
        series_count=len(study.series),
        instances=study.instance_count,
        date=_first(study.attributes, "StudyDate"),
        description=_first(study.attributes, "StudyDescription"),
        uid=study.uid,
        patient_name=_first(study.patient, "PatientName"),
        patient_id=_first(study.patient, "PatientID"),
        birth_date=_first(study.patient, "PatientBirthDate"),
    )


def _make_series(
    series: Series, thumbnail: bytes | None, by_source: Mapping[int | None, list[str]]
) -> SeriesCard:
    codes = [code for one in series.instances for code in by_source.get(one.source, ())]
    return SeriesCard(
        number=_first(series.attributes, "SeriesNumber"),
        modality=_first(series.attributes, "Modality"),
        body_part=_first(series.attributes, "BodyPartExamined"),
        instances=len(series.instances),
        thumbnail=thumbnail,
        may_show_names=MAY_SHOW_NAMES in codes,
        left_out=next((code for code in codes if code != MAY_SHOW_NAMES), ""),
        description=_first(series.attributes, "SeriesDescription"),
        uid=series.uid,
    )


def _first(attributes: Attributes, keyword: str) -> str:
    return str(next(iter(attributes.get(keyword, ())), ""))


def _series(document: dict[str, Json]) -> SeriesCard:
    if document["thumbnail"] is not None:
        document["thumbnail"] = b64decode(document["thumbnail"])
    return SeriesCard(**document)


def why_no_picture(series: SeriesCard, *, show_names: bool) -> str:
    """Return why the thumbnail of a series cannot be shown; "" where it can."""
    if series.thumbnail is None:
        message = CODES[series.left_out].message if series.left_out else "No picture"
        return message.partition(";")[0]
    return "" if show_names or not series.may_show_names else "May show names"
