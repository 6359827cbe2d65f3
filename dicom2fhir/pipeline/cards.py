"""The card of a study: what a report shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.pipeline.payload import read_payload
from dicom2fhir.report.pictures import SERIES_SHOWN, SeriesCard, StudyCard

if TYPE_CHECKING:
    from dicom2fhir.model import Attributes, Series, Study
    from dicom2fhir.pipeline.carrying import Carried


def card_of(study: Study, carried: Carried) -> StudyCard:
    """Return the card, with a thumbnail of each series that has one."""
    return StudyCard(
        series=tuple(_series_card(one, carried) for one in study.series[:SERIES_SHOWN]),
        series_count=len(study.series),
        instances=study.instance_count,
        date=_first(study.attributes, "StudyDate"),
        description=_first(study.attributes, "StudyDescription"),
        uid=study.uid,
        patient_name=_first(study.patient, "PatientName"),
        patient_id=_first(study.patient, "PatientID"),
        birth_date=_first(study.patient, "PatientBirthDate"),
    )


def _series_card(series: Series, carried: Carried) -> SeriesCard:
    thumbnail = carried.thumbnails.get(series.uid)
    return SeriesCard(
        number=_first(series.attributes, "SeriesNumber"),
        modality=_first(series.attributes, "Modality"),
        body_part=_first(series.attributes, "BodyPartExamined"),
        instances=len(series.instances),
        thumbnail=b"".join(read_payload(thumbnail.content)) if thumbnail else None,
        may_show_names=thumbnail is not None and thumbnail.may_show_names,
        left_out=carried.left_out.get(series.uid, ""),
        description=_first(series.attributes, "SeriesDescription"),
        uid=series.uid,
    )


def _first(attributes: Attributes, keyword: str) -> str:
    values = attributes.get(keyword)
    return str(values[0]) if values else ""
