"""Archives: recognised by content, listed within limits, never extracted by name."""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING

from dicom2fhir.find.members import (
    BLOCK,
    BadArchiveError,
    Member,
    is_tar_header,
    is_zip,
    list_tar,
    list_zip,
)
from dicom2fhir.find.sources import GZIP_MAGIC, open_regular
from dicom2fhir.find.spool import Spools, Unpacking, exceeded_limit, is_compressed
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import FileIO

    from dicom2fhir.find.patterns import PathFilter
    from dicom2fhir.find.walk import Finding
    from dicom2fhir.model import Candidate
    from dicom2fhir.options import FindOptions


class Archives:
    """Looks into files that may be archives, within the limits of the options."""

    def __init__(self, options: FindOptions, wanted: PathFilter) -> None:
        self._options = options
        self._wanted = wanted
        self._spools = Spools(options.temp_dir)

    def close(self) -> None:
        """Remove what was unpacked."""
        self._spools.close()

    def look_into(self, candidate: Candidate, relative: str) -> Iterator[Finding]:
        """Yield the members of an archive, or the candidate itself when it is none.

        Errors: Problems find.archive-bad, find.archive-limit, find.archive-member
        """
        try:
            descriptor, _status = open_regular(candidate.path, follow=candidate.linked)
        except OSError:
            yield from self._itself(candidate, relative)
            return
        try:
            yield from self._look_into(candidate, relative, descriptor)
        finally:
            os.close(descriptor)

    def _look_into(self, candidate: Candidate, relative: str, descriptor: int) -> Iterator[Finding]:
        head = os.pread(descriptor, BLOCK, 0)
        # A file may be two things at once; the mark of PS3.10 7.1 makes it an instance.
        if head[128:132] == b"DICM":
            yield from self._itself(candidate, relative)
        elif is_zip(head):
            yield from self._list(candidate, relative, list_zip(descriptor))
        elif is_tar_header(head):
            yield from self._list(candidate, relative, list_tar(descriptor))
        elif is_compressed(head):
            with open(descriptor, "rb", buffering=0, closefd=False) as file:
                yield from self._unpack(candidate, relative, file, head)
        else:
            yield from self._itself(candidate, relative)

    def _itself(self, candidate: Candidate, relative: str) -> Iterator[Finding]:
        if self._wanted.accepts(relative):
            yield candidate

    def _unpack(
        self, candidate: Candidate, relative: str, file: FileIO, head: bytes
    ) -> Iterator[Finding]:
        stream = Unpacking(file, head, self._options)
        chunks = iter(stream)
        start = b""
        while len(start) < BLOCK and (chunk := next(chunks, b"")):
            start += chunk
        if is_tar_header(start[:BLOCK]):
            spool = self._spools.write(chain([start], chunks))
            with open(spool, "rb", buffering=0) as tar:
                spooled = candidate._replace(spool=spool)
                members = list_tar(tar.fileno())
                yield from self._list(spooled, relative, members, problem=stream.problem)
        elif stream.problem:
            yield candidate, stream.problem
        elif head.startswith(GZIP_MAGIC):
            yield from self._list(candidate, relative, [_gzip_member(candidate, file)])
        else:
            yield from self._itself(candidate, relative)

    def _list(
        self,
        archive: Candidate,
        relative: str,
        members: Iterable[Member],
        *,
        problem: Problem | None = None,
    ) -> Iterator[Finding]:
        size = archive.size or 0
        count = total = 0
        try:
            for member in members:
                count += 1
                total += member.size
                exceeded = exceeded_limit(self._options, total, size)
                if count > self._options.max_archive_members:
                    exceeded = f"{self._options.max_archive_members} members"
                if exceeded:
                    problem = Problem(code="find.archive-limit", detail=exceeded)
                    break
                if not member.is_folder and self._wanted.accepts(f"{relative}/{member.name}"):
                    yield self._member(archive, member)
        except (BadArchiveError, OSError):
            problem = problem or Problem(code="find.archive-bad")
        if problem:
            yield archive._replace(spool=None), problem

    def _member(self, archive: Candidate, member: Member) -> Finding:
        found = archive._replace(member=member.name, offset=member.offset, size=member.size)
        if not member.is_usable:
            return found, Problem(code="find.archive-member")
        if exceeded := exceeded_limit(self._options, member.size, member.packed):
            return found, Problem(code="find.archive-limit", detail=exceeded)
        return found


def _gzip_member(candidate: Candidate, file: FileIO) -> Member:
    """Return the one file of a gzip; its size is the last field (RFC 1952 2.3.1, ISIZE)."""
    packed = os.fstat(file.fileno()).st_size
    size = int.from_bytes(os.pread(file.fileno(), 4, packed - 4), "little")
    name = os.path.basename(candidate.path)
    return Member(name[: -len(".gz")] if name.lower().endswith(".gz") else name, 0, size, packed)
