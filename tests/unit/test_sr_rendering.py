"""Reports in words: what a reader gets of the whole tree."""

from __future__ import annotations

from dataclasses import replace

from content_trees import (
    DIAMETER,
    MM,
    TITLE_1500,
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
)
from dicom2fhir.content import ContentItem, Region
from dicom2fhir.sr.rendering import CUT, MOST_CHARACTERS

PROSE = "LN 18748-4 Diagnostic Imaging Report"


def circle() -> ContentItem:
    below = image(1, relationship="SELECTED FROM")
    return item("SCOORD", "DCM 111030 Image Region", below, region=Region("CIRCLE"))


def nodule() -> ContentItem:
    side = modifier("SCT 272741003 Laterality", "SCT 7771000 Left")
    return group(
        context(text("DCM 112039 Tracking Identifier", "Nodule 1")),
        context(item("UIDREF", "DCM 112040 Tracking Unique Identifier", text="1.2.3")),
        code("DCM 121071 Finding", "SCT 27925004 Nodule"),
        modifier("SCT 363698007 Finding Site", "SCT 39607008 Lung", side),
        num(DIAMETER, "10.0", modifier("DCM 121401 Derivation", "SCT 373098007 Mean")),
        code("DCM 121403 Level of Significance", "SCT 371928007 Not significant"),
        circle(),
    )


def test_a_measurement_group_is_one_line() -> None:
    assert measured(nodule()).text.splitlines() == [
        "Imaging Measurement Report",
        "  Imaging Measurements",
        (
            "    Nodule 1 — Nodule, left lung: Diameter 10.0 mm (Mean); "
            "Level of Significance: Not significant. [CT image, circle]"
        ),
    ]


def test_a_group_that_holds_more_than_a_line_can_say_is_a_section() -> None:
    inner = container("99TEST 1 Inner", num(DIAMETER, "2"))
    assert measured(group(num(DIAMETER, "1"), inner)).text.splitlines()[2:] == [
        "    Measurement Group",
        "      Diameter: 1 mm",
        "      Inner",
        "        Diameter: 2 mm",
    ]


def test_dates_names_and_missing_values_are_readable() -> None:
    found = report(
        PROSE,
        item("DATE", "99TEST 1 Date", text="20100203"),
        item("DATETIME", "99TEST 1 When", text="20100203101112.5"),
        item("TIME", "99TEST 1 Time", text="1011"),
        item("PNAME", "DCM 121008 Observer", text="Doe^John"),
        num(DIAMETER, "", qualifier=coded("DCM 114007 Measurement not attempted")),
        num(DIAMETER, ["1", "2"]),
        num("99TEST 2 Ratio", "3", unit=coded("UCUM 1 no units")),
        num("99TEST 2 Axis", "3", unit=coded("UCUM 1 px")),
        code("99TEST 3 Empty", ""),
    )
    assert found.text.splitlines()[1:] == [
        "  Date: 2010-02-03",
        "  When: 2010-02-03 10:11:12.5",
        "  Time: 10:11",
        "  Observer: Doe, John",
        "  Diameter: Measurement not attempted",
        "  Diameter: 1 mm, 2 mm",
        "  Ratio: 3",
        "  Axis: 3 px",
        "  Empty: not stated",
    ]


def test_a_text_that_goes_on_reads_as_one() -> None:
    story = container(
        "",
        text("99TEST 1 Text", "A lesion of"),
        num(DIAMETER, "1.5"),
        text("99TEST 1 Text", "was seen by"),
        item("PNAME", "99TEST 2 By", text="Roe^R."),
        text("99TEST 1 Text", ". It is small."),
        continuous=True,
    )
    found = report("99TEST 9 Letter", story)
    assert found.text.splitlines()[1:] == ["  A lesion of 1.5 mm was seen by Roe, R. It is small."]
    assert [one.title for one in found.observed] == ["Diameter", "Unnamed group"]
    assert found.observed[1].parts == ()


def test_measurement_reports_hold_no_text_that_goes_on() -> None:
    quality = code("99TEST 1 Quality", "99TEST 2 Good")
    found = measured(replace(group(num(DIAMETER, "1"), quality), continuous=True))
    assert [one.kind for one in found.observed] == ["number", "evaluation", "group"]


def test_the_page_is_harmless_and_nests_what_the_tree_nests() -> None:
    nasty = "<script>alert(1)</script>\n\x00\x1b[31m&"
    found = report(PROSE, container("99TEST 1 <b>", text("99TEST 2 T", nasty)), num(DIAMETER, "1"))
    assert "<script" not in found.html
    assert "\x00" not in found.html
    assert "\x1b" not in found.html
    assert found.html.endswith(
        "<h1>Diagnostic Imaging Report</h1>\n<ul>\n<li><b>&lt;b&gt;</b><ul>\n"
        "<li>T: &lt;script&gt;alert(1)&lt;/script&gt;<br>  [31m&amp;</li>\n</ul></li>\n"
        "<li>Diameter: 1 mm</li>\n</ul>\n</body></html>\n"
    )


def test_a_report_that_nobody_could_read_is_cut_and_says_so() -> None:
    long = text("99TEST 2 T", "x" * (MOST_CHARACTERS // 2))
    found = report(PROSE, long, long, long)
    assert found.text.endswith(f"{CUT}\n")
    assert len(found.text) < MOST_CHARACTERS + 100
    assert len(found.html) < 2 * MOST_CHARACTERS


def test_the_deepest_tree_is_put_into_words() -> None:
    deep = num(DIAMETER, "1")
    for _ in range(300):
        deep = container("99TEST 1 Level", deep)
    assert report("99TEST 9 Deep", deep).text.splitlines()[-1].strip() == "Diameter: 1 mm"


def test_conclusions_impressions_and_diagnoses_are_the_conclusion() -> None:
    found = report(
        PROSE,
        container("LN 59776-5 Findings", text("DCM 121071 Finding", "Nothing.")),
        container("DCM 121072 Impressions", text("DCM 121073 Impression", "Normal.")),
        container("LN 55110-1 Conclusions", code("DCM 121077 Conclusion", "SCT 1 Healthy")),
        text("99TEST 4 Diagnosis", "None."),
    )
    assert found.conclusion.splitlines() == ["Normal.", "Healthy", "None."]


def test_a_report_in_prose_without_conclusion_concludes_its_findings() -> None:
    finding = text("DCM 121071 Finding", "Nothing.")
    assert report(PROSE, container("LN 59776-5 Findings", finding)).conclusion == "Nothing."
    assert report(TITLE_1500, finding).conclusion == ""


def test_the_title_of_a_report_makes_no_conclusion_of_all_that_it_contains() -> None:
    assert report("99TEST 1 Diagnosis", text("99TEST 2 T", "a")).conclusion == ""


def test_links_say_where_they_lead() -> None:
    link = item("", relationship="INFERRED FROM", target="1.1")
    found = report("99TEST 1 R", num(DIAMETER, "1"), num("99TEST 2 Ratio", "2", link, unit=MM))
    assert found.text.splitlines()[-1] == "    [see Diameter]"


def test_modifiers_stand_behind_what_they_modify() -> None:
    authority = prop(text("DCM 121406 Reference Authority", "ICRP"))
    dose = num("DCM 113518 Organ Dose", "4.7", authority)
    assert report("99TEST 1 R", dose).text.splitlines()[1] == (
        "  Organ Dose: 4.7 mm (Reference Authority: ICRP)"
    )


def test_a_long_group_has_a_heading_and_its_measurements_below() -> None:
    many = [num(f"99TEST {n} Measured quantity {n}", f"{n}.0") for n in range(12)]
    second = code("DCM 121071 Finding", "SCT 2 Cyst")
    lines = measured(replace(nodule(), children=(*nodule().children, second, *many)))
    assert lines.text.splitlines()[2:7] == [
        "    Nodule 1 — Nodule, left lung",
        "      Diameter: 10.0 mm (Mean)",
        "      Level of Significance: Not significant",
        "      Image Region: [CT image, circle]",
        "      Finding: Cyst",
    ]


def test_an_image_library_is_counted_not_listed() -> None:
    library = container("DCM 111028 Image Library", container("DCM 126200 G", image(1), image(2)))
    assert report(TITLE_1500, library).text.splitlines()[1:] == ["  Image Library: 2 images"]


def test_many_pictures_of_one_kind_are_one_line() -> None:
    found = report("DCM 113000 Of Interest", *(image(number) for number in (1, 2, 3)))
    assert found.text.splitlines() == ["Of Interest", "  [CT image] (3 times)"]


def test_a_finding_that_is_absent_is_not_said_to_be_there() -> None:
    absent = modifier("SCT 705057003 Presence", "SCT 2667000 Absent")
    finding = code("DCM 121071 Finding", "SCT 36118008 Pneumothorax", absent)
    lung = modifier("SCT 363698007 Finding Site", "SCT 39607008 Lung")
    assert measured(group(finding, lung, num(DIAMETER, "1"))).text.splitlines()[2] == (
        "    Measurement Group — Pneumothorax (Presence: Absent), Lung: Diameter 1 mm."
    )
    conclusion = code("DCM 121077 Conclusion", "SCT 36118008 Pneumothorax", absent)
    assert report(PROSE, conclusion).conclusion == "Pneumothorax (Presence: Absent)"
