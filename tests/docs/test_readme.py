"""The README tells the truth: its commands run, its links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text()
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
COMMANDS = [
    line.strip()
    for block in re.findall(r"^```\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if "dicom2fhir " in line and not line.startswith("archive/")
]


def test_the_readme_has_its_five_recipes() -> None:
    recipes = README.partition("## Five recipes")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\*\*", recipes, re.MULTILINE)) == 5


@pytest.mark.parametrize("command", [one for one in COMMANDS if "pip install" not in one])
def test_each_command_runs_as_it_stands(command: str, tmp_path: Path) -> None:
    for name in ("archive", "study"):
        (tmp_path / name).symlink_to(
            ROOT / "samples" / "studies" / ("dx_chest" if name == "study" else "")
        )
    (tmp_path / "stamp").write_text("")
    os.utime(tmp_path / "stamp", (1, 1))
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    program = bin_folder / "dicom2fhir"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m dicom2fhir "$@"\n')
    curl = bin_folder / "curl"
    curl.write_text("#!/bin/sh\nexec cat > posted.json\n")
    for one in (program, curl):
        one.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PACS": "https://pacs.example/dicom-web",
        "FHIR_BASE": "http://127.0.0.1:9/fhir",
    }
    command = command.replace("find archive ", "find -L archive ")
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
