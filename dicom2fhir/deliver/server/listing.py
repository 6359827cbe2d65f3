"""What an ImagingStudy says of its instances and of where their bytes are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dicom2fhir.deliver.server.dicomweb import Place
from dicom2fhir.deliver.server.searching import id_of
from dicom2fhir.identity import ATTACHMENT, CONTENT, ORIGINAL_UID, SHA256, replacement_uid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dicom2fhir.model import Json, Resource

DICOM_UID: Final = "urn:dicom:uid"
WADO: Final = "dicom-wado-rs"

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedInstance:
    """One instance: its UIDs, and every way to its bytes that the study names.

    `stored` has the UIDs as they stand in the file, where those are no valid ones: a DICOMweb
    server knows it by them. `binary` is an id, `attachment` an Attachment, `endpoints` are
    references. `sha256` is that of the file in hex, "" where the study does not state it.
    """

    place: Place
    stored: Place
    binary: str = ""
    attachment: Json = None
    endpoints: tuple[str, ...] = ()
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSeries:
    """A series that only counts its instances: what they are, a DICOMweb server may know."""

    study_uid: str
    series_uid: str
    count: int
    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStudy:
    """One ImagingStudy; `uncounted` series list fewer instances than they count."""

    id: str
    uid: str
    subject: str
    series: int
    instances: tuple[ListedInstance, ...]
    uncounted: tuple[ListedSeries, ...]
    contained: dict[str, Resource] = field(default_factory=dict)


def list_instances(study: Resource) -> ListedStudy:
    """Return what the study lists, in its order."""
    uid = _study_uid(study)
    stored_uid = _uid_in_file(uid, (one.get("value") for one in _items(study, "identifier")))
    endpoints = _references(study)
    instances: list[ListedInstance] = []
    uncounted: list[ListedSeries] = []
    for series in _items(study, "series"):
        own = _references(series) or endpoints
        series_uid = _plain_uid(series.get("uid"))
        stored_series_uid = _uid_in_file(series_uid, _originals(series))
        listed = list(_items(series, "instance"))
        for one in listed:
            place = Place(uid, series_uid, _plain_uid(one.get("uid")))
            sop_uid = _uid_in_file(place.sop_instance_uid, _originals(one))
            stored = Place(stored_uid, stored_series_uid, sop_uid)
            instances.append(_instance(one, place, stored, own))
        count = series.get("numberOfInstances")
        if isinstance(count, int) and count > len(listed):
            uncounted.append(
                ListedSeries(study_uid=uid, series_uid=series_uid, count=count, endpoints=own)
            )
    return ListedStudy(
        id=str(study.get("id", "")),
        uid=uid,
        subject=str(study.get("subject", {}).get("reference", "")),
        series=sum(1 for _ in _items(study, "series")),
        instances=tuple(instances),
        uncounted=tuple(uncounted),
        contained={f"#{one.get('id')}": one for one in _items(study, "contained")},
    )


def wado_address(endpoint: Resource) -> str | None:
    """Return the base of DICOMweb retrieve, None where the Endpoint is of another kind.

    FHIR: Endpoint.address; "" where it is absent (`_address` may say why)
    """
    connection = endpoint.get("connectionType", {})
    codings = connection.get("coding", [connection])  # R5 has a CodeableConcept, and more of them
    if isinstance(codings, list) and any(one.get("code") == WADO for one in codings):
        return str(endpoint.get("address") or "").rstrip("/")
    return None


def _uid_in_file(uid: str, originals: Iterable[object]) -> str:
    """Return the one that this UID was derived from, where it is among these."""
    texts = (one for one in originals if isinstance(one, str))
    return next((one for one in texts if replacement_uid(one) == uid), uid)


def _originals(resource: Json) -> Iterator[object]:
    for extension in _items(resource, "extension"):
        if extension.get("url") == ORIGINAL_UID:
            yield extension.get("valueString")


def _instance(one: Json, place: Place, stored: Place, endpoints: tuple[str, ...]) -> ListedInstance:
    extensions = {str(ext.get("url")): ext for ext in _items(one, "extension")}
    digest = str(extensions.get(SHA256, {}).get("valueString", "")).lower()
    return ListedInstance(
        place=place,
        stored=stored,
        binary=id_of(extensions.get(CONTENT, {}).get("valueUri"), "Binary"),
        attachment=extensions.get(ATTACHMENT, {}).get("valueAttachment"),
        endpoints=endpoints,
        sha256=digest if _DIGEST.fullmatch(digest) else "",
    )


def _items(resource: Json, name: str) -> Iterator[Json]:
    found = resource.get(name)
    yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def _references(resource: Json) -> tuple[str, ...]:
    found = (one.get("reference") for one in _items(resource, "endpoint"))
    return tuple(one for one in found if isinstance(one, str))


def _study_uid(study: Json) -> str:
    values = (
        _plain_uid(one.get("value"))
        for one in _items(study, "identifier")
        if one.get("system") == DICOM_UID
    )
    return next(values, "")


def _plain_uid(text: object) -> str:
    return str(text or "").removeprefix("urn:oid:")
