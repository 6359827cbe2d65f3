"""Content trees: paths, known faults repaired, links resolved, limits kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom2fhir.content import ContentItem, ContentTree, Number, Referenced, Region
from dicom2fhir.model import Coded
from dicom2fhir.options import ReportOptions
from dicom2fhir.sr import build_tree

if TYPE_CHECKING:
    from dicom2fhir.model import Attributes

Item = dict[str, Any]
NAME = Coded(value="1", scheme="99TEST", meaning="Width")


def concept(value: str = "1", meaning: str = "Width") -> tuple[Item, ...]:
    item = {"CodeValue": value, "CodingSchemeDesignator": "99TEST", "CodeMeaning": meaning}
    return ({keyword: (text,) for keyword, text in item.items() if text},)


def item(value_type: str = "TEXT", *children: Attributes, **values: object) -> Item:
    found: Item = {
        "RelationshipType": ("CONTAINS",),
        "ValueType": (value_type,),
        "ConceptNameCodeSequence": concept(),
    }
    found |= {key: value if isinstance(value, tuple) else (value,) for key, value in values.items()}
    if children:
        found["ContentSequence"] = children
    return {key: value for key, value in found.items() if value != ("",)}


def link(*path: int, relationship: str = "INFERRED FROM") -> Item:
    return {"RelationshipType": (relationship,), "ReferencedContentItemIdentifier": path}


def build(*children: Attributes, **options: int) -> ContentTree:
    return build_tree(item("CONTAINER", *children), ReportOptions(**options))  # type: ignore[arg-type]


def only(*children: Attributes) -> tuple[ContentItem, dict[str, int]]:
    tree = build(*children)
    return tree.root.children[0], {code: count for (code, _tag), count in tree.faults.items()}


def at(tree: ContentTree, path: str) -> ContentItem:
    (found,) = (one for one in tree.root.walk() if one.path == path)
    return found


def test_paths_count_from_one_in_the_order_of_the_document() -> None:
    tree = build(item(), item("CONTAINER", item("NUM", item("CODE")), item()), item())
    paths = [one.path for one in tree.root.walk()]
    assert paths == ["1", "1.1", "1.2", "1.2.1", "1.2.1.1", "1.2.2", "1.3"]


def test_an_item_keeps_what_it_states() -> None:
    found, faults = only(
        item(
            TextValue="words",
            ObservationUID="2.25.1",
            ObservationDateTime="2020",
            ContentTemplateSequence={"TemplateIdentifier": ("1500",)},
        )
    )
    assert found == ContentItem(
        path="1.1",
        value_type="TEXT",
        relationship="CONTAINS",
        name=NAME,
        text="words",
        template="1500",
        uid="2.25.1",
        observed="2020",
    )
    assert faults == {}


@pytest.mark.parametrize(
    ("value_type", "keyword"),
    [
        ("TEXT", "TextValue"),
        ("PNAME", "PersonName"),
        ("DATE", "Date"),
        ("TIME", "Time"),
        ("DATETIME", "DateTime"),
        ("UIDREF", "UID"),
    ],
)
def test_a_value_type_that_is_missing_is_told_by_the_value(value_type: str, keyword: str) -> None:
    stated, none = only(item(value_type, **{keyword: "1"}))
    inferred, faults = only(item("", **{keyword: "1"}))
    assert stated == inferred
    assert inferred.text == "1"
    assert (none, faults) == ({}, {"sr.value-type": 1})


@pytest.mark.parametrize(
    ("values", "value_type"),
    [
        ({"MeasuredValueSequence": ()}, "NUM"),
        ({"ConceptCodeSequence": concept()}, "CODE"),
        ({"GraphicData": (1.0, 2.0)}, "SCOORD"),
        ({"GraphicData": (1.0,), "ReferencedFrameOfReferenceUID": "2.25.1"}, "SCOORD3D"),
        ({"TemporalRangeType": "POINT"}, "TCOORD"),
        ({"ReferencedSOPSequence": {"ReferencedFrameNumber": ("1",)}}, "IMAGE"),
        ({"ReferencedSOPSequence": {"ReferencedWaveformChannels": (1, 1)}}, "WAVEFORM"),
        ({"ReferencedSOPSequence": {"ReferencedSOPInstanceUID": ("2.25.1",)}}, "COMPOSITE"),
        ({"ContentSequence": ({},)}, "CONTAINER"),
        ({}, "TEXT"),
    ],
)
@pytest.mark.parametrize("stated", ["", "UNHEARD OF", "HAS CONCEPT MOD"])
def test_an_unknown_value_type_is_told_by_what_the_item_holds(
    stated: str, values: Item, value_type: str
) -> None:
    found, faults = only(item(stated, **values))
    assert found.value_type == value_type
    assert faults["sr.value-type"] >= 1


def test_a_person_name_spelt_out_is_one() -> None:
    found, faults = only(item("PERSON NAME", PersonName="A^B"))
    assert (found.value_type, found.text, faults) == ("PNAME", "A^B", {"sr.value-type": 1})


@pytest.mark.parametrize(
    ("stated", "relationship", "count"),
    [
        ("HAS PROPERTIES", "HAS PROPERTIES", 0),
        ("has_concept_mod", "HAS CONCEPT MOD", 0),
        ("", "CONTAINS", 1),
        ("LIKES", "CONTAINS", 1),
    ],
)
def test_a_relationship_that_is_missing_is_contains(
    stated: str, relationship: str, count: int
) -> None:
    found, faults = only(item(TextValue="1", RelationshipType=stated))
    assert found.relationship == relationship
    assert faults.get("sr.relationship", 0) == count


def test_a_relationship_in_place_of_a_value_type_is_one() -> None:
    found, _ = only(item("HAS CONCEPT MOD", RelationshipType="", TextValue="1"))
    assert (found.value_type, found.relationship) == ("TEXT", "HAS CONCEPT MOD")


def test_an_image_needs_no_name_and_a_text_does() -> None:
    _, image = only(item("IMAGE", ConceptNameCodeSequence=""))
    nameless, text = only(item("TEXT", ConceptNameCodeSequence=""))
    assert image == {}
    assert nameless.name is None
    assert text == {"sr.no-name": 1}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ({"LongCodeValue": ("x" * 20,), "CodeMeaning": ("m",)}, ("x" * 20, "", "m")),
        ({"URNCodeValue": ("urn:a:b",)}, ("urn:a:b", "urn:ietf:rfc:3986", "")),
        ({"CodeMeaning": ("m",)}, ("", "", "m")),
    ],
)
def test_a_code_may_be_long_or_a_urn_or_words_alone(
    code: Item, expected: tuple[str, str, str]
) -> None:
    found, _ = only(item("CODE", ConceptCodeSequence=code))
    assert found.code is not None
    assert (found.code.value, found.code.scheme, found.code.meaning) == expected


def test_a_code_without_anything_is_none() -> None:
    found, _ = only(item("CODE", ConceptCodeSequence={"CodingSchemeDesignator": ("DCM",)}))
    assert found.code is None


def test_every_value_of_a_number_has_its_unit() -> None:
    values = (
        {"NumericValue": ("1.0", "", "+2"), "MeasurementUnitsCodeSequence": concept("mm", "mm")},
        {"NumericValue": ("3 4",)},
        {"FloatingPointValue": (0.5,)},
        {},
    )
    found, _ = only(item("NUM", MeasuredValueSequence=values))
    unit = Coded(value="mm", scheme="99TEST", meaning="mm")
    assert found.numbers == (
        Number("1.0", "1.0", unit),
        Number("+2", "2", unit),
        Number("3 4", ""),
        Number("", "0.5"),
    )


def test_a_reference_knows_study_and_series_by_the_evidence() -> None:
    evidence = {
        "StudyInstanceUID": ("2.25.2",),
        "ReferencedSeriesSequence": (
            {
                "SeriesInstanceUID": ("2.25.3",),
                "ReferencedSOPSequence": ({"ReferencedSOPInstanceUID": ("2.25.4",)},),
            },
        ),
    }
    shown = {"ReferencedSOPInstanceUID": ("2.25.6",)}
    reference = {
        "ReferencedSOPClassUID": ("2.25.5",),
        "ReferencedSOPInstanceUID": ("2.25.4",),
        "ReferencedFrameNumber": ("1", "x", "12"),
        "ReferencedSegmentNumber": (2,),
        "ReferencedSOPSequence": (shown,),
    }
    image = item("IMAGE", ReferencedSOPSequence=reference)
    root = item("CONTAINER", image, PertinentOtherEvidenceSequence=evidence)
    tree = build_tree(root, ReportOptions())
    assert tree.evidence == {"2.25.4": ("2.25.2", "2.25.3")}
    assert tree.root.children[0].references == (
        Referenced("2.25.5", "2.25.4", "2.25.2", "2.25.3", (1, 12), (2,), NAME),
        Referenced("", "2.25.6", purpose=NAME),
    )
    assert "ContentSequence" not in tree.attributes
    assert "PertinentOtherEvidenceSequence" in tree.attributes


def test_coordinates_are_text_with_what_they_are() -> None:
    plane, _ = only(item("SCOORD", GraphicType="POINT", GraphicData=(1.5, 2.0)))
    space, _ = only(
        item(
            "SCOORD3D",
            GraphicType="POINT",
            GraphicData=(1.0, 2.0, 3.0),
            ReferencedFrameOfReferenceUID="2.25.7",
        )
    )
    time, _ = only(item("TCOORD", TemporalRangeType="SEGMENT", ReferencedTimeOffsets=("0", "1.5")))
    assert plane.region == Region("POINT", ("1.5", "2"))
    assert space.region == Region("POINT", ("1", "2", "3"), "2.25.7")
    assert time.region == Region("SEGMENT", ("0", "1.5"))


def test_coordinates_beyond_the_limit_are_left_out() -> None:
    values = (1.0,) * 300_000
    outlines = [item("SCOORD", GraphicType="POLYLINE", GraphicData=values) for _ in range(2)]
    tree = build(*outlines, item("SCOORD", GraphicType="POINT"))
    regions = [one.region for one in tree.root.children]
    assert [(one.graphic, len(one.data)) for one in regions if one] == [
        ("POLYLINE", 300_000),
        ("POLYLINE", 0),
        ("POINT", 0),
    ]
    assert tree.faults == {("read.value-limit", "(0070,0022)"): 1}


def test_an_item_by_reference_leads_to_its_target() -> None:
    tree = build(item("NUM", link(1, 2, 1)), item("CONTAINER", item("IMAGE")))
    found = at(tree, "1.1.1")
    assert (found.value_type, found.relationship, found.target) == ("", "INFERRED FROM", "1.2.1")
    assert tree.faults == {}


def test_a_link_to_nowhere_is_dangling() -> None:
    tree = build(item("NUM", link(1, 9)), item())
    assert at(tree, "1.1.1").target == ""
    assert tree.faults == {("sr.dangling-reference", "(0040,DB73)"): 1}


@pytest.mark.parametrize("target", [(1,), (1, 1), (1, 1, 1)])
def test_a_link_to_what_holds_it_is_a_circle(target: tuple[int, ...]) -> None:
    tree = build(item("NUM", link(*target)))
    assert at(tree, "1.1.1").target == ""
    assert tree.faults == {("sr.reference-loop", "(0040,DB73)"): 1}


def test_all_links_of_a_circle_are_taken_away_and_no_other() -> None:
    tree = build(
        item("NUM", link(1, 2)),
        item("NUM", item("NUM", link(1, 3))),
        item("NUM", link(1, 2, 1)),
        item("NUM", link(1, 3)),
    )
    assert [at(tree, path).target for path in ("1.1.1", "1.2.1.1", "1.3.1", "1.4.1")] == [
        "1.2",
        "",
        "",
        "1.3",
    ]
    assert tree.faults == {("sr.reference-loop", "(0040,DB73)"): 2}


def test_items_below_the_limit_of_depth_are_left_out() -> None:
    tree = build(item("CONTAINER", item("CONTAINER", item("NUM"))), item(), max_depth=3)
    assert [one.path for one in tree.root.walk()] == ["1", "1.1", "1.1.1", "1.2"]
    assert tree.faults == {("sr.too-deep", "(0040,A730)"): 1}


def test_items_beyond_the_limit_are_left_out() -> None:
    tree = build(item("CONTAINER", item(), item()), item(), max_items=3)
    assert [one.path for one in tree.root.walk()] == ["1", "1.1", "1.1.1"]
    assert tree.faults == {("sr.items-limit", "(0040,A730)"): 1}


def test_exactly_as_many_items_as_the_limit_are_no_fault() -> None:
    assert build(item(), item(), max_items=3).faults == {}


def test_the_root_is_always_there() -> None:
    assert build(item(), max_items=0).root.path == "1"


def test_a_tree_of_thousands_of_levels_is_built_without_recursion() -> None:
    deep = item()
    for _ in range(5000):
        deep = item("CONTAINER", deep)
    tree = build(deep, max_depth=100_000)
    assert sum(1 for _ in tree.root.walk()) == 5002


def test_a_data_set_without_content_is_a_root_alone() -> None:
    tree = build_tree({}, ReportOptions())
    assert (tree.root.value_type, tree.root.children, tree.root.relationship) == (
        "CONTAINER",
        (),
        "",
    )


PATHS = st.lists(st.integers(1, 3), max_size=3).map(lambda rest: (1, *rest))
TREES = st.recursive(
    st.one_of(st.builds(item), PATHS.map(lambda path: link(*path))),
    lambda children: st.lists(children, min_size=1, max_size=3).map(
        lambda below: item("CONTAINER", *below)
    ),
    max_leaves=12,
)


@given(st.lists(TREES, min_size=1, max_size=3))
def test_links_that_stay_never_lead_in_a_circle(children: list[Item]) -> None:
    tree = build(*children)
    by_path = {one.path: one for one in tree.root.walk()}
    state: dict[str, bool] = {}

    def follow(path: str) -> None:
        assert state.get(path) is not False, "a circle"
        if path not in state:
            state[path] = False
            found = by_path[path]
            for below in (*(child.path for child in found.children), found.target):
                if below:
                    follow(below)
            state[path] = True

    follow("1")
    lost = sum(1 for one in by_path.values() if not one.value_type and not one.target)
    assert lost == sum(
        count
        for (code, _tag), count in tree.faults.items()
        if code in ("sr.dangling-reference", "sr.reference-loop")
    )
