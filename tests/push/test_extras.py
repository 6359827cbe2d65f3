"""What a person reads where an extra is not installed."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from dicom2fhir.errors import ConfigError


@pytest.mark.parametrize(
    ("library", "module", "extra"),
    [
        ("httpx2", "client", "push"),
        ("stamina", "retrying", "push"),
        ("authlib", "assertion", "auth"),
    ],
)
def test_a_missing_extra_is_one_sentence_and_a_command(
    library: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name == library or name.startswith(f"{library}."):
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"dicom2fhir.deliver.server.{module}", raising=False)
    with pytest.raises(ConfigError, match=f"the {extra} extra") as caught:
        import_module(f"dicom2fhir.deliver.server.{module}")
    assert "pip install" in caught.value.hint
