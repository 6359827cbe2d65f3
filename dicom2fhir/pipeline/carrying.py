"""What travels with a study besides its attributes: files, renders, videos and documents."""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dicom2fhir.deliver import SourceChangedError
from dicom2fhir.find import open_candidate
from dicom2fhir.model import Bytes, Document, Payloads, Picture, Rendition
from dicom2fhir.pipeline.decoding import Job
from dicom2fhir.pipeline.payload import SOURCE_CHANGED, hash_payload, read_payload
from dicom2fhir.problems import Problem
from dicom2fhir.render import Chosen, Extract, choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dicom2fhir.catalog import Catalog
    from dicom2fhir.model import Candidate, SeriesInstance, Study
    from dicom2fhir.options import Options
    from dicom2fhir.pipeline.decoding import Answer
    from dicom2fhir.pipeline.rendering import Renderer
    from dicom2fhir.pipeline.spool import Spool
    from dicom2fhir.render import Candidates

VIDEO_RECIPE = "video"
CARRIED = ("binary", "attachment")
"""Where the bytes of DICOM files go into the Bundles."""


@dataclass(slots=True, kw_only=True)
class Carried:
    """What travels with a study, and what had to be told; thumbnails by Series Instance UID."""

    payloads: Payloads = field(default_factory=Payloads)
    problems: list[Problem] = field(default_factory=list)
    thumbnails: dict[str, Bytes] = field(default_factory=dict)


class Carrier:
    """Collects what travels with the studies of one run."""

    def __init__(
        self, catalog: Catalog, options: Options, renderer: Renderer, spool: Spool
    ) -> None:
        self._catalog = catalog
        self._options = options
        self._renderer = renderer
        self._spool = spool

    def carry(self, study: Study, keys: Mapping[str, Sequence[int]] | None = None) -> Carried:
        """Return what travels with this study; `keys` are the frames of its key images."""
        carried = Carried()
        options = self._options
        wanted = options.map.dicom in CARRIED or options.stow is not None
        files = self._hash_files(study, carried) if wanted else {}
        renditions: list[Rendition] = []
        documents: list[Document] = []
        render = self._options.render
        if render.media != "none" or render.thumbnails:
            choice = choose(study, render, keys or {})
            carried.problems += choice.problems
            renditions = self._render(choice.pictures, carried)
            if render.media != "none":
                renditions += self._find_videos(choice.videos, carried)
                documents = self._find_documents(choice.documents, carried)
        carried.payloads = Payloads(
            files=files, renditions=tuple(renditions), documents=tuple(documents)
        )
        return carried

    def _hash_files(self, study: Study, carried: Carried) -> dict[str, Bytes]:
        files = {}
        for series in study.series:
            for instance in series.instances:
                content = self._hash_file(instance.source)
                if content is None:
                    carried.problems.append(self._why_not(instance.source))
                else:
                    files[instance.uid] = content
        return files

    def _hash_file(self, number: int) -> Bytes | None:
        """Return a whole file with its SHA-256; None where it is not what was read."""
        candidate = self._catalog.candidate(number)
        try:
            size = candidate.size if candidate.size is not None else _size_of(candidate)
            whole = Bytes(
                source=candidate,
                ranges=((0, size),),
                sha256="",
                zero_preamble=self._options.zero_preamble,
                number=number,
            )
            return replace(whole, sha256=hash_payload(whole))
        except (OSError, SourceChangedError):
            return None

    def _why_not(self, number: int) -> Problem:
        # What is gone will not come back in a later run; the rest of its study need not wait.
        is_there = os.path.lexists(self._catalog.candidate(number).path)
        return Problem(code=SOURCE_CHANGED if is_there else "find.vanished", source=number)

    def _render(self, pictures: Sequence[Candidates], carried: Carried) -> list[Rendition]:
        """Render of each choice the best image that can be rendered."""
        made: list[list[Rendition]] = [[] for _ in pictures]
        waiting = [(number, 0) for number in range(len(pictures))]
        while waiting:
            chosen = [pictures[number].images[attempt] for number, attempt in waiting]
            collected = [_Collected(one, self._spool) for one in chosen]
            for place, answer in self._renderer.run([self._job(one) for one in chosen]):
                collected[place].take(answer)
            again = []
            for (number, attempt), one in zip(waiting, collected, strict=True):
                one.tell(carried)
                made[number] += one.renditions
                if not one.seen and attempt + 1 < len(pictures[number].images):
                    again.append((number, attempt + 1))
            waiting = again
        return [rendition for renditions in made for rendition in renditions]

    def _job(self, chosen: Chosen) -> Job:
        return Job(
            candidate=self._catalog.candidate(chosen.instance.source),
            transfer_syntax_uid=chosen.request.transfer_syntax_uid,
            request=chosen.request,
        )

    def _find_videos(
        self, instances: Sequence[SeriesInstance], carried: Carried
    ) -> list[Rendition]:
        found = []
        for instance, extract in self._extract(instances, carried):
            content = self._content(instance, extract, carried)
            if content is None:
                continue
            known = instance.attributes
            found.append(
                Rendition(
                    sop_instance_uid=instance.uid,
                    frame=0,
                    recipe=VIDEO_RECIPE,
                    content_type=extract.content_type,
                    content=content[0],
                    sha1=content[1],
                    width=_whole(known.get("Columns")),
                    height=_whole(known.get("Rows")),
                    frames=_whole(known.get("NumberOfFrames")) or 1,
                )
            )
        return found

    def _find_documents(
        self, instances: Sequence[SeriesInstance], carried: Carried
    ) -> list[Document]:
        found = []
        for instance, extract in self._extract(instances, carried):
            content = self._content(instance, extract, carried)
            if content is not None:
                found.append(
                    Document(
                        sop_instance_uid=instance.uid,
                        content_type=extract.content_type,
                        content=content[0],
                        sha1=content[1],
                    )
                )
        return found

    def _extract(
        self, instances: Sequence[SeriesInstance], carried: Carried
    ) -> Iterable[tuple[SeriesInstance, Extract]]:
        jobs = [
            Job(
                candidate=self._catalog.candidate(one.source),
                transfer_syntax_uid=one.transfer_syntax_uid,
            )
            for one in instances
        ]
        found: dict[int, Extract] = {}
        for place, answer in self._renderer.run(jobs):
            if isinstance(answer, Problem):
                carried.problems.append(replace(answer, source=instances[place].source))
            elif isinstance(answer, Extract):
                found[place] = answer
        return [(instances[place], found[place]) for place in sorted(found)]

    def _content(
        self, instance: SeriesInstance, extract: Extract, carried: Carried
    ) -> tuple[Bytes, str] | None:
        """Return the bytes of an extract, where they are, with their SHA-1."""
        if extract.data:
            return self._spool.add(extract.data), sha1_of([extract.data])
        place = Bytes(
            source=self._catalog.candidate(instance.source),
            ranges=extract.ranges,
            sha256="",
            number=instance.source,
        )
        try:
            digest, other = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
            for chunk in read_payload(place):
                digest.update(chunk)
                other.update(chunk)
        except SourceChangedError:
            carried.problems.append(Problem(code=SOURCE_CHANGED, source=instance.source))
            return None
        return replace(place, sha256=digest.hexdigest()), b64encode(other.digest()).decode()


class _Collected:
    """What comes of rendering one instance."""

    def __init__(self, chosen: Chosen, spool: Spool) -> None:
        self.renditions: list[Rendition] = []
        self.seen = False
        self._chosen = chosen
        self._spool = spool
        self._problems: list[Problem] = []
        self._thumbnail: Bytes | None = None

    def take(self, answer: Answer) -> None:
        """Keep a picture, or the Problem that ended the rendering."""
        if isinstance(answer, Problem):
            self._note(answer)
        elif isinstance(answer, Picture):
            if not self.seen:
                self._problems += self._chosen.warnings
            self.seen = True
            for code in answer.notes:
                self._note(Problem(code=code))
            if answer.thumbnail:
                self._thumbnail = self._spool.add(answer.thumbnail)
            if self._chosen.is_media:
                self.renditions.append(self._rendition(answer))

    def tell(self, carried: Carried) -> None:
        """Hand over what is to be told."""
        carried.problems += self._problems
        if self._thumbnail is not None:
            carried.thumbnails[self._chosen.series_uid] = self._thumbnail

    def _note(self, problem: Problem) -> None:
        self._problems.append(replace(problem, source=self._chosen.instance.source))

    def _rendition(self, picture: Picture) -> Rendition:
        request = self._chosen.request
        return Rendition(
            sop_instance_uid=self._chosen.instance.uid,
            frame=picture.frame,
            recipe=f"{request.format} {request.size} {request.window}",
            content_type=picture.content_type,
            content=self._spool.add(picture.data),
            sha1=sha1_of([picture.data]),
            width=picture.width,
            height=picture.height,
            window=picture.window,
        )


def sha1_of(chunks: Iterable[bytes]) -> str:
    """Return the SHA-1 in base64, as FHIR asks for it (R4 datatypes.html#Attachment)."""
    digest = hashlib.sha1(usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
    return b64encode(digest.digest()).decode()


def _size_of(candidate: Candidate) -> int:
    source = open_candidate(candidate)
    try:
        return source.size
    finally:
        source.close()


def _whole(values: Sequence[object] | None) -> int | None:
    try:
        return max(int(str(values[0])), 0) or None if values else None
    except ValueError:
        return None
