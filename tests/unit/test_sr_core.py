"""The template-free core: each row of its table."""

from __future__ import annotations

import pytest

from content_trees import (
    DIAMETER,
    GROUP,
    MEAN,
    MM,
    SOP,
    code,
    coded,
    container,
    context,
    group,
    image,
    item,
    measured,
    modifier,
    num,
    prop,
    report,
    text,
    titles,
)
from dicom2fhir.content import ContentItem, Number, Observed, Report, Text
from dicom2fhir.sr import core
from dicom2fhir.sr.rendering import HIDDEN

UNKNOWN = "99TEST 1 Invented Report"
SITE, LUNG = "SCT 363698007 Finding Site", "SCT 39607008 Lung"
LATERALITY, LEFT, RIGHT = "SCT 272741003 Laterality", "SCT 7771000 Left", "SCT 24028007 Right"
DERIVATION = "DCM 121401 Derivation"
METHOD = "SCT 370129005 Measurement Method"


def at(found: Report, path: str) -> Observed:
    (one,) = (one for one in found.observed if one.path == path)
    return one


def accounted(found: Report) -> int:
    parts = [part for one in found.observed for part in one.parts]
    observed = sum(one.counts for one in found.observed)
    return observed + sum(part.counts for part in parts) + len(found.omissions)


def test_a_number_is_an_observation_with_its_text_and_unit() -> None:
    found = report(UNKNOWN, num(DIAMETER, "10.50"))
    assert at(found, "1.1").value == Number("10.50", "10.50", MM)
    assert found.results == ("1.1",)


def test_a_container_with_numbers_has_them_as_members_and_none_is_made_of_one_without() -> None:
    found = report(
        UNKNOWN,
        container("99TEST 2 Section", num(DIAMETER, "1"), num(DIAMETER, "2")),
        container("99TEST 3 Pictures", image(1)),
    )
    assert at(found, "1.1").members == ("1.1.1", "1.1.2")
    assert found.results == ("1.1",)


def test_what_is_referred_to_comes_before_what_refers_to_it() -> None:
    found = report(
        UNKNOWN, container("99TEST 2 Section", num(DIAMETER, "1", prop(num("a b", "2"))))
    )
    assert [one.path for one in found.observed] == ["1.1.1.1", "1.1.1", "1.1"]


def test_a_derivation_is_a_part_and_stands_in_the_title() -> None:
    found = measured(group(num("SCT 1 SUVbw", "6", modifier(DERIVATION, MEAN))))
    one = at(found, "1.1.1.1")
    assert one.title == "SUVbw (Mean)"
    assert one.parts[0].value == coded(MEAN)


def test_a_method_is_the_method_and_a_second_one_a_part() -> None:
    first, second = modifier(METHOD, "DCM 1 One"), modifier(METHOD, "DCM 2 Two")
    one = at(report(UNKNOWN, num(DIAMETER, "1", first, second)), "1.1")
    assert one.method == coded("DCM 1 One")
    assert [part.value for part in one.parts] == [coded("DCM 2 Two")]


def test_a_method_of_a_group_holds_for_its_measurements() -> None:
    found = measured(group(modifier(METHOD, "DCM 1 One"), num(DIAMETER, "1")))
    assert at(found, "1.1.1.2").method == coded("DCM 1 One")


@pytest.mark.parametrize("name", [SITE, "SRT G-C0E3 Finding Site", "SNM3 G-C0E3 Finding Site"])
def test_a_site_holds_for_what_stands_below_it(name: str) -> None:
    found = measured(group(modifier(name, LUNG), num(DIAMETER, "1")))
    assert at(found, "1.1.1").site == at(found, "1.1.1.2").site == coded(LUNG)
    assert at(found, "1.1.1.2").parts == ()


def test_a_site_carries_its_side_along() -> None:
    lung = modifier(SITE, LUNG, modifier(LATERALITY, LEFT))
    one = at(measured(group(lung, num(DIAMETER, "1"))), "1.1.1.2")
    assert one.site_text == "left lung"
    assert [(part.path, part.value) for part in one.parts] == [("1.1.1.1.1", coded(LEFT))]


def test_another_site_does_not_take_the_side_of_the_one_above() -> None:
    lung = modifier(SITE, LUNG, modifier(LATERALITY, LEFT))
    found = measured(group(lung, num(DIAMETER, "1", modifier(SITE, "SCT 1 Trachea"))))
    assert at(found, "1.1.1.2").site_text == ""
    assert at(found, "1.1.1.2").parts == ()


def test_the_side_of_a_container_without_a_site_is_that_of_the_sites_below_it() -> None:
    below = num(DIAMETER, "1", modifier(SITE, LUNG))
    one = at(measured(group(modifier(LATERALITY, LEFT), below)), "1.1.1.2")
    assert one.site_text == "left lung"
    assert [part.value for part in one.parts] == [coded(LEFT)]


def test_a_side_and_a_part_of_a_site_are_said_together() -> None:
    upper = modifier("SCT 106233006 Topographical modifier", "SCT 45653009 Upper lobe")
    lung = modifier(SITE, LUNG, modifier(LATERALITY, LEFT), upper)
    assert at(report(UNKNOWN, num(DIAMETER, "1", lung)), "1.1").site_text == "left lung, upper lobe"


def test_left_and_right_are_told_apart() -> None:
    dose = "DCM 111637 Accumulated Average Glandular Dose"
    sides = [num(dose, "3", modifier(LATERALITY, side)) for side in (LEFT, RIGHT)]
    found = report(UNKNOWN, container("DCM 113702 Data", *sides))
    assert titles(found)[1:] == [f"{dose[11:]} (Left)", f"{dose[11:]} (Right)"]


def test_a_side_that_the_site_says_is_not_said_twice() -> None:
    sites = [
        modifier(SITE, site, modifier(LATERALITY, LEFT)) for site in (LUNG, "SCT 64033007 Kidney")
    ]
    found = measured(
        group(*(num(DIAMETER, "1", site, modifier(LATERALITY, LEFT)) for site in sites))
    )
    assert titles(found)[-2:] == ["Diameter (left lung)", "Diameter (left kidney)"]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("SCT 17621005 Normal", "SCT 17621005 Normal"),
        ("SRT R-002C4 Abnormally High", "SRT R-002C4 Abnormally High"),
        ("SCT 371934000 Normality Undetermined", None),
    ],
)
def test_normality_is_interpretation_where_it_is_one(stated: str, expected: str | None) -> None:
    one = at(report(UNKNOWN, num(DIAMETER, "1", prop(code("DCM 121402 N", stated)))), "1.1")
    assert one.interpretation == (coded(expected) if expected else None)
    assert one.parts[0].value == coded(stated)


def test_a_normal_range_is_a_range_and_its_numbers_are_parts() -> None:
    low = prop(num("SCT 385524004 Normal Range Lower Limit", "3"))
    high = prop(num("SRT R-0038B Normal Range Upper Limit", "5"))
    words = prop(text("DCM 121407 Normal Range description", "adults"))
    found = report(UNKNOWN, num(DIAMETER, "4", low, high, words))
    (range_,) = at(found, "1.1").ranges
    assert (range_.low.text, range_.high.text, range_.text) == ("3", "5", "adults")
    assert [part.counts for part in at(found, "1.1").parts] == [True, True, False]
    assert found.numbers == accounted(found) == 3


def test_limits_of_a_normal_range_are_known_by_their_name_too() -> None:
    low = prop(num("99TEST 8 Normal Range lower limit", "3"))
    (range_,) = at(report(UNKNOWN, num(DIAMETER, "4", low)), "1.1").ranges
    assert range_.low == Number("3", "3", MM)


def test_findings_are_told_apart_by_what_was_found() -> None:
    found = report(
        "DCM 111036 Mammography CAD Report",
        *(code("DCM 111059 Finding", f"SCT {n} {what}", prop(num("DCM 111012 Certainty", f"{n}")))
          for n, what in enumerate(("Mass", "Cyst", "Mass"))),
    )  # fmt: skip
    assert titles(found) == ["Finding (Mass, 0 mm)", "Finding (Cyst)", "Finding (Mass, 2 mm)"]


def test_an_unknown_title_is_known_by_its_template() -> None:
    from content_trees import tree
    from dicom2fhir.options import ReportOptions
    from dicom2fhir.sr import understand

    root = container("99TEST 1 Ours", num(DIAMETER, "1"), template="5300", relationship="")
    assert understand(tree(root), SOP, ReportOptions()).kind == "echo"


def test_groups_that_say_nothing_of_themselves_are_told_apart_by_what_they_hold() -> None:
    groups = [container("DCM 125005 Biometry Group", num(f"LN {n} {n}", "1")) for n in ("FL", "AC")]
    found = report("DCM 125000 OB-GYN Ultrasound Procedure Report", *groups)
    assert titles(found)[::2] == ["Biometry Group (FL)", "Biometry Group (AC)"]


def test_concepts_of_one_meaning_are_told_apart_by_their_codes() -> None:
    found = report(UNKNOWN, num("99TEST A1 Size", "1"), num("99TEST A2 Size", "1"))
    assert titles(found) == ["Size (A1)", "Size (A2)"]


def test_population_statistics_are_parts() -> None:
    found = report(UNKNOWN, num(DIAMETER, "4", prop(num("DCM 121416 Z-Score", "1.2"))))
    assert [part.value.text for part in at(found, "1.1").parts] == ["1.2"]
    assert len(found.observed) == 1


def test_a_selection_status_tells_repeated_values_apart() -> None:
    status = "DCM 121404 Selection Status"
    found = report(
        UNKNOWN,
        container(
            "DCM 125005 Biometry Group",
            num("LN 1 BPD", "30"),
            num("LN 1 BPD", "31", prop(code(status, "DCM 121411 Most recent value chosen"))),
        ),
    )
    assert titles(found)[1:] == ["BPD", "BPD (Most recent value chosen)"]


def test_a_number_below_a_number_is_one_that_it_comes_from() -> None:
    inner = num("LN 2 Length", "1", relationship="INFERRED FROM")
    found = report(UNKNOWN, num("LN 1 Area", "2", inner))
    assert at(found, "1.1").sources == ("1.1.1",)
    assert found.results == ("1.1",)


@pytest.mark.parametrize(
    "above", ["CODE", "TEXT", "IMAGE", "SCOORD", "DATE", "PNAME", "UIDREF", "?"]
)
def test_a_number_is_found_below_any_value_type(above: str) -> None:
    outer = item(above, "99TEST 5 Outer", prop(num(DIAMETER, "1")), text="x")
    for found in (report(UNKNOWN, outer), measured(group(outer))):
        assert found.numbers == accounted(found) == 1


def test_numbers_of_an_image_library_are_listed_as_omitted() -> None:
    library = container(
        "DCM 111028 Image Library",
        image(1, num("SCT 1 Horizontal Pixel Spacing", "0.5", relationship="HAS ACQ CONTEXT")),
    )
    found = report("DCM 126000 Imaging Measurement Report", library)
    assert found.omissions[0].path == "1.1.1.1"
    assert found.faults["sr.number-omitted", "(0040,A730)"] == 1
    assert found.cited == ()


def test_items_by_reference_give_the_images_that_they_lead_to() -> None:
    library = container("DCM 111028 Image Library", image(7))
    found = report(
        UNKNOWN, library, num(DIAMETER, "1", item("", relationship="INFERRED FROM", target="1.1.1"))
    )
    assert [one.sop_instance_uid for one in at(found, "1.2").references] == [f"{SOP}.7"]


def test_a_number_by_reference_is_a_source() -> None:
    link = item("", relationship="INFERRED FROM", target="1.2")
    found = report(UNKNOWN, num("LN 1 Ratio", "1", link), num(DIAMETER, "2"))
    assert at(found, "1.1").sources == ("1.2",)
    assert [one.path for one in found.observed] == ["1.2", "1.1"]


def test_a_circle_of_references_is_opened() -> None:
    found = report(
        UNKNOWN,
        num("LN 1 A", "1", item("", relationship="INFERRED FROM", target="1.2")),
        num("LN 2 B", "2", item("", relationship="INFERRED FROM", target="1.1")),
    )
    assert [one.sources for one in found.observed] == [(), ("1.2",)]
    assert found.faults["sr.reference-loop", "(0040,A730)"] == 1


def test_several_values_are_parts_in_their_order() -> None:
    found = report(UNKNOWN, num(DIAMETER, ["3", "1", "2"]))
    one = at(found, "1.1")
    assert [part.value.text for part in one.parts] == ["3", "1", "2"]
    assert one.value is None
    assert found.numbers == accounted(found) == 1


def test_too_many_values_are_their_count_and_range() -> None:
    found = report(UNKNOWN, num(DIAMETER, [f"{n}.0" for n in range(201)]))
    assert [part.value.text for part in at(found, "1.1").parts] == ["201", "0.0", "200.0"]
    assert found.faults["sr.many-values", "(0040,A30A)"] == 1


def test_what_is_no_number_is_text() -> None:
    found = report(UNKNOWN, num(DIAMETER, "10.50/ 15.00"))
    assert at(found, "1.1").value == Text("NUM", "10.50/ 15.00")
    assert at(found, "1.1").counts


def test_a_number_without_value_says_why() -> None:
    why = coded("DCM 114007 Measurement not attempted")
    found = report(UNKNOWN, num(DIAMETER, "", qualifier=why), num(DIAMETER, ""))
    assert [(one.value, one.qualifier) for one in found.observed] == [(None, why), (None, None)]
    assert found.numbers == accounted(found) == 2


def test_codes_and_texts_that_a_container_contains_are_evaluations() -> None:
    found = report(
        UNKNOWN, container("99TEST 2 S", code("99TEST 3 Q", "99TEST 4 A"), num(DIAMETER, "1"))
    )
    assert at(found, "1.1.1").kind == "evaluation"
    assert at(found, "1.1.1").value == coded("99TEST 4 A")


def test_a_report_without_content_is_a_report_and_says_so() -> None:
    found = report(UNKNOWN)
    assert found.faults == {("sr.no-content", "(0040,A730)"): 1}
    assert (found.kind, found.text, found.observed) == ("text", "Invented Report\n", ())


def test_what_says_nothing_makes_no_observation() -> None:
    found = report(UNKNOWN, num(DIAMETER, "1"), code("99TEST 3 Q", ""), text("99TEST 5 T", "  "))
    assert len(found.observed) == 1


def test_dates_and_uids_are_parts_of_their_group() -> None:
    uid = item("UIDREF", "DCM 113769 Event UID", text="1.2.3")
    when = item("DATETIME", "DCM 111526 DateTime Started", text="20100101101010")
    one = at(report(UNKNOWN, container("99TEST 2 S", uid, when, num(DIAMETER, "1"))), "1.1")
    assert [part.value for part in one.parts] == [
        Text("UIDREF", "1.2.3"),
        Text("DATETIME", "20100101101010"),
    ]


def test_persons_stand_in_the_report_and_nowhere_else() -> None:
    person = context(item("PNAME", "DCM 121008 Person Observer Name", text="Doe^John"))
    found = measured(group(person, num(DIAMETER, "1")))
    assert found.persons == ("Doe^John",)
    assert "Doe" not in repr(found.observed)


def test_observers_are_those_of_all_below_the_item_that_has_them_as_context() -> None:
    john, jane = (
        context(item("PNAME", "DCM 121008 Person Observer Name", text=name))
        for name in ("Doe^John", "Doe^Jane")
    )
    kind = context(code("DCM 121005 Observer Type", "DCM 121006 Person", jane))
    found = measured(group(john, num(DIAMETER, "1")), group(kind, num(DIAMETER, "2")))
    assert found.observers == {"1.1.1": ("Doe^John",), "1.1.2": ("Doe^Jane",)}


def test_titles_name_what_differs_between_measurements_of_one_group() -> None:
    mode = "SRT G-0373 Image Mode"
    found = report(
        "DCM 125200 Adult Echocardiography Procedure Report",
        container(
            "DCM 121070 Findings",
            num(DIAMETER, "1", modifier(mode, "SRT G-03A2 2D mode")),
            num(DIAMETER, "2", modifier(mode, "SRT G-0394 M mode")),
            num(DIAMETER, "3", modifier(METHOD, "DCM 1 Biplane")),
            num(DIAMETER, "3", modifier(METHOD, "DCM 2 Teichholz")),
            num("LN 1 Area", "4", modifier(mode, "SRT G-0394 M mode")),
        ),
    )
    assert titles(found)[1:] == [
        "Diameter (2D mode)", "Diameter (M mode)", "Diameter (Biplane)",
        "Diameter (Teichholz)", "Area",
    ]  # fmt: skip


def test_what_has_no_name_is_called_by_what_it_is() -> None:
    found = report(UNKNOWN, container("", num("", "1")))
    assert titles(found) == ["Unnamed group", "Unnamed measurement"]


def test_a_root_that_is_a_number_is_kept() -> None:
    from content_trees import tree
    from dicom2fhir.options import ReportOptions
    from dicom2fhir.sr import understand

    found = understand(tree(num(DIAMETER, "1")), SOP, ReportOptions())
    assert found.results == ("1",)


def test_a_report_in_prose_gives_its_numbers_and_no_words() -> None:
    found = report(
        "LN 18748-4 Diagnostic Imaging Report",
        container("LN 59776-5 Findings", text("DCM 121071 Finding", "fine"), num(DIAMETER, "1")),
    )
    assert found.kind == "text"
    assert titles(found) == ["Findings", "Diameter"]


def test_a_modifier_of_a_group_holds_for_its_measurements_unless_they_say_otherwise() -> None:
    mode = "SRT G-0373 Image Mode"
    found = measured(
        group(
            modifier(mode, "SRT G-03A2 2D mode"),
            num(DIAMETER, "1"),
            num(DIAMETER, "2", modifier(mode, "SRT G-0394 M mode")),
        )
    )
    assert titles(found)[1:] == ["Diameter (2D mode)", "Diameter (M mode)"]
    assert at(found, "1.1.1.2").parts[0].path == "1.1.1.1"


def test_measurement_groups_say_their_finding_and_how_they_are_tracked() -> None:
    found = measured(
        group(
            context(text("DCM 112039 Tracking Identifier", "Lesion 1")),
            context(item("UIDREF", "DCM 112040 Tracking Unique Identifier", text="1.2.9")),
            code("SRT R-427CE Finding category", "SCT 49755003 Abnormal Structure"),
            code("DCM 121071 Finding", "SCT 27925004 Nodule"),
            num(DIAMETER, "10.0"),
            code("DCM 121403 Level of Significance", "SCT 371928007 Not significant"),
            item("CODE", "UMLS C2348792 Time Point", code=coded("99TEST 1 TP0"),
                 relationship="HAS OBS CONTEXT"),
        )
    )  # fmt: skip
    one = at(found, "1.1.1")
    assert (one.kind, one.name, one.value) == (
        "group", coded("SCT 49755003 Abnormal Structure"), coded("SCT 27925004 Nodule"),
    )  # fmt: skip
    assert (one.tracking_id, one.tracking_uid) == ("Lesion 1", "1.2.9")
    assert [part.value for part in one.parts] == [coded("99TEST 1 TP0")]
    assert one.members == ("1.1.1.5", "1.1.1.6")
    assert found.results == ("1.1.1",)


def test_derived_measurements_are_results_each() -> None:
    derived = container("DCM 126011 Derived Imaging Measurements", num("LN 1 Sum", "1"))
    found = report("DCM 126000 Imaging Measurement Report", derived)
    assert at(found, "1.1.1").kind == "derived"
    assert found.results == ("1.1.1",)


def test_evaluations_of_the_whole_report_are_results() -> None:
    evaluations = container(
        "UMLS C0034375 Qualitative Evaluations", code("99TEST 1 Quality", "99TEST 2 Good")
    )
    found = report("DCM 126000 Imaging Measurement Report", evaluations)
    assert [one.kind for one in found.observed] == ["evaluation"]
    assert found.results == ("1.1.1",)


def test_groups_of_one_kind_are_told_apart_by_finding_then_tracking() -> None:
    finding = code("DCM 121071 Finding", "SCT 1 Nodule")
    groups = [
        group(finding, context(text("DCM 112039 T", name)), num(DIAMETER, "1")) for name in "ab"
    ]
    found = measured(*groups, group(code("DCM 121071 F", "SCT 2 Mass"), num(DIAMETER, "1")))
    assert [title for title in titles(found) if title != "Diameter"] == [
        f"{GROUP[11:]} (Nodule, a)", f"{GROUP[11:]} (Nodule, b)", f"{GROUP[11:]} (Mass)",
    ]  # fmt: skip


def fetus(name: str) -> list[ContentItem]:
    return [
        context(code("DCM 121024 Subject Class", "DCM 121026 Fetus")),
        context(text("LN 11951-1 Fetus ID", name)),
    ]


def test_three_fetuses_and_their_mother_stay_four() -> None:
    biometry = "DCM 125002 Fetal Biometry"
    found = report(
        "DCM 125000 OB-GYN Ultrasound Procedure Report",
        num("LN 29463-7 Weight", "60", unit=coded("UCUM kg kg")),
        *(container(biometry, *fetus(name), num("LN 1 BPD", "30")) for name in ("A", "B", "C")),
    )
    focus = {one.path: one.focus for one in found.observed}
    assert focus == {
        "1.1": "",
        "1.2": "Fetus A", "1.2.3": "Fetus A",
        "1.3": "Fetus B", "1.3.3": "Fetus B",
        "1.4": "Fetus C", "1.4.3": "Fetus C",
    }  # fmt: skip
    assert titles(found)[1::2] == [f"Fetal Biometry (Fetus {name})" for name in "ABC"]


def test_fetuses_are_told_apart_whatever_the_relationship_of_their_context() -> None:
    sections = [
        container("DCM 125002 Biometry", text("LN 11951-1 Fetus ID", name), num("LN 1 BPD", "30"))
        for name in "AB"
    ]
    found = report("DCM 125000 OB-GYN Ultrasound Procedure Report", *sections)
    assert {one.focus for one in found.observed} == {"Fetus A", "Fetus B"}


def test_fetuses_without_a_name_are_not_one() -> None:
    subject = context(code("DCM 121024 Subject Class", "DCM 121026 Fetus"))
    section = container("DCM 125008 Fetus Summary", subject, num("LN 1 EFW", "1"))
    found = report("DCM 125000 OB-GYN Ultrasound Procedure Report", section, section)
    assert len({one.focus for one in found.observed}) == 2


def test_the_expected_date_of_delivery_is_a_result_of_its_own() -> None:
    date = item("DATE", "LN 11778-8 EDD", text="20100304")
    summary = container("DCM 121111 Summary", date, num("LN 1 GA", "20"))
    found = report("DCM 125000 OB-GYN Ultrasound Procedure Report", summary)
    assert at(found, "1.1.1").value == Text("DATE", "20100304")


def test_an_algorithm_holds_for_its_group_and_observers_are_devices() -> None:
    found = report(
        "DCM 126000 Imaging Measurement Report",
        context(code("DCM 121005 Observer Type", "DCM 121007 Device")),
        context(text("DCM 121013 Device Observer Name", "ROOM1")),
        context(text("DCM 121014 Device Observer Manufacturer", "Invented")),
        container(
            "DCM 126010 Imaging Measurements",
            group(
                text("DCM 111001 Algorithm Name", "Finder", relationship="HAS CONCEPT MOD"),
                text("DCM 111003 Algorithm Version", "2.1", relationship="HAS CONCEPT MOD"),
                text("DCM 111002 Algorithm Parameters", "a=1", relationship="HAS CONCEPT MOD"),
                num(DIAMETER, "1"),
            ),
            group(num(DIAMETER, "1")),
        ),
    )
    observer, algorithm = found.algorithms
    assert (observer.kind, observer.name, observer.manufacturer) == (
        "observer",
        "ROOM1",
        "Invented",
    )
    assert (algorithm.name, algorithm.version, algorithm.parameters) == ("Finder", "2.1", ("a=1",))
    assert at(found, "1.4.1.4").algorithm == at(found, "1.4.1").algorithm == algorithm.path
    assert at(found, "1.4.2").algorithm == ""
    assert all("Algorithm" not in str(part.name) for part in at(found, "1.4.1").parts)


def test_an_algorithm_that_a_report_repeats_is_one() -> None:
    by_finder = group(
        text("DCM 111001 Algorithm Name", "Finder", relationship="HAS CONCEPT MOD"),
        num(DIAMETER, "1"),
    )
    found = measured(by_finder, by_finder, group(num(DIAMETER, "1")))
    (algorithm,) = found.algorithms
    groups = [at(found, path) for path in found.results]
    assert [one.algorithm for one in groups] == [algorithm.path, algorithm.path, ""]


def finding(intent: str, *children: ContentItem) -> ContentItem:
    shown = f"DCM {intent} Intent"
    return code(
        "DCM 111059 Single Image Finding", "SCT 1 Mass",
        modifier("DCM 111056 Rendering Intent", shown), *children,
    )  # fmt: skip


def test_findings_of_cad_are_results_with_certainty_as_parts_and_hidden_ones_are_counted() -> None:
    sure = prop(num("DCM 111012 Certainty of Finding", "90"))
    inner = finding("111150", sure, num(DIAMETER, "3", relationship="HAS PROPERTIES"))
    impression = container(
        "DCM 111034 Individual Impression/Recommendation", inner, finding("111152", sure)
    )
    found = report(
        "DCM 111036 Mammography CAD Report",
        code("DCM 111017 CAD Processing and Findings Summary", "DCM 111242 Done", impression),
        container(
            "DCM 111063 Successful Detections",
            code(
                "DCM 111022 Detection Performed", "SCT 1 Mass",
                prop(text("DCM 111001 Algorithm Name", "Finder")),
            ),
        ),
    )  # fmt: skip
    one = at(found, "1.1.1.1")
    assert (found.kind, one.kind, one.value) == ("cad", "finding", coded("SCT 1 Mass"))
    assert [part.counts for part in one.parts] == [False, True, True]
    assert one.algorithm == found.algorithms[0].path
    assert found.results == ("1.1", "1.1.1.1", "1.2")
    assert [(gone.path, gone.reason) for gone in found.omissions] == [
        ("1.1.1.2.2", "sr.not-presented")
    ]
    assert found.faults["sr.not-presented", "(0040,A730)"] == 1
    assert found.text.count("Mass") == 2  # a finding and what was asked for
    assert HIDDEN in found.text


def test_a_composite_feature_comes_from_the_findings_below_it() -> None:
    inner = code("DCM 111059 Single Image Finding", "SCT 1 Mass", relationship="INFERRED FROM")
    found = report(
        "DCM 111036 Mammography CAD Report",
        code("DCM 111015 Composite Feature", "SCT 1 Mass", inner),
    )
    assert at(found, "1.1").sources == ("1.1.1",)


def test_measurements_take_over_no_more_images_than_a_tree_may_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(core, "MOST_TAKEN", 5)
    images = [image(number) for number in (1, 2, 3)]
    found = measured(group(*images, *(num(DIAMETER, str(number)) for number in (4, 5, 6))))
    by_kind = {
        kind: [len(one.references) for one in found.observed if one.kind == kind]
        for kind in ("group", "number")
    }
    assert by_kind == {"group": [3], "number": [3, 2, 0]}
