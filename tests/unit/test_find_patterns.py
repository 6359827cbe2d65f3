"""Globs: what --include and --exclude match."""

from __future__ import annotations

import pytest

from dicom2fhir.errors import UsageError
from dicom2fhir.find.patterns import PathFilter


def matches(pattern: str, path: str) -> bool:
    return PathFilter.of([], [pattern]).excludes(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.dcm", "1.dcm"),
        ("*.dcm", "a/b/1.dcm"),
        ("CT", "a/CT/1.dcm"),
        ("CT/", "a/CT/1.dcm"),
        ("CT/", "a/CT/"),
        ("/CT", "CT/1"),
        ("a/*.dcm", "a/1.dcm"),
        ("a/**", "a/b/c"),
        ("a/**/c", "a/c"),
        ("a/**/c", "a/b/b/c"),
        ("**/c/*", "a/c/1"),
        ("**", "a/b"),
        ("?.[dD]*", "1.Dcm"),
        ("[!a]", "b"),
        ("[^a]", "b"),
        ("[]x]", "]"),
        ("[a-c-]", "-"),
        ("a[", "a["),
        ("a.b+(c)", "a.b+(c)"),
        ("*", "new\nline"),
        ("\udcff*", "\udcff1"),
    ],
)
def test_a_pattern_matches(pattern: str, path: str) -> None:
    assert matches(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.dcm", "1.dcm.txt"),
        ("*.dcm", "1.DCM"),
        ("CT", "CTA/1"),
        ("CT/", "a/CT"),
        ("/CT", "a/CT/1"),
        ("a/*.dcm", "a/b/1.dcm"),
        ("a/*.dcm", "b/a/1.dcm"),
        ("a/**/c", "ab/c"),
        ("**/c/*", "c"),
        ("?", "ab"),
        ("[!a]", "a"),
        ("a[!b]c", "a/c"),
        ("a.c", "abc"),
    ],
)
def test_a_pattern_does_not_match(pattern: str, path: str) -> None:
    assert not matches(pattern, path)


def test_exclude_wins_over_include() -> None:
    wanted = PathFilter.of(["*.dcm"], ["tmp/", "x*"])
    assert wanted.accepts("a/1.dcm")
    assert not wanted.accepts("a/1.txt")
    assert not wanted.accepts("tmp/1.dcm")
    assert not wanted.accepts("a/x.dcm")


def test_a_pattern_that_cannot_be_understood_ends_the_run() -> None:
    with pytest.raises(UsageError, match="cannot be understood"):
        PathFilter.of(["[z-a]"], [])
