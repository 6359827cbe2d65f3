from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from pydicom.filereader import dcmread

from content_walk import stated_numbers
from corpus import cells, faulty_report, sound_reports
from defects import DEFECTS
from writer import encode

if TYPE_CHECKING:
    from pathlib import Path


def test_there_are_forty_reports_and_more_than_twenty_five_defects() -> None:
    assert len(sound_reports()) == 40
    assert len(DEFECTS) >= 25


def test_a_share_of_the_corpus_still_meets_every_report_and_every_defect() -> None:
    chosen = list(cells(share=9))
    assert {name for name, _ in chosen} == set(sound_reports())
    assert {defect for _, defect in chosen} == set(DEFECTS)


def test_every_defect_changes_what_an_echo_report_holds() -> None:
    sound = dcmread(BytesIO(sound_reports()["echo"]))
    for defect in DEFECTS:
        faulty = faulty_report("echo", defect)
        for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
            faulty[keyword] = sound[keyword]
        assert encode(faulty) != sound_reports()["echo"], defect


def test_what_was_written_oddly_stands_in_the_file_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "odd.dcm"
    path.write_bytes(encode(faulty_report("calcium", "no-numbers")))
    assert {"10.50/ 15.00", "1,5", "0x10"} <= {
        text for one in stated_numbers(path) for text in one.texts
    }


def test_a_number_is_known_without_its_value_type(tmp_path: Path) -> None:
    sound, faulty = tmp_path / "sound.dcm", tmp_path / "faulty.dcm"
    sound.write_bytes(sound_reports()["echo"])
    faulty.write_bytes(encode(faulty_report("echo", "value-types-missing")))
    paths = [one.path for one in stated_numbers(sound)]
    assert len(paths) == 11
    assert [one.path for one in stated_numbers(faulty)] == paths


def test_the_same_report_is_the_same_bytes() -> None:
    sound_reports.cache_clear()
    first = dict(sound_reports())
    sound_reports.cache_clear()
    assert sound_reports() == first
