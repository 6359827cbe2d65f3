"""Where tests find the real files, and what they do without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from places import SHARED

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real files, or skip the test where there is none."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("no folder ../shared/data beside the checkout")
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes golden trees anew."""
    parser.addoption("--update-golden", action="store_true", help="write golden trees anew")
