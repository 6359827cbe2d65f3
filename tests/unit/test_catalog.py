"""The catalog: any order in, ordered studies out, disagreements settled."""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.catalog import (
    Batch,
    RowEncoder,
    assemble_study,
    attach,
    find_patient_conflicts,
    open_catalog,
)
from dicom2fhir.errors import OutputError, StateLockedError
from dicom2fhir.model import Candidate, Instance, Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom2fhir.catalog import Assembled, Catalog
    from dicom2fhir.model import Attributes

CT = "1.2.840.10008.5.1.4.1.1.2"


def make_instance(
    sop: str,
    *,
    series: str = "1.2.3",
    study: str = "1.2",
    patient: Mapping[str, list[str]] | None = None,
    rejects: tuple[Reference, ...] = (),
    number: str = "1",
    **series_attributes: list[str],
) -> Instance:
    return Instance(
        sop_class_uid=CT,
        sop_instance_uid=sop,
        series_uid=series,
        study_uid=study,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        part10=True,
        patient=patient if patient is not None else {"PatientID": ["P1"], "PatientName": ["A^B"]},
        study={"StudyDate": ["20240203"]},
        series={"Modality": ["CT"], **series_attributes},
        attributes={"InstanceNumber": [number]},
        rejection_code="113001" if rejects else None,
        rejects=rejects,
    )


def issuer_of(attributes: Attributes) -> str:
    return str(attributes.get("IssuerOfPatientID", [""])[0]).lower()


def fill(catalog: Catalog, instances: list[Instance]) -> None:
    batch = Batch()
    encoder = RowEncoder(batch)
    for place, instance in enumerate(instances):
        number = catalog.number_source()
        catalog.add_sources([(number, Candidate(path=f"/in/{place}"), "instance")])
        encoder.add(instance, number)
    catalog.add(batch)
    catalog.finish_reading()


def assemble(
    instances: list[Instance], digests: Mapping[int, str] | None = None, *, keep: bool = False
) -> Assembled:
    with open_catalog(None, "") as catalog:
        fill(catalog, instances)
        return assemble_study(
            catalog,
            "1.2",
            lambda source: (digests or {})[source],
            issuer_of,
            keep_rejected=keep,
        )


def test_the_order_of_the_input_does_not_matter() -> None:
    instances = [
        make_instance(f"1.9.{n}", series=f"1.3.{n % 3}", number=str(n), SeriesNumber=[str(n % 3)])
        for n in range(20)
    ]
    shuffled = instances[:]
    random.Random(7).shuffle(shuffled)  # noqa: S311
    first, second = assemble(instances).studies[0], assemble(shuffled).studies[0]

    def order(study: object) -> list[list[str]]:
        return [[one.uid for one in series.instances] for series in study.series]  # type: ignore[attr-defined]

    assert order(first) == order(second)
    assert [series.uid for series in first.series] == ["1.3.0", "1.3.1", "1.3.2"]
    assert [one.uid for one in first.series[1].instances] == [f"1.9.{n}" for n in range(1, 20, 3)]


def test_what_most_instances_hold_wins_and_then_the_lowest_value() -> None:
    most = assemble(
        [make_instance(f"1.{n}", BodyPartExamined=[part]) for n, part in enumerate("BABA")]
    )
    assert most.studies[0].series[0].attributes["BodyPartExamined"] == ["A"]
    tied = assemble(
        [make_instance(f"1.{n}", BodyPartExamined=[part]) for n, part in enumerate("BBA")]
    )
    assert tied.studies[0].series[0].attributes["BodyPartExamined"] == ["B"]


def test_series_attributes_that_differ_are_reported_and_a_side_is_left_out() -> None:
    assembled = assemble(
        [
            make_instance("1.1", Modality=["MR"], Laterality=["L"]),
            make_instance("1.2", Laterality=["R"]),
            make_instance("1.3", Laterality=["R"]),
        ]
    )
    assert assembled.studies[0].series[0].attributes == {"Modality": ["CT"]}
    assert [(problem.code, problem.tag, problem.source) for problem in assembled.problems] == [
        ("catalog.series-conflict", "(0020,0060)", 1),
        ("catalog.series-conflict", "(0008,0060)", 1),
    ]


def test_an_absent_value_contradicts_nobody() -> None:
    study = assemble([make_instance("1.1"), make_instance("1.2", BodyPartExamined=["CHEST"])])
    assert study.studies[0].series[0].attributes["BodyPartExamined"] == ["CHEST"]


def test_one_image_of_a_phantom_makes_no_phantom_of_a_patient() -> None:
    person = {"PatientID": ["P1"]}
    phantom = {**person, "QualityControlSubject": ["YES"]}
    among = assemble([make_instance("1.1", patient=phantom), make_instance("1.2", patient=person)])
    assert among.studies[0].patient["QualityControlSubject"] == ["NO"]
    assert [(problem.code, problem.tag) for problem in among.problems] == [
        ("catalog.patient-conflict", "(0010,0200)")
    ]
    alone = assemble([make_instance("1.1", patient=phantom)])
    assert alone.studies[0].patient == phantom


def test_the_same_bytes_again_are_a_duplicate() -> None:
    assembled = assemble([make_instance("1.1"), make_instance("1.1")], {1: "aa", 2: "aa"})
    assert assembled.studies[0].instance_count == 1
    assert (assembled.duplicates, assembled.conflicts) == (1, 0)
    assert [problem.code for problem in assembled.problems] == ["catalog.duplicate"]


def test_of_conflicting_copies_the_lowest_hash_is_kept() -> None:
    instances = [make_instance("1.1", number="5"), make_instance("1.1", number="6")]
    assembled = assemble(instances, {1: "bb", 2: "aa"})
    kept = assembled.studies[0].series[0].instances
    assert [one.attributes["InstanceNumber"] for one in kept] == [["6"]]
    assert [(p.code, p.source) for p in assembled.problems] == [("catalog.conflict", 1)]


def test_bytes_are_compared_only_where_a_uid_recurs() -> None:
    assert assemble([make_instance("1.1"), make_instance("1.2")], {}).duplicates == 0


def test_two_patients_under_one_study_uid_are_kept_apart() -> None:
    other = {"PatientID": ["P2"], "PatientName": ["C^D"]}
    assembled = assemble([make_instance("1.1"), make_instance("1.1", patient=other)])
    assert [study.patient["PatientID"] for study in assembled.studies] == [["P1"], ["P2"]]
    assert all(study.shared_uid for study in assembled.studies)
    assert [problem.code for problem in assembled.problems] == ["catalog.study-two-patients"]


@pytest.mark.parametrize(
    "patient",
    [
        {"PatientName": ["a^b"]},
        {},
        {"PatientID": ["P1"], "IssuerOfPatientID": ["HOSPITAL"]},
    ],
)
def test_a_header_that_leaves_out_identity_joins_the_only_patient(
    patient: Mapping[str, list[str]],
) -> None:
    assembled = assemble([make_instance("1.1"), make_instance("1.2", patient=patient)])
    assert len(assembled.studies) == 1
    assert assembled.studies[0].patient["PatientID"] == ["P1"]


def test_a_nameless_id_does_not_join_a_stranger() -> None:
    stranger = {"PatientName": ["Other^Person"]}
    assembled = assemble([make_instance("1.1"), make_instance("1.2", patient=stranger)])
    assert len(assembled.studies) == 2


def test_one_id_from_two_issuers_is_two_patients() -> None:
    patients = [{"PatientID": ["1"], "IssuerOfPatientID": [issuer]} for issuer in ("A", "B")]
    assembled = assemble([make_instance(f"1.{n}", patient=p) for n, p in enumerate(patients)])
    assert len(assembled.studies) == 2


def test_two_spellings_of_one_issuer_are_one_patient() -> None:
    patients = [{"PatientID": ["1"], "IssuerOfPatientID": [issuer]} for issuer in ("A", "a")]
    assembled = assemble([make_instance(f"1.{n}", patient=p) for n, p in enumerate(patients)])
    assert len(assembled.studies) == 1


def test_two_strangers_without_id_are_two_patients() -> None:
    patients = [
        {"PatientName": ["A^A"], "PatientBirthDate": [date]} for date in ("19600101", "19900101")
    ]
    assembled = assemble([make_instance(f"1.{n}", patient=p) for n, p in enumerate(patients)])
    assert len(assembled.studies) == 2


def test_a_backslash_belongs_to_the_patient_id() -> None:
    patients = [{"PatientID": ["A", other]} for other in "BC"]
    assembled = assemble([make_instance(f"1.{n}", patient=p) for n, p in enumerate(patients)])
    assert len(assembled.studies) == 2


def test_values_that_belong_together_are_not_mixed() -> None:
    old = {"Manufacturer": ["A"], "ManufacturerModelName": ["ModA"]}
    new = {"Manufacturer": ["B"], "ManufacturerModelName": ["ModB"], "DeviceSerialNumber": ["SB"]}
    assembled = assemble(
        [make_instance(f"1.{n}", **one) for n, one in enumerate([old, old, old, new, new])]
    )
    attributes = assembled.studies[0].series[0].attributes
    assert attributes["ManufacturerModelName"] == ["ModA"]
    assert "DeviceSerialNumber" not in attributes


def test_a_shorter_statement_speaks_for_the_fuller_one_it_agrees_with() -> None:
    short = {"Manufacturer": ["A"]}
    full = {"Manufacturer": ["A"], "DeviceSerialNumber": ["S"]}
    assembled = assemble(
        [make_instance(f"1.{n}", **one) for n, one in enumerate([short] * 3 + [full])]
    )
    assert assembled.studies[0].series[0].attributes["DeviceSerialNumber"] == ["S"]


def test_different_names_in_one_study_are_reported_once_for_each_attribute() -> None:
    other = {"PatientID": ["P1"], "PatientName": ["X^Y"]}
    assembled = assemble(
        [make_instance("1.1"), make_instance("1.2"), make_instance("1.3", patient=other)]
    )
    assert assembled.studies[0].patient["PatientName"] == ["A^B"]
    assert [(p.code, p.tag) for p in assembled.problems] == [
        ("catalog.patient-conflict", "(0010,0010)")
    ]


def test_rejected_instances_are_left_out_and_counted_unless_kept() -> None:
    note = make_instance(
        "1.7", series="1.4", rejects=(Reference(study_uid="1.2", sop_instance_uid="1.1"),)
    )
    instances = [make_instance("1.1"), make_instance("1.2"), note]
    assembled = assemble(instances)
    assert assembled.rejected == 1
    assert [(p.code, p.detail) for p in assembled.problems] == [("catalog.rejected", "DCM 113001")]
    assert assembled.studies[0].instance_count == 2
    assert assemble(instances, keep=True).studies[0].instance_count == 3


def test_one_patient_id_with_two_names_is_a_problem() -> None:
    named = {"PatientID": ["P1"], "PatientName": ["Z^Z"]}
    with open_catalog(None, "") as catalog:
        fill(catalog, [make_instance("1.1"), make_instance("1.2", study="1.8", patient=named)])
        assert [p.code for p in find_patient_conflicts(catalog, issuer_of)] == [
            "catalog.same-id-two-names"
        ]


def test_one_series_in_two_studies_is_seen() -> None:
    with open_catalog(None, "") as catalog:
        fill(catalog, [make_instance("1.1"), make_instance("1.2", study="1.8")])
        assert catalog.series_in_two_studies() == [(1, 2)]


def test_a_state_remembers_unchanged_files_and_forgets_changed_ones(tmp_path: Path) -> None:
    place = Candidate(path="/in/a", size=3, mtime_ns=5, inode=7)
    with open_catalog(str(tmp_path), "rules") as catalog:
        batch = Batch()
        number = catalog.number_source()
        catalog.add_sources([(number, place, "instance")])
        RowEncoder(batch).add(make_instance("1.1"), number)
        catalog.add(batch)
        catalog.finish_reading()
        catalog.mark_emitted(["1.2"], "as-before")
    with open_catalog(str(tmp_path), "rules") as catalog:
        assert catalog.find_source(place) == (number, True)
        changed = Candidate(path="/in/a", size=4, mtime_ns=5, inode=7)
        assert catalog.find_source(changed) == (number, False)
        assert catalog.study_uids(emitted_as="as-before") == []
        assert catalog.study_uids(emitted_as="another way") == ["1.2"]
        catalog.forget_source(number)
        assert catalog.study_uids(emitted_as="as-before") == ["1.2"]
        assert catalog.stored_instances("1.2") == []
    with open_catalog(str(tmp_path), "other rules") as catalog:
        assert catalog.find_source(place) is None


def test_a_state_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    with open_catalog(str(tmp_path / "state"), ""):
        pass
    for path in (tmp_path / "state").iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_a_second_run_on_one_state_is_refused_by_name(tmp_path: Path) -> None:
    code = (
        "from dicom2fhir.catalog import open_catalog\n"
        f"with open_catalog({str(tmp_path)!r}, ''): pass"
    )
    with open_catalog(str(tmp_path), ""):
        with (
            pytest.raises(StateLockedError, match=str(os.getpid())),
            open_catalog(str(tmp_path), ""),
        ):
            pass
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        assert b"StateLockedError" in done.stderr


def test_a_damaged_state_is_set_aside_and_rebuilt(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"no database at all" * 100)
    with open_catalog(str(tmp_path), "") as catalog:
        assert catalog.study_uids() == []
    assert (tmp_path / "catalog.damaged").exists()


def test_a_state_of_which_one_byte_of_a_row_has_changed_is_set_aside(tmp_path: Path) -> None:
    with open_catalog(str(tmp_path), "") as catalog:
        fill(catalog, [make_instance("1.1")])
    with open_catalog(str(tmp_path), "") as catalog:
        assert [row.sop_instance_uid for row in catalog.stored_instances("1.2")] == ["1.1"]
    path = tmp_path / "catalog.db"
    data = bytearray(path.read_bytes())
    data[data.index(b"1.1", data.index(b"1.2")) + 2] = ord("9")
    path.write_bytes(data)
    with open_catalog(str(tmp_path), "") as catalog:
        assert catalog.study_uids() == []
    assert (tmp_path / "catalog.damaged").exists()


def test_a_state_whose_last_run_did_not_come_to_its_end_is_believed(tmp_path: Path) -> None:
    with open_catalog(str(tmp_path), "") as catalog:
        fill(catalog, [make_instance("1.1")])
    with suppress(KeyboardInterrupt), open_catalog(str(tmp_path), "") as catalog:
        fill(catalog, [make_instance("1.3")])
        raise KeyboardInterrupt
    with open_catalog(str(tmp_path), "") as catalog:
        assert len(catalog.stored_instances("1.2")) == 2


def test_a_catalog_that_is_no_file_ends_the_run_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").mkdir()
    with pytest.raises(OutputError, match="cannot be opened"), open_catalog(str(tmp_path), ""):
        pass


def test_damage_that_shows_while_running_is_set_aside_for_the_next_run(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="damaged"), open_catalog(str(tmp_path), ""):
        raise sqlite3.DatabaseError("database disk image is malformed")
    assert (tmp_path / "catalog.damaged").exists()
    with open_catalog(str(tmp_path), "") as catalog:
        assert catalog.study_uids() == []


def test_what_a_killed_run_left_is_removed_by_the_next_and_a_running_one_is_not(
    tmp_path: Path,
) -> None:
    code = (
        "import os, signal\n"
        "from dicom2fhir.catalog import open_catalog\n"
        f"with open_catalog(None, '', {str(tmp_path)!r}): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    (left,) = tmp_path.iterdir()
    with (
        open_catalog(None, "", str(tmp_path)) as first,
        open_catalog(None, "", str(tmp_path)) as second,
    ):
        assert sorted(tmp_path.iterdir()) == sorted([first.path.parent, second.path.parent])
    assert not left.exists()


def test_a_full_disk_ends_the_run_in_one_sentence() -> None:
    with pytest.raises(OutputError, match="catalog"), open_catalog(None, "") as catalog:
        raise sqlite3.OperationalError(str(catalog.path))


def test_a_lock_that_cannot_name_its_process_is_one_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwrite", fail)
    with (
        open_catalog(str(tmp_path), ""),
        pytest.raises(StateLockedError),
        open_catalog(str(tmp_path), ""),
    ):
        pass


def test_a_temporary_catalog_leaves_nothing_behind() -> None:
    with open_catalog(None, "") as catalog:
        folder = catalog.path.parent
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc here")
def test_nothing_of_a_closed_catalog_stays_open(tmp_path: Path) -> None:
    def open_files() -> list[str]:
        paths = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
        return [path for path in paths if path.startswith(str(tmp_path))]

    with open_catalog(str(tmp_path), "") as catalog:
        assert attach(str(catalog.path)) is attach(str(catalog.path))
        assert open_files()
    assert not open_files()
    (tmp_path / "catalog.digest").unlink()
    (tmp_path / "catalog.db").write_bytes(b"no database" * 999)
    with open_catalog(str(tmp_path), ""):
        assert not [path for path in open_files() if path.endswith("damaged")]
