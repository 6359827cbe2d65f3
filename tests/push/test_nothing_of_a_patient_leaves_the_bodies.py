"""What a server, a proxy, a log or the state sees beside the bodies: nothing of a patient."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from holdings import read_bundles
from places import ROOT
from runs import Run, run_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fhir_store import Resource
    from recording_server import RecordingServer

SOURCES = [ROOT / "samples" / "studies" / name for name in ("mr_brain", "dx_chest")]
MODES = ({}, {"update_create": False}, {"update_create": False, "conditional_update": False})


def values_of(resources: list[Resource]) -> set[str]:
    """Return names, numbers, dates of birth and UIDs, as they are and as they are encoded."""
    found: set[str] = set()
    for one in resources:
        if one["resourceType"] == "Patient":
            found |= {part for name in one["name"] for part in name.values() if len(part) > 4}
            found |= {name["family"] for name in one["name"] if "family" in name}
            found |= {one.get("birthDate", ""), *(each["value"] for each in one["identifier"])}
        if one["resourceType"] == "ImagingStudy":
            found |= {each["value"].removeprefix("urn:oid:") for each in one["identifier"]}
            for series in one["series"]:
                found |= {series["uid"], *(each["uid"] for each in series["instance"])}
    own = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5")
    kept = {value for value in found if isinstance(value, str) and len(value) > 3}
    return {value for value in kept if not own.search(value)}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("canaries") / "bundles"
    made = run_here("convert", *SOURCES, "-o", folder, "--max-entries", "6")
    assert made.code == 0, str(made)
    return folder


def leaks(values: set[str], texts: Iterator[str]) -> list[tuple[str, str]]:
    return [(value, text[:200]) for text in texts for value in values if value in text]


def outside_of_bodies(server: RecordingServer, run: Run, folder: Path) -> Iterator[str]:
    for one in server.record:
        yield one.path
        yield from (f"{name}: {value}" for name, value in one.headers.items())
    yield run.stderr
    yield run.stdout
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes().decode("latin-1")


@pytest.mark.parametrize("mode", MODES, ids=["put", "conditional-put", "conditional-create"])
def test_push_shows_nothing_but_in_bodies(
    recorder: RecordingServer, bundles: Path, tmp_path: Path, mode: dict[str, bool]
) -> None:
    for name, value in mode.items():
        setattr(recorder.switches, name, value)
    values = values_of(read_bundles(bundles))
    assert len(values) > 20
    run = run_here(
        *("push", bundles, "--to", recorder.base, "--state", tmp_path / "state"),
        *("-vv", "--log-file", tmp_path / "log", "--report", tmp_path / "report.json"),
    )
    assert run.code == 0, str(run)
    assert any(one.body for one in recorder.record)
    assert leaks(values, outside_of_bodies(recorder, run, tmp_path)) == []
    # The check itself finds what it looks for.
    assert leaks(values, (one.body.decode("latin-1") for one in recorder.record))


def test_a_refusal_shows_no_value_that_the_server_quotes(
    recorder: RecordingServer, bundles: Path, tmp_path: Path
) -> None:
    """Two Patients match the condition; the server's diagnostics name its value."""
    patients = [one for one in read_bundles(bundles) if one["resourceType"] == "Patient"]
    for one in [*patients, *patients]:
        recorder.store.create({key: value for key, value in one.items() if key != "id"})
    recorder.switches.update_create = False
    run = run_here("push", bundles, "--to", recorder.base, "--state", tmp_path / "state", "-vv")
    assert run.code in {1, 4}, str(run)
    values = values_of(read_bundles(bundles))
    assert leaks(values, outside_of_bodies(recorder, run, tmp_path)) == []


@pytest.mark.parametrize("kind", ["study-uid", "patient"])
def test_fetch_asks_for_values_in_bodies_only(
    recorder: RecordingServer, bundles: Path, tmp_path: Path, kind: str
) -> None:
    state = tmp_path / "state"
    pushed = run_here("push", bundles, "--to", recorder.base, "--state", state)
    assert pushed.code == 0, str(pushed)
    recorder.forget()
    study = recorder.store.of_type("ImagingStudy")[0].resource
    uids = [one for one in study["identifier"] if one.get("system") == "urn:dicom:uid"]
    wanted = uids[0]["value"].removeprefix("urn:oid:")
    if kind == "patient":
        subject = recorder.store.read(study["subject"]["reference"]).resource
        identifier = subject["identifier"][0]
        wanted = "|".join(filter(None, (identifier.get("system"), identifier["value"])))
    asked = tmp_path / "asked"
    asked.write_text(f"{wanted}\n")
    out = tmp_path / "out"
    run = run_here("fetch", f"{kind}:{asked}", "--from", recorder.base, "-o", out, "-vv")
    assert run.code == 0, str(run)
    empty = tmp_path / "nothing"
    os.mkdir(empty)
    assert leaks(values_of(read_bundles(bundles)), outside_of_bodies(recorder, run, empty)) == []
    assert list(out.rglob("*.dcm"))
