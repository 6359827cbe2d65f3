"""What is rendered waits in a private file until it is delivered."""

from pathlib import Path

import pytest

from dicom2fhir.errors import OutputError
from dicom2fhir.pipeline.payload import read_payload
from dicom2fhir.pipeline.spool import Spool
from dicom2fhir.temporary import temporary_faults


def test_what_was_added_is_read_again(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        payloads = [spool.add(data) for data in (b"first", b"second")]
    assert [b"".join(read_payload(one)) for one in payloads] == [b"first", b"second"]


def test_a_temporary_folder_that_fails_is_an_output_error_with_a_way_out(tmp_path: Path) -> None:
    with Spool(tmp_path / "gone" / "spool") as spool, pytest.raises(OutputError) as raised:
        spool.add(b"data")
    assert "--temp-dir" in raised.value.hint


def test_a_full_disk_is_named() -> None:
    with (
        pytest.raises(OutputError, match="No space left on device"),
        temporary_faults(),
        Path("/dev/full").open("ab") as file,
    ):
        file.write(b"card")
