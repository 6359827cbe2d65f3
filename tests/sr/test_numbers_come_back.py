"""Value text, unit, code, modifiers and path recovered from FHIR are those of the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recovered import CONTENT_ITEM, ReportFound, Resource, codes_of, extension_of, texts_of, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from content_walk import StatedNumber
    from judged import Judged

pytestmark = pytest.mark.xdist_group("reports")


def elements_of(number: StatedNumber, report: ReportFound) -> list[tuple[Resource, Resource]]:
    """Return Observation and element of each value: several values are components of one."""
    carriers = report.carriers().get(number.path, [])
    own = [one for one in carriers if one[0] is not one[1]]
    several = len(number.texts) > 1
    return own if several and own else carriers


def differing_value(number: StatedNumber, report: ReportFound) -> str:
    elements = elements_of(number, report)
    texts = [texts_of(element) for _, element in elements]
    stated = [text for text in number.texts if text]
    if not stated:
        absent = [one for _, one in elements if "dataAbsentReason" in one]
        return "" if absent else f"{texts} for nothing"
    if len(stated) == 1:
        return "" if set(texts) == set(stated) else f"{texts} for {stated}"
    found = [text for text in texts if text is not None]
    return "" if found == stated else f"{found} for {stated}"


def differing_unit(number: StatedNumber, report: ReportFound) -> str:
    for _, element in elements_of(number, report):
        if "valueQuantity" not in element:
            continue
        stated = {word for unit in number.units for word in (
            ("", None) if unit is None else (unit.value or unit.meaning, ))}  # fmt: skip
        unit = unit_of(element)
        if (unit or "") not in stated:
            return f"unit {unit} for {stated}"
    return ""


def differing_code(number: StatedNumber, report: ReportFound) -> str:
    """The code of the Observation, or of its component, names the concept as it was stated."""
    if number.name is None or not number.name.value:
        return ""
    for _observation, element in elements_of(number, report):
        if number.name.value not in codes_of(element["code"]):
            return f"code {codes_of(element['code'])} for {number.name.value}"
    return ""


def places_of_codes(observation: Resource) -> Iterator[Resource]:
    for name in ("method", "bodySite", "valueCodeableConcept"):
        if name in observation:
            yield observation[name]
    yield from observation.get("category", ())
    yield from observation.get("interpretation", ())
    for component in observation.get("component", ()):
        yield component.get("valueCodeableConcept", {})


def differing_modifier(number: StatedNumber, report: ReportFound) -> str:
    for observation, _ in elements_of(number, report):
        held = {code for one in places_of_codes(observation) for code in codes_of(one)}
        for name, value in number.modifiers:
            if value is not None and value.value and value.value not in held:
                return f"modifier {name} {value} is gone"
    return ""


CHECKS = (differing_value, differing_unit, differing_code, differing_modifier)


def differences(judged: Judged) -> list[str]:
    """Return what came back otherwise, of all numbers that came back."""
    found = []
    for uid, stated in judged.stated.items():
        report = judged.conversion.reports.get(uid)
        if report is None:
            continue
        carried = report.carriers()
        place = judged.files[uid]
        for number in stated:
            if number.path in carried:
                said = [check(number, report) for check in CHECKS]
                found += [f"{place.parent.name}/{place.name} {number.path}: {one}"
                          for one in said if one]  # fmt: skip
    return found


def test_every_number_of_the_corpus_comes_back_as_it_was_stated(corpus: Judged) -> None:
    assert differences(corpus) == []


def test_every_number_of_the_real_reports_comes_back_as_it_was_stated(
    real_reports: Judged,
) -> None:
    assert differences(real_reports) == []


def test_a_path_stands_on_one_observation_at_most(corpus: Judged, real_reports: Judged) -> None:
    for judged in (corpus, real_reports):
        for report in judged.conversion.reports.values():
            paths = [extension_of(one, CONTENT_ITEM) for one in report.observations]
            assert None not in paths
            assert len(paths) == len(set(paths))
