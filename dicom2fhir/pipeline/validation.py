"""`validate`: the check of any Bundle, made here or elsewhere."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import orjson

from dicom2fhir import __version__
from dicom2fhir.check import check_document
from dicom2fhir.deliver import RAW_LIST
from dicom2fhir.errors import NothingFoundError, UsageError
from dicom2fhir.pipeline.shortening import shorten
from dicom2fhir.problems import Problem
from dicom2fhir.report.document import is_report
from dicom2fhir.report.summary import Counts, Outcome, ProblemTally, decide_exit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STDIN = Path("-")
MAX_DOCUMENT = 64 * 1024 * 1024
"""Bytes of one Bundle without its base64: as JSON it takes some ten times that in memory."""
LINES = (".ndjson", ".ndjson.gz")
FORMS = (".json", ".json.gz", *LINES)


def validate(paths: Sequence[str], level: str, fail_on: str = "error") -> Outcome:
    """Check every Bundle of these files and folders.

    Errors: UsageError for a path that does not exist; NothingFoundError without any Bundle.
    """
    tally = ProblemTally()
    bundles = files = 0
    for path in find_bundle_files(paths):
        files += 1
        for number, document in enumerate(_documents(path, tally), start=1):
            bundles += 1
            tally.extend(check_document(document, level), f"{path}, Bundle {number}")
    if not files:
        raise NothingFoundError(
            "No Bundle was found.", hint=f"Bundles are files that end in {', '.join(FORMS)}."
        )
    counts = Counts(files=files, bundles=bundles)
    rows = tally.rows()
    return Outcome(
        counts=counts,
        problems=rows,
        version=__version__,
        exit_code=decide_exit(counts, rows, fail_on, expects_dicom=False),
    )


def find_bundle_files(paths: Sequence[str]) -> Iterator[Path]:
    """Yield the files that may hold Bundles, in folders by name.

    Errors: UsageError for a path that does not exist
    """
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if _may_be_bundle(one))
        elif path == STDIN or path.exists():
            yield path
        else:
            raise UsageError("There is no such file or folder.", hint="Check the path.")


def _may_be_bundle(path: Path) -> bool:
    # Names with a leading dot are the manifest of an output folder and leftovers.
    named = path.name.endswith(FORMS) and not path.name.startswith(".") and path.name != RAW_LIST
    return named and path.is_file() and not (path.stat().st_size and is_report(str(path)))


def _documents(path: Path, tally: ProblemTally) -> Iterator[bytes]:
    """Yield the Bundles of one file: the whole, or its lines where each is JSON by itself."""
    try:
        with shorten(_open(path)) as stream:
            first = _limited(stream.readline(MAX_DOCUMENT + 1))
            if not first and path.name.endswith(LINES):
                return  # a run that found nothing new
            rest = stream.readline(MAX_DOCUMENT + 1)
            if not rest or not _is_json(first):
                yield _limited(first + rest + stream.read(MAX_DOCUMENT + 1))
                return
            yield first
            while rest:
                if rest.strip():
                    yield _limited(rest)
                rest = stream.readline(MAX_DOCUMENT + 1)
    except _TooLargeError:
        tally.add(Problem(code="check.json", detail=f"larger than {MAX_DOCUMENT} bytes"), str(path))
    except (gzip.BadGzipFile, EOFError, zlib.error):
        tally.add(Problem(code="check.json", detail="damaged gzip"), str(path))
    except OSError:
        tally.add(Problem(code="find.unreadable"), str(path))


def _open(path: Path) -> IO[bytes]:
    if path == STDIN:
        return os.fdopen(0, "rb", closefd=False)
    # Without waiting for a writer; what is no regular file may never end.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError
    file = os.fdopen(descriptor, "rb")
    if path.name.endswith(".gz"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    return file


class _TooLargeError(Exception):
    """A document is larger than the limit."""


def _limited(data: bytes) -> bytes:
    if len(data) > MAX_DOCUMENT:
        raise _TooLargeError
    return data


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
