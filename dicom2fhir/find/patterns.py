"""Globs: which paths a filter lets through, and which paths a quoted glob names."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from dicom2fhir.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_TOKEN = re.compile(r"\*+|\?|\[[!^]?\]?[^\]]*\]|.", re.DOTALL)


def is_glob(text: str) -> bool:
    """Tell whether the text holds a character that a glob gives a meaning."""
    return any(character in text for character in "*?[")


class PathFilter(NamedTuple):
    """What --include and --exclude let through, by the path below its source.

    A pattern without `/` matches a name at any depth, one with `/` starts at the source; `*` stays
    within one name, `**` is any number of folders, a `/` at the end means folders only. What
    matches a folder or an archive matches all that lies in it. Exclude wins.
    """

    include: re.Pattern[str] | None
    exclude: re.Pattern[str] | None

    @classmethod
    def of(cls, include: Sequence[str], exclude: Sequence[str]) -> PathFilter:
        """Return the filter of these globs."""
        return cls(_compile(include), _compile(exclude))

    def accepts(self, relative: str) -> bool:
        """Tell whether a file of this relative path is wanted."""
        if self.include is not None and not self.include.fullmatch(relative):
            return False
        return not self.excludes(relative)

    def excludes(self, relative: str) -> bool:
        """Tell whether this path is excluded; that of a folder ends with `/`."""
        return self.exclude is not None and self.exclude.fullmatch(relative) is not None


def _compile(patterns: Iterable[str]) -> re.Pattern[str] | None:
    expressions = []
    for pattern in patterns:
        try:
            re.compile(expression := _expression(pattern))
        except re.error:
            raise UsageError("A pattern of --include or --exclude cannot be understood.") from None
        expressions.append(expression)
    return re.compile("|".join(expressions), re.DOTALL) if expressions else None


def _expression(pattern: str) -> str:
    parts = pattern.strip("/").split("/")
    expression = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    for part in parts[:-1]:
        expression += "(?:.*/)?" if part == "**" else f"{_component(part)}/"
    expression += ".*" if parts[-1] == "**" else _component(parts[-1])
    return expression + ("/.*" if pattern.endswith("/") else "(?:/.*)?")


def _component(text: str) -> str:
    return "".join(_token(token) for token in _TOKEN.findall(text))


def _token(token: str) -> str:
    if token[0] == "*":
        return "[^/]*"
    if token == "?":  # noqa: S105 - no password
        return "[^/]"
    if len(token) == 1:
        return re.escape(token)
    negated, inner = token[1] in "!^", token[1:-1]
    inner = re.escape(inner[negated:]).replace(r"\-", "-").replace("--", r"\--")
    return f"(?!/)[{'^' if negated else ''}{inner}]"


class Glob:
    """A pattern that a user quoted, so that no shell expanded it.

    As in a shell a wildcard matches no leading dot. A folder that matches is yielded and not
    searched further: all of it is meant. A folder that cannot be listed is yielded too, so that
    whoever walks it meets the error.
    """

    def __init__(self, pattern: str, *, follow: bool) -> None:
        parts = pattern.split("/")
        first = next(number for number, part in enumerate(parts) if is_glob(part))
        self.base = "/".join(parts[:first]) + "/" if first else ""
        self._parts = [part for part in parts[first:] if part]
        self._names = [re.compile(_component(part), re.DOTALL) for part in self._parts]
        self._follow = follow

    def __iter__(self) -> Iterator[str]:
        start = self._close({0})
        if len(self._parts) in start:
            yield self.base or "."
            return
        pending = [(self.base or ".", start)]
        visited: set[tuple[int, int, frozenset[int]]] = set()
        while pending:
            folder, states = pending.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        after = self._step(states, entry.name)
                        if len(self._parts) in after or (after and self._is_closed_link(entry)):
                            yield entry.path if self.base else entry.path[len("./") :]
                        elif after and self._may_enter(entry, after, visited):
                            pending.append((entry.path, after))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                yield folder

    def _is_closed_link(self, entry: os.DirEntry[str]) -> bool:
        return not self._follow and entry.is_symlink() and _is_folder(entry)

    def _may_enter(
        self,
        entry: os.DirEntry[str],
        states: frozenset[int],
        visited: set[tuple[int, int, frozenset[int]]],
    ) -> bool:
        if not _is_folder(entry):
            return False
        if not self._follow:
            return True
        status = entry.stat()
        key = (status.st_dev, status.st_ino, states)
        if key in visited:
            return False
        visited.add(key)
        return True

    def _step(self, states: frozenset[int], name: str) -> frozenset[int]:
        after = set()
        for state in states:
            part = self._parts[state]
            if name[0] == "." and part[0] != ".":
                continue
            if part == "**":
                after.add(state)
            elif self._names[state].fullmatch(name):
                after.add(state + 1)
        return self._close(after)

    def _close(self, states: set[int]) -> frozenset[int]:
        """Add what `**` reaches by standing for no folder at all."""
        closed = set(states)
        for state in sorted(states):
            following = state
            while following < len(self._parts) and self._parts[following] == "**":
                following += 1
                closed.add(following)
        return frozenset(closed)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether the entry is a folder or leads to one; a link may lead round to itself."""
    try:
        return entry.is_dir()
    except OSError:
        return False
