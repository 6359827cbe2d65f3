"""The renders of a study: what Media says of them (R4 media.html)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.deliver.server.searching import RESOURCE_ID, id_of, search
from dicom2fhir.deliver.tree import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dicom2fhir.deliver.server.listing import ListedStudy
    from dicom2fhir.deliver.server.steady import SteadyClient
    from dicom2fhir.model import Json, Resource

SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "video/mp4": ".mp4",
    "video/mpeg": ".mpg",
    "video/H264": ".h264",
    "video/H265": ".h265",
}
UIDS_ASKED = 20
"""Instances whose Media are searched for at a time, where the study has no subject."""
_SHA1_BYTES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """One render: where its file goes, its Attachment, and the SHA-1 in base64 or ""."""

    path: str
    attachment: Json
    sha1: str = ""


def find_media(client: SteadyClient, study: ListedStudy) -> Iterator[Render]:
    """Yield the renders of the study's instances, each once.

    Errors: those of a search
    """
    series = {one.place.sop_instance_uid: one.place.series_uid for one in study.instances}
    folder = safe_name(study.uid or study.id)
    seen: set[str] = set()
    for conditions in _conditions(study, list(series)):
        for media in search(client, "Media", conditions):
            identity = str(media.get("id", ""))
            uid = next((one for one in _sop_uids(media) if one in series), "")
            if (
                uid
                and RESOURCE_ID.fullmatch(identity)
                and identity not in seen
                and _is_part(media, study)
            ):
                seen.add(identity)
                name = f"{safe_name(uid)}.{identity}"
                yield _render(f"{folder}/{safe_name(series[uid])}/{name}", media)


def _conditions(study: ListedStudy, uids: list[str]) -> Iterator[Mapping[str, str]]:
    patient = id_of(study.subject, "Patient")
    if patient:
        yield {"subject": f"Patient/{patient}"}
        return
    for start in range(0, len(uids), UIDS_ASKED):
        some = uids[start : start + UIDS_ASKED]
        yield {"identifier": ",".join(f"urn:dicom:uid|urn:oid:{uid}" for uid in some)}


def _is_part(media: Resource, study: ListedStudy) -> bool:
    """Tell whether a Media is of this study: another may list the same instance."""
    parts = [id_of(one.get("reference"), "ImagingStudy") for one in media.get("partOf", ())]
    return not any(parts) or study.id in parts


def _sop_uids(media: Resource) -> Iterator[str]:
    for one in media.get("identifier", ()):
        yield str(one.get("value", "")).removeprefix("urn:oid:")


def _render(stem: str, media: Resource) -> Render:
    attachment: Json = media.get("content", {})
    media_type = str(attachment.get("contentType", ""))
    suffix = SUFFIXES.get(media_type, ".bin")
    sha1 = str(attachment.get("hash", ""))
    return Render(
        path=f"{stem}{suffix}", attachment=attachment, sha1=sha1 if _is_sha1(sha1) else ""
    )


def _is_sha1(text: str) -> bool:
    try:
        return len(b64decode(text, validate=True)) == _SHA1_BYTES
    except (binascii.Error, ValueError):
        return False
