from __future__ import annotations

import base64
import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.errors import OutputError
from dicom2fhir.problems import Problem
from dicom2fhir.report.document import (
    REPORT_VERSION,
    can_write_report,
    encode_report,
    write_report,
)
from dicom2fhir.report.summary import Counts, Outcome, ProblemTally, Timing

if TYPE_CHECKING:
    from pathlib import Path

    from dicom2fhir.model import Json


def outcome(path: str = "a/b.dcm") -> Outcome:
    tally = ProblemTally()
    tally.add(Problem(code="read.truncated", tag="(7FE0,0010)", detail="pixel data"), path)
    return Outcome(
        counts=Counts(files=2, dicom=2, converted=1, failed=1),
        problems=tally.rows(),
        timings=(Timing(stage="read", seconds=0.1234567),),
        version="1.2.3",
        exit_code=1,
    )


def document(one: Outcome) -> Json:
    return json.loads(b"".join(encode_report(one, "convert")))


def test_the_report_holds_what_version_1_promises() -> None:
    report = document(outcome())
    assert report["report"] == "dicom2fhir"
    assert report["version"] == REPORT_VERSION == "1.0"
    assert report["tool"] == {"name": "dicom2fhir", "version": "1.2.3"}
    assert report["command"] == "convert"
    assert report["exit_code"] == 1
    assert report["counts"]["files"] == 2
    assert report["counts"]["converted"] == 1
    assert report["timings"] == {"read": 0.123457}


def test_each_problem_says_code_severity_stage_count_and_where() -> None:
    (problem,) = document(outcome())["problems"]
    assert problem["code"] == "read.truncated"
    assert problem["severity"] == "error"
    assert problem["stage"] == "read"
    assert problem["count"] == 1
    assert problem["message"]
    assert problem["advice"]
    assert problem["examples"] == [
        {"path": "a/b.dcm", "tag": "(7FE0,0010)", "detail": "pixel data"}
    ]


def test_a_path_that_is_no_utf_8_can_be_read_and_restored() -> None:
    name = os.fsdecode(b"a\xff.dcm")
    (place,) = document(outcome(name))["problems"][0]["examples"]
    assert place["path"] == "a\\xff.dcm"
    assert base64.b64decode(place["path_base64"]) == b"a\xff.dcm"


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_report(str(path), [b"{", b"}"])
    assert path.read_bytes() == b"{}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_report_replaces_an_older_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_report(str(path), [b"old and longer"])
    write_report(str(path), [b"new"])
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_written_to_not_replaced(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    write_report(str(link), [b"{", b"}"])
    assert link.is_symlink()


def test_a_link_is_followed_not_replaced(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "report.json")
    write_report(str(link), [b"{", b"}"])
    assert link.is_symlink()
    assert (tmp_path / "report.json").read_bytes() == b"{}"


def test_a_folder_that_is_missing_is_an_output_error(tmp_path: Path) -> None:
    path = str(tmp_path / "missing" / "report.json")
    assert not can_write_report(path)
    with pytest.raises(OutputError, match="cannot be written") as raised:
        write_report(path, [b"{", b"}"])
    assert str(tmp_path) not in str(raised.value)


def test_a_place_for_the_report_is_known_before_the_work(tmp_path: Path) -> None:
    assert can_write_report(str(tmp_path / "report.json"))
    assert can_write_report(os.devnull)
    assert not can_write_report(str(tmp_path))
