"""From a command line to Options: the pipeline is replaced by one that keeps what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dicom2fhir.options import Options, RenderOptions, ReportOptions
from dicom2fhir.report.summary import Counts, Outcome
from places import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Run
    from typer.testing import Result

STUDY_UID = "1.2.826.0.1.3680043.10.1.1"


@pytest.fixture
def options_of(
    invoke: Callable[..., Result], study: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Options]:
    """Return a function that tells what `convert` asks the pipeline for."""
    kept: list[Options] = []

    def convert(options: Options, *_: object) -> Outcome:
        kept.append(options)
        return Outcome(counts=Counts(files=1, dicom=1, converted=1))

    monkeypatch.setattr("dicom2fhir.pipeline.convert", convert)

    def call(*args: str, **env: str) -> Options:
        result = invoke("convert", str(study), *args, env=env)
        assert result.exit_code == 0, result.stderr
        return kept.pop()

    return call


def test_without_options_everything_is_at_its_default(
    options_of: Callable[..., Options], study: Path
) -> None:
    usual = Options()
    options = options_of("-o", "out")
    assert options.sources == (str(study),)
    assert options.output.path == "out"
    assert options.map == usual.map
    assert options.bundle == usual.bundle
    assert options.find == usual.find
    assert options.read == usual.read
    assert options.render == usual.render
    assert options.report == usual.report
    assert (options.zero_preamble, options.raw_dir) == (False, None)
    assert (options.check, options.fail_on) == ("full", "error")
    assert (options.workers, options.state, options.dry_run) == (None, None, False)


def test_what_is_measured_can_be_chosen(options_of: Callable[..., Options]) -> None:
    words = ("--observations", "none", "--sr-status", "FINAL", "--vitals", "--waveforms")
    limits = ("--dose", "summary", "--max-sr-items", "5000", "--max-sr-depth", "9")
    options = options_of(*words, *limits)
    assert (options.map.observations, options.map.sr_status) == ("none", "final")
    assert (options.map.vitals, options.map.waveforms) == (True, True)
    assert options.report == ReportOptions(dose="summary", max_items=5000, max_depth=9)


def test_a_pipe_is_the_output_when_none_is_named(options_of: Callable[..., Options]) -> None:
    assert options_of().output.path == "-"
    assert options_of("--dry-run").output.path is None


def test_an_address_of_images_implies_links(options_of: Callable[..., Options]) -> None:
    for address in ("https://pacs.example/dw", "https://pacs.example/dw/studies/"):
        options = options_of("--dicomweb", address)
        assert options.map.dicomweb == "https://pacs.example/dw"
        assert options.map.dicom == "link"
    assert options_of().map.dicom == "binary"
    assert options_of("--dicomweb", "https://p.example", "--dicom", "none").map.dicom == "none"


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("file", "file"),
        ("AUTO", "auto"),
        ("02", "2"),
        ("40,400", "40,400"),
        (" -600 , 1500.50 ", "-600,1500.5"),
        ("-600,1500", "-600,1500"),
    ],
)
def test_a_window_is_a_word_a_number_or_center_and_width(
    options_of: Callable[..., Options], text: str, window: str
) -> None:
    assert options_of("--window", text).render.window == window


def test_what_a_server_chooses_ids_for_is_a_binary_only_beside_the_bundles(
    options_of: Callable[..., Options],
) -> None:
    assert options_of().map.binaries
    assert not options_of("--ids", "server", "--dicom", "none").map.binaries
    assert options_of("--ids", "server", "--raw-dir", "raw").map.binaries


def test_the_images_options_arrive_where_they_belong(options_of: Callable[..., Options]) -> None:
    options = options_of(
        *(
            "--dicom",
            "attachment",
            "--max-attachment",
            "2M",
            "--fhir-base",
            "https://f.example/r4/",
        ),
        *("--raw-dir", "raw", "--zero-preamble", "--media", "frame", "--media-format", "png"),
        *("--media-size", "512", "--quality", "75", "--media-inline-below", "0"),
        *("--render-burned-in", "--render-labels"),
    )
    assert options.map.dicom == "attachment"
    assert options.map.max_attachment == 2_000_000
    assert options.map.fhir_base == "https://f.example/r4"
    assert options.map.inline_below == 0
    assert options.raw_dir == "raw"
    assert options.zero_preamble
    assert options.render == RenderOptions(
        media="frame", format="png", size=512, quality=75, burned_in=True, labels=True
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [("20M", 20_000_000), ("20MiB", 20 * 2**20), ("1000", 1000), ("1k", 1000), ("2 GB", 2 * 10**9)],
)
def test_sizes_have_units(options_of: Callable[..., Options], text: str, count: int) -> None:
    assert options_of("--max-bytes", text).bundle.max_bytes == count


def test_a_server_profile_sets_the_limits_and_options_win_over_it(
    options_of: Callable[..., Options],
) -> None:
    azure = options_of("--server-profile", "azure").bundle
    assert (azure.max_entries, azure.max_resource_bytes) == (500, 2_000_000)
    assert options_of("--server-profile", "azure", "--max-entries", "9").bundle.max_entries == 9


def test_a_server_that_chooses_ids_is_given_conditions(
    options_of: Callable[..., Options],
) -> None:
    medplum = options_of("--server-profile", "medplum").bundle
    assert medplum.ids == "server"
    assert (medplum.max_conditional_entries, medplum.max_updates) == (8, 50)
    assert options_of("--server-profile", "medplum", "--ids", "client").bundle.ids == "client"


def test_choices_do_not_mind_case(options_of: Callable[..., Options]) -> None:
    assert options_of("--fhir", "r4b").map.fhir == "R4B"


def test_conditions_are_keyword_and_value(options_of: Callable[..., Options]) -> None:
    args = ["--where", "Modality=CT", "--where", "StudyDescription=A=B"]
    assert options_of(*args).where == (("Modality", "CT"), ("StudyDescription", "A=B"))
    assert options_of("--where", "StudyInstanceUID=1.2").where == (("StudyInstanceUID", "1.2"),)


def test_a_timestamp_wins_over_the_environment(options_of: Callable[..., Options]) -> None:
    env = {"SOURCE_DATE_EPOCH": "1767225600"}
    assert options_of("--provenance", **env).map.timestamp == "2026-01-01T00:00:00Z"
    args = ["--provenance", "--timestamp", "2026-02-01T12:00:00.5+01:00"]
    assert options_of(*args, **env).map.timestamp == "2026-02-01T12:00:00.5+01:00"


def test_the_salt_is_read_from_its_file(options_of: Callable[..., Options], study: Path) -> None:
    path = study.parent / "salt"
    path.write_bytes(b"secret \xff\r\n")
    assert options_of("--id-salt-file", str(path)).map.id_salt == b"secret \xff"


def test_the_table_of_issuers_reaches_the_mapping(
    options_of: Callable[..., Options], study: Path
) -> None:
    path = study.parent / "dicom2fhir.toml"
    path.write_text('[issuers]\nHOSPITAL = "urn:oid:1.2.3"\n')
    assert options_of().map.issuers == {"HOSPITAL": "urn:oid:1.2.3"}


def test_everything_else_arrives_where_it_belongs(
    options_of: Callable[..., Options], study: Path
) -> None:
    options = options_of(
        *("--null", "--include", "*.dcm", "--exclude", "x*", "--exclude", "y*", "--follow"),
        *("--allow-truncated", "--charset", "ISO_IR 192", "--keep-rejected"),
        *("--max-archive-members", "5", "--max-archive-bytes", "6k", "--max-archive-ratio", "7"),
        *("--overwrite", "never", "--ids", "server", "--timezone", "Europe/Berlin"),
        *("--patient", "Patient/1", "--patient-id-system", "urn:oid:1.2"),
        *("--accession-system", "https://ris.example/acc", "--tag", "https://x.example|a b"),
        *("--security-label", "urn:x:y|R", "--check", "fast", "--max-entries", "3"),
        *("--state", "nightly", "--workers", "2", "--temp-dir", str(study), "--fail-on", "never"),
    )
    assert options.null_separated
    assert options.find.include == ("*.dcm",)
    assert options.find.exclude == ("x*", "y*")
    assert options.find.follow
    assert options.find.temp_dir == str(study)
    assert options.find.max_archive_members == 5
    assert options.find.max_archive_bytes == 6000
    assert options.find.max_ratio == 7
    assert options.read.allow_truncated
    assert options.read.charset == "ISO_IR 192"
    assert options.keep_rejected
    assert options.output.overwrite == "never"
    assert options.bundle.ids == "server"
    assert options.bundle.max_entries == 3
    assert options.map.timezone == "Europe/Berlin"
    assert options.map.patient == "Patient/1"
    assert options.map.patient_id_system == "urn:oid:1.2"
    assert options.map.accession_system == "https://ris.example/acc"
    assert options.map.tags == ("https://x.example|a b",)
    assert options.map.security_labels == ("urn:x:y|R",)
    assert options.check == "fast"
    assert options.state == "nightly"
    assert options.workers == 2
    assert options.fail_on == "never"


@pytest.mark.parametrize(
    ("out", "limits"),
    [
        ("x.json", ["--server-profile", "medplum", "--dicom", "none"]),
        ("x.json", ["--max-entries", "12"]),
        ("x.json", ["--max-bytes", "20000"]),
        ("X.JSON", ["--max-entries", "12"]),
        ("/dev/stdout", ["--max-entries", "12"]),
    ],
)
def test_one_bundle_over_a_limit_is_refused_before_anything_is_written(
    run: Run, folder: Path, out: str, limits: list[str]
) -> None:
    result = run("convert", str(ROOT / "samples" / "studies"), "-o", out, *limits)
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"x.ndjson" in result.stderr
    assert not list(folder.glob("*.json"))
    assert not list(folder.glob("*.JSON"))


def test_a_study_that_a_strangers_file_kept_out_is_counted_as_failed_alone(
    invoke: Callable[..., Result], study: Path, folder: Path
) -> None:
    (folder / "out").mkdir()
    (folder / "out" / f"{STUDY_UID}.json").write_text("mine")
    result = invoke("convert", str(study), "-o", "out")
    assert result.exit_code == 1
    assert "2 files: 0 converted, 1 failed, 1 not DICOM." in result.stderr
