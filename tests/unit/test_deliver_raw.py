from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from deliver_cases import Source, payload
from dicom2fhir.deliver import open_raw, part_raw
from dicom2fhir.deliver.raw import COMMIT_FILES
from dicom2fhir.errors import OutputError, StateLockedError, UsageError

if TYPE_CHECKING:
    from dicom2fhir.deliver.raw import RawFolder


def binary(identity: str, content: bytes = b"DICOM") -> dict[str, Any]:
    return {
        "resourceType": "Binary",
        "id": identity,
        "contentType": "application/dicom",
        "securityContext": {"reference": "Patient/p"},
        "data": payload(content.decode(), len(content), hashlib.sha256(content).hexdigest()),
    }


def opened(folder: Path, overwrite: str = "changed", sources: tuple[str, ...] = ()) -> RawFolder:
    source = Source({text: text.encode() for text in ("DICOM", "other", "")} | {"changed": None})
    return open_raw(str(folder), sources, overwrite, source.read)


def deliver(folder: Path, *binaries: dict[str, Any], overwrite: str = "changed") -> list[str]:
    raw = opened(folder, overwrite)
    problems = [problem for one in binaries for problem in raw.write(one)]
    return [problem.code for problem in (*problems, *raw.finish())]


def listed(folder: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (folder / "binaries.ndjson").read_bytes().splitlines()]


def files(folder: Path) -> list[str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [str(path.relative_to(folder)) for path in paths]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "raw"


def test_only_binaries_of_bytes_go_beside_the_bundles() -> None:
    patient, inline = {"resourceType": "Patient"}, {"resourceType": "Binary", "data": "AAAA"}
    media = {"resourceType": "Media", "content": {"data": payload("a", 1)}}
    raw = binary("b")
    assert part_raw([raw, patient, inline, media]) == ([patient, inline, media], [raw])


def test_each_binary_becomes_a_file_and_a_line(out: Path) -> None:
    assert deliver(out, binary("bb2", b"other"), binary("aa1")) == []
    assert files(out) == ["aa/aa1", "bb/bb2", "binaries.ndjson"]
    assert (out / "aa" / "aa1").read_bytes() == b"DICOM"
    first, second = listed(out)
    assert first == {
        "id": "aa1",
        "path": "aa/aa1",
        "contentType": "application/dicom",
        "size": 5,
        "sha256": hashlib.sha256(b"DICOM").hexdigest(),
        "securityContext": "Patient/p",
    }
    assert second["id"] == "bb2"


def test_a_binary_without_a_context_has_none_in_its_line(out: Path) -> None:
    plain = {key: value for key, value in binary("aa1").items() if key != "securityContext"}
    assert deliver(out, plain) == []
    assert "securityContext" not in listed(out)[0]


def test_what_is_written_counts(out: Path) -> None:
    deliver(out, binary("aa1"))
    raw = opened(out)
    for one in (binary("aa1"), binary("aa2", b"other")):
        assert raw.write(one) == ()
    raw.finish()
    assert (raw.files, raw.bytes, raw.unchanged) == (2, 10, 1)


def test_only_the_owner_may_read_it(out: Path) -> None:
    before = os.umask(0)
    try:
        deliver(out, binary("aa1"))
    finally:
        os.umask(before)
    modes = {path: (out / path).stat().st_mode & 0o777 for path in (".", "aa", *files(out))}
    assert modes == {".": 0o700, "aa": 0o700, "aa/aa1": 0o600, "binaries.ndjson": 0o600}


def test_the_same_bytes_are_left_alone_and_others_replaced(out: Path) -> None:
    deliver(out, binary("aa1"), binary("aa2"))
    unchanged = [(path, (out / path).stat().st_ino) for path in files(out)]
    assert deliver(out, binary("aa2"), binary("aa1")) == []
    assert [(path, (out / path).stat().st_ino) for path in files(out)] == unchanged
    before = (out / "aa" / "aa1").stat()
    assert deliver(out, binary("aa1"), binary("aa2", b"other")) == []
    after = (out / "aa" / "aa1").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert (out / "aa" / "aa2").read_bytes() == b"other"
    assert listed(out)[1]["sha256"] == hashlib.sha256(b"other").hexdigest()


def test_never_keeps_other_bytes_and_the_line_of_them(out: Path) -> None:
    deliver(out, binary("aa1"))
    assert deliver(out, binary("aa1", b"other"), overwrite="never") == ["deliver.kept"]
    assert (out / "aa" / "aa1").read_bytes() == b"DICOM"
    assert listed(out)[0]["sha256"] == hashlib.sha256(b"DICOM").hexdigest()


def test_always_writes_the_same_bytes_again(out: Path) -> None:
    deliver(out, binary("aa1"))
    with (out / "aa" / "aa1").open():  # so that the inode is not used again
        before = (out / "aa" / "aa1").stat().st_ino
        assert deliver(out, binary("aa1"), overwrite="always") == []
        assert (out / "aa" / "aa1").stat().st_ino != before


@pytest.mark.parametrize("overwrite", ["changed", "always", "never"])
def test_what_is_no_file_is_left_alone(out: Path, tmp_path: Path, overwrite: str) -> None:
    (out / "aa" / "aa2").mkdir(parents=True)
    (tmp_path / "elsewhere").write_text("mine")
    (out / "aa" / "aa1").symlink_to(tmp_path / "elsewhere")
    codes = deliver(out, binary("aa1"), binary("aa2"), overwrite=overwrite)
    assert codes == ["deliver.foreign", "deliver.foreign"]
    assert (tmp_path / "elsewhere").read_text() == "mine"


def test_a_source_that_changed_leaves_no_file_and_no_line(out: Path) -> None:
    assert deliver(out, binary("aa1", b"changed"), binary("aa2")) == ["deliver.source-changed"]
    assert files(out) == ["aa/aa2", "binaries.ndjson"]
    assert [line["id"] for line in listed(out)] == ["aa2"]


def test_what_earlier_runs_have_written_stays_listed_while_it_is_there(out: Path) -> None:
    deliver(out, binary("aa1"), binary("aa2"), binary("aa3"))
    (out / "aa" / "aa2").unlink()
    assert deliver(out, binary("aa0"), binary("aa3", b"other")) == []
    assert [(line["id"], line["size"]) for line in listed(out)] == [
        ("aa0", 5),
        ("aa1", 5),
        ("aa3", 5),
    ]


def test_the_order_does_not_show(tmp_path: Path) -> None:
    made = [binary(f"{number:02x}") for number in range(COMMIT_FILES + 3)]
    deliver(tmp_path / "a", *made)
    deliver(tmp_path / "b", *reversed(made))
    first, second = ((tmp_path / name / "binaries.ndjson").read_bytes() for name in "ab")
    assert first == second
    assert len(first.splitlines()) == COMMIT_FILES + 3


@pytest.mark.parametrize("text", ["{", "[]\n", '{"id": "aa1", "path": "../../x"}\n'])
def test_a_list_that_is_not_ours_ends_the_run(out: Path, text: str) -> None:
    out.mkdir()
    (out / "binaries.ndjson").write_text(text)
    with pytest.raises(OutputError, match="not ours"):
        opened(out)
    assert files(out) == ["binaries.ndjson"]


def test_two_runs_cannot_write_one_folder_at_a_time(out: Path) -> None:
    raw = opened(out)
    with pytest.raises(StateLockedError):
        opened(out)
    raw.write(binary("aa1"))
    raw.finish()
    assert deliver(out, binary("aa1")) == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc here")
def test_bytes_are_safe_before_their_name_and_names_before_the_list(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = opened(out)
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def record_fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append(f"fsync {path.suffix or path.name}")
        fsync(descriptor)

    def record_replace(path: Path, target: Path) -> Path:
        steps.append(f"name {target.name}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "replace", record_replace)
    raw.write(binary("aa1"))
    raw.finish()
    placed = ["fsync .tmp", "name aa1", "fsync aa", "fsync raw"]
    assert steps == [*placed, "fsync .tmp", "name binaries.ndjson", "fsync raw"]


def test_an_aborted_run_leaves_no_trace_of_itself(out: Path) -> None:
    raw = opened(out)
    raw.write(binary("aa1"))
    raw.abort()
    raw.abort()
    assert not out.exists()


def test_temporary_files_of_dead_runs_are_removed(out: Path) -> None:
    out.mkdir()
    (out / ".dicom2fhir-raw-0123456789abcdef.tmp").write_text("half")
    deliver(out, binary("aa1"))
    assert files(out) == ["aa/aa1", "binaries.ndjson"]


def test_an_empty_run_leaves_no_folder(out: Path) -> None:
    assert deliver(out) == []
    assert not out.exists()


def test_the_folder_may_not_lie_in_a_source(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="raw folder"):
        opened(tmp_path / "raw", sources=(str(tmp_path),))
