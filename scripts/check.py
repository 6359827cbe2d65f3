"""Check everything, in an environment of its own: format, lint, layers, types, tests.

python3 scripts/check.py            every step
python3 scripts/check.py types      one step by name

Needs Python 3.11 or later with venv, and nothing else. The step `servers` installs FHIR and
DICOMweb servers for the tests where Java with Maven, npm, PyPI and Debian's packages are at hand.
The tests use those, and the folder `../shared`, and say what they left out where they are not.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".cache" / "check"
BIN = HOME / ("Scripts" if os.name == "nt" else "bin")

STEPS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "layers": ["lint-imports", "--no-cache"],
    "types": ["mypy"],
    "servers": ["python", "tests/servers/launching.py"],
    "tests": ["python", "-m", "pytest", "-n", "2", "--dist", "loadgroup"],
}


def main(names: list[str]) -> int:
    """Run the steps; return 0 when all of them pass."""
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        print(f"There is no step {unknown[0]}; the steps are: {', '.join(STEPS)}.", file=sys.stderr)
        return 2
    prepare()
    failed = [name for name in names or STEPS if not run(name)]
    if failed:
        print(f"\nFailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def prepare() -> None:
    """Make the environment, once for each content of pyproject.toml."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = HOME / "pyproject.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("environment")
    venv.create(HOME, with_pip=True, clear=True)
    pip = [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Dependency groups (PEP 735) need pip 25.1.
    subprocess.run([*pip, "pip>=25.1"], check=True)  # noqa: S603 - our own command
    subprocess.run([*pip, "--editable", ".", "--group", "dev"], check=True, cwd=ROOT)  # noqa: S603
    stamp.write_text(wanted)


def run(name: str) -> bool:
    """Run one step and tell how long it took."""
    say(name)
    start = time.monotonic()
    program, *arguments = STEPS[name]
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(  # noqa: S603 - a table of our own commands
        [str(BIN / program), *arguments], cwd=ROOT, env=environment, check=False
    )
    print(f"   {name}: {'passed' if done.returncode == 0 else 'FAILED'}", end="", flush=True)
    print(f" in {time.monotonic() - start:.0f} s", flush=True)
    return done.returncode == 0


def say(name: str) -> None:
    """Announce a step."""
    print(f"\n== {name}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
