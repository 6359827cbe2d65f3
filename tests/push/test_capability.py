"""Which way a server is written to, by what it says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from dicom2fhir.deliver.server.capability import WriteMode, choose_mode, parse_capability
from dicom2fhir.errors import ServerRefusedError


def statement(*codes: str, version: str = "4.0.1", **abilities: bool) -> dict[str, Any]:
    resources = [{"type": kind, **abilities} for kind in ("ImagingStudy", "Media", "Basic")]
    rest: dict[str, Any] = {"mode": "server", "interaction": [{"code": code} for code in codes]}
    if abilities:
        rest["resource"] = resources
    return {"fhirVersion": version, "rest": [{"mode": "client"}, rest]}


@pytest.mark.parametrize(
    ("abilities", "ids", "mode"),
    [
        ({"updateCreate": True}, None, WriteMode.PUT),
        ({"updateCreate": True, "conditionalUpdate": True}, "server", WriteMode.CONDITIONAL_PUT),
        ({"conditionalUpdate": True}, None, WriteMode.CONDITIONAL_PUT),
        ({"conditionalCreate": True}, None, WriteMode.CONDITIONAL_CREATE),
        ({"updateCreate": False}, None, WriteMode.SEARCH_FIRST),
        ({}, None, WriteMode.CONDITIONAL_PUT),
        ({}, "client", WriteMode.PUT),
        ({"conditionalUpdate": True}, "client", WriteMode.PUT),
    ],
)
def test_the_mode_is_the_safest_that_the_server_offers(
    abilities: dict[str, bool], ids: str | None, mode: WriteMode
) -> None:
    assert choose_mode(parse_capability(statement("transaction", **abilities)), ids) is mode


@pytest.mark.parametrize(
    ("said", "ids"),
    [
        (statement("transaction", version="5.0.0"), None),
        (statement("transaction", version="3.0.2"), None),
        (statement("batch"), None),
        (statement("transaction", updateCreate=False, conditionalUpdate=True), "client"),
    ],
)
def test_a_server_that_lacks_what_we_need_is_refused(said: dict[str, Any], ids: str | None) -> None:
    with pytest.raises(ServerRefusedError):
        choose_mode(parse_capability(said), ids)


@pytest.mark.parametrize("said", [{}, {"rest": None}, {"rest": [3], "fhirVersion": 4}])
def test_a_statement_of_another_shape_says_nothing(said: dict[str, Any]) -> None:
    assert parse_capability(said).types == {}
