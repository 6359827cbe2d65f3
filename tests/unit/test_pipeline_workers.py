"""Processes that the system refuses."""

from __future__ import annotations

import errno
from concurrent.futures import ProcessPoolExecutor

import pytest

from dicom2fhir.errors import ConfigError
from dicom2fhir.pipeline.workers import Workers


@pytest.mark.parametrize("method", ["__init__", "submit"])
@pytest.mark.parametrize(
    "refusal", [BlockingIOError(errno.EAGAIN, ""), RuntimeError("can't start new thread")]
)
def test_a_system_that_grants_no_process_ends_the_run_with_advice(
    method: str, refusal: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise refusal

    workers = Workers(2)
    monkeypatch.setattr(ProcessPoolExecutor, method, refuse)
    with pytest.raises(ConfigError, match="refused") as caught:
        run_in(workers)
    assert "--workers 1" in caught.value.hint


def run_in(workers: Workers) -> list[str]:
    with workers:
        workers.start()
        return list(workers.run(str, [1, 2]))


def test_a_pool_ends_quietly_where_the_system_grants_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    workers = Workers(2)
    workers.start()
    monkeypatch.setattr("threading.Thread.start", refuse)
    with pytest.raises(ConfigError, match="refused"):
        run_in(workers)
