"""Where tests find the real files, and what they do without them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from places import SHARED


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real files, or skip the test where there is none."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("no folder ../shared/data beside the checkout")
    return folder


@pytest.fixture(scope="session")
def packaged() -> list[Path]:
    """Return every file that pydicom and pydicom-data bring for tests."""
    specs = [find_spec("pydicom"), find_spec("data_store")]
    origins = [Path(spec.origin).parent for spec in specs if spec is not None and spec.origin]
    folders = [origins[0] / "data", *origins[1:]]
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes golden trees anew."""
    parser.addoption("--update-golden", action="store_true", help="write golden trees anew")
