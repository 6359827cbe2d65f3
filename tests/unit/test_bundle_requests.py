from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dicom2fhir.bundle import make_bundles
from dicom2fhir.identity import IDENTIFIER_SYSTEM
from dicom2fhir.options import BundleOptions

if TYPE_CHECKING:
    from dicom2fhir.model import Entry

OWN = {"system": IDENTIFIER_SYSTEM, "value": "urn:uuid:1"}
OWN_SEARCH = (
    "identifier=https%3A%2F%2Fdicom2fhir-cli.github.io%2Ffhir%2Fidentifier%7Curn%3Auuid%3A1"
)
MASTER = {"system": "urn:oid:1.2.3.4", "value": "A1"}


def entry_of(resource: dict[str, Any], ids: str = "client") -> Entry:
    ((entry,),), problems = make_bundles([resource], BundleOptions(ids=ids))
    assert problems == []
    return entry


def resource(kind: str, *identifiers: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": kind, "id": "1", "identifier": list(identifiers)}


@pytest.mark.parametrize(
    ("kind", "identifiers"),
    [
        ("ImagingStudy", [OWN]),
        ("ImagingStudy", [MASTER, OWN]),
        ("Device", [MASTER]),
        ("Patient", [OWN]),
        ("Patient", [MASTER, OWN]),
        ("Patient", [{"value": "A1"}]),
        ("Patient", []),
    ],
)
def test_what_is_ours_is_put_under_our_id(kind: str, identifiers: list[dict[str, Any]]) -> None:
    entry = entry_of(resource(kind, *identifiers))
    assert entry.request == {"method": "PUT", "url": f"{kind}/1"}
    assert (entry.full_url, entry.resource["id"]) == ("urn:uuid:1", "1")


@pytest.mark.parametrize("ids", ["client", "server"])
@pytest.mark.parametrize("kind", ["Patient", "Practitioner", "Organization"])
def test_what_has_a_master_elsewhere_is_created_only_where_it_is_missing(
    kind: str, ids: str
) -> None:
    entry = entry_of(resource(kind, MASTER, {"value": "other"}), ids)
    assert entry.request == {
        "method": "POST",
        "url": kind,
        "ifNoneExist": "identifier=urn%3Aoid%3A1.2.3.4%7CA1",
    }
    assert entry.full_url == "urn:uuid:1"
    assert "id" not in entry.resource


def test_the_server_chooses_ids_by_a_condition_on_our_identifier() -> None:
    entry = entry_of(resource("ImagingStudy", OWN), "server")
    assert entry.request == {"method": "PUT", "url": f"ImagingStudy?{OWN_SEARCH}"}
    assert "id" not in entry.resource


def test_a_full_url_is_no_value_that_a_condition_rests_on() -> None:
    entry = entry_of(resource("ImagingStudy", OWN), "server")
    assert entry.full_url.startswith("urn:uuid:")
    assert entry.full_url != OWN["value"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("A,B", "A%5C%2CB"),
        ("A|B", "A%5C%7CB"),
        ("A$B", "A%5C%24B"),
        ("A\\B", "A%5C%5CB"),
        ("A B&C=D", "A%20B%26C%3DD"),
        ("Ä", "%C3%84"),
    ],
)
def test_a_search_value_is_escaped_for_fhir_and_for_the_url(value: str, written: str) -> None:
    entry = entry_of(resource("Patient", {"system": "urn:x", "value": value}))
    assert entry.request["ifNoneExist"] == f"identifier=urn%3Ax%7C{written}"


@pytest.mark.parametrize("ids", ["client", "server"])
def test_a_binary_which_no_search_can_find_is_put_under_our_id(ids: str) -> None:
    entry = entry_of({"resourceType": "Binary", "id": "1"}, ids)
    assert entry.request == {"method": "PUT", "url": "Binary/1"}
    assert (entry.full_url, entry.resource["id"]) == ("urn:uuid:1", "1")
