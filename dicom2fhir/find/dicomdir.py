"""A DICOMDIR as a hint: does what it names exist? Nothing is ever found by it.

A Referenced File ID that leaves the folder has been used to read and move strangers' files
(CVE-2026-32711), so ids are only compared with the names that listing the folder shows.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, TypeAlias

from dicom2fhir.find.sources import open_candidate
from dicom2fhir.options import MIB
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.model import Candidate

_READ = 8 * MIB
_FILE_ID = re.compile(rb"\x04\x00\x00\x15CS(..)", re.DOTALL)
"""Referenced File ID (0004,1500), always in explicit VR little endian (PS3.10 8.6)."""
_LONGEST = 1024  # eight components of 16 characters are allowed (PS3.10 8.2)

_Tree: TypeAlias = "dict[str, _Tree]"


def check_dicomdir(candidate: Candidate) -> Iterator[Problem]:
    """Yield what is wrong with the files that a DICOMDIR names.

    DICOM:  ReferencedFileID (0004,1500); PS3.10 8.2, 8.5
    Errors: Problems find.dicomdir-missing, find.dicomdir-outside; none when it cannot be read
    """
    try:
        source = open_candidate(candidate)
    except OSError:
        return
    try:
        data = source.read_at(0, _READ)
    except OSError:
        return
    finally:
        source.close()
    tree: _Tree = {}
    outside = 0
    for components in _file_ids(data):
        if any(_leaves_folder(component) for component in components):
            outside += 1
        else:
            _plant(tree, components)
    if missing := _count_missing(os.path.dirname(candidate.path) or ".", tree):
        yield Problem(code="find.dicomdir-missing", count=missing, detail=f"{missing} files")
    if outside:
        yield Problem(code="find.dicomdir-outside", count=outside, detail=f"{outside} files")


def _file_ids(data: bytes) -> Iterator[list[str]]:
    for found in _FILE_ID.finditer(data):
        length = int.from_bytes(found[1], "little")
        value = data[found.end() : found.end() + length].rstrip(b" \0")
        if value and length <= _LONGEST:
            yield [part.strip(" ") for part in os.fsdecode(value).split("\\")]


def _leaves_folder(component: str) -> bool:
    return component in {"", ".", ".."} or any(mark in component for mark in "/:\0")


def _plant(tree: _Tree, components: list[str]) -> None:
    for component in components:
        tree = tree.setdefault(component.upper(), {})


def _count_missing(folder: str, tree: _Tree) -> int:
    """Return how many leaves of the tree no name below the folder stands for.

    What lies behind a symbolic link is not looked at and not missing: the link has its Problem.
    """
    missing = 0
    pending = [(folder, tree)]
    while pending:
        folder, wanted = pending.pop()
        absent = dict(wanted)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    below = absent.pop(_shown_name(entry.name), None)
                    if below and entry.is_dir(follow_symlinks=False):
                        pending.append((entry.path, below))
                    elif below and not entry.is_symlink():
                        missing += _count_leaves(below)
        except OSError:
            pass  # what could not be listed counts as missing
        missing += sum(map(_count_leaves, absent.values()))
    return missing


def _shown_name(name: str) -> str:
    """Return the name as a file id spells it: a disc shows `im1.;1` for IM1."""
    return name.partition(";")[0].rstrip(".").upper()


def _count_leaves(tree: _Tree) -> int:
    leaves = 0
    pending = [tree]
    while pending:
        tree = pending.pop()
        leaves += not tree
        pending += tree.values()
    return leaves
