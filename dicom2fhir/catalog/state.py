"""Opening the catalog: a temporary one, or the one of a state folder that one run may hold."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orjson import JSONDecodeError

from dicom2fhir.catalog.store import Catalog, create
from dicom2fhir.errors import OutputError, StateLockedError
from dicom2fhir.temporary import PrivateFolder

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def open_catalog(state: str | None, rules: str, temp_dir: str | None = None) -> Iterator[Catalog]:
    """Open the catalog of a state folder, or a temporary one, and close it at the end.

    `rules` names how files are read; what other rules read is read again.
    Errors: StateLockedError when another run holds the folder; OutputError when it cannot be used.
    """
    try:
        with _temporary(temp_dir) if state is None else _kept(Path(state), rules) as catalog:
            yield catalog
    except sqlite3.Error as error:
        place = "temporary folder" if state is None else "state folder"
        raise OutputError(
            f"The catalog in the {place} cannot be used ({type(error).__name__}).",
            hint="Is the disk full? --temp-dir and --state name other places.",
        ) from None


@contextmanager
def _temporary(temp_dir: str | None) -> Iterator[Catalog]:
    folder = PrivateFolder(temp_dir)
    try:
        catalog = create(folder.path / "catalog.db", kept=False)
        try:
            yield catalog
        finally:
            catalog.close()
    finally:
        folder.remove()


@contextmanager
def _kept(folder: Path, rules: str) -> Iterator[Catalog]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("The state folder cannot be made.", hint="Check --state.") from error
    with _lock(folder):
        path = folder / "catalog.db"
        seal = _Seal(path)
        catalog = _open_state(path, seal, rules)
        try:
            yield catalog
            catalog.commit()
            seal.is_due = True
        except (sqlite3.DatabaseError, JSONDecodeError) as error:
            # Subclasses are a full disk, a lock and the like; this class itself is damage, and so
            # is JSON of ours that is none.
            if type(error) not in {sqlite3.DatabaseError, JSONDecodeError}:
                raise
            path.replace(path.with_suffix(".damaged"))
            raise OutputError(
                "The state is damaged; it was set aside as catalog.damaged.",
                hint="Run again: everything is read anew.",
            ) from None
        finally:
            catalog.close()
            seal.close()


class _Seal:
    """The digest of the catalog as the last run that came to its end has left it.

    SQLite notices damage to its own structure, not to what a row holds. There is no digest while a
    run is on: what a killed run leaves is as sound as SQLite's journal makes it.
    """

    def __init__(self, catalog: Path) -> None:
        self.is_due = False
        self._catalog = catalog
        self._path = catalog.with_suffix(".digest")

    def is_broken(self) -> bool:
        """Tell whether the catalog has changed since it was sealed, and remove the seal."""
        try:
            sealed = self._path.read_text("ascii", "replace")
            self._path.unlink()
        except FileNotFoundError:
            return False
        return sealed != self._digest()

    def close(self) -> None:
        """Seal the catalog, unless its run did not come to its end."""
        if self.is_due:
            with suppress(OSError):  # without a seal the next run believes what it finds
                self._path.touch(0o600)
                self._path.write_text(self._digest(), "ascii")

    def _digest(self) -> str:
        with self._catalog.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    import fcntl  # noqa: PLC0415 - POSIX only, and only a state folder needs it

    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutputError(
            "The state folder cannot be written to.", hint="Check --state."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            raise StateLockedError(
                f"Another run (process {holder}) holds the state folder.",
                hint="Wait for it to end, or use another --state folder.",
            ) from error
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # on a full disk the catalog tells; the lock holds all the same
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open_state(path: Path, seal: _Seal, rules: str) -> Catalog:
    # A damaged state costs one full read, not the run: it is set aside, not deleted.
    damaged = path.with_suffix(".damaged")
    try:
        if seal.is_broken():
            path.replace(damaged)
        try:
            catalog = create(path, kept=True)
        except sqlite3.DatabaseError:
            path.replace(damaged)
            catalog = create(path, kept=True)
    except OSError:
        raise OutputError(
            "The catalog in the state folder cannot be opened.", hint="Check --state."
        ) from None
    catalog.adopt_rules(rules)
    return catalog
