"""A study with its files goes through the limits of every server profile."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deliver_cases import payload
from dicom2fhir.bundle import PROFILES, apply_profile, bundle_of, encode_bundle, make_bundles
from dicom2fhir.identity import IDENTIFIER_SYSTEM, resource_id
from dicom2fhir.model import Bytes
from dicom2fhir.options import BundleOptions

if TYPE_CHECKING:
    from dicom2fhir.model import Json

MB = 1_000_000
INFINITE = 10**12
SIZES = st.integers(1, 30_000) | st.integers(1, 900_000) | st.integers(1, 60 * MB)


def options_of(profile: str) -> BundleOptions:
    return apply_profile(BundleOptions(ids=PROFILES[profile].ids), profile)


def own(identity: str) -> list[dict[str, str]]:
    return [{"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{identity}"}]


def study_with_files(sizes: list[int], *, known: bool, per_series: int = 50) -> list[Json]:
    """Return the resources of a study, those that name Binaries first."""
    patient = {"resourceType": "Patient", "id": resource_id("Patient", "p")}
    patient |= {"identifier": [{"system": "urn:oid:1.2.3", "value": "P1"}] if known else own("p")}
    subject = {"reference": f"Patient/{patient['id']}"}
    binaries = [
        {
            "resourceType": "Binary",
            "id": resource_id("Binary", str(number)),
            "contentType": "application/dicom",
            "securityContext": subject,
            "data": payload(str(number), size),
        }
        for number, size in enumerate(sizes)
    ]
    names = [f"Binary/{one['id']}" for one in binaries]
    series: list[Json] = []
    for start in range(0, len(names), per_series):
        held = names[start : start + per_series]
        instances = [
            {"uid": f"1.{start}.{number}", "extension": [{"url": "u", "valueUri": name}]}
            for number, name in enumerate(held)
        ]
        one = {"uid": f"1.{start}", "modality": {"code": "CT"}, "numberOfInstances": len(held)}
        series.append({**one, "instance": instances})
    identity = resource_id("ImagingStudy", "s")
    study = {
        "resourceType": "ImagingStudy",
        "id": identity,
        "identifier": own(identity),
        "subject": subject,
        "modality": [{"code": "CT"}],
        "numberOfSeries": len(series),
        "numberOfInstances": len(names),
        "series": series,
    }
    part_of = [{"reference": f"ImagingStudy/{identity}"}]
    pictures = [
        {
            "resourceType": kind,
            "id": (own_id := resource_id(kind, name)),
            "identifier": own(own_id),
            "subject": subject,
            "partOf": part_of,
            **content,
        }
        for name in names[:: per_series // 2]
        for kind, content in (
            ("Media", {"content": {"url": name}}),
            ("DocumentReference", {"content": [{"attachment": {"url": name}}]}),
        )
    ]
    return [*pictures, study, *binaries, patient]


def measure(node: Json) -> int:
    """Return the size of the JSON, bytes in it by the length of their base64."""
    lengths: list[int] = []

    def note(found: Any) -> str:  # noqa: ANN401 - whatever orjson does not know
        lengths.append(found.length)
        return ""

    data = orjson.dumps(node, note, orjson.OPT_PASSTHROUGH_DATACLASS)
    return len(data) + sum(-(-length // 3) * 4 for length in lengths)


def uris_of(node: Json) -> list[str]:
    if isinstance(node, dict):
        found = [node[key] for key in ("url", "valueUri") if key in node]
        return found + [uri for value in node.values() for uri in uris_of(value)]
    if isinstance(node, list):
        return [uri for item in node for uri in uris_of(item)]
    return []


def check_limits(bundles: list[Json], options: BundleOptions) -> None:
    for bundle in bundles:
        entries = bundle["entry"]
        requests = [entry["request"] for entry in entries]
        assert len(entries) <= (options.max_entries or INFINITE)
        assert measure(bundle) <= (options.max_bytes or INFINITE)
        assert sum(one["method"] == "PUT" for one in requests) <= (options.max_updates or INFINITE)
        if any("ifNoneExist" in one or "?" in one["url"] for one in requests):
            assert len(entries) <= (options.max_conditional_entries or INFINITE)
        for entry in entries:
            assert measure(entry["resource"]) <= (options.max_resource_bytes or INFINITE)


def check_order(bundles: list[Json], left_out: set[str]) -> None:
    written: set[str] = set()
    for bundle in bundles:
        urls = {entry["fullUrl"] for entry in bundle["entry"]}
        put = {entry["request"]["url"] for entry in bundle["entry"]}
        for entry in bundle["entry"]:
            resource = entry["resource"]
            for element in ("subject", "securityContext"):
                if "reference" in resource.get(element, {}):
                    reference = resource[element]["reference"]
                    assert reference in (urls if reference.startswith("urn:") else written)
            named = {uri for uri in uris_of(resource) if uri.startswith("Binary/")}
            assert named <= written | put | left_out
        written |= put


@pytest.mark.parametrize("profile", sorted(PROFILES))
@given(sizes=st.lists(SIZES, min_size=1, max_size=60), known=st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_study_with_its_files_is_within_the_limits_and_in_order(
    profile: str, sizes: list[int], *, known: bool
) -> None:
    options = options_of(profile)
    made = study_with_files(sizes, known=known)
    parts, problems = make_bundles(made, options)
    bundles = [bundle_of(entries) for entries in parts]
    check_limits(bundles, options)
    found = {
        entry["request"]["url"]: entry["resource"]["data"]
        for bundle in bundles
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "Binary"
    }
    binaries = {f"Binary/{one['id']}": one for one in made if one["resourceType"] == "Binary"}
    left_out = binaries.keys() - found.keys()
    check_order(bundles, set(left_out))
    assert found == {name: binaries[name]["data"] for name in found}
    too_large = sum(one.count for one in problems if one.code == "bundle.too-large")
    assert too_large == len(left_out)
    limit = min(options.max_resource_bytes or INFINITE, options.max_bytes or INFINITE)
    assert all(measure(binaries[name]) > limit - 2000 for name in left_out)
    # a server that chooses ids is told the study again in each part that names it
    counts = {
        entry["fullUrl"]: entry["resource"]["numberOfInstances"]
        for bundle in bundles
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "ImagingStudy"
    }
    assert sum(counts.values()) == len(sizes)


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_study_of_ten_thousand_files_goes_through(profile: str) -> None:
    options = options_of(profile)
    parts, problems = make_bundles(study_with_files([500_000] * 10_000, known=True), options)
    assert [one.code for one in problems] == []
    check_limits([bundle_of(entries) for entries in parts], options)
    names = {
        entry.request["url"]
        for entries in parts
        for entry in entries
        if entry.resource["resourceType"] == "Binary"
    }
    assert len(names) == 10_000


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_the_size_that_counts_is_the_size_that_is_written(profile: str) -> None:
    made = study_with_files([1, 2, 3, 4, 70_000], known=False)
    parts, _ = make_bundles(made, options_of(profile))
    for entries in parts:
        encoded = encode_bundle("n", 1, 1, entries)
        assert encoded.size == measure(bundle_of(entries))
        texts = [
            base64.b64encode(bytes(piece.length)) if isinstance(piece, Bytes) else piece
            for piece in encoded.pieces()
        ]
        assert encoded.size == len(b"".join(texts))


def test_what_only_a_limit_forbids_names_the_way_out() -> None:
    options = replace(options_of("google"), max_resource_bytes=1000)
    _, (problem, *_) = make_bundles(study_with_files([2000], known=False), options)
    assert (problem.code, problem.element) == ("bundle.too-large", "Binary")
