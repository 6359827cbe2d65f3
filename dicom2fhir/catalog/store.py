"""The catalog's database: what was found, what it holds, what was written of it.

It is private and temporary by default. With a state folder it stays, mode 0600, since it holds
headers and paths.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dicom2fhir.catalog.rows import block_digest
from dicom2fhir.model import Candidate
from dicom2fhir.problems import PlacedProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dicom2fhir.catalog.rows import Batch
    from dicom2fhir.problems import Problem

SCHEMA = """
CREATE TABLE IF NOT EXISTS fact(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS source(
  id INTEGER PRIMARY KEY, path BLOB, member TEXT, offset INTEGER, spool TEXT, linked INTEGER,
  size INTEGER, mtime_ns INTEGER, inode INTEGER, outcome TEXT);
CREATE TABLE IF NOT EXISTS block(
  id INTEGER PRIMARY KEY, digest BLOB UNIQUE, level TEXT, attributes BLOB);
CREATE TABLE IF NOT EXISTS instance(
  study_uid TEXT, series_uid TEXT, sop_instance_uid TEXT, sop_class_uid TEXT,
  transfer_syntax_uid TEXT, part10 INTEGER, number INTEGER, attributes BLOB,
  patient INTEGER, study INTEGER, series INTEGER, source INTEGER);
CREATE TABLE IF NOT EXISTS rejected(
  study_uid TEXT, sop_instance_uid TEXT, code TEXT, source INTEGER);
CREATE TABLE IF NOT EXISTS study(
  study_uid TEXT PRIMARY KEY, touched INTEGER, emitted TEXT) WITHOUT ROWID;
"""
# Built when all is read: one sorted pass is cheaper than keeping them while rows come in.
INDEXES = """
CREATE INDEX IF NOT EXISTS instance_study ON instance(study_uid);
CREATE INDEX IF NOT EXISTS rejected_study ON rejected(study_uid);
"""
# The first answers "is it unchanged?" for every file of a run, so it holds all that is asked.
STATE_INDEXES = """
CREATE INDEX IF NOT EXISTS source_path
  ON source(path, offset, member, size, mtime_ns, inode, outcome);
CREATE INDEX IF NOT EXISTS instance_source ON instance(source);
"""


SETTLED = {"instance", "filtered", "read.not-dicom", "read.dicomdir", "read.non-patient"}
"""Outcomes that reading an unchanged file again would not change."""


class StoredInstance(NamedTuple):
    """One instance as the database gives it back."""

    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    part10: int
    number: int
    attributes: bytes
    patient: int
    study: int
    series: int
    source: int


class Catalog:
    """What a run knows of its input. One writer; other processes may read by `attach`."""

    def __init__(self, connection: sqlite3.Connection, path: Path, *, kept: bool) -> None:
        self.path = path
        self.kept = kept
        self._db = connection
        self._block_ids: dict[bytes, int] = {}
        self._touched: set[str] = set()
        self._batches = 0
        self._next_source = 1 + (self._one("SELECT max(id) FROM source") or 0)

    def _one(self, sql: str, *values: object) -> int | None:
        row = self._db.execute(sql, values).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    # sources

    def number_source(self) -> int:
        """Return the next free source number."""
        self._next_source += 1
        return self._next_source - 1

    def _path_of(self, candidate: Candidate) -> bytes:
        """Return the path; in a state absolute, for the next run may start in another folder."""
        path = os.path.abspath(candidate.path) if self.kept else candidate.path  # noqa: PTH100
        return os.fsencode(path)

    def add_sources(self, sources: Iterable[tuple[int, Candidate, str]]) -> None:
        """Record numbered candidates and what became of them.

        The outcome is `instance`, or the code of the Problem, or `filtered`.
        """
        files, members = [], []
        for number, candidate, outcome in sources:
            row = (
                number,
                self._path_of(candidate),
                int(candidate.linked),
                candidate.size,
                candidate.mtime_ns,
                candidate.inode,
                outcome,
            )
            if candidate.member is None and candidate.offset is None:
                files.append(row)
            else:
                member = candidate.member and _plain(candidate.member)
                members.append((*row, member, candidate.offset, candidate.spool))
        # A NULL that is bound costs more than a value: files that are no members go without.
        columns = "INSERT INTO source(id, path, linked, size, mtime_ns, inode, outcome"
        self._db.executemany(f"{columns}) VALUES(?,?,?,?,?,?,?)", files)
        self._db.executemany(
            f"{columns}, member, offset, spool) VALUES(?,?,?,?,?,?,?,?,?,?)", members
        )

    def find_source(self, candidate: Candidate) -> tuple[int, bool] | None:
        """Return the number of this place in an earlier run, and whether it is unchanged.

        Only what was read without a fault counts as unchanged, so faults are reported again. What
        was unpacked to a temporary file is read again, since that file is a new one.
        """
        if not self._db.in_transaction:
            # Half of a look-up's time is the lock that each statement takes by itself.
            self._db.execute("BEGIN")
        row = self._db.execute(
            "SELECT id, size, mtime_ns, inode, outcome FROM source"
            " WHERE path=? AND offset IS ? AND member IS ?",
            (
                self._path_of(candidate),
                candidate.offset,
                candidate.member and _plain(candidate.member),
            ),
        ).fetchone()
        if row is None:
            return None
        same = row[1:4] == (candidate.size, candidate.mtime_ns, candidate.inode)
        settled = candidate.mtime_ns is not None and candidate.spool is None and row[4] in SETTLED
        return row[0], same and settled

    def forget_source(self, number: int) -> None:
        """Remove a source and what was read from it; its studies count as touched."""
        rows = self._db.execute("SELECT study_uid FROM instance WHERE source=?", (number,))
        noted = self._db.execute("SELECT study_uid FROM rejected WHERE source=?", (number,))
        for (uid,) in rows.fetchall() + noted.fetchall():
            self._touch(uid)
        for table in ("instance", "rejected"):
            self._db.execute(f"DELETE FROM {table} WHERE source=?", (number,))  # noqa: S608
        self._db.execute("DELETE FROM source WHERE id=?", (number,))

    def candidate(self, number: int) -> Candidate:
        """Return the candidate of a source number."""
        row = self._db.execute(
            "SELECT path, member, offset, spool, linked, size, mtime_ns, inode"
            " FROM source WHERE id=?",
            (number,),
        ).fetchone()
        return Candidate(
            path=os.fsdecode(row[0]),
            member=row[1],
            offset=row[2],
            spool=row[3],
            linked=bool(row[4]),
            size=row[5],
            mtime_ns=row[6],
            inode=row[7],
        )

    # instances

    def add(self, batch: Batch) -> None:
        """Add the rows of a batch."""
        ids = {digest: self._block_id(digest, *block) for digest, block in batch.blocks.items()}
        self._db.executemany(
            "INSERT INTO instance VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
            [
                (*row[:8], ids[row.patient], ids[row.study], ids[row.series], row.source)
                for row in batch.rows
            ],
        )
        for uid in {row.study_uid for row in batch.rows} - self._touched:
            self._touch(uid)
        self._db.executemany("INSERT INTO rejected VALUES(?,?,?,?)", batch.rejections)
        for uid in {rejection.study_uid for rejection in batch.rejections} - self._touched:
            if self._one("SELECT 1 FROM study WHERE study_uid=?", uid):
                self._touch(uid)

    def _block_id(self, digest: bytes, level: str, attributes: bytes) -> int:
        known = self._block_ids.get(digest)
        if known is not None:
            return known
        self._db.execute(
            "INSERT OR IGNORE INTO block(digest, level, attributes) VALUES(?,?,?)",
            (digest, level, attributes),
        )
        number = self._one("SELECT id FROM block WHERE digest=?", digest) or 0
        if len(self._block_ids) > 50_000:  # noqa: PLR2004 - a bound on memory, nothing more
            self._block_ids.clear()
        self._block_ids[digest] = number
        return number

    def _touch(self, study_uid: str) -> None:
        if len(self._touched) > 50_000:  # noqa: PLR2004 - a bound on memory, nothing more
            self._touched.clear()
        self._touched.add(study_uid)
        self._db.execute(
            "INSERT INTO study VALUES(?,1,NULL) ON CONFLICT DO UPDATE SET touched=1",
            (study_uid,),
        )

    def finish_reading(self) -> None:
        """Build the indexes and make all rows visible to other processes."""
        self._db.executescript(INDEXES)
        if self.kept:
            self._db.executescript(STATE_INDEXES)
        self._db.commit()

    def adopt_rules(self, rules: str) -> None:
        """Forget everything that was read by other rules than these."""
        row = self._db.execute("SELECT value FROM fact WHERE name='rules'").fetchone()
        if row is not None and row[0] != rules:
            for table in ("source", "instance", "rejected", "block", "study"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608
        self._db.execute("INSERT OR REPLACE INTO fact VALUES('rules', ?)", (rules,))
        self._db.commit()

    def commit(self) -> None:
        """Make what was added durable."""
        self._db.commit()

    def commit_now_and_then(self) -> None:
        """Keep what was read so far, so that a killed run does not read it again.

        To be called between batches only: a batch is kept whole or not at all.
        """
        self._batches += 1
        if self.kept and self._batches % 32 == 0:
            self._db.commit()

    # studies

    def study_uids(self, *, emitted_as: str | None = None) -> list[str]:
        """Return the Study Instance UIDs in order.

        With `emitted_as`, only those that were touched or were last written another way.
        """
        if emitted_as is None:
            rows = self._db.execute("SELECT study_uid FROM study ORDER BY study_uid")
        else:
            rows = self._db.execute(
                "SELECT study_uid FROM study WHERE touched OR emitted IS NOT ? ORDER BY study_uid",
                (emitted_as,),
            )
        return [uid for (uid,) in rows]

    def mark_emitted(self, study_uids: Sequence[str], emitted_as: str) -> None:
        """Record that these studies were written, and by which rules."""
        self._db.executemany(
            "UPDATE study SET touched=0, emitted=? WHERE study_uid=?",
            [(emitted_as, uid) for uid in study_uids],
        )
        self._db.commit()

    def stored_instances(self, study_uid: str) -> list[StoredInstance]:
        """Return the rows of one study."""
        rows = self._db.execute(
            "SELECT series_uid, sop_instance_uid, sop_class_uid, transfer_syntax_uid, part10,"
            " number, attributes, patient, study, series, source FROM instance"
            " WHERE study_uid=?",
            (study_uid,),
        )
        # SQLite makes a new text for each column of each row; what recurs is kept once.
        kept: dict[str, str] = {}
        return [
            StoredInstance(
                kept.setdefault(row[0], row[0]),
                row[1],
                kept.setdefault(row[2], row[2]),
                kept.setdefault(row[3], row[3]),
                *row[4:],
            )
            for row in rows
        ]

    def rejections(self, study_uid: str) -> dict[str, str]:
        """Return what rejection notes withdraw of this study: SOP Instance UID to title code."""
        rows = self._db.execute(
            "SELECT sop_instance_uid, min(code) FROM rejected WHERE study_uid=? GROUP BY 1",
            (study_uid,),
        )
        return dict(rows.fetchall())

    def block(self, number: int) -> bytes:
        """Return the JSON of one attribute block."""
        row = self._db.execute(
            "SELECT attributes, digest, level FROM block WHERE id=?", (number,)
        ).fetchone()
        if row is None or block_digest(row[2], row[0]) != row[1]:
            raise sqlite3.DatabaseError
        return bytes(row[0])

    def series_in_two_studies(self) -> list[tuple[int, int]]:
        """Return for each such Series UID a source that shows it, and how many studies share it."""
        return self._db.execute(
            "SELECT min(source), count(DISTINCT study_uid) AS studies FROM instance"
            " GROUP BY series_uid HAVING studies > 1 ORDER BY series_uid"
        ).fetchall()

    def patient_blocks(self) -> Iterator[tuple[int, bytes]]:
        """Yield each distinct set of patient attributes and its number, by Patient ID."""
        yield from self._db.execute(
            "SELECT id, attributes FROM block WHERE level='patient'"
            " ORDER BY json_extract(CAST(attributes AS TEXT), '$.PatientID[0]'), attributes"
        )

    def source_of_patient(self, block: int) -> int | None:
        """Return a source that holds this set of patient attributes."""
        return self._one("SELECT min(source) FROM instance WHERE patient=?", block)

    # problems of this run

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Keep Problems, in a table of this run that no other process sees."""
        self._db.executemany(
            "INSERT INTO temp.problem VALUES(?,?,?,?,?,?)",
            [(p.code, p.tag, p.element, p.detail, p.count, p.source) for p in problems],
        )

    def problem_counts(self) -> list[tuple[str, int]]:
        """Return how often each code was seen."""
        return self._db.execute(
            "SELECT code, sum(count) FROM temp.problem GROUP BY code ORDER BY code"
        ).fetchall()

    def problem_items(self, code: str | None = None, limit: int = -1) -> Iterator[PlacedProblem]:
        """Yield the Problems, or those of one code, with their places in order of place."""
        rows = self._db.execute(
            "SELECT p.code, p.tag, p.element, p.detail, p.count, s.path, s.member"
            " FROM temp.problem p LEFT JOIN source s ON s.id = p.source"
            " WHERE :code IS NULL OR p.code=:code"
            " ORDER BY p.code, s.path, s.member, p.tag, p.element, p.detail LIMIT :limit",
            {"code": code, "limit": limit},
        )
        for *known, path, member in rows:
            label = None
            if path is not None:
                label = Candidate(path=os.fsdecode(path), member=member).label
            yield PlacedProblem._make((*known, label))

    def close(self) -> None:
        """Close the database, and what this process has attached to it."""
        reader = _attached.pop(str(self.path), None)
        if reader is not None:
            reader.close()
        self._db.close()


_attached: dict[str, Catalog] = {}


def _plain(text: str) -> str:
    # A member's name may hold bytes that are no text; SQLite takes valid UTF-8 only.
    return text.encode("utf-8", "backslashreplace").decode()


def create(path: Path, *, kept: bool) -> Catalog:
    """Create or open the database at a path, readable by its owner only."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.close(descriptor)
    connection = sqlite3.connect(path, timeout=30)
    try:
        _prepare(connection, kept=kept)
        return Catalog(connection, path, kept=kept)
    except BaseException:
        connection.close()
        raise


def _prepare(connection: sqlite3.Connection, *, kept: bool) -> None:
    connection.execute("PRAGMA cache_size=-16384")
    connection.execute("PRAGMA temp_store=FILE")
    if not kept:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
    connection.executescript(SCHEMA)
    if kept:
        connection.executescript(STATE_INDEXES)
    connection.execute(
        "CREATE TEMP TABLE problem(code TEXT, tag TEXT, element TEXT, detail TEXT,"
        " count INTEGER, source INTEGER)"
    )


def attach(path: str) -> Catalog:
    """Open an existing catalog for reading, once in this process."""
    if path not in _attached:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        _attached[path] = Catalog(connection, Path(path), kept=True)
    return _attached[path]
