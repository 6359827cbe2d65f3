"""The outbox: what was sent, what is on its way, what the server refused.

It holds ids, hashes and states, and nothing of a patient: no value, no UID, no address.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import zlib
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dicom2fhir.deliver.faults import output_faults
from dicom2fhir.errors import OutputError, StateLockedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

NAME = "outbox.db"
LOCK = "outbox.lock"
UNKNOWN = "unknown"
"""The code of what the server may have, and what nothing tells from its copy."""
_DAMAGED = "outbox.damaged"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
  server TEXT, key TEXT, digest TEXT, server_id TEXT, state TEXT, tries INTEGER, not_before REAL,
  code TEXT, checksum INTEGER, PRIMARY KEY (server, key)
) WITHOUT ROWID
"""
_COLUMNS = "key, digest, server_id, state, tries, not_before, code"


class State(StrEnum):
    """Where one resource is on its way."""

    PENDING = "PENDING"
    INFLIGHT = "INFLIGHT"
    DONE = "DONE"
    RETRY = "RETRY"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class Item:
    """One resource: `key` is `Type/<our id>`, `digest` the SHA-256 of what we have to send.

    `code` is what the server said last, in codes and elements. `not_before` is in seconds since
    the epoch.
    """

    key: str
    digest: str
    server_id: str = ""
    state: State = State.PENDING
    tries: int = 0
    not_before: float = 0.0
    code: str = ""

    @property
    def kind(self) -> str:
        """Return the resource type."""
        return self.key.partition("/")[0]

    @property
    def reference(self) -> str:
        """Return the reference under which the server has it."""
        return f"{self.kind}/{self.server_id}"


class Outbox:
    """The items of one server in `outbox.db` of a state folder; threads may share it.

    Without a folder it is a temporary one. A change of state is on the disk when its call returns.
    Errors: OutputError where the disk fails; StateLockedError when another run holds the folder
    """

    def __init__(self, folder: str | None, server: str) -> None:
        self._server = hashlib.sha256(server.encode()).hexdigest()
        self._thread = threading.RLock()
        self._lock = -1
        self.set_aside = False
        with _faults():
            self._path = Path(folder) / NAME if folder is not None else None
            if self._path is not None:
                self._lock = _take_lock(self._path.parent)
            try:
                self._db = self._open()
            except BaseException:
                self._release()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and let the next run have the folder."""
        with self._thread:
            self._db.close()
            self._release()

    def find(self, key: str) -> Item | None:
        """Return the item of this key."""
        with self._thread, _faults():
            row = self._db.execute(
                f"SELECT {_COLUMNS}, checksum FROM item WHERE server = ? AND key = ?",  # noqa: S608
                (self._server, key),
            ).fetchone()
        return None if row is None else _item_of(row)

    def items(self, state: State) -> list[Item]:
        """Return the items in this state, by key."""
        with self._thread, _faults():
            rows = self._db.execute(
                f"SELECT {_COLUMNS}, checksum FROM item WHERE server = ? AND state = ?"  # noqa: S608
                " ORDER BY key",
                (self._server, state.value),
            ).fetchall()
        return [item for item in map(_item_of, rows) if item is not None]

    def witnesses(self) -> list[Item]:
        """Return two delivered items, by which it can be seen whether the server still has them."""
        with self._thread, _faults():
            rows = [
                self._db.execute(
                    f"SELECT {_COLUMNS}, checksum FROM item WHERE server = ? AND state = 'DONE'"  # noqa: S608
                    f" AND key NOT LIKE 'Binary/%' ORDER BY key {order} LIMIT 1",
                    (self._server,),
                ).fetchone()
                for order in ("ASC", "DESC")
            ]
        found = {item.key: item for row in rows if row and (item := _item_of(row)) is not None}
        return list(found.values())

    def doubt(self) -> None:
        """Make what was delivered pending again, under whatever id the server gives it now."""
        with self._thread, _faults():
            self.put(Item(one.key, one.digest) for one in self.items(State.DONE))

    def put(self, items: Iterable[Item]) -> None:
        """Write these items, all or none."""
        rows = [(self._server, *astuple(item), _checksum(item)) for item in items]
        with self._thread, _faults(), self._db:
            self._db.executemany(
                f"INSERT OR REPLACE INTO item (server, {_COLUMNS}, checksum)"  # noqa: S608
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def revive(self) -> int:
        """Make what is not sent again by itself pending again, and return how many that were."""
        with self._thread, _faults():
            dead = self.items(State.DEAD)
            self.put(Item(one.key, one.digest, one.server_id) for one in dead)
        return len(dead)

    def _open(self) -> sqlite3.Connection:
        if self._path is None:
            return _connect("")  # a temporary file, which vanishes when it is closed
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.close(descriptor)
        try:
            return _connect(str(self._path))
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:
                raise
            # Everything can be sent again under the same ids; nothing is lost but time.
            self._path.replace(self._path.with_name(_DAMAGED))
            self.set_aside = True
            return self._open()

    def _release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        # A rollback journal: WAL does not work over a network file system.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = FULL")
        _check(connection)
        connection.execute(_SCHEMA)
        connection.commit()
        _check_columns(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError


def _check_columns(connection: sqlite3.Connection) -> None:
    try:
        connection.execute(f"SELECT server, {_COLUMNS}, checksum FROM item LIMIT 1").fetchall()  # noqa: S608
    except sqlite3.Error:
        raise sqlite3.DatabaseError from None


def _item_of(row: tuple[str, str, str, str, int, float, str, int]) -> Item | None:
    """Return the item of a row; None where a bit has flipped: it is sent again."""
    key, digest, server_id, state, tries, not_before, code, checksum = row
    try:
        item = Item(key, digest, server_id, State(state), tries, not_before, code)
    except ValueError:
        return None
    return item if _checksum(item) == checksum else None


def _checksum(item: Item) -> int:
    return zlib.crc32(repr(astuple(item)).encode())


@contextmanager
def _faults() -> Iterator[None]:
    with output_faults():
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(
                f"The outbox in the state folder cannot be used ({type(error).__name__}).",
                hint="Is the disk full? What the server has confirmed is remembered; run again.",
            ) from None


def _take_lock(folder: Path) -> int:
    import fcntl  # noqa: PLC0415 - POSIX only, and only a state folder needs it

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise StateLockedError(
            f"Another run (process {holder}) sends from this state folder.",
            hint="Wait for it to end, or use another --state folder.",
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
