"""STOW-RS: DICOM files to a DICOMweb server, as they are (PS3.18 10.5)."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from dicom2fhir.deliver.blocks import SourceChangedError
from dicom2fhir.deliver.server.dicomweb import (
    DICOM,
    DICOM_JSON,
    DamagedReplyError,
    Place,
    StatusError,
    has_instance,
    retrieve,
)
from dicom2fhir.deliver.server.exchange import CredentialsError, Request
from dicom2fhir.deliver.server.multipart import related_length, write_related
from dicom2fhir.errors import ServerRefusedError, ServerUnreachableError
from dicom2fhir.options import MIB
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dicom2fhir.deliver.blocks import ReadBytes
    from dicom2fhir.deliver.server.exchange import Reply
    from dicom2fhir.deliver.server.steady import SteadyClient
    from dicom2fhir.model import Bytes, Json

BATCH_BYTES: Final = 32 * MIB
BATCH_FILES: Final = 100
"""Of one request; a larger file goes alone."""

STORED: Final = "00081199"
"""ReferencedSOPSequence."""
FAILED: Final = "00081198"
"""FailedSOPSequence."""
SOP_INSTANCE_UID: Final = "00081155"
"""ReferencedSOPInstanceUID."""
REASON: Final = "00081197"
"""FailureReason."""
DUPLICATE: Final = 0x0110
"""Processing failure: what some servers say of an instance that they have (PS3.4 B.2.3)."""

_META_START: Final = 144
"""Preamble, DICM, and the element that tells how long the file meta is (PS3.10 7.1)."""
_META_GROUP: Final = b"DICM\x02\x00\x00\x00UL\x04\x00"
_PREAMBLE: Final = 128
_TOO_LARGE: Final = 413


class Fate(StrEnum):
    """What became of one file."""

    STORED = "stored"
    THERE = "there"
    DIFFERS = "differs"
    REFUSED = "refused"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomFile:
    """One file to send: its UIDs as they stand in it, and its bytes."""

    place: Place
    content: Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StowResult:
    """What became of one file; `detail` is a safe fact, such as the reason of a failure."""

    file: DicomFile
    fate: Fate
    detail: str = ""
    has_reason: bool = False
    """The server itself said why."""

    @property
    def problem(self) -> Problem | None:
        """Return what is to be told of it."""
        code = _CODES.get(self.fate)
        return Problem(code=code, detail=self.detail) if code else None


_CODES: Final = {
    Fate.DIFFERS: "stow.differs",
    Fate.REFUSED: "stow.refused",
    Fate.CHANGED: "deliver.source-changed",
}


@dataclass(slots=True)
class StowOutcome:
    """What became of all files."""

    fates: Counter[Fate] = field(default_factory=Counter)
    bytes: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def held(self) -> int:
        """Return how many files the server has, as they are."""
        return self.fates[Fate.STORED] + self.fates[Fate.THERE]

    def add(self, result: StowResult) -> None:
        """Count one file."""
        self.fates[result.fate] += 1
        self.bytes += result.file.content.length if result.fate is Fate.STORED else 0
        if result.problem is not None:
            self.problems.append(result.problem)


def stow_files(
    client: SteadyClient, files: Iterable[DicomFile], read_bytes: ReadBytes
) -> Iterator[StowResult]:
    """Send the files in batches, and yield what became of each once that is known.

    Sending again stores nothing twice: an instance is known by its UIDs.

    Errors: ServerRefusedError for a server that takes no STOW, ServerUnreachableError,
            CredentialsError; those of the client
    """
    stow = _Stow(client, read_bytes)
    for batch in _batches(files):
        yield from stow.send(batch)


def _batches(files: Iterable[DicomFile]) -> Iterator[list[DicomFile]]:
    batch: list[DicomFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) == BATCH_FILES or size + file.content.length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.content.length
    if batch:
        yield batch


class _Stow:
    def __init__(self, client: SteadyClient, read_bytes: ReadBytes) -> None:
        self._client = client
        self._read_bytes = read_bytes
        self._changed: DicomFile | None = None

    def send(self, batch: list[DicomFile]) -> Iterator[StowResult]:
        """Yield what became of these files."""
        try:
            reply = self._post(batch)
        except SourceChangedError:
            changed = next(file for file in batch if file is self._changed)
            rest = [file for file in batch if file is not changed]
            if rest:
                yield from self.send(rest)
            yield StowResult(file=changed, fate=Fate.CHANGED)
            return
        if reply.status == _TOO_LARGE and len(batch) > 1:
            half = len(batch) // 2
            yield from self.send(batch[:half])
            yield from self.send(batch[half:])
            return
        _refuse(reply)
        silent: list[DicomFile] = []
        for result in self._judge(batch, reply):
            if result.fate is Fate.REFUSED and not result.has_reason and len(batch) > 1:
                silent.append(result.file)
            else:
                yield result
        # One file that a server cannot read may have kept it from those after it: they go again,
        # fewer at a time.
        half = (len(silent) + 1) // 2
        for some in (silent[:half], silent[half:]):
            if some:
                yield from self.send(some)

    def _post(self, batch: list[DicomFile]) -> Reply:
        boundary = secrets.token_hex(16).encode()
        contents = [file.content for file in batch]
        by_content = {id(file.content): file for file in batch}

        def read(content: Bytes) -> Iterator[bytes]:
            self._changed = by_content[id(content)]
            return self._read_bytes(content)

        form = f'multipart/related; type="{DICOM}"; boundary={boundary.decode()}'
        request = Request(
            method="POST",
            path="studies",
            body=lambda: write_related(contents, boundary, read),
            headers={"Content-Type": form, "Accept": DICOM_JSON},
            length=related_length(contents, boundary),
        )
        return self._client.send(request)

    def _judge(self, batch: list[DicomFile], reply: Reply) -> Iterator[StowResult]:
        document = reply.json()
        stored = {uid for uid, _ in _sequence(document, STORED)}
        failed = dict(_sequence(document, FAILED))
        for file in batch:
            uid = file.place.sop_instance_uid
            if uid in stored:
                yield StowResult(file=file, fate=Fate.STORED)
            else:
                yield self._ask(file, reply.status, failed.get(uid))

    def _ask(self, file: DicomFile, status: int, reason: int | None) -> StowResult:
        """Find out whether the server has a file that it did not say it stored.

        Orthanc answers 400 for one bad file and keeps the others without telling; others refuse
        what they have.
        """
        told = f"HTTP {status}" if reason is None else f"reason 0x{reason:04X}"
        refused = StowResult(
            file=file, fate=Fate.REFUSED, detail=told, has_reason=reason is not None
        )
        if reason not in {None, DUPLICATE} or not file.place.is_askable:
            return refused
        try:
            if not has_instance(self._client, file.place):
                return refused
            same = self._is_same(file)
        except (StatusError, DamagedReplyError):
            return refused
        except SourceChangedError:
            return StowResult(file=file, fate=Fate.CHANGED)
        return StowResult(file=file, fate=Fate.THERE if same else Fate.DIFFERS)

    def _is_same(self, file: DicomFile) -> bool:
        with retrieve(self._client, file.place) as chunks:
            whole, dataset = _digests(chunks)
        if whole == file.content.sha256:
            return True
        # A server may write the file meta anew (PS3.10 7.1): that says nothing of the data set.
        return dataset == _digests(self._read_bytes(file.content))[1]


def _refuse(reply: Reply) -> None:
    """Leave a server that takes nothing at all.

    Errors: ServerRefusedError, ServerUnreachableError, CredentialsError
    """
    status = reply.status
    if status == 403:  # noqa: PLR2004 - RFC 9110 15.5.4
        raise CredentialsError(
            "The DICOMweb server forbids storing (HTTP 403).",
            hint="Ask its operator what these credentials may do.",
        )
    if status in {404, 405, 406, 415, 501}:
        raise ServerRefusedError(
            f"The DICOMweb server takes no DICOM files there (HTTP {status}).",
            hint="Give --stow the base of the service, such as https://pacs.example/dicom-web.",
        )
    if status in {408, 425, 429} or (status >= 500 and reply.json() is None):  # noqa: PLR2004
        raise ServerUnreachableError(
            f"The DICOMweb server cannot store now (HTTP {status}).", hint="Run again later."
        )


def _sequence(document: Json, tag: str) -> Iterator[tuple[str, int | None]]:
    """Yield SOP Instance UID and failure reason of each item."""
    items: Json = document.get(tag, {}).get("Value", []) if isinstance(document, dict) else []
    for item in items if isinstance(items, list) else ():
        uid, reason = _first(item, SOP_INSTANCE_UID), _first(item, REASON)
        if isinstance(uid, str):
            yield uid, reason if isinstance(reason, int) else None


def _first(item: Json, tag: str) -> object:
    try:
        value: object = item[tag]["Value"][0]
    except (LookupError, TypeError):
        return None
    return value


def _digests(chunks: Iterable[bytes]) -> tuple[str, bytes]:
    """Return the SHA-256 of a file, in hex, and that of what follows its file meta."""
    whole, dataset = hashlib.sha256(), hashlib.sha256()
    head: bytes | None = b""
    skip = 0
    for chunk in chunks:
        whole.update(chunk)
        rest = chunk
        if head is not None:
            head += chunk
            if len(head) < _META_START:
                continue
            skip, rest, head = _meta_end(head), head, None
        dataset.update(rest[skip:])
        skip = max(0, skip - len(rest))
    return whole.hexdigest(), dataset.digest() if head is None else whole.digest()


def _meta_end(head: bytes) -> int:
    if not head.startswith(_META_GROUP, _PREAMBLE):
        return 0
    return _META_START + int.from_bytes(head[_META_START - 4 : _META_START], "little")
