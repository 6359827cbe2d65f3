from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import orjson
import pytest

from deliver_cases import joined, read_nothing
from dicom2fhir.deliver import open_sink
from dicom2fhir.deliver.folder import COMMIT_FILES, file_name
from dicom2fhir.errors import OutputError, StateLockedError
from dicom2fhir.model import EncodedBundle, EncodedEntry
from dicom2fhir.options import OutputOptions

TEMPORARY = ".dicom2fhir-folder-0123456789abcdef.tmp"


def bundle(name: str, text: str = "a", part: int = 1, parts: int = 1) -> EncodedBundle:
    data = orjson.dumps({"fullUrl": f"urn:uuid:{name}-{part}", "text": text})
    entry = EncodedEntry(full_url=f"urn:uuid:{name}-{part}", request={}, pieces=(data,))
    return EncodedBundle(name=name, entries=(entry,), part=part, parts=parts)


def deliver(folder: Path, *bundles: EncodedBundle, overwrite: str = "changed") -> list[str]:
    """Run once; return the codes of the Problems."""
    sink = open_sink(OutputOptions(path=str(folder), overwrite=overwrite), (), read_nothing)
    problems = [problem for one in bundles for problem in sink.write(one)]
    return [problem.code for problem in (*problems, *sink.finish())]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_each_bundle_becomes_a_file_of_its_own(out: Path) -> None:
    sink = open_sink(OutputOptions(path=str(out)), (), read_nothing)
    first, second = bundle("1.2"), bundle("1.3", parts=2)
    last = bundle("1.3", part=2, parts=2)
    assert [sink.write(one) for one in (first, second, last)] == [(), (), ()]
    assert sink.finish() == ()
    assert names(out) == ["1.2.json", "1.3.part-001.json", "1.3.part-002.json"]
    assert (out / "1.2.json").read_bytes() == joined(first)
    assert (sink.bundles, sink.entries, sink.files, sink.unchanged) == (3, 3, 3, 0)
    assert sink.bytes == sum(len(joined(one)) for one in (first, second, last))
    assert hidden(out) == [".dicom2fhir.json"]


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_only_the_owner_may_read_what_was_written(out: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        deliver(out, bundle("1.2"))
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in out.iterdir()}
    assert (out.stat().st_mode & 0o777, modes) == (0o700, {0o600})


def test_the_same_bytes_are_left_alone(out: Path) -> None:
    deliver(out, bundle("1.2"))
    before = (out / "1.2.json").stat()
    sink = open_sink(OutputOptions(path=str(out)), (), read_nothing)
    sink.write(bundle("1.2"))
    sink.finish()
    after = (out / "1.2.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert (sink.files, sink.unchanged) == (1, 1)


def test_a_changed_bundle_replaces_its_file(out: Path) -> None:
    deliver(out, bundle("1.2", "old"))
    assert deliver(out, bundle("1.2", "new")) == []
    assert b"new" in (out / "1.2.json").read_bytes()


def test_always_writes_the_same_bytes_again(out: Path) -> None:
    deliver(out, bundle("1.2"))
    before = (out / "1.2.json").stat().st_ino
    keep = (out / "1.2.json").open()  # so that the inode is not used again
    assert deliver(out, bundle("1.2"), overwrite="always") == []
    keep.close()
    assert (out / "1.2.json").stat().st_ino != before


def test_never_keeps_what_is_there(out: Path) -> None:
    deliver(out, bundle("1.2", "old"))
    assert deliver(out, bundle("1.2", "new"), overwrite="never") == ["deliver.kept"]
    assert b"old" in (out / "1.2.json").read_bytes()


@pytest.mark.parametrize("overwrite", ["changed", "always", "never"])
def test_the_file_of_a_stranger_is_never_touched(out: Path, overwrite: str) -> None:
    out.mkdir()
    (out / "1.2.json").write_text("mine")
    assert deliver(out, bundle("1.2"), overwrite=overwrite) == ["deliver.foreign"]
    assert (out / "1.2.json").read_text() == "mine"


def test_a_link_in_the_place_of_a_file_is_a_strangers(out: Path, tmp_path: Path) -> None:
    out.mkdir()
    (tmp_path / "elsewhere").write_text("mine")
    (out / "1.2.json").symlink_to(tmp_path / "elsewhere")
    assert deliver(out, bundle("1.2"), overwrite="always") == ["deliver.foreign"]
    assert (tmp_path / "elsewhere").read_text() == "mine"


def test_a_folder_in_the_place_of_a_file_is_a_strangers(out: Path) -> None:
    (out / "1.2.json").mkdir(parents=True)
    assert deliver(out, bundle("1.2"), overwrite="always") == ["deliver.foreign"]


def test_a_file_that_was_edited_is_kept_unless_always(out: Path) -> None:
    deliver(out, bundle("1.2", "old"))
    (out / "1.2.json").write_text("edited")
    assert deliver(out, bundle("1.2", "new")) == ["deliver.foreign"]
    assert (out / "1.2.json").read_text() == "edited"
    assert deliver(out, bundle("1.2", "new"), overwrite="always") == []
    assert (out / "1.2.json").read_bytes() == joined(bundle("1.2", "new"))


def test_equal_bytes_without_a_manifest_are_no_problem(out: Path) -> None:
    deliver(out, bundle("1.2"))
    (out / ".dicom2fhir.json").unlink()
    assert deliver(out, bundle("1.2")) == []


def test_parts_that_are_no_longer_made_are_removed(out: Path) -> None:
    deliver(out, *(bundle("1.2", part=part, parts=3) for part in (1, 2, 3)), bundle("1.20"))
    assert deliver(out, bundle("1.2")) == []
    assert names(out) == ["1.2.json", "1.20.json"]
    assert deliver(out, *(bundle("1.2", part=part, parts=2) for part in (1, 2))) == []
    assert names(out) == ["1.2.part-001.json", "1.2.part-002.json", "1.20.json"]


def test_an_old_part_that_was_edited_stays(out: Path) -> None:
    deliver(out, *(bundle("1.2", part=part, parts=2) for part in (1, 2)))
    (out / "1.2.part-002.json").write_text("edited")
    assert deliver(out, bundle("1.2")) == ["deliver.foreign"]
    assert names(out) == ["1.2.json", "1.2.part-002.json"]


def test_never_removes_no_old_part(out: Path) -> None:
    deliver(out, *(bundle("1.2", part=part, parts=2) for part in (1, 2)))
    assert deliver(out, bundle("1.2"), overwrite="never") == ["deliver.kept", "deliver.kept"]
    assert names(out) == ["1.2.json", "1.2.part-001.json", "1.2.part-002.json"]


def test_files_of_studies_that_did_not_come_again_stay(out: Path) -> None:
    deliver(out, bundle("1.2"), bundle("1.3"))
    deliver(out, bundle("1.3", "new"))
    assert names(out) == ["1.2.json", "1.3.json"]
    assert deliver(out, bundle("1.2", "new")) == []


def test_the_same_run_makes_the_same_manifest(tmp_path: Path) -> None:
    for name, order in (("a", (1, 2, 3)), ("b", (3, 1, 2))):
        deliver(tmp_path / name, *(bundle(f"1.{number}") for number in order))
    first, second = (tmp_path / name / ".dicom2fhir.json" for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert orjson.loads(first.read_bytes())["version"] == 1


def test_part_names_sort_in_the_order_to_load_them() -> None:
    made = [file_name("1.2", part, 1200) for part in range(1, 1201)]
    assert sorted(made) == made


@pytest.mark.parametrize("name", ["../evil", "", ".hidden", "a/b", "x" * 300, "a\nb"])
def test_a_name_that_is_no_file_name_is_hashed(out: Path, name: str) -> None:
    assert deliver(out, bundle(name)) == []
    (made,) = names(out)
    assert len(made) == len("00000000-0000-0000-0000-000000000000.json")


def test_one_name_twice_is_refused(out: Path) -> None:
    sink = open_sink(OutputOptions(path=str(out)), (), read_nothing)
    sink.write(bundle("1.2"))
    with pytest.raises(ValueError, match="one name"):
        sink.write(bundle("1.2", "other"))
    sink.abort()


@pytest.mark.parametrize(
    ("manifest", "said"),
    [(b'{"version": 2, "files": {}}', "newer"), (b"{", "damaged"), (b"[]", "damaged")],
)
def test_a_manifest_that_cannot_be_read_ends_the_run(out: Path, manifest: bytes, said: str) -> None:
    out.mkdir()
    (out / ".dicom2fhir.json").write_bytes(manifest)
    with pytest.raises(OutputError, match=said):
        open_sink(OutputOptions(path=str(out)), (), read_nothing)


def test_a_manifest_cannot_name_a_file_elsewhere(out: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    deliver(out, bundle("1.2"))
    manifest = orjson.loads((out / ".dicom2fhir.json").read_bytes())
    manifest["files"]["../victim"] = {
        "bundle": "1.2",
        "sha256": "1" * 64,
    }
    (out / ".dicom2fhir.json").write_bytes(orjson.dumps(manifest))
    assert deliver(out, bundle("1.2", "new"), overwrite="always") == []
    assert victim.read_text() == "mine"


def test_two_runs_cannot_write_one_folder_at_a_time(out: Path) -> None:
    sink = open_sink(OutputOptions(path=str(out)), (), read_nothing)
    with pytest.raises(StateLockedError):
        open_sink(OutputOptions(path=str(out)), (), read_nothing)
    sink.write(bundle("1.2"))
    sink.finish()
    assert deliver(out, bundle("1.2")) == []


def test_an_aborted_run_leaves_no_trace_of_itself(out: Path) -> None:
    sink = open_sink(OutputOptions(path=str(out)), (), read_nothing)
    sink.write(bundle("1.2"))
    sink.abort()
    sink.abort()
    assert not out.exists()


def test_what_was_complete_when_a_run_was_aborted_is_known_to_the_next(out: Path) -> None:
    sink = open_sink(OutputOptions(path=str(out)), (), read_nothing)
    for number in range(COMMIT_FILES + 1):
        sink.write(bundle(f"1.{number}", "old"))
    sink.abort()
    assert len(names(out)) == COMMIT_FILES
    assert deliver(out, *(bundle(f"1.{number}", "new") for number in range(70))) == []
    assert hidden(out) == [".dicom2fhir.json"]


def test_a_journal_that_was_cut_is_read_as_far_as_it_goes(out: Path) -> None:
    sink = open_sink(OutputOptions(path=str(out)), (), read_nothing)
    for number in range(COMMIT_FILES):
        sink.write(bundle(f"1.{number}", "old"))
    sink.abort()
    with (out / ".dicom2fhir.journal").open("ab") as journal:
        journal.write(b'{"file": "1.2.js')
    deliver(out, bundle("2.1"))
    assert deliver(out, *(bundle(f"1.{number}", "new") for number in range(COMMIT_FILES))) == []


def test_a_file_that_was_announced_and_not_placed_is_still_ours(out: Path) -> None:
    deliver(out, bundle("1.2", "old"))
    row = {"file": "1.2.json", "bundle": "1.2", "sha256": "0" * 64}
    (out / ".dicom2fhir.journal").write_bytes(orjson.dumps(row) + b"\n")
    assert deliver(out, bundle("1.3")) == []
    assert deliver(out, bundle("1.2", "new")) == []


def test_temporary_files_of_dead_runs_are_removed(out: Path) -> None:
    out.mkdir()
    (out / TEMPORARY).write_text("half")
    (out / ".dicom2fhir-notes.tmp").write_text("a stranger's")
    deliver(out, bundle("1.2"))
    assert hidden(out) == [".dicom2fhir-notes.tmp", ".dicom2fhir.json"]


def test_an_empty_run_leaves_no_folder(out: Path) -> None:
    assert deliver(out) == []
    assert not out.exists()


def test_a_path_through_a_file_is_an_output_error_without_a_path(tmp_path: Path) -> None:
    (tmp_path / "canary").write_text("")
    with pytest.raises(OutputError) as caught:
        open_sink(OutputOptions(path=str(tmp_path / "canary" / "out")), (), read_nothing)
    assert "canary" not in f"{caught.value}{caught.value.hint}"
    assert caught.value.exit_code == 7


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc here")
def test_data_and_journal_are_safe_before_the_name_and_the_folder_after(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = open_sink(OutputOptions(path=str(out)), (), read_nothing)
    steps: list[str] = []
    fsync, replace = os.fsync, type(out).replace

    def record_fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append(f"fsync {path.suffix or path.name}")
        fsync(descriptor)

    def record_replace(path: Path, target: Path) -> Path:
        steps.append(f"name {target.name}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(type(out), "replace", record_replace)
    sink.write(bundle("1.2"))
    sink.finish()
    folder = "fsync out"
    assert steps == [
        "fsync .tmp",
        "fsync .journal",
        "name 1.2.json",
        folder,
        "fsync .tmp",
        "name .dicom2fhir.json",
        folder,
    ]


CHILD = dedent(
    """
    import resource, sys
    from dicom2fhir.deliver import open_sink
    from dicom2fhir.errors import Dicom2FhirError
    from dicom2fhir.model import EncodedBundle, EncodedEntry
    from dicom2fhir.options import OutputOptions

    out, text, count, size, limit = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        sink = open_sink(OutputOptions(path=out), (), None)
        print("ready", flush=True)
        for number in range(count):
            data = b'{"text":"' + text.encode() * size + b'"}'
            entry = EncodedEntry(full_url=f"urn:uuid:{number}", request={}, pieces=(data,))
            problems = sink.write(EncodedBundle(name=f"1.{number}", entries=(entry,)))
            assert not problems, problems
        assert not sink.finish()
    except Dicom2FhirError as error:
        sink.abort()
        sys.exit(error.exit_code)
    """
)


def child(out: Path, text: str, *numbers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CHILD, str(out), text, *map(str, numbers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def test_a_killed_run_leaves_whole_files_and_the_next_one_completes(out: Path) -> None:
    for number, moment in enumerate((0, 7, 110, 23, 61, 2, 90, 44)):
        text = "ab"[number % 2]
        run = child(out, text, 200, 3000, 0)
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        time.sleep(moment / 1000)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        for name in names(out):
            written = orjson.loads((out / name).read_bytes())["entry"][0]["text"]
            assert written in ("a" * 3000, "b" * 3000)
    run = child(out, "c", 200, 3000, 0)
    run.communicate()
    assert run.returncode == 0
    assert len(names(out)) == 200
    assert hidden(out) == [".dicom2fhir.json"]


def test_a_file_too_large_for_the_system_is_exit_7_with_nothing_half_written(out: Path) -> None:
    deliver(out, bundle("9.9"))
    run = child(out, "a", 3, 100_000, 50_000)
    run.communicate()
    assert run.returncode == 7
    assert (names(out), hidden(out)) == (["9.9.json"], [".dicom2fhir.json"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """Return a file system of 1 MiB, or skip the test where we may not make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        made = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command")
    if made.returncode:
        pytest.skip("may not mount a file system")
    return folder


def test_a_full_disk_is_exit_7_and_the_next_run_completes(small_disk: Path) -> None:
    try:
        out = small_disk / "out"
        (small_disk / "ballast").write_bytes(bytes(700_000))
        for count in (1, 5, 40):
            run = child(out, "a", count, 50_000, 0)
            run.communicate()
            assert run.returncode == (0 if count < 6 else 7)
        for name in names(out):
            assert len(orjson.loads((out / name).read_bytes())["entry"]) == 1
        assert not [name for name in hidden(out) if name.endswith(".tmp")]
        (small_disk / "ballast").unlink()
        run = child(out, "a", 12, 50_000, 0)
        run.communicate()
        assert (run.returncode, len(names(out))) == (0, 12)
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)
