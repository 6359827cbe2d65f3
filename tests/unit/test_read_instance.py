"""Reading one file: what becomes an Instance, and which Problem tells why not."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from read_cases import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SEQUENCE_END,
    UNDEFINED,
    Case,
    MemorySource,
    big,
    codes,
    data_set,
    explicit,
    file_meta,
    identity,
    implicit,
    read,
)

from dicom2fhir.identity import replacement_uid
from dicom2fhir.model import Reference
from dicom2fhir.options import ReadOptions
from dicom2fhir.read import read_instance

KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"


def test_an_instance_holds_its_identity_and_its_attributes_by_level() -> None:
    result = Case().put(0x00080020, "DA", "20240102").put(0x00200013, "IS", "7").read()
    instance = result.instance
    assert instance is not None
    assert result.problems == ()
    assert result.lane == "fast"
    assert instance.sop_class_uid == CT
    assert (instance.study_uid, instance.series_uid) == ("2.25.12", "2.25.13")
    assert instance.sop_instance_uid == "2.25.11"
    assert instance.transfer_syntax_uid == EXPLICIT
    assert instance.part10
    assert instance.patient == {"PatientID": ("P1",)}
    assert instance.study == {"StudyDate": ("20240102",)}
    assert instance.series == {"Modality": ("CT",)}
    assert instance.attributes == {"InstanceNumber": ("7",)}
    assert instance.rejects == ()


def test_size_and_loss_are_those_of_each_image() -> None:
    case = Case().put(0x00280010, "US", b"\1\0").put(0x00280011, "US", b"\2\0")
    instance = case.put(0x00282110, "CS", "01").read().instance
    assert instance is not None
    assert instance.attributes == {"Rows": (1,), "Columns": (2,), "LossyImageCompression": ("01",)}


def test_empty_attributes_are_not_in_the_mapping() -> None:
    case = Case().put(0x00080050, "SH", "").put(0x00081030, "LO", "  ").put(0x00080008, "CS", "\\")
    instance = case.read().instance
    assert instance is not None
    assert instance.study == {}
    assert instance.attributes == {}


def test_of_two_elements_with_one_tag_the_last_counts() -> None:
    case = Case()
    case.elements[0x00100020] += explicit.element(0x00100020, "LO", "P2")
    instance = case.read().instance
    assert instance is not None
    assert instance.patient == {"PatientID": ("P2",)}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a",
        b"A text file with some words in it.\n" * 20,
        b"\x08\x00 starts like one but is text" * 20,
        b"%PDF-1.7\n" + bytes(range(256)),
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(200),
        b"PK\x03\x04" + bytes(200),
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        bytes(4096),
    ],
)
def test_anything_else_is_not_dicom(data: bytes) -> None:
    result = read(data)
    assert result.instance is None
    assert codes(result) == ["read.not-dicom"]
    assert result.problems[0].severity == "info"


@pytest.mark.parametrize(
    ("coder", "syntax", "lane"),
    [(explicit, EXPLICIT, "fast"), (implicit, IMPLICIT, "fast"), (big, BIG, "slow")],
)
def test_a_file_without_preamble_and_meta_is_read_by_its_content(
    coder: object, syntax: str, lane: str
) -> None:
    result = read(data_set(identity(coder)))  # type: ignore[arg-type]
    assert codes(result) == ["read.no-meta"]
    assert result.instance is not None
    assert result.instance.transfer_syntax_uid == syntax
    assert not result.instance.part10
    assert result.instance.patient == {"PatientID": ("P1",)}
    assert result.lane == lane


def test_a_file_without_prefix_that_names_no_instance_is_not_dicom() -> None:
    data = implicit.element(0x00080008, "CS", "ORIGINAL") + implicit.element(0x00080020, "DA", "")
    assert codes(read(data)) == ["read.not-dicom"]


@pytest.mark.parametrize(
    ("declared", "coder", "found"),
    [
        (None, explicit, EXPLICIT),
        ("", explicit, EXPLICIT),
        (EXPLICIT, implicit, IMPLICIT),
        (IMPLICIT, explicit, EXPLICIT),
        (BIG, explicit, EXPLICIT),
        (EXPLICIT, big, BIG),
        (DEFLATED, explicit, EXPLICIT),
        ("999.888.777.INVALID", explicit, EXPLICIT),
        ("1.2.840.113619.5.2", implicit, IMPLICIT),
    ],
)
def test_a_wrong_transfer_syntax_is_read_as_what_it_is(
    declared: str | None, coder: object, found: str
) -> None:
    result = Case(coder, declared).read()  # type: ignore[arg-type]
    assert codes(result) == ["read.transfer-syntax"]
    assert result.instance is not None
    assert result.instance.transfer_syntax_uid == found
    assert result.instance.patient == {"PatientID": ("P1",)}


def encapsulated() -> bytes:
    return explicit.sequence(
        0x7FE00010, explicit.item(), explicit.item(b"\xff\xd8\xff\xd9"), defined=False, vr="OB"
    )


@pytest.mark.parametrize(
    "declared",
    [JPEG, "1.3.46.670589.33.1.4.1", "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.8.1"],
)
def test_encapsulated_pixels_are_in_the_declared_syntax(declared: str) -> None:
    case = Case(syntax=declared)
    case.elements[0x7FE00010] = encapsulated()
    result = case.read()
    assert codes(result) == []
    assert result.instance is not None
    assert result.instance.transfer_syntax_uid == declared


def test_native_pixels_under_a_compressed_syntax_are_what_they_are() -> None:
    case = Case(syntax=JPEG).put(0x00280010, "US", b"\1\0").put(0x00280011, "US", b"\1\0")
    result = case.put(0x00280100, "US", b"\x10\0").read()
    assert codes(result) == ["read.transfer-syntax"]
    assert result.instance is not None
    assert result.instance.transfer_syntax_uid == EXPLICIT


@pytest.mark.parametrize("window_bits", [-15, 15])
def test_a_deflated_data_set_is_inflated(window_bits: int) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    body = packer.compress(data_set(identity())) + packer.flush()
    result = read(file_meta(DEFLATED) + body)
    assert codes(result) == []
    assert result.lane == "fast"
    assert result.instance is not None
    assert result.instance.transfer_syntax_uid == DEFLATED
    assert codes(read(file_meta(DEFLATED) + body[: len(body) // 2])) == ["read.truncated"]


def test_a_deflated_data_set_may_not_grow_without_end() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(data_set(identity()) + bytes(32 << 20)) + packer.flush()
    assert codes(read(file_meta(DEFLATED) + body)) == ["read.inflate-limit"]
    assert codes(read(file_meta(DEFLATED) + body, max_inflate_ratio=10**6)) == []
    assert codes(
        read(file_meta(DEFLATED) + body, max_inflate_ratio=10**6, max_inflated=1 << 20)
    ) == ["read.inflate-limit"]


def test_a_damaged_deflated_data_set_is_malformed() -> None:
    assert codes(read(file_meta(DEFLATED) + b"\xff" * 64)) == ["read.malformed"]


def test_a_file_of_meta_alone_has_no_identity() -> None:
    assert codes(read(file_meta())) == ["read.no-identity"]


@pytest.mark.parametrize("missing", [0x0020000D, 0x0020000E])
def test_an_instance_without_study_or_series_is_not_converted(missing: int) -> None:
    result = Case().without(missing).read()
    assert result.instance is None
    assert codes(result) == ["read.no-identity"]


def test_the_file_meta_stands_in_for_class_and_instance() -> None:
    instance = Case().without(0x00080016, 0x00080018).read().instance
    assert instance is not None
    assert (instance.sop_class_uid, instance.sop_instance_uid) == (CT, "2.25.11")


def test_objects_of_no_patient_are_told_apart() -> None:
    result = Case(sop_class="1.2.840.10008.5.1.4.38.1").without(0x0020000D).read()
    assert result.instance is None
    assert codes(result) == ["read.non-patient"]


def test_a_dicomdir_is_no_instance() -> None:
    by_class = Case(sop_class="1.2.840.10008.1.3.10").read()
    by_records = Case(elements={0x00041220: explicit.sequence(0x00041220)}).read()
    assert codes(by_class) == codes(by_records) == ["read.dicomdir"]
    assert by_class.instance is by_records.instance is None


@pytest.mark.parametrize(
    ("tag", "keyword", "level"),
    [
        (0x00080018, "OriginalSOPInstanceUID", "attributes"),
        (0x0020000E, "OriginalSeriesInstanceUID", "series"),
        (0x0020000D, "OriginalStudyInstanceUID", "study"),
    ],
)
def test_a_uid_that_no_id_can_hold_is_replaced_and_kept(tag: int, keyword: str, level: str) -> None:
    bad = "1.2." + "3" * 2000
    result = Case().put(tag, "UI", bad).read()
    instance = result.instance
    assert instance is not None
    assert codes(result) == ["read.bad-uid"]
    assert replacement_uid(bad) in (
        instance.sop_instance_uid,
        instance.series_uid,
        instance.study_uid,
    )
    assert getattr(instance, level)[keyword] == (bad[:1000],)


@pytest.mark.parametrize("uid", ["1.2.03", "1.2.x-3", "1..2"])
def test_a_uid_that_is_only_irregular_is_kept(uid: str) -> None:
    result = Case().put(0x00080018, "UI", uid).read()
    assert result.instance is not None
    assert result.instance.sop_instance_uid == uid
    assert [(one.code, one.detail) for one in result.problems] == [("read.bad-uid", "kept")]


def test_a_sop_class_must_be_a_valid_uid() -> None:
    result = Case().put(0x00080016, "UI", "CT Image").read()
    assert codes(result) == ["read.bad-uid"]
    assert result.instance is not None
    assert result.instance.sop_class_uid == replacement_uid("CT Image")
    assert result.instance.attributes["OriginalSOPClassUID"] == ("CT Image",)


def rejection(code: str, scheme: str = "DCM") -> Case:
    title = explicit.item(
        explicit.element(0x00080100, "SH", code), explicit.element(0x00080102, "SH", scheme)
    )
    reference = explicit.item(
        explicit.element(0x00081150, "UI", CT), explicit.element(0x00081155, "UI", "2.25.99")
    )
    series = explicit.item(explicit.sequence(0x00081199, reference))
    study = explicit.item(
        explicit.sequence(0x00081115, series), explicit.element(0x0020000D, "UI", "2.25.12")
    )
    return Case(
        sop_class=KEY_OBJECTS,
        elements={
            0x0040A043: explicit.sequence(0x0040A043, title),
            0x0040A375: explicit.sequence(0x0040A375, study),
            0x0040A730: explicit.sequence(0x0040A730),
        },
    )


@pytest.mark.parametrize("code", ["113001", "113037", "113038", "113039"])
def test_a_rejection_note_names_what_it_withdraws(code: str) -> None:
    instance = rejection(code).read().instance
    assert instance is not None
    assert instance.rejection_code == code
    assert instance.rejects == (Reference(study_uid="2.25.12", sop_instance_uid="2.25.99"),)


@pytest.mark.parametrize(("code", "scheme"), [("113000", "DCM"), ("113001", "99LOCAL")])
def test_any_other_key_object_withdraws_nothing(code: str, scheme: str) -> None:
    instance = rejection(code, scheme).read().instance
    assert instance is not None
    assert instance.rejection_code is None
    assert instance.rejects == ()


@pytest.mark.parametrize(
    ("sop_class", "tag", "vr"),
    [
        (CT, 0x7FE00010, "OW"),
        ("1.2.840.10008.5.1.4.1.1.88.33", 0x0040A730, "SQ"),
        ("1.2.840.10008.5.1.4.1.1.104.1", 0x00420011, "OB"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", 0x54000100, "SQ"),
    ],
)
def test_an_object_without_what_it_is_for_is_converted_with_a_warning(
    sop_class: str, tag: int, vr: str
) -> None:
    without = Case(sop_class=sop_class).without(0x7FE00010)
    result = without.read()
    assert codes(result) == ["read.no-pixels"]
    assert result.instance is not None
    assert codes(without.put(tag, vr, b"\0" * 2 if vr != "SQ" else b"").read()) == []


def test_a_failing_source_is_a_problem() -> None:
    class Failing(MemorySource):
        def read_at(self, offset: int, length: int) -> bytes:
            raise OSError(offset, str(length))

    result = read_instance(Failing(b"x" * 1000), ReadOptions())
    assert codes(result) == ["read.failed"]


def test_a_source_that_shrinks_is_unstable() -> None:
    class Shrinking(MemorySource):
        def read_at(self, offset: int, length: int) -> bytes:
            return super().read_at(offset, length) if offset == 0 else b""

    case = Case().put(0x00091010, "OB", bytes(100_000)).put(0x00101010, "AS", "030Y")
    result = read_instance(Shrinking(case.data()), ReadOptions())
    assert codes(result) == ["read.unstable"]


def test_what_pydicom_reads_in_place_of_the_scanner_is_the_same() -> None:
    # an item delimiter at the top breaks the rules: pydicom takes it for the end
    case = Case()
    case.elements[0x00101010] = b"\xfe\xff\x0d\xe0\0\0\0\0"
    result = read(
        file_meta()
        + data_set({tag: one for tag, one in case.elements.items() if tag != 0x00101010})[:-14]
        + case.elements[0x00101010]
    )
    assert result.lane == "slow"
    assert result.instance is not None
    assert result.instance.patient == {"PatientID": ("P1",)}


def test_what_pydicom_cannot_read_either_is_malformed() -> None:
    case = Case()
    case.elements[0x00091010] = explicit.element(0x00091010, "SQ", b"no item" * 4, UNDEFINED)
    result = case.read()
    assert result.instance is None
    assert codes(result) == ["read.malformed"]


def test_a_sequence_may_end_before_its_length_says() -> None:
    item = explicit.item(explicit.element(0x00080100, "SH", "1"))
    case = Case()
    case.elements[0x00081032] = explicit.element(0x00081032, "SQ", item + SEQUENCE_END)
    instance = case.read().instance
    assert instance is not None
    assert instance.study == {"ProcedureCodeSequence": ({"CodeValue": ("1",)},)}


def test_reading_little_endian_imports_neither_pydicom_nor_numpy() -> None:
    code = (
        "import sys\n"
        "from dicom2fhir.options import ReadOptions\n"
        "from dicom2fhir.read import read_instance\n"
        "from read_cases import MemorySource\n"
        "result = read_instance(MemorySource(sys.stdin.buffer.read()), ReadOptions())\n"
        "assert result.instance is not None\n"
        "assert not {'pydicom', 'numpy'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=Case().data(), cwd=Path(__file__).parent, check=False
    )
    assert done.returncode == 0
