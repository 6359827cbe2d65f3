"""Whatever a content tree holds: no number lost or doubled, and every link leads somewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from content_trees import SOP, coded, tree
from dicom2fhir.content import ContentItem, ContentTree, Number, Observed, Referenced, Report
from dicom2fhir.options import ReportOptions
from dicom2fhir.sr import understand

TITLES = [
    "DCM 126000 Imaging Measurement Report", "DCM 125000 OB-GYN Ultrasound Procedure Report",
    "DCM 125200 Adult Echocardiography Procedure Report", "DCM 111036 Mammography CAD Report",
    "DCM 113701 X-Ray Radiation Dose Report", "DCM 113500 Radiopharmaceutical Dose Report",
    "DCM 113000 Of Interest", "LN 18748-4 Diagnostic Imaging Report", "99TEST 1 Odd",
]  # fmt: skip
NAMES = [
    "DCM 125007 Measurement Group", "DCM 126010 Imaging Measurements", "DCM 111028 Image Library",
    "DCM 126011 Derived Imaging Measurements", "DCM 113706 Irradiation Event X-Ray Data",
    "DCM 113702 Accumulated X-Ray Dose Data", "DCM 113502 Administration",
    "DCM 111059 Single Image Finding", "DCM 111056 Rendering Intent",
    "DCM 111017 CAD Processing and Findings Summary", "DCM 121071 Finding",
    "SCT 276214006 Finding category", "SCT 363698007 Finding Site", "SRT G-C171 Laterality",
    "SCT 370129005 Measurement Method", "DCM 121401 Derivation", "DCM 121402 Normality",
    "SCT 371933006 Upper Limit", "DCM 121416 Z-Score", "DCM 112039 Tracking Identifier",
    "DCM 112040 Tracking Unique Identifier", "DCM 111001 Algorithm Name",
    "DCM 121013 Device Observer Name", "DCM 121008 Person Observer Name",
    "DCM 121024 Subject Class", "LN 11951-1 Fetus ID", "SCT 81827009 Diameter",
    "DCM 113725 Dose (RP) Total", "99TEST 2 Odd thing",
]  # fmt: skip
CODES = [
    "SCT 24028007 Right", "SCT 7771000 Left", "SCT 373098007 Mean", "DCM 121026 Fetus",
    "DCM 111152 Not for Presentation", "SCT 263654008 Abnormal", "99TEST 3 Odd",
]  # fmt: skip
TYPES = [
    "CONTAINER", "NUM", "NUM", "CODE", "TEXT", "IMAGE", "SCOORD", "PNAME", "DATE", "DATETIME",
    "UIDREF", "COMPOSITE", "TABLE",
]  # fmt: skip
RELATIONSHIPS = [
    "CONTAINS", "CONTAINS", "HAS PROPERTIES", "HAS CONCEPT MOD", "HAS OBS CONTEXT",
    "HAS ACQ CONTEXT", "INFERRED FROM", "SELECTED FROM", "",
]  # fmt: skip
PERSON = "Secret^Person"

concepts = st.sampled_from(NAMES).map(coded) | st.none()
numbers = st.lists(
    st.sampled_from(["1", "-2.50", "n/a", ""]).map(
        lambda text: Number(text, "" if text == "n/a" else text, coded("UCUM mm mm"))
    ),
    max_size=3,
).map(tuple)


def _valued(item: ContentItem, code: str, values: tuple[Number, ...], said: str) -> ContentItem:
    """Return the item with the value that its type has."""
    match item.value_type:
        case "NUM":
            return replace(item, numbers=values)
        case "CODE":
            return replace(item, code=coded(code) if said else None)
        case "IMAGE":
            return replace(item, references=(Referenced("1.2", f"{SOP}.{len(said)}"),))
        case "PNAME":
            return replace(item, text=PERSON)
        case _:
            return replace(item, text=said)


leaves = st.builds(
    _valued,
    st.builds(
        ContentItem,
        path=st.just(""),
        value_type=st.sampled_from(TYPES),
        relationship=st.sampled_from(RELATIONSHIPS),
        name=concepts,
        continuous=st.booleans(),
    ),
    st.sampled_from(CODES),
    numbers,
    st.sampled_from(["", "a", "b"]),
)
nodes = st.recursive(
    leaves,
    lambda below: st.builds(
        lambda item, children: replace(item, children=tuple(children)),
        leaves,
        st.lists(below, max_size=5),
    ),
    max_leaves=25,
)


@st.composite
def trees(draw: st.DrawFn) -> ContentTree:
    root = ContentItem(
        path="",
        value_type="CONTAINER",
        name=coded(draw(st.sampled_from(TITLES))),
        children=tuple(draw(st.lists(nodes, max_size=6))),
    )
    placed = tree(root)
    links = draw(st.lists(st.sampled_from([item.path for item in placed.root.walk()]), max_size=3))
    if not links:
        return placed
    linked = [
        ContentItem(
            path="",
            value_type="",
            relationship="INFERRED FROM",
            target=target,
            children=tuple(draw(st.lists(leaves, max_size=2))),
        )
        for target in links
    ]
    owner = ContentItem(
        path="", value_type="NUM", relationship="CONTAINS", name=coded(NAMES[-1]),
        children=tuple(linked),
    )  # fmt: skip
    return tree(replace(root, children=(*root.children, owner)))


def understood(given_tree: ContentTree, dose: str = "all") -> Report:
    return understand(given_tree, SOP, ReportOptions(dose=dose))


@given(trees(), st.sampled_from(["all", "events", "summary"]))
@settings(max_examples=100, deadline=None)
def test_each_number_is_an_observation_a_part_or_an_omission_and_only_once(
    given_tree: ContentTree, dose: str
) -> None:
    found = understood(given_tree, dose)
    parts = chain.from_iterable(one.parts for one in found.observed)
    carried = Counter(
        chain(
            (one.path for one in found.observed if one.counts),
            (part.path for part in parts if part.counts),
            (omission.path for omission in found.omissions),
        )
    )
    stated = Counter(one.path for one in given_tree.root.walk() if one.value_type == "NUM")
    assert carried == stated
    assert found.numbers == stated.total()


@given(trees())
@settings(max_examples=80, deadline=None)
def test_every_link_leads_to_an_observation_before_it(given_tree: ContentTree) -> None:
    found = understood(given_tree)
    seen: set[str] = set()
    linked: set[str] = set()
    for one in found.observed:
        assert one.path not in seen
        assert {*one.members, *one.sources} <= seen
        seen.add(one.path)
        linked.update(one.members, one.sources)
    assert set(found.results) <= seen
    assert seen == linked | set(found.results)


@given(trees())
@settings(max_examples=80, deadline=None)
def test_what_reads_the_same_is_the_same_to_the_report(given_tree: ContentTree) -> None:
    found = understood(given_tree)
    by_path = {one.path: one for one in found.observed}
    for group in (found.results, *(one.members for one in found.observed)):
        alike: dict[object, Observed] = {}
        for path in group:
            one = by_path[path]
            first = alike.setdefault((one.title, one.parts), one)
            assert (one.site, one.site_text, one.method, one.focus) == (
                first.site, first.site_text, first.method, first.focus,
            )  # fmt: skip


@given(trees())
@settings(max_examples=50, deadline=None)
def test_no_person_stands_in_an_observation(given_tree: ContentTree) -> None:
    found = understood(given_tree)
    assert PERSON not in repr(found.observed)


@given(trees())
@settings(max_examples=50, deadline=None)
def test_the_words_of_a_report_are_a_sound_page(given_tree: ContentTree) -> None:
    found = understood(given_tree)
    opened: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag in {"html", "head", "meta", "title", "body", "h1", "ul", "li", "b", "br"}
            assert not attrs or tag == "meta"
            if tag not in ("meta", "br"):
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Parser().feed(found.html)
    assert not opened
    assert found.text.splitlines()[0] == found.title
