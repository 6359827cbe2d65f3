"""Against pydicom: a tree has each number at its path, with the text that the file has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from read_cases import MemorySource

from content_walk import stated_numbers
from corpus import write_corpus
from dicom2fhir.options import ReadOptions, ReportOptions
from dicom2fhir.read import read_content
from dicom2fhir.sr import build_tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")  # of characters broken on purpose
def test_trees_hold_every_number_of_the_corpus_at_its_path(tmp_path: Path) -> None:
    seen = 0
    for path in write_corpus(tmp_path, share=25):
        content = read_content(MemorySource(path.read_bytes()), ReadOptions())
        assert content.attributes is not None
        tree = build_tree(content.attributes, ReportOptions())
        found = {
            item.path: [number.text for number in item.numbers if number.text]
            for item in tree.root.walk()
            if item.value_type == "NUM"
        }
        stated = {one.path: [text for text in one.texts if text] for one in stated_numbers(path)}
        assert found == stated, path.parent.name
        seen += len(stated)
    assert seen > 500
