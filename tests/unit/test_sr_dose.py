"""Dose reports: what the summary, an event and an administration show, and every number once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content_trees import (
    SOP,
    code,
    coded,
    container,
    context,
    image,
    item,
    modifier,
    num,
    prop,
    text,
    tree,
)
from dicom2fhir.content import ContentItem, Observed, Report, Text
from dicom2fhir.options import ReportOptions
from dicom2fhir.sr import understand

XRAY, ACTIVITY_REPORT = "DCM 113701 X-Ray Radiation Dose Report", "DCM 113500 Radiopharmaceutical"
CT_TOTALS, TOTALS = "DCM 113811 CT Accumulated Dose Data", "DCM 113702 Accumulated X-Ray Dose Data"
CT_EVENT, EVENT = "DCM 113819 CT Acquisition", "DCM 113706 Irradiation Event X-Ray Data"
COUNT, DLP_TOTAL = "DCM 113812 Total Number of Irradiation Events", "DCM 113813 CT DLP Total"
DLP, CTDI = "DCM 113838 DLP", "DCM 113830 Mean CTDIvol"
DAP_TOTAL, RP_TOTAL = "DCM 113722 Dose Area Product Total", "DCM 113725 Dose (RP) Total"
AGD_TOTAL = "DCM 111637 Accumulated Average Glandular Dose"
KVP, EVENT_UID = "DCM 113733 KVP", "DCM 113769 Irradiation Event UID"
SOURCE, SOURCE_ID = "DCM 113831 CT X-Ray Source Parameters", "DCM 113832 Identification"
LATERALITY, PLANE = "SRT G-C171 Laterality", "DCM 113764 Acquisition Plane"
COLLIMATION = "DCM 113826 Nominal Single Collimation Width"
MGY_CM, GY, GY_M2 = coded("UCUM mGycm mGycm"), coded("UCUM Gy Gy"), coded("UCUM Gym2 Gym2")
MGY, EVENTS = coded("UCUM mGy mGy"), coded("UCUM {events} events")


def read(title: str, *children: ContentItem, level: str = "all") -> Report:
    root = container(title, *children, relationship="")
    return understand(tree(root), SOP, ReportOptions(dose=level))


def one(found: Report, kind: str, number: int = 0) -> Observed:
    return [each for each in found.observed if each.kind == kind][number]


def titled(observed: Observed) -> dict[str, object]:
    return {part.title or part.name.meaning: part.value for part in observed.parts if part.name}


def ct_event(region: str = "SRT T-D3000 Chest") -> ContentItem:
    return container(
        CT_EVENT,
        code("DCM 123014 Target Region", region),
        code("DCM 113820 CT Acquisition Type", "SRT P5-08001 Spiral Acquisition"),
        item("UIDREF", EVENT_UID, text="1.2.3"),
        container(
            "DCM 113822 CT Acquisition Parameters",
            num(COLLIMATION, "0.6"),
            container(SOURCE, text(SOURCE_ID, "A"), num(KVP, "120")),
            container(SOURCE, text(SOURCE_ID, "B"), num(KVP, "80")),
        ),
        container("DCM 113829 CT Dose", num(CTDI, "1.20", unit=MGY), num(DLP, "7.46", unit=MGY_CM)),
    )


def ct(*events: ContentItem) -> tuple[ContentItem, ...]:
    return (
        modifier("DCM 121058 Procedure reported", "SRT P5-08000 CT"),
        context(code("DCM 113705 Scope of Accumulation", "DCM 113014 Study")),
        container(CT_TOTALS, num(COUNT, "1", unit=EVENTS), num(DLP_TOTAL, "7.46", unit=MGY_CM)),
        *events,
    )


def numbers(found: Report) -> Counter[str]:
    carried = [each.path for each in found.observed if each.counts]
    carried += [part.path for each in found.observed for part in each.parts if part.counts]
    return Counter([*carried, *(omission.path for omission in found.omissions)])


def test_a_summary_says_its_totals_in_one_line_and_shows_its_scope() -> None:
    found = read(XRAY, *ct(ct_event()))
    summary = one(found, "dose")
    assert found.results == ("1",)
    assert (summary.name.scheme, summary.name.value) == ("LN", "73569-6")
    assert summary.title == "Radiation exposure and protection information"
    assert summary.value == Text("TEXT", "CT DLP total 7.46 mGy.cm; 1 event")
    assert titled(summary)["Scope of Accumulation"] == coded("DCM 113014 Study")
    assert summary.members == ("1.4",)


def test_an_event_has_its_uid_region_and_doses_and_the_rest_as_members() -> None:
    event = one(read(XRAY, *ct(ct_event())), "event")
    assert event.title == "Irradiation Event (1: Spiral Acquisition)"
    assert event.identifiers == ((coded("DCM 113769 Irradiation Event UID"), "1.2.3"),)
    assert event.site == coded("SRT T-D3000 Chest")
    assert titled(event).keys() >= {"Mean CTDIvol", "DLP", "KVP (source A)", "KVP (source B)"}
    assert event.members == ("1.4.4",)


@pytest.mark.parametrize(
    ("level", "kinds", "left"),
    [
        ("all", {"number": 1, "group": 3, "evaluation": 2, "event": 1, "dose": 1}, 0),
        ("events", {"event": 1, "dose": 1}, 1),
        ("summary", {"dose": 1}, 5),
    ],
)
def test_each_level_of_dose_accounts_for_every_number_once(
    level: str, kinds: dict[str, int], left: int
) -> None:
    found = read(XRAY, *ct(ct_event()), level=level)
    assert Counter(each.kind for each in found.observed) == kinds
    assert sum(numbers(found).values()) == found.numbers == len(numbers(found))
    assert [each.reason for each in found.omissions] == ["sr.dose-level"] * left


def test_left_and_right_breast_stay_two_doses() -> None:
    found = read(
        XRAY,
        container(
            TOTALS,
            num(AGD_TOTAL, "1.30", modifier(LATERALITY, "SRT T-04030 Left breast"), unit=MGY),
            num(AGD_TOTAL, "1.28", modifier(LATERALITY, "SRT T-04020 Right breast"), unit=MGY),
        ),
    )
    summary = one(found, "dose")
    assert summary.value == Text(
        "TEXT", "AGD total (Left breast) 1.30 mGy; AGD total (Right breast) 1.28 mGy; 0 events"
    )
    sides = [part.value for part in summary.parts if part.name == coded(LATERALITY)]
    assert sides == [coded("SRT T-04030 Left breast"), coded("SRT T-04020 Right breast")]


def test_the_only_breast_of_a_report_is_named_too() -> None:
    total = num(AGD_TOTAL, "1.3", modifier(LATERALITY, "SRT T-04030 Left breast"), unit=MGY)
    summary = one(read(XRAY, container(TOTALS, total)), "dose")
    assert "Accumulated Average Glandular Dose (Left breast)" in titled(summary)


def test_two_planes_have_a_total_each() -> None:
    planes = (
        container(
            TOTALS,
            modifier(PLANE, f"DCM {number} Plane {name}"),
            num(RP_TOTAL, dose, unit=GY),
        )
        for number, name, dose in ((113620, "A", "0.5"), (113621, "B", "0.25"))
    )
    summary = one(read(XRAY, *planes), "dose")
    assert summary.value == Text(
        "TEXT", "Dose (RP) total (Plane A) 0.5 Gy; Dose (RP) total (Plane B) 0.25 Gy; 0 events"
    )


def test_totals_that_nothing_tells_apart_are_numbered() -> None:
    twice = [num(RP_TOTAL, "0.5", unit=GY), num(RP_TOTAL, "0.5", unit=GY)]
    summary = one(read(XRAY, container(TOTALS, *twice)), "dose")
    assert set(titled(summary)) == {"Dose (RP) Total (1)", "Dose (RP) Total (2)"}


def test_the_values_of_each_pulse_are_components_in_their_order_and_one_number() -> None:
    event = container(EVENT, num(KVP, ["70", "71", "72"]))
    found = read(XRAY, event)
    parts = one(found, "event").parts
    assert [part.value.text for part in parts] == ["70", "71", "72"]
    assert [part.counts for part in parts] == [True, False, False]


def test_a_total_without_a_value_stays_a_component_with_its_qualifier() -> None:
    unknown = coded("DCM 114011 Value indeterminate")
    empty = replace(num(DAP_TOTAL, ""), qualifier=unknown)
    summary = one(read(XRAY, container(TOTALS, empty)), "dose")
    assert [(part.value, part.qualifier) for part in summary.parts] == [(None, unknown)]
    assert summary.value == Text("TEXT", "0 events")


def test_the_side_of_an_event_is_in_its_title_and_its_site() -> None:
    event = container(
        EVENT,
        code(
            "SRT T-D0005 Anatomical structure",
            "SRT T-04000 Breast",
            modifier(LATERALITY, "SRT G-A101 Left"),
        ),
        code("DCM 123014 Target Region", "SRT T-04000 Breast"),
        item("DATETIME", "DCM 111526 DateTime Started", text="20240102030405"),
        image(1),
        num("DCM 111631 Average Glandular Dose", "1.3", unit=MGY),
    )
    found = read(XRAY, event)
    made = one(found, "event")
    assert (made.title, made.site_text) == ("Irradiation Event (1: Left)", "left breast")
    assert made.begun == one(found, "dose").begun == "20240102030405"
    assert [each.sop_instance_uid for each in made.references] == [f"{SOP}.1"]


@pytest.mark.parametrize(
    ("dose", "area", "count"),
    [("0.00252", "1.6e-5", 0), ("2.52", "1.6e-5", 1), ("21", "0.16", 1), ("", "1.6e-5", 0)],
)
def test_a_dose_that_does_not_fit_its_area_or_any_patient_is_told(
    dose: str, area: str, count: int
) -> None:
    totals = container(TOTALS, num(RP_TOTAL, dose, unit=GY), num(DAP_TOTAL, area, unit=GY_M2))
    found = read(XRAY, totals)
    assert found.faults.get(("sr.implausible-dose", "(0040,A30A)"), 0) == count


def test_a_dose_in_other_units_is_judged_in_gray() -> None:
    totals = container(
        TOTALS,
        num(RP_TOTAL, "25000", unit=coded("UCUM mGy mGy")),
        num(DAP_TOTAL, "1600000", unit=coded("UCUM mGy.cm2 mGy.cm2")),
    )
    found = read(XRAY, totals)
    assert found.faults["sr.implausible-dose", "(0040,A30A)"] == 1


def administration(*children: ContentItem) -> ContentItem:
    return container("DCM 113502 Radiopharmaceutical Administration", *children)


def test_each_administration_is_a_summary_with_agent_activity_and_half_life() -> None:
    agent = code(
        "SRT F-61FDB Radiopharmaceutical agent",
        "SRT C-B1031 Fluorodeoxyglucose",
        prop(code("SRT C-10072 Radionuclide", "SRT C-111A1 Fluorine")),
        prop(num("SRT R-42806 Radionuclide Half Life", "6586.2", unit=coded("UCUM s s"))),
    )
    organ = container(
        "DCM 113517 Organ Dose Information",
        modifier("SRT G-C0E3 Finding Site", "SRT T-A0100 Brain"),
        num("DCM 113518 Organ Dose", "14.97", unit=MGY),
    )
    activity = num("DCM 113507 Administered activity", "394", unit=coded("UCUM MBq MBq"))
    uid = item("UIDREF", "DCM 113503 Event UID", text="1.2.4")
    found = read(ACTIVITY_REPORT, administration(agent, uid, activity, organ))
    made = one(found, "administration")
    assert found.results == ("1.1",)
    assert made.value == Text("TEXT", "Fluorodeoxyglucose 394 MBq")
    assert made.title.endswith("(administration 1: Fluorodeoxyglucose)")
    assert made.identifiers[0][1] == "1.2.4"
    assert {"Radionuclide Half Life", "Radionuclide"} <= titled(made).keys()
    assert made.members == ("1.1.4",)


def test_who_authorised_is_known_apart_from_who_administered() -> None:
    persons = [
        item(
            "PNAME",
            "DCM 113870 Person Name",
            prop(code("DCM 113875 Person Role in Procedure", f"DCM {role}")),
            text=name,
        )
        for role, name in (("113850 Authorizing", "Muster^Ada"), ("113851 Administering", "B^C"))
    ]
    found = read(ACTIVITY_REPORT, administration(*persons))
    assert found.authorising == ("Muster^Ada",)


def test_the_root_decides_and_without_doses_a_report_is_read_as_any_other() -> None:
    found = read(XRAY, container("99TEST 1 Other", num(KVP, "1")))
    assert found.kind == "xray-dose"
    assert [each.kind for each in found.observed] == ["number", "group"]


NAMES = st.sampled_from(
    [DLP, CTDI, KVP, COLLIMATION, DLP_TOTAL, COUNT, AGD_TOTAL, RP_TOTAL, DAP_TOTAL, "99TEST 7 More"]
)
PLACES = st.sampled_from(
    [CT_EVENT, EVENT, CT_TOTALS, TOTALS, SOURCE, "DCM 113517 Organ Dose", "99TEST 8 Any"]
)
LEAVES = st.one_of(
    st.builds(num, NAMES, st.sampled_from(["1", "2.50", "", ["1", "2"]])),
    st.builds(code, st.just("DCM 123014 Target Region"), st.just("SRT T-D3000 Chest")),
    st.builds(code, st.just(PLANE), st.just("DCM 113620 Plane A")),
    st.builds(image, st.integers(1, 3)),
    st.builds(lambda: item("UIDREF", EVENT_UID, text="1.2.3")),
)
ITEMS = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.builds(lambda name, found: container(name, *found), PLACES, st.lists(below, max_size=4)),
        st.builds(lambda name, found: num(name, "3", *found), NAMES, st.lists(below, max_size=2)),
        st.builds(
            lambda found: code("DCM 123014 Target Region", "SRT T-D3000 Chest", *found),
            st.lists(below, max_size=2),
        ),
    ),
    max_leaves=25,
)


@given(
    title=st.sampled_from([XRAY, ACTIVITY_REPORT]),
    children=st.lists(ITEMS, max_size=5),
    level=st.sampled_from(["all", "events", "summary"]),
)
def test_no_number_of_any_tree_is_lost_or_counted_twice(
    title: str, children: list[ContentItem], level: str
) -> None:
    found = read(title, *children, level=level)
    carried = numbers(found)
    assert sum(carried.values()) == found.numbers
    assert set(carried.values()) <= {1}


@given(children=st.lists(ITEMS, max_size=5))
def test_what_is_referred_to_comes_before_what_refers_to_it(children: list[ContentItem]) -> None:
    found = read(XRAY, *children)
    seen: set[str] = set()
    for each in found.observed:
        assert seen.issuperset(each.members)
        seen.add(each.path)
    assert seen.issuperset(found.results)
    assert len(seen) == len(found.observed)
