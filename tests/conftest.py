"""Where tests find the real files, and what they do without them."""

from __future__ import annotations

from collections import Counter
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
    """Add the options that write golden trees anew, and that ask for the long tests."""
    parser.addoption("--update-golden", action="store_true", help="write golden trees anew")
    parser.addoption("--soak", action="store_true", help="every moment of killing too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests to those who ask for them, and say so."""
    if config.getoption("--soak"):
        return
    left_out = pytest.mark.skip(reason="LEFT OUT: runs with --soak")
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly at the end what was left out, and why."""
    reasons = (one.longrepr[2] for one in terminalreporter.stats.get("skipped", ()))
    left_out = Counter(
        reason.removeprefix("Skipped: ").partition("\n")[0]
        for reason in reasons
        if "LEFT OUT" in reason
    )
    if left_out:
        terminalreporter.section("LEFT OUT", sep="!", red=True, bold=True)
        for reason, count in sorted(left_out.items()):
            terminalreporter.line(f"{reason} ({count} of the tests)", red=True)
