"""A study is written whole or merged, never shrunk: what a server lists of it stays listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from dicom2fhir.identity import CONTENT, SHA256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dicom2fhir.model import Json, Resource

    ByUid: TypeAlias = Mapping[tuple[str, str], Resource]

_UNIONS = ("identifier", "modality", "endpoint", "basedOn", "procedureCode", "reasonCode")
_SERVERS_OWN = {"id", "meta", "text"}


def merge_study(ours: Resource, theirs: Resource, keep: Iterable[str] = ()) -> Resource:
    """Return our ImagingStudy with the series and instances that only theirs lists.

    Of what both list ours holds, but for the instances in `keep` (their UIDs). The rest is that of
    the one that lists more.

    FHIR:  ImagingStudy.series, numberOfSeries, numberOfInstances, modality
    """
    kept = set(keep)
    found = {one["uid"]: one for one in _list(theirs, "series") if "uid" in one}
    series = [_merge_series(one, found.pop(one["uid"], {}), kept) for one in _list(ours, "series")]
    series += found.values()
    first, second = (ours, theirs) if _count(ours) >= _count(theirs) else (theirs, ours)
    merged = {**second, **first} | {
        name: _union(_list(ours, name), _list(theirs, name))
        for name in _UNIONS
        if name in ours or name in theirs
    }
    merged |= {name: ours[name] for name in ("resourceType", "subject") if name in ours}
    for name in _SERVERS_OWN - {"text"}:
        merged.pop(name, None)
        merged |= {name: ours[name]} if name in ours else {}
    merged["series"] = series
    merged["numberOfSeries"] = len(series)
    merged["numberOfInstances"] = sum(_size(one) for one in series)
    return merged


def lists_more(ours: Resource, theirs: Resource) -> bool:
    """Tell whether theirs lists an instance that ours does not."""
    return bool(instances_of(theirs).keys() - instances_of(ours).keys())


def is_same(ours: Resource, theirs: Resource) -> bool:
    """Tell whether writing ours would change nothing but what the server numbers itself."""
    return _bare(ours) == _bare(theirs)


def instances_of(study: Resource) -> dict[str, Resource]:
    """Return the instances that an ImagingStudy lists, by SOP Instance UID."""
    return {
        one["uid"]: one
        for series in _list(study, "series")
        for one in _list(series, "instance")
        if "uid" in one
    }


def content_of(instance: Resource) -> tuple[str, str]:
    """Return where the bytes of an instance are and their SHA-256, by our extensions."""
    values = {one.get("url"): one for one in _list(instance, "extension")}
    content, digest = values.get(CONTENT, {}), values.get(SHA256, {})
    return str(content.get("valueUri", "")), str(digest.get("valueString", ""))


def _merge_series(ours: Resource, theirs: Resource, keep: set[str]) -> Resource:
    found = {one["uid"]: one for one in _list(theirs, "instance") if "uid" in one}
    instances = []
    for one in _list(ours, "instance"):
        other = found.pop(one["uid"], None)
        instances.append(other if other is not None and one["uid"] in keep else one)
    instances += found.values()
    first, second = (ours, theirs) if _size(ours) >= _size(theirs) else (theirs, ours)
    merged = {**second, **first}
    if instances:
        merged["instance"] = instances
        merged["numberOfInstances"] = max(len(instances), _size(ours), _size(theirs))
    return merged


def _size(series: Resource) -> int:
    stated = series.get("numberOfInstances")
    return stated if isinstance(stated, int) else len(_list(series, "instance"))


def _count(study: Resource) -> int:
    return sum(_size(one) for one in _list(study, "series"))


def _union(ours: list[Json], theirs: list[Json]) -> list[Json]:
    return [*ours, *(one for one in theirs if one not in ours)]


def _bare(study: Resource) -> Resource:
    meta = {
        key: value
        for key, value in (study.get("meta") or {}).items()
        if key not in {"versionId", "lastUpdated", "source"}
    }
    rest = {key: value for key, value in study.items() if key not in _SERVERS_OWN}
    return rest | ({"meta": meta} if meta else {})


def _list(node: Resource, name: str) -> list[Json]:
    value = node.get(name)
    return [one for one in value if one is not None] if isinstance(value, list) else []
