"""Whatever stands under UCUM's system is UCUM, as the National Library of Medicine judges."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

import launching
from recovered import STATED_UNIT, Resource, convert_files, extension_of
from writer import NO_UNITS, Code, container, document, num, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from judged import Judged

pytestmark = pytest.mark.xdist_group("reports")

UCUM = "http://unitsofmeasure.org"
UNITS: dict[str, str | None] = {
    "1": "1", "%": "%", "mm": "mm", "cm": "cm", "m": "m", "um": "um", "mm2": "mm2", "cm2": "cm2",
    "mm3": "mm3", "cm3": "cm3", "ml": "ml", "mL": "mL", "l": "l", "g": "g", "kg": "kg",
    "g/ml": "g/ml", "g/m2": "g/m2", "s": "s", "ms": "ms", "min": "min", "h": "h", "d": "d",
    "wk": "wk", "a": "a", "Hz": "Hz", "kV": "kV", "mA": "mA", "uA.s": "uA.s", "mA.s": "mA.s",
    "mGy": "mGy", "Gy": "Gy", "Gy.m2": "Gy.m2", "dGy.cm2": "dGy.cm2", "mGy.cm": "mGy.cm",
    "uGy.m2": "uGy.m2", "mSv": "mSv", "Bq": "Bq", "MBq": "MBq", "Bq/ml": "Bq/ml", "deg": "deg",
    "[hnsf'U]": "[hnsf'U]", "g/ml{SUVbw}": "g/ml{SUVbw}", "cm2/ml{SUVbsa}": "cm2/ml{SUVbsa}",
    "{ratio}": "{ratio}", "{events}": "{events}", "{pulse}/s": "{pulse}/s", "N": "N", "kPa": "kPa",
    "mm[Hg]": "mm[Hg]", "m/s": "m/s", "cm/s": "cm/s", "cm/s2": "cm/s2", "l/min": "l/min",
    "{H.B.}/min": "{H.B.}/min", "mm2/s": "mm2/s", "um2/s": "um2/s", "/min": "/min",
    "10*-6.mm2/s": "10*-6.mm2/s", "{counts}": "{counts}",
    "mGycm": "mGy.cm", "uAs": "uA.s", "Gym2": "Gy.m2", "Gy.cm^2": "Gy.cm2",
    "pulse/s": "{pulse}/s", "X-ray sources": "{X-Ray_sources}",
    "{X-Ray sources}": "{X-Ray_sources}", "{SUVbw}g/ml": "g/ml{SUVbw}",
    "HU": "[hnsf'U]", "mGy cm": "mGy.cm", "px": None, "mm Hg": None, "cm per second": None,
    "ml/min/100g": None, "mm/": None, "[unknown]": None, "{unclosed": None,
}  # fmt: skip
"""What is stated under UCUM, and the code that comes out under its system; None: none."""
SCHEMES: dict[Code, str | None] = {
    ("mm", "UCM", "millimetre"): "mm",
    ("HU", "99dcmjsUnit", "HU"): None,
    ("mm", "", "mm"): None,
}


@pytest.fixture(scope="module")
def judge() -> Path:
    try:
        return launching.install_ucum()
    except launching.UnavailableError as missing:
        pytest.skip(f"LEFT OUT, no UCUM validator: {missing}")


def refused(judge: Path, units: set[str]) -> list[str]:
    run = subprocess.run(
        ["node", "judge.mjs"], cwd=judge, input=json.dumps(sorted(units)), text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    found: list[str] = json.loads(run.stdout)
    return found


def quantities(node: object) -> Iterator[Resource]:
    """Yield everything with UCUM's system, wherever it stands."""
    if isinstance(node, dict):
        if node.get("system") == UCUM:
            yield node
        for value in node.values():
            yield from quantities(value)
    elif isinstance(node, list):
        for value in node:
            yield from quantities(value)


def test_no_unit_that_is_written_under_ucum_is_refused(
    judge: Path, corpus: Judged, real_reports: Judged
) -> None:
    written = {
        one["code"]
        for judged in (corpus, real_reports)
        for one in quantities(judged.conversion.bundles)
    }
    assert len(written) > 30
    assert refused(judge, written) == []


def test_the_judge_refuses_what_is_no_ucum(judge: Path) -> None:
    assert refused(judge, {"mGycm", "{X-Ray sources}", "mm", "{SUVbw}g/ml"}) == [
        "mGycm", "{SUVbw}g/ml", "{X-Ray sources}",
    ]  # fmt: skip


def test_every_unit_of_the_table_comes_out_as_the_table_says(judge: Path, tmp_path: Path) -> None:
    table: dict[Code, str | None] = {
        (stated, "UCUM", f"words of {stated}"): written for stated, written in UNITS.items()
    } | SCHEMES
    items = [num((f"U{one}", "99TEST", f"Unit {one}"), "1.50", unit)
             for one, unit in enumerate(table)]  # fmt: skip
    root = container(("126010", "DCM", "Imaging Measurements"), *items)
    file = write(document("units", root), tmp_path / "units.dcm")
    [report] = convert_files([file], tmp_path / "units.ndjson").reports.values()
    found = {
        path: one["valueQuantity"]
        for path, [(_, one)] in report.carriers().items()
        if "valueQuantity" in one
    }
    for place, ((stated, _, meaning), written) in enumerate(table.items(), 1):
        quantity = found[f"1.{place}"]
        assert (quantity.get("code"), quantity.get("system")) == (
            (written, UCUM) if written else (quantity.get("code"), quantity.get("system"))
        )
        if written is None:
            assert quantity.get("system") != UCUM, stated
        if written not in {None, stated}:
            assert extension_of(quantity, STATED_UNIT) == stated
        assert quantity["unit"] in {meaning, stated.strip()} or written != stated
    assert refused(judge, {one for one in UNITS.values() if one}) == []
    assert NO_UNITS[0] in UNITS
