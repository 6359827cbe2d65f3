"""Whatever the limits, the parts say together what one Bundle would have said."""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING, Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from deliver_cases import joined, payload
from dicom2fhir.bundle import bundle_of, encode_bundle, make_bundles
from dicom2fhir.identity import IDENTIFIER_SYSTEM, resource_id
from dicom2fhir.model import Bytes
from dicom2fhir.options import BundleOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom2fhir.model import Json

TYPES = ("Patient", "Practitioner", "Organization", "Device", "Endpoint", "Specimen", "Media")


def own(identity: str) -> dict[str, str]:
    return {"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{identity}"}


MASTERS = frozenset({"Patient", "Practitioner", "Organization"})


@st.composite
def resources(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return resources that refer to each other without a circle, in any order."""
    made: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from((*TYPES, "Binary", "ImagingStudy")))
        identity = resource_id(kind, str(number))
        resource: dict[str, Any] = {
            "resourceType": kind,
            "id": identity,
            "identifier": [own(identity)],
        }
        if kind in MASTERS and draw(st.booleans()):
            resource["identifier"] = [{"system": "urn:oid:1.2.3.4", "value": f"A|{number}"}]
        names = [f"{one['resourceType']}/{one['id']}" for one in made]
        if kind == "Binary":
            names = [name for name in names if name.startswith("Patient/")]
            resource["data"] = payload("x", draw(st.integers(1, 1000)))
        elif kind in MASTERS:
            # a Binary may need them, so that they need none
            names = [name for name in names if name.partition("/")[0] in MASTERS]
        else:
            resource["url"] = [name for name in names if name.startswith("Binary/")]
        if names:
            targets = draw(st.lists(st.sampled_from(names), max_size=4))
            resource["link"] = [{"reference": name, "display": "x"} for name in targets]
        resource["text"] = "t" * draw(st.integers(0, 80))
        if kind == "ImagingStudy":
            resource |= draw(series_of(number, names))
        made.append(resource)
    return draw(st.permutations(made))


@st.composite
def series_of(draw: st.DrawFn, number: int, names: list[str]) -> dict[str, Any]:
    series = []
    for index in range(draw(st.integers(1, 5))):
        uid, count = f"1.{number}.{index}", draw(st.integers(1, 12))
        one: dict[str, Any] = {
            "uid": uid,
            "modality": {"code": draw(st.sampled_from(("CT", "MR", "US")))},
            "numberOfInstances": count,
            "instance": [{"uid": f"{uid}.{item}"} for item in range(count)],
        }
        if draw(st.booleans()):
            one["instance"][0]["attachment"] = {"data": payload("x", draw(st.integers(1, 90)))}
        if names and draw(st.booleans()):
            one["endpoint"] = [{"reference": draw(st.sampled_from(names))}]
        series.append(one)
    return {
        "series": series,
        "modality": [
            {"code": code} for code in sorted({one["modality"]["code"] for one in series})
        ],
        "numberOfSeries": len(series),
        "numberOfInstances": sum(one["numberOfInstances"] for one in series),
    }


def limit(low: int, high: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.none() | st.integers(low, high)


OPTIONS = st.builds(
    BundleOptions,
    ids=st.sampled_from(("client", "server")),
    max_entries=limit(2, 6),
    max_bytes=limit(700, 4000),
    max_resource_bytes=limit(450, 2000),
    max_conditional_entries=limit(2, 8),
    max_updates=limit(2, 6),
)


def provenance_of(targets: Sequence[str]) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "id": resource_id("Provenance", *targets),
        "target": [{"reference": target} for target in targets],
    }


def is_conditional(entry: dict[str, Any]) -> bool:
    return "ifNoneExist" in entry["request"] or "?" in entry["request"]["url"]


def references_of(node: Json) -> list[str]:
    if isinstance(node, dict):
        found = [node["reference"]] if "reference" in node else []
        return found + [name for value in node.values() for name in references_of(value)]
    if isinstance(node, list):
        return [name for item in node for name in references_of(item)]
    return []


class Names:
    """What every way to point at a resource stands for: its `Type/<id>`."""

    def __init__(self, made: list[dict[str, Any]]) -> None:
        self.by_form: dict[str, str] = {}
        for one in made:
            name = f"{one['resourceType']}/{one['id']}"
            self.by_form[name] = name
            self.by_form[one["identifier"][0]["value"]] = name
            self.by_form[f"urn:uuid:{one['id']}"] = name
            self.by_form[f"urn:uuid:{resource_id('Entry', one['id'])}"] = name
            series = [item["uid"] for item in one.get("series", ())]
            # the first of the groups that a study may be divided into
            for end in range(1, len(series)):
                group = resource_id("ImagingStudy", one["id"], *series[:end])
                for form in (f"ImagingStudy/{group}", f"urn:uuid:{group}"):
                    self.by_form[form] = name
                self.by_form[f"urn:uuid:{resource_id('Entry', group)}"] = name

    def plain(self, node: Json) -> Json:
        """Return the node with every reference, in whatever form, as its target's name."""
        if isinstance(node, list):
            return [self.plain(item) for item in node]
        if not isinstance(node, dict):
            return node
        form = node.get("reference")
        if form is None and isinstance(node.get("identifier"), dict):
            form = node["identifier"]["value"]
        if form is not None:
            return {"to": self.by_form[form], "display": node.get("display")}
        return {key: self.plain(value) for key, value in node.items()}


def with_text(node: Json) -> Json:
    """Return the node with the base64 of zeros in the place of bytes."""
    if isinstance(node, Bytes):
        return base64.b64encode(bytes(node.length)).decode()
    if isinstance(node, list):
        return [with_text(item) for item in node]
    if isinstance(node, dict):
        return {key: with_text(value) for key, value in node.items()}
    return node


def split(
    made: list[dict[str, Any]], options: BundleOptions, *, provenance: bool = False
) -> tuple[list[dict[str, Any]], list[Any]]:
    parts, problems = make_bundles(made, options, provenance_of if provenance else None)
    bundles = []
    for number, entries in enumerate(parts, start=1):
        bundle = with_text(bundle_of(entries))
        data = joined(encode_bundle("n", number, len(parts), entries))
        assert data == orjson.dumps(bundle, option=orjson.OPT_SORT_KEYS)
        bundles.append(bundle)
    return bundles, problems


@given(made=resources(), options=OPTIONS, with_provenance=st.booleans())
@settings(max_examples=120, deadline=None)
def test_every_part_is_within_the_limits(
    made: list[dict[str, Any]], options: BundleOptions, *, with_provenance: bool
) -> None:
    bundles, _ = split(made, options, provenance=with_provenance and options.ids == "client")
    infinite = 10**9
    for bundle in bundles:
        entries = bundle["entry"]
        assert len(entries) <= (options.max_entries or infinite)
        assert len(orjson.dumps(bundle)) <= (options.max_bytes or infinite)
        puts = [entry for entry in entries if entry["request"]["method"] == "PUT"]
        assert len(puts) <= (options.max_updates or infinite)
        if any(is_conditional(entry) for entry in entries):
            assert len(entries) <= (options.max_conditional_entries or infinite)
        for entry in entries:
            if entry["resource"]["resourceType"] != "Provenance":
                assert len(orjson.dumps(entry["resource"])) <= (
                    options.max_resource_bytes or infinite
                )


@given(made=resources(), options=OPTIONS, with_provenance=st.booleans())
@settings(max_examples=120, deadline=None)
def test_every_reference_resolves_in_its_part_or_an_earlier_one(
    made: list[dict[str, Any]], options: BundleOptions, *, with_provenance: bool
) -> None:
    bundles, _ = split(made, options, provenance=with_provenance and options.ids == "client")
    written: set[str] = set()
    for bundle in bundles:
        urls = [entry["fullUrl"] for entry in bundle["entry"]]
        assert len(set(urls)) == len(urls)
        for entry in bundle["entry"]:
            for reference in references_of(entry["resource"]):
                assert reference in (urls if reference.startswith("urn:") else written)
        written |= {
            entry["request"]["url"] for entry in bundle["entry"] if not is_conditional(entry)
        }


@given(made=resources(), options=OPTIONS)
@settings(max_examples=120, deadline=None)
def test_a_binary_comes_before_what_names_it_by_a_url(
    made: list[dict[str, Any]], options: BundleOptions
) -> None:
    bundles, problems = split(made, options)
    missing = sum(one.count for one in problems if one.element == "Binary")
    written: set[str] = set()
    named: set[str] = set()
    for entry in (entry for bundle in bundles for entry in bundle["entry"]):
        written.add(entry["request"]["url"])
        named.update(set(entry["resource"].get("url", ())) - written)
    assert not named & written
    assert len(named) <= missing


@given(resources(), OPTIONS)
@settings(max_examples=120, deadline=None)
def test_the_parts_join_to_the_whole(made: list[dict[str, Any]], options: BundleOptions) -> None:
    before = copy.deepcopy(made)
    (whole,), _ = split(made, BundleOptions(ids=options.ids))
    bundles, problems = split(made, options)
    assert made == before
    names = Names(made)
    joined: dict[str, Any] = {}
    for bundle in bundles:
        for entry in bundle["entry"]:
            plain = names.plain(entry)
            assert joined.setdefault(entry["fullUrl"], plain) == plain
    left_out = sum(one.count for one in problems if one.code == "bundle.too-large")
    stripped = sum(one.count for one in problems if one.code == "study.too-large")
    missing = 0
    for entry in whole["entry"]:
        plain = names.plain(entry)
        found = joined.pop(entry["fullUrl"], None)
        if found is not None and found == plain:
            continue
        if plain["resource"]["resourceType"] != "ImagingStudy":
            missing += 1
            continue
        series = [found] if found else take_groups(plain["resource"], joined)
        missing += not series
        stripped -= check_groups(plain["resource"], [one["resource"] for one in series])
    assert (missing, stripped, joined) == (left_out, 0, {})


def take_groups(study: dict[str, Any], joined: dict[str, Any]) -> list[dict[str, Any]]:
    """Take the groups of this study out of what is joined, in the order of their series."""
    uids = [one["uid"] for one in study["series"]]
    groups = [
        url
        for url, entry in joined.items()
        if entry["resource"].get("series") and entry["resource"]["series"][0]["uid"] in uids
    ]
    return [joined.pop(url) for url in groups]


def check_groups(study: dict[str, Any], groups: list[dict[str, Any]]) -> int:
    """Compare the groups with the study; return how many series have lost their instances."""
    if not groups:
        return 0
    series = [one for group in groups for one in group["series"]]
    bare = [one for one in series if "instance" not in one]
    assert [one["uid"] for one in series] == [one["uid"] for one in study["series"]]
    for one, original in zip(series, study["series"], strict=True):
        assert one in (original, {k: v for k, v in original.items() if k != "instance"})
    own_elements = {"id", "identifier", "series", "modality", "numberOfSeries", "numberOfInstances"}
    for group in groups:
        codes = [one["modality"]["code"] for one in group["series"]]
        assert [one["code"] for one in group["modality"]] == sorted(set(codes))
        assert group["numberOfSeries"] == len(group["series"])
        counts = [one["numberOfInstances"] for one in group["series"]]
        assert group["numberOfInstances"] == sum(counts)
        assert group.keys() == study.keys()
        for element in study.keys() - own_elements:
            assert group[element] == study[element]
    return len(bare)


@given(resources(), OPTIONS)
@settings(max_examples=30, deadline=None)
def test_the_same_resources_give_the_same_bytes(
    made: list[dict[str, Any]], options: BundleOptions
) -> None:
    first, second = (make_bundles(copy.deepcopy(made), options) for _ in range(2))
    assert first == second
    assert [[entry.pieces for entry in part] for part in first[0]] == [
        [entry.pieces for entry in part] for part in second[0]
    ]
