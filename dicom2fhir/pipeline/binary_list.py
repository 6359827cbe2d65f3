"""The Binaries that `--raw-dir` laid beside the Bundles, by id."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Self

import orjson

from dicom2fhir.deliver.raw import LIST, path_of
from dicom2fhir.errors import UsageError
from dicom2fhir.model import Bytes, Candidate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dicom2fhir.model import Json, Resource


class BinaryList:
    """`binaries.ndjson` and the files that it names, each handed out once.

    It lies in a temporary database: a million lines are to stay small.
    """

    def __init__(self, path: str | None) -> None:
        self._folder = Path()
        self._lines = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._lines.execute(
            "CREATE TABLE line (id TEXT NOT NULL PRIMARY KEY, text BLOB) WITHOUT ROWID"
        )
        if path is not None:
            self._read(Path(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    def take(self, ids: Iterable[str]) -> Iterator[tuple[Resource, bool]]:
        """Yield the listed Binaries of these ids, and whether each file has the listed size.

        Its hash is still to be held against what is read.
        """
        for identity in ids:
            row = self._lines.execute("SELECT text FROM line WHERE id = ?", (identity,)).fetchone()
            if row is not None:
                self._lines.execute("DELETE FROM line WHERE id = ?", (identity,))
                yield self._resource(orjson.loads(row[0]))

    def rest(self) -> Iterator[tuple[Resource, bool]]:
        """Yield what nothing has asked for."""
        while row := self._lines.execute("SELECT id FROM line ORDER BY id LIMIT 1").fetchone():
            yield from self.take(row)

    def _read(self, path: Path) -> None:
        path = path / LIST if path.is_dir() else path
        self._folder = path.parent
        try:
            with path.open("rb") as lines, closing(self._lines.cursor()) as cursor:
                cursor.execute("BEGIN")
                for text in lines:
                    line: Json = orjson.loads(text)
                    known = line["id"] if line["path"] == path_of(line["id"]) else None
                    cursor.execute("INSERT INTO line VALUES (?, ?)", (known, text))
                cursor.execute("COMMIT")
        except (OSError, ValueError, LookupError, TypeError, sqlite3.IntegrityError):
            raise UsageError(
                f"The list of Binaries ({LIST}) cannot be read or is damaged.",
                hint="Give --binaries the folder that convert wrote with --raw-dir.",
            ) from None

    def _resource(self, line: Json) -> tuple[Resource, bool]:
        place = self._folder / line["path"]
        binary: Resource = {"resourceType": "Binary", "id": line["id"]}
        binary["contentType"] = line["contentType"]
        if "securityContext" in line:
            binary["securityContext"] = {"reference": line["securityContext"]}
        try:
            found = place.stat()
        except OSError:
            return binary, False
        content = Bytes(
            source=Candidate(
                path=str(place),
                size=found.st_size,
                mtime_ns=found.st_mtime_ns,
                inode=found.st_ino,
            ),
            ranges=((0, found.st_size),),
            sha256=line["sha256"],
            claimed=True,
        )
        binary["data"] = content
        return binary, found.st_size == line["size"]
