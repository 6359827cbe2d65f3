"""Made-up studies for the tests of what shows pictures."""

from __future__ import annotations

import io

from dicom2fhir.report.pictures import SeriesCard, StudyCard

SECRETS = {
    "description": "Knie von Zacharias",
    "uid": "2.25.3141592653",
    "patient_name": "ZACHARIAS^ZOE",
    "patient_id": "ZZ-4711",
    "birth_date": "19010203",
    "date": "20240311",
}
"""What a study states of its patient; no page shows it unless asked."""


def make_jpeg(color: tuple[int, int, int] = (255, 255, 255), size: int = 64) -> bytes:
    """Return a picture of one colour."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (size, size), color).save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()


def made_up_card(*series: SeriesCard, **more: str) -> StudyCard:
    """Return a study of these series, with a patient."""
    return StudyCard(
        series=series,
        series_count=len(series),
        instances=sum(one.instances for one in series),
        bundles=1,
        written=2000,
        **{**SECRETS, **more},
    )


def make_series(**more: object) -> SeriesCard:
    """Return a series with a picture, with texts that its file states."""
    fields: dict[str, object] = {
        "number": "3",
        "modality": "CT",
        "body_part": "CHEST",
        "instances": 12,
        "thumbnail": b"\xff\xd8 not decoded here",
        "description": SECRETS["description"],
        "uid": f"{SECRETS['uid']}.1",
    }
    return SeriesCard(**(fields | more))  # type: ignore[arg-type]
