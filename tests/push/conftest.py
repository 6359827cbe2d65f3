"""Servers for the tests of push, stow and fetch: each started once, on loopback, and emptied.

A server that cannot be had here skips its tests, and the end of the run says so.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

import launching
from calling import call
from fault_proxy import FaultProxy
from recording_server import RecordingServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from launching import Running

MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
EXPUNGE = {
    "resourceType": "Parameters",
    "parameter": [{"name": "expungeEverything", "valueBoolean": True}],
}


MISSING: dict[str, str] = {}
"""Why a server cannot be had, by its name: nobody waits for it a second time."""


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder where a synced write costs nothing, where there is one: the disk is not tested."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def running(name: str, serve: Callable[[], AbstractContextManager[Running]]) -> Iterator[Running]:
    """Give the server, or skip the test with the reason."""
    if name in MISSING:
        pytest.skip(MISSING[name])
    try:
        context = serve()
        server = context.__enter__()
    except launching.UnavailableError as missing:
        MISSING[name] = f"LEFT OUT, no {name}: {missing}"
        pytest.skip(MISSING[name])
    try:
        yield server
    finally:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def hapi_process() -> Iterator[Running]:
    # its default keeps searches for a minute; a test that empties the server cannot wait for that
    with running("HAPI", lambda: launching.serve_hapi(SEARCH_CACHE_MS="0")) as server:
        yield server


@pytest.fixture
def hapi(hapi_process: Running) -> Running:
    """HAPI FHIR JPA, empty."""
    assert call(hapi_process.base, "POST", "$expunge", EXPUNGE)[0] == 200
    return hapi_process


@pytest.fixture(scope="session")
def medplum_process() -> Iterator[Running]:
    with running("Medplum", launching.serve_medplum) as server:
        yield server


@pytest.fixture
def medplum(medplum_process: Running) -> Running:
    """Medplum's router with transactions, empty."""
    assert call(medplum_process.base, "POST", "$reset")[0] == 204
    return medplum_process


@pytest.fixture(scope="session")
def medplum_batch_process() -> Iterator[Running]:
    settings = {"TRANSACTIONS": "0", "BASE64_LIMIT": "1"}
    with running("Medplum", lambda: launching.serve_medplum(**settings)) as server:
        yield server


@pytest.fixture
def medplum_batch(medplum_batch_process: Running) -> Running:
    """Medplum's router as it comes: batches for transactions, 1 MB of base64; empty."""
    assert call(medplum_batch_process.base, "POST", "$reset")[0] == 204
    return medplum_batch_process


@pytest.fixture
def sekmet() -> Iterator[Running]:
    """sekmet-fhir, started anew: nothing empties it."""
    with running("sekmet", launching.serve_sekmet) as server:
        yield server


@pytest.fixture
def orthanc() -> Iterator[Running]:
    """Orthanc, started anew; its base is the DICOMweb root."""
    with running("Orthanc", launching.serve_orthanc) as server:
        yield server


@pytest.fixture
def recorder() -> Iterator[RecordingServer]:
    """A FHIR server that remembers every request."""
    with RecordingServer() as server:
        yield server


@pytest.fixture
def proxy(recorder: RecordingServer) -> Iterator[FaultProxy]:
    """A fault proxy before the recording server."""
    with FaultProxy(recorder.base) as before:
        yield before
