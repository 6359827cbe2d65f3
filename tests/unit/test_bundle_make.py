from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from deliver_cases import joined, payload
from dicom2fhir.bundle import bundle_of, encode_bundle, make_bundles
from dicom2fhir.errors import UsageError
from dicom2fhir.identity import IDENTIFIER_SYSTEM, resource_id
from dicom2fhir.model import BUNDLE_EMPTY, Entry
from dicom2fhir.options import BundleOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.model import Json

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"system": "urn:oid:1.2.3.4", "value": "A1"}],
}
DEVICE = {"resourceType": "Device", "id": "d", "identifier": [{"system": "urn:x", "value": "d"}]}


def study(instances: Sequence[int] = (2,), **more: Json) -> dict[str, Any]:
    series = [
        {
            "uid": f"1.{number}",
            "modality": {"code": "CT" if number % 2 else "MR"},
            "numberOfInstances": count,
            "instance": [{"uid": f"1.{number}.{index}"} for index in range(count)],
        }
        for number, count in enumerate(instances)
    ]
    return {
        "resourceType": "ImagingStudy",
        "id": "s",
        "identifier": [
            {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3.4.5"},
            {"system": IDENTIFIER_SYSTEM, "value": "urn:uuid:s"},
        ],
        "status": "available",
        "subject": {"reference": "Patient/p", "display": "x"},
        "modality": [{"code": "CT"}, {"code": "MR"}],
        "numberOfSeries": len(series),
        "numberOfInstances": sum(instances),
        "series": series,
        **more,
    }


def make(
    *resources: dict[str, Any], provenance: bool = False, **limits: Json
) -> tuple[list[list[Entry]], list[tuple[str, str, int]]]:
    parts, problems = make_bundles(
        resources, BundleOptions(**limits), provenance_of if provenance else None
    )
    return parts, [(one.code, one.element, one.count) for one in problems]


def provenance_of(targets: Sequence[str]) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "id": resource_id("Provenance", *targets),
        "target": [{"reference": target} for target in targets],
    }


def kinds(part: Sequence[Entry]) -> list[str]:
    return [entry.resource["resourceType"] for entry in part]


def test_without_limits_there_is_one_part_whose_references_are_full_urls() -> None:
    (part,), problems = make(PATIENT, study())
    assert (kinds(part), problems) == (["Patient", "ImagingStudy"], [])
    assert part[1].resource["subject"] == {"reference": "urn:uuid:p", "display": "x"}


def test_what_is_given_is_not_changed() -> None:
    given = [copy.deepcopy(PATIENT), study((5, 5))]
    before = copy.deepcopy(given)
    make(*given, max_resource_bytes=600)
    make(*given, ids="server")
    assert given == before


def test_the_list_of_instances_is_shared_and_not_copied() -> None:
    given = study()
    (part,), _ = make(PATIENT, given)
    assert part[1].resource["series"][0]["instance"] is given["series"][0]["instance"]


def test_what_is_referred_to_comes_first() -> None:
    (part,), _ = make(study(performer=[{"actor": {"reference": "Device/d"}}]), DEVICE, PATIENT)
    assert kinds(part) == ["Patient", "Device", "ImagingStudy"]


def test_a_reference_to_what_is_not_ours_stays() -> None:
    (part,), _ = make(study(subject={"reference": "Patient/123"}))
    assert part[0].resource["subject"] == {"reference": "Patient/123"}


def test_binaries_come_after_their_patient_and_before_what_names_them_by_a_url() -> None:
    media = {"resourceType": "Media", "id": "m", "content": {"url": "Binary/b"}}
    binary = {
        "resourceType": "Binary",
        "id": "b",
        "securityContext": {"reference": "Patient/p"},
        "data": payload("x", 3),
    }
    (part,), _ = make(media, study(), binary, PATIENT)
    assert kinds(part) == ["Patient", "Binary", "Media", "ImagingStudy"]
    assert part[1].resource["data"] is binary["data"]


def test_a_study_is_written_without_the_binary_that_no_bundle_can_hold() -> None:
    binary = {"resourceType": "Binary", "id": "b", "data": payload("x", 3000)}
    (part,), problems = make(PATIENT, study(), binary, max_bytes=4000)
    assert kinds(part) == ["Patient", "ImagingStudy"]
    assert problems == [("bundle.too-large", "Binary", 1)]


def test_attachments_count_when_a_study_is_divided() -> None:
    given = study((3, 3))
    for one in given["series"]:
        one["instance"][0]["extension"] = [{"valueAttachment": {"data": payload("x", 600)}}]
    (part,), problems = make(PATIENT, given, max_resource_bytes=1400)
    assert kinds(part) == ["Patient", "ImagingStudy", "ImagingStudy"]
    assert problems == []


def test_a_circle_of_references_is_whole_in_one_bundle() -> None:
    first = DEVICE | {"owner": {"reference": "Organization/o"}}
    second = {"resourceType": "Organization", "id": "o", "endpoint": {"reference": "Device/d"}}
    (part,), problems = make(first, second)
    by_kind = {entry.resource["resourceType"]: entry.resource for entry in part}
    assert by_kind["Device"]["owner"] == {"reference": "urn:uuid:o"}
    assert by_kind["Organization"]["endpoint"] == {"reference": "urn:uuid:d"}
    assert problems == []


def test_a_later_part_names_what_an_earlier_one_put() -> None:
    (first, second), problems = make(
        DEVICE, study(subject={"reference": "Device/d"}), max_entries=1
    )
    assert (kinds(first), kinds(second), problems) == (["Device"], ["ImagingStudy"], [])
    assert second[0].resource["subject"] == {"reference": "Device/d"}


def test_a_later_part_repeats_what_is_created_conditionally() -> None:
    other = {"resourceType": "Media", "id": "m", "subject": {"reference": "Patient/p"}}
    parts, problems = make(PATIENT, study(), other, max_entries=2)
    assert [kinds(part) for part in parts] == [["Patient", "ImagingStudy"], ["Patient", "Media"]]
    assert parts[0][0].pieces == parts[1][0].pieces
    assert parts[1][1].resource["subject"] == {"reference": "urn:uuid:p"}
    assert problems == []


def test_what_no_bundle_can_hold_together_is_referred_to_by_identifier() -> None:
    parts, problems = make(PATIENT, study(), max_entries=1)
    assert parts[1][0].resource["subject"] == {
        "type": "Patient",
        "identifier": {"system": "urn:oid:1.2.3.4", "value": "A1"},
        "display": "x",
    }
    assert problems == [("bundle.by-identifier", "ImagingStudy", 1)]


def test_what_is_too_large_is_left_out_and_nothing_dangles() -> None:
    large = DEVICE | {"note": "x" * 900}
    parts, problems = make(large, study(subject={"reference": "Device/d"}), max_resource_bytes=900)
    assert [kinds(part) for part in parts] == [["ImagingStudy"]]
    assert parts[0][0].resource["subject"] == {
        "type": "Device",
        "identifier": {"system": IDENTIFIER_SYSTEM, "value": "urn:uuid:d"},
    }
    assert problems == [
        ("bundle.too-large", "Device", 1),
        ("bundle.by-identifier", "ImagingStudy", 1),
    ]


def test_a_study_over_the_limit_is_divided_by_whole_series() -> None:
    later = {"resourceType": "Media", "id": "m", "partOf": {"reference": "ImagingStudy/s"}}
    (part,), problems = make(PATIENT, study((20, 20, 20, 20)), later, max_resource_bytes=1300)
    _, first, second, media = (entry.resource for entry in part)
    assert first["id"] == resource_id("ImagingStudy", "s", "1.0", "1.1")
    assert second["id"] == resource_id("ImagingStudy", "s", "1.2", "1.3")
    assert first["identifier"] == [
        {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3.4.5"},
        {"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{first['id']}"},
    ]
    assert (first["numberOfSeries"], first["numberOfInstances"]) == (2, 40)
    assert first["subject"] == second["subject"] == {"reference": "urn:uuid:p", "display": "x"}
    assert media["partOf"] == {"reference": f"urn:uuid:{first['id']}"}
    assert problems == []


def test_a_group_has_the_modalities_that_it_lists() -> None:
    (part,), _ = make(study((20, 20)), max_resource_bytes=900)
    assert [entry.resource["modality"] for entry in part] == [[{"code": "MR"}], [{"code": "CT"}]]


def test_a_series_over_the_limit_keeps_its_count_and_loses_its_instances() -> None:
    (part,), problems = make(PATIENT, study((3, 100)), max_resource_bytes=900)
    made = part[1].resource
    assert made["id"] == "s"
    assert ["instance" in one for one in made["series"]] == [True, False]
    assert [one["numberOfInstances"] for one in made["series"]] == [3, 100]
    assert made["numberOfInstances"] == 103
    assert problems == [("study.too-large", "ImagingStudy", 1)]


def test_a_study_is_divided_when_its_bundle_is_over_the_limit() -> None:
    parts, problems = make(PATIENT, study((20, 20)), max_bytes=1300)
    assert [kinds(part) for part in parts] == [["Patient", "ImagingStudy"]] * 2
    assert problems == []


def test_medplum_takes_few_entries_once_one_is_conditional() -> None:
    devices = [DEVICE | {"id": f"d{number}"} for number in range(20)]
    parts, _ = make(*devices, PATIENT, max_conditional_entries=8, max_updates=15)
    assert [len(part) for part in parts] == [15, 6]


def test_each_part_ends_with_the_provenance_of_what_it_holds() -> None:
    parts, _ = make(
        DEVICE, study(subject={"reference": "Device/d"}), provenance=True, max_entries=2
    )
    assert [kinds(part) for part in parts] == [
        ["Device", "Provenance"],
        ["ImagingStudy", "Provenance"],
    ]
    last = parts[1][1]
    assert last.resource["target"] == [{"reference": "urn:uuid:s"}]
    assert last.request == {"method": "PUT", "url": f"Provenance/{last.resource['id']}"}


def test_a_provenance_needs_room_beside_it() -> None:
    with pytest.raises(UsageError, match="room"):
        make(PATIENT, provenance=True, max_entries=1)


def test_nothing_makes_no_part() -> None:
    assert make() == ([], [])
    assert make(provenance=True) == ([], [])
    assert joined(encode_bundle("n", 1, 1, ())) == BUNDLE_EMPTY == orjson.dumps(bundle_of(()))


def test_an_entry_without_its_json_is_encoded_with_sorted_keys() -> None:
    entry = Entry(
        full_url="urn:uuid:1", resource={"z": 1, "a": 2}, request={"url": "u", "method": "PUT"}
    )
    encoded = encode_bundle("n", 2, 3, [entry])
    assert (encoded.name, encoded.part, encoded.parts) == ("n", 2, 3)
    assert joined(encoded) == orjson.dumps(bundle_of([entry]), option=orjson.OPT_SORT_KEYS)
