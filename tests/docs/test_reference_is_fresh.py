"""The generated pages and tables are what their scripts make now, and identity.md is true."""

from __future__ import annotations

import importlib.util
import json
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.identity import (
    ATTACHMENT,
    CANONICAL,
    CITED_INSTANCE,
    CONTENT,
    CONTENT_ITEM,
    NAMESPACE,
    ORIGINAL_UID,
    SHA256,
    STATED_UNIT,
    STATED_VALUE,
    resource_id,
)

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent.parent
IDENTITY = ROOT / "docs" / "reference" / "identity.md"


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["mapping.md", "problems.md"])
def test_a_generated_page_is_fresh(page: str) -> None:
    made = _script("generate_docs").PAGES[page]()

    stale = "run python scripts/generate_docs.py"
    assert (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8") == made, stale


@pytest.mark.parametrize("table", ["body_parts", "modalities", "sop_classes", "srt_to_sct", "tags"])
def test_a_generated_table_is_fresh(table: str) -> None:
    pytest.importorskip("pydicom")
    script = _script("generate_mapping_tables")

    stale = "run python scripts/generate_mapping_tables.py"
    assert (script.TABLES / f"{table}.py").read_text() == script.MODULES[table](), stale


def test_the_page_on_identity_names_our_namespace() -> None:
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, CANONICAL)

    assert namespace.bytes == NAMESPACE
    assert str(namespace) in IDENTITY.read_text()


def test_the_examples_on_identity_are_true() -> None:
    text = IDENTITY.read_text()
    rows = re.findall(r"^\| (\w+) \| (`.+`) \| `([0-9a-f-]{36})` \|$", text, re.MULTILINE)

    assert len(rows) > 5
    for kind, key, expected in rows:
        parts = re.findall(r"`([^`]+)`", key)
        name = "\n".join([kind, *parts])
        assert str(uuid.uuid5(uuid.NAMESPACE_URL, CANONICAL)) in text
        assert str(uuid.uuid5(uuid.UUID(bytes=NAMESPACE), name)) == expected
        assert resource_id(kind, *parts) == expected


def test_the_command_on_identity_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    match = re.search(r'python -c "\n(.+?)"\n\s+([0-9a-f-]{36})', IDENTITY.read_text(), re.DOTALL)
    assert match

    code = "\n".join(line.strip() for line in match[1].splitlines())
    exec(code, {})  # noqa: S102 - our own page, as a reader would run it
    assert capsys.readouterr().out.strip() == match[2]


INSTANCE = "ImagingStudy.series.instance"
OBSERVATIONS = ("Observation", "Observation.component")


@pytest.mark.parametrize(
    ("url", "places"),
    [
        (ORIGINAL_UID, ["ImagingStudy.series", INSTANCE, f"{INSTANCE}.sopClass"]),
        (CONTENT, [INSTANCE]),
        (SHA256, [INSTANCE]),
        (ATTACHMENT, [INSTANCE]),
        (CONTENT_ITEM, [*OBSERVATIONS]),
        (STATED_VALUE, ["Quantity", *OBSERVATIONS]),
        (STATED_UNIT, ["Quantity", *OBSERVATIONS]),
        (CITED_INSTANCE, ["Reference"]),
    ],
)
def test_each_extension_we_write_has_its_definition(url: str, places: list[str]) -> None:
    name = url.rpartition("/")[2]
    page = ROOT / "docs" / "fhir" / f"StructureDefinition-{name}.json"
    definition = json.loads(page.read_text())

    assert (definition["id"], definition["url"]) == (name, url)
    assert [one["expression"] for one in definition["context"]] == places
