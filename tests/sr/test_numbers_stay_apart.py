"""No two values of one group look alike unless they are alike in the report itself."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from pydicom.filereader import dcmread

from content_walk import StatedNumber, code_of, items_with_paths
from recovered import CONTENT_ITEM, Resource, extension_of

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from judged import Judged

pytestmark = [
    pytest.mark.xdist_group("reports"),
    pytest.mark.filterwarnings("ignore:Failed to decode byte string"),
]


def look(observation: Resource) -> str:
    """Return what a reader of a list sees of it, but its value: its words and its components."""
    parts = [{name: value for name, value in one.items() if name != "extension"}
             for one in observation.get("component", ())]  # fmt: skip
    return json.dumps([observation["code"].get("text"), parts], sort_keys=True)


def statement(item: Dataset) -> str:
    """Return what the report says to tell this item from others: its concept and modifiers."""
    modifiers = [
        (code_of(one, "ConceptNameCodeSequence"), code_of(one, "ConceptCodeSequence"),
         str(one.get("TextValue", "")))
        for one in item.get("ContentSequence") or ()
        if one.get("RelationshipType") == "HAS CONCEPT MOD"
    ]  # fmt: skip
    return repr((code_of(item, "ConceptNameCodeSequence"), sorted(map(repr, modifiers))))


def parent(path: str) -> str:
    return path.rpartition(".")[0]


def ambiguous(file: Path, stated: list[StatedNumber], observations: list[Resource]) -> list[str]:
    """Return the paths whose Observations look alike though the report tells them apart."""
    by_path = {extension_of(one, CONTENT_ITEM): one for one in observations}
    groups: dict[tuple[str, str], list[str]] = {}
    for number in stated:
        observation = by_path.get(number.path)
        if observation is not None:
            groups.setdefault((parent(number.path), look(observation)), []).append(number.path)
    alike = [paths for paths in groups.values() if len(paths) > 1]
    items = dict(items_with_paths(dcmread(file, force=True))) if alike else {}
    return [
        path
        for paths in alike
        if len({statement(items[path]) for path in paths}) > 1
        for path in paths
    ]


def all_ambiguous(judged: Judged) -> dict[str, list[str]]:
    found = {}
    for uid, report in judged.conversion.reports.items():
        file = judged.files[uid]
        paths = ambiguous(file, judged.stated[uid], report.observations)
        if paths:
            found[f"{file.parent.name}/{file.name}"] = paths
    return found


def test_no_two_values_of_a_group_of_the_corpus_look_alike(corpus: Judged) -> None:
    assert all_ambiguous(corpus) == {}


def test_no_two_values_of_a_group_of_the_real_reports_look_alike(real_reports: Judged) -> None:
    assert all_ambiguous(real_reports) == {}


def sound(corpus: Judged, name: str) -> list[Resource]:
    [uid] = [uid for uid, file in corpus.files.items()
             if file.stem == name and file.parent.name == "sound"]  # fmt: skip
    return corpus.conversion.reports[uid].observations


def words(observation: Resource) -> str:
    return json.dumps(observation)


def test_three_fetuses_stay_three_and_share_nothing_with_the_mother(corpus: Judged) -> None:
    found = Counter(
        one["focus"][0].get("display") or one["focus"][0]["identifier"]["value"]
        for one in sound(corpus, "obstetric-three-fetuses")
        if "focus" in one and "valueQuantity" in one
    )
    assert len(found) == 3
    assert len(set(found.values())) == 1
    mothers = [one for one in sound(corpus, "obstetric-three-fetuses")
               if one.get("valueQuantity", {}).get("value") in {"71.4", "3.80"}]  # fmt: skip
    assert len(mothers) == 2
    assert not any("focus" in one for one in mothers)


@pytest.mark.parametrize(("name", "value"), [("mammography-dose", "2.640"), ("both-sides", "8.25")])
def test_left_and_right_are_never_merged(corpus: Judged, name: str, value: str) -> None:
    saying = [
        words(element).casefold()
        for one in sound(corpus, name)
        for element in (one, *one.get("component", ()))
        if element.get("valueQuantity", {}).get("value") == value
    ]
    sides = [("left" in one, "right" in one) for one in saying]
    assert set(sides) == {(True, False), (False, True)}
    assert sides.count((True, False)) == sides.count((False, True))
