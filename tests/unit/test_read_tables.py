"""The attribute table and the generated tables say what the standard says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from pydicom.datadict import dictionary_keyword, dictionary_VR

from dicom2fhir.read.attributes import EVIDENCE, IDENTITY, PIXEL_GEOMETRY, TABLE, Attribute, Level

ROOT = Path(__file__).resolve().parents[2]


def every_attribute() -> list[Attribute]:
    """Return each attribute of the table, those of items too."""
    waiting = [*(row.attribute for row in TABLE), *IDENTITY, *PIXEL_GEOMETRY, EVIDENCE]
    found = []
    while waiting:
        attribute = waiting.pop()
        found.append(attribute)
        waiting.extend(attribute.items)
    return found


def test_each_attribute_has_the_keyword_and_vr_of_its_tag() -> None:
    assert {one: (one.keyword, one.vr) for one in every_attribute()} == {
        one: (dictionary_keyword(one.tag), dictionary_VR(one.tag)) for one in every_attribute()
    }


def test_each_attribute_stands_once_in_the_table_with_a_reason() -> None:
    tags = [row.attribute.tag for row in TABLE]
    assert len(tags) == len(set(tags))
    assert all(row.why for row in TABLE)
    assert {row.level for row in TABLE} == set(Level)


def test_only_sequences_have_items() -> None:
    assert all(bool(one.items) == (one.vr == "SQ") for one in every_attribute())


def test_the_generated_tables_are_fresh() -> None:
    pytest.importorskip("pydicom")
    path = ROOT / "scripts" / "generate_read_tables.py"
    spec = importlib.util.spec_from_file_location("generate_read_tables", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    tables = ROOT / "dicom2fhir" / "read" / "tables"
    assert {name: (tables / name).read_text("utf-8") for name in script.render()} == script.render()
