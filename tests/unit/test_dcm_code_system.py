"""The DICOM codes that the HL7 validator of the tests is given."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROFILE = ROOT / "tests" / "servers" / "hapi" / "profiles" / "dcm.json"


def test_the_code_system_is_what_pydicom_states() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "generate_dcm_code_system.py"))
    assert PROFILE.read_text(encoding="utf-8") == script["render"]()


def test_the_code_system_holds_each_code_once_and_the_newer_modalities() -> None:
    codes = [concept["code"] for concept in json.loads(PROFILE.read_bytes())["concept"]]
    assert len(codes) == len(set(codes))
    assert {"CT", "OT", "EEG", "M3D", "RTSTRUCT", "TEXTUREMAP", "110180", "121022"} <= set(codes)
