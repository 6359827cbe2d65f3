"""Where tests find the real files, and what they do without them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real files, or skip the test where there is none."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("no folder ../shared/data beside the checkout")
    return folder
