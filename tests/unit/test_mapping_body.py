"""Body part and laterality as SNOMED CT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapping_studies import code, instance, mapped, problems, series, study

from dicom2fhir.mapping.tables.body_parts import BODY_PARTS

if TYPE_CHECKING:
    from dicom2fhir.model import Series

_SCT = "http://snomed.info/sct"


def _series(**attributes: object) -> dict[str, object]:
    made = mapped(study(series(**attributes)))["series"][0]
    assert isinstance(made, dict)
    return made


def _side(code_and_display: tuple[str, str]) -> dict[str, str]:
    return {"system": _SCT, "code": code_and_display[0], "display": code_and_display[1]}


def test_the_table_holds_the_339_terms_each_with_code_and_name() -> None:
    assert len(BODY_PARTS) == 339
    assert all(value.isdigit() and name for value, name in BODY_PARTS.values())


def test_chest_is_the_current_concept_not_the_retired_one() -> None:
    assert _series(BodyPartExamined=["CHEST"])["bodySite"] == {
        "system": _SCT,
        "code": "816094009",
        "display": "Thorax",
    }


def test_case_blanks_and_underscores_of_a_term_do_not_matter() -> None:
    assert _series(BodyPartExamined=["Chest_Abdomen"])["bodySite"]["code"] == "416550000"
    assert _series(BodyPartExamined=["WHOLE BODY"])["bodySite"]["code"] == "38266002"


def test_terms_of_practice_are_known() -> None:
    assert _series(BodyPartExamined=["ARM"])["bodySite"]["code"] == "40983000"
    assert _series(BodyPartExamined=["LEG"])["bodySite"]["code"] == "30021000"


def test_an_unknown_term_is_shown_but_not_coded() -> None:
    source = study(series(BodyPartExamined=["Elbow left"]))

    assert mapped(source)["series"][0]["bodySite"] == {"display": "Elbow left"}
    assert problems(source) == {"map.body-part": 1}


def test_a_coded_region_comes_before_the_term() -> None:
    made = _series(
        AnatomicRegionSequence=[code("T-D4000", "SRT", "Abdomen")], BodyPartExamined=["CHEST"]
    )

    assert made["bodySite"] == {"system": _SCT, "code": "113345001", "display": "Abdomen"}


def test_a_region_that_fhir_cannot_hold_leaves_the_term_or_its_text() -> None:
    bad = [code("A  B", "99X", "Somewhere")]
    source = study(series(AnatomicRegionSequence=bad))

    assert mapped(source)["series"][0]["bodySite"] == {"display": "Somewhere"}
    assert problems(source) == {"map.bad-code": 1}
    both = _series(AnatomicRegionSequence=bad, BodyPartExamined=["CHEST"])
    assert both["bodySite"]["code"] == "816094009"


def test_the_series_states_the_side() -> None:
    assert _series(Laterality=["R"])["laterality"] == _side(("24028007", "Right"))
    assert _series(Laterality=["L"])["laterality"] == _side(("7771000", "Left"))
    assert _series(Laterality=["B"])["laterality"] == _side(("51440002", "Bilateral"))


def test_unpaired_says_nothing() -> None:
    assert "laterality" not in _series(Laterality=["U"])


def test_images_that_agree_state_the_side() -> None:
    left = instance(1, ImageLaterality=["L"])

    agree = mapped(study(series(left, instance(2, ImageLaterality=["L"]))))["series"][0]
    differ = mapped(study(series(left, instance(2, ImageLaterality=["R"]))))["series"][0]
    silent = mapped(study(series(left, instance(2))))["series"][0]

    assert agree["laterality"] == _side(("7771000", "Left"))
    assert "laterality" not in differ
    assert "laterality" not in silent


def test_a_modifier_of_the_region_states_the_side_last() -> None:
    region = code("T-D4000", "SRT", "Abdomen")
    region["AnatomicRegionModifierSequence"] = [code("G-A100", "SRT", "Right")]

    assert _series(AnatomicRegionSequence=[region])["laterality"] == _side(("24028007", "Right"))
    assert _series(AnatomicRegionSequence=[region], Laterality=["R"])["laterality"] == _side(
        ("24028007", "Right")
    )
    torn = study(series(AnatomicRegionSequence=[region], Laterality=["L"]))
    assert "laterality" not in mapped(torn)["series"][0]
    assert problems(torn)["map.laterality-conflict"] == 1


def test_a_side_on_which_series_and_images_differ_is_left_out_and_told() -> None:
    torn = study(series(instance(1, ImageLaterality=["L"]), Laterality=["R"]))
    assert "laterality" not in mapped(torn)["series"][0]
    assert problems(torn)["map.laterality-conflict"] == 1
    same = study(series(instance(1, ImageLaterality=["R"]), Laterality=["R"]))
    assert mapped(same)["series"][0]["laterality"] == _side(("24028007", "Right"))


def test_one_image_of_the_other_side_contradicts_also_beside_images_that_state_none() -> None:
    silent = instance(2)
    torn = study(series(instance(1, ImageLaterality=["R"]), silent, Laterality=["L"]))
    assert "laterality" not in mapped(torn)["series"][0]
    assert problems(torn) == {"map.laterality-conflict": 1}
    same = study(series(instance(1, ImageLaterality=["L"]), silent, Laterality=["L"]))
    assert mapped(same)["series"][0]["laterality"] == _side(("7771000", "Left"))


def test_a_side_that_is_none_is_told() -> None:
    assert problems(study(series(Laterality=["X"])))["map.bad-code"] == 1


def test_images_of_both_sides_contradict_one_side_but_not_both() -> None:
    def with_side(side: str) -> Series:
        images = (instance(1, ImageLaterality=["L"]), instance(2, ImageLaterality=["R"]))
        return series(*images, Laterality=[side])

    assert problems(study(with_side("R"))) == {"map.laterality-conflict": 1}
    assert problems(study(with_side("B"))) == {}
    assert mapped(study(with_side("B")))["series"][0]["laterality"] == _side(
        ("51440002", "Bilateral")
    )


def test_further_body_parts_are_told() -> None:
    source = study(series(BodyPartExamined=["CHEST", "ABDOMEN", "PELVIS"]))

    assert mapped(source)["series"][0]["bodySite"]["code"] == "816094009"
    assert problems(source) == {"map.body-part": 2}
