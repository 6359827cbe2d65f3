"""What an installation brings must be free to use and to pass on: no GPL, no LGPL, no AGPL."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution

import pytest

_NAME = re.compile(r"[A-Za-z0-9._-]+")
COPYLEFT = re.compile(r"\b[AL]?GPL|GNU (Lesser|Affero|General)", re.IGNORECASE)
EXTRA = re.compile(r"extra\s*==\s*['\"](\w+)['\"]")


def requirements(found: Distribution, extras: frozenset[str]) -> list[str]:
    """Return what a distribution needs, and its extras that are asked for."""
    names = []
    for requirement in found.requires or ():
        extra = EXTRA.search(requirement)
        name = _NAME.match(requirement)
        if name and (extra is None or extra[1] in extras):
            names.append(name[0])
    return names


def tree() -> dict[str, Distribution]:
    """Return every distribution that the project and its extras bring."""
    found: dict[str, Distribution] = {}
    waiting = requirements(distribution("dicom2fhir-cli"), frozenset({"auth", "codecs", "push"}))
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # for another system or another version of Python
        waiting += requirements(found[name], frozenset())
    return found


TREE = tree()


def licence(found: Distribution) -> str:
    meta = found.metadata
    classifiers = [one for one in meta.get_all("Classifier", []) if one.startswith("License")]
    stated = meta.get("License-Expression") or (meta.get("License") or "").splitlines()[:1]
    return f"{stated} {classifiers}"


@pytest.mark.parametrize("name", sorted(TREE))
def test_no_dependency_is_under_a_copyleft_licence(name: str) -> None:
    assert not COPYLEFT.search(licence(TREE[name]))


def test_the_tree_is_whole() -> None:
    assert {"pydicom", "numpy", "pillow", "python-gdcm", "pylibjpeg-rle", "imagecodecs"} <= set(
        TREE
    )


@pytest.mark.parametrize("text", ["GPL-3.0", "GNU Lesser General Public License", "LGPLv2+"])
def test_a_copyleft_licence_would_be_seen(text: str) -> None:
    assert COPYLEFT.search(text)
