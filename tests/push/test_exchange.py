"""What a resource states goes into a header only where a header may hold it."""

from __future__ import annotations

import pytest

from dicom2fhir.deliver.server.exchange import media_type_of


@pytest.mark.parametrize(
    "stated",
    ["image/jpeg", "application/fhir+json", "text/html; charset=utf-8", 'a/b;c="d e"; f=g'],
)
def test_a_media_type_is_kept(stated: str) -> None:
    assert media_type_of(stated, "*/*") == stated


@pytest.mark.parametrize(
    "stated",
    [
        None,
        "",
        5,
        "image",
        "image/",
        "a/b\r\nAuthorization: c",
        "a/b; c\n=d",
        "a/b, c/d",
        "a/ä",
        "a /b",
    ],
)
def test_anything_else_is_not(stated: object) -> None:
    assert media_type_of(stated, "*/*") == "*/*"
