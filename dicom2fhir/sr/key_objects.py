"""Key Object Selection: which images are key, why, and what a manifest stands for (TID 2010)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.content import ListedSeries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dicom2fhir.content import ContentTree
    from dicom2fhir.model import Attributes, Coded, Value

TEMPLATE = "2010"
_MANIFESTS = frozenset({"113030", "113031"})
"""Manifest and Signed Manifest: they stand for a study that is elsewhere (IHE XDS-I.b)."""
_TITLES = frozenset(
    str(code)
    for code in (
        *range(113000, 113011),
        *(113013, 113018),
        *range(113020, 113023),
        *range(113030, 113040),
        *range(128180, 128224),
        *range(128710, 128715),
        *range(130370, 130374),
    )
)
"""PS3.16 CID 7010."""
DESCRIPTION = "113012"
"""Key Object Description."""


def kind_of(title: Coded | None, template: str) -> str | None:
    """Return key-objects or manifest where this heads a selection, else None."""
    code = title.value if title is not None and title.scheme == "DCM" else ""
    if code in _MANIFESTS:
        return "manifest"
    return "key-objects" if code in _TITLES or template == TEMPLATE else None


def describe(tree: ContentTree) -> str:
    """Return what the selection says of itself in words."""
    return "\n".join(
        item.text
        for item in tree.root.children
        if item.name is not None and item.name.value == DESCRIPTION and item.text
    )


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
