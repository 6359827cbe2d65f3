"""What a manifest stands for: the series that its evidence lists (PS3.16 TID 2010, IHE XDS-I.b)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.content import ListedSeries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dicom2fhir.content import ContentTree
    from dicom2fhir.model import Attributes, Value


def list_series(tree: ContentTree) -> tuple[ListedSeries, ...]:
    """Return the series that the evidence lists, in its order, each once.

    DICOM:  CurrentRequestedProcedureEvidenceSequence (0040,A375)
    """
    found: dict[tuple[str, str], ListedSeries] = {}
    for study in _items(tree.attributes, "CurrentRequestedProcedureEvidenceSequence"):
        for series in _items(study, "ReferencedSeriesSequence"):
            one = _listed(_text(study, "StudyInstanceUID"), series)
            known = found.get(one[:2])
            if known is not None:
                more = (*known.instances, *one.instances)
                one = known._replace(instances=tuple(dict.fromkeys(more)))
            if one.study_uid and one.series_uid and one.instances:
                found[one[:2]] = one
    return tuple(found.values())


def _listed(study_uid: str, series: Attributes) -> ListedSeries:
    named = (
        (_text(item, "ReferencedSOPClassUID"), _text(item, "ReferencedSOPInstanceUID"))
        for item in _items(series, "ReferencedSOPSequence")
    )
    return ListedSeries(
        study_uid=study_uid,
        series_uid=_text(series, "SeriesInstanceUID"),
        instances=tuple(dict.fromkeys(one for one in named if all(one))),
        retrieve_url=_text(series, "RetrieveURL"),
        retrieve_ae=_text(series, "RetrieveAETitle"),
        location_uid=_text(series, "RetrieveLocationUID"),
        modality=_text(series, "Modality"),
    )


def _items(attributes: Attributes, keyword: str) -> Iterator[Mapping[str, Sequence[Value]]]:
    return (item for item in attributes.get(keyword, ()) if not isinstance(item, str | int | float))


def _text(attributes: Attributes, keyword: str) -> str:
    values = attributes.get(keyword)
    return str(values[0]).strip() if values else ""
