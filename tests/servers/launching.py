"""Servers of others on loopback: installed into a cache folder, run on free ports, ended by pid.

    python tests/servers/launching.py          install what can be installed here, tell what cannot

The cache is `${XDG_CACHE_HOME:-~/.cache}/dicom2fhir-test-servers`; nothing else is written but, by
this command and as root, Debian's packages of Orthanc.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dicom2fhir-test-servers"
SEKMET = "sekmet-fhir==0.1.1"
PACKAGES = ("orthanc", "orthanc-dicomweb", "orthanc-gdcm")
OHIF = "@ohif/app@3.13.2"
PLUGINS = Path("/usr/share/orthanc/plugins")
SECONDS = 300
"""Of one step of an installation, which takes a minute at most where nothing is wrong."""
START_SECONDS = 300
"""Of a start, which takes HAPI half a minute."""
DRAW_SECONDS = 240
"""Of a viewer, which takes half a minute."""
ORTHANC = "/usr/sbin:/usr/local/sbin"
"""Debian puts Orthanc where only root looks."""


class UnavailableError(Exception):
    """A server cannot be had here; the message says why. Its tests are left out, loudly."""


class NotStartedError(UnavailableError):
    """A server that is installed does not come up in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that answers at `base`; `log` holds what it said."""

    name: str
    base: str
    pid: int
    log: Path


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serve(
    name: str,
    command: Sequence[str],
    *,
    base: str,
    answers: str,
    environment: Mapping[str, str] | None = None,
    seconds: float = START_SECONDS,
) -> Iterator[Running]:
    """Run this command until the block ends; it is up when the URL `answers` does.

    Errors: NotStartedError when it ends or stays silent for this long.
    """
    with tempfile.TemporaryDirectory(prefix=f"dicom2fhir-{name}-") as folder:
        log = Path(folder) / "log"
        # Where the tests are killed, their servers go too.
        guard = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        with log.open("wb") as said:
            process = subprocess.Popen(
                [*guard, *command],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        try:
            _wait(name, process, answers, log, seconds)
            yield Running(name=name, base=base, pid=process.pid, log=log)
        finally:
            _stop(process)


def _wait(name: str, process: subprocess.Popen[bytes], url: str, log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10):  # noqa: S310 - http
            return
        time.sleep(0.2)
    tail = log.read_text(errors="replace")[-1500:]
    raise NotStartedError(f"{name} did not come up\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _installing(name: str, *sources: Path, text: str = "") -> Iterator[tuple[Path, bool]]:
    """Give the folder of this server, and whether what is in it was made from these sources."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(text.encode())
    for source in sources:
        digest.update(source.read_bytes())
    stamp = folder / "installed"
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = stamp.exists() and stamp.read_text() == digest.hexdigest()
        yield folder, done
        stamp.write_text(digest.hexdigest())


def install(name: str, command: Sequence[str], cwd: Path | None = None) -> None:
    if shutil.which(command[0]) is None:
        raise UnavailableError(f"{name} needs {command[0]}, which is not installed")
    code, said = _run_bounded(command, SECONDS, cwd)
    if code:
        raise UnavailableError(f"{name} cannot be installed ({command[0]}): {said}")


def _run_bounded(
    command: Sequence[str],
    seconds: float,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Return how the command ended and the end of what it said; it has this long.

    What it has started ends with it: else that would hold the pipe open, and us with it.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    late = ""
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        late = f"more than {seconds:.0f} s; "
    return process.returncode, late + said[-1500:].strip()


def install_hapi() -> None:
    """Build the HAPI server unless it was built from these very sources."""
    if shutil.which("java") is None:
        raise UnavailableError("HAPI needs java, which is not installed")
    sources = sorted((HERE / "hapi" / "server").rglob("*"))
    files = [path for path in sources if path.is_file()] + [HERE / "hapi" / "pom.xml"]
    with _installing("hapi-server", *files) as (_, done):
        if not done:
            install("HAPI", ["mvn", "--version"])
            install("HAPI", [str(HERE / "hapi" / "hapi.sh"), "build", "server"])


@contextlib.contextmanager
def serve_hapi(**settings: str) -> Iterator[Running]:
    """Run HAPI FHIR JPA; the settings are those of hapi/server (VALIDATE, MAX_BINARY, ...)."""
    install_hapi()
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    command = [str(HERE / "hapi" / "hapi.sh"), "run", str(port)]
    environment = {"HAPI_HEAP": "1g", **settings}
    try:
        with serve(
            "HAPI", command, base=base, answers=f"{base}/metadata", environment=environment
        ) as running:
            yield running
    finally:
        shutil.rmtree(CACHE / "hapi" / f"server-{port}.tmp", ignore_errors=True)


def install_medplum() -> Path:
    """Return the folder of Medplum's router with its packages."""
    return _install_node("Medplum", HERE / "medplum", "server.mjs")


def install_ucum() -> Path:
    """Return the folder of the UCUM validator with its packages; it is no server, but a judge."""
    return _install_node("UCUM", HERE / "ucum", "judge.mjs")


def _install_node(name: str, ours: Path, program: str) -> Path:
    sources = [ours / "package.json", ours / program]
    with _installing(ours.name, *sources) as (folder, done):
        if not done:
            for source in sources:
                shutil.copyfile(source, folder / source.name)
            install(name, ["node", "--version"])
            packages = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
            install(name, packages, cwd=folder)
        return folder


@contextlib.contextmanager
def serve_medplum(**settings: str) -> Iterator[Running]:
    """Run Medplum's router; the settings are those of medplum/server.mjs (TRANSACTIONS, ...)."""
    folder = install_medplum()
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    command = ["node", str(folder / "server.mjs")]
    environment = {"PORT": str(port), **settings}
    with serve(
        "Medplum", command, base=base, answers=f"{base}/metadata", environment=environment
    ) as running:
        yield running


def install_sekmet() -> Path:
    """Return the program of sekmet-fhir in an environment of its own."""
    with _installing("sekmet", text=f"{SEKMET} {sys.version}") as (folder, done):
        if not done:
            venv.create(folder / "venv", with_pip=True, clear=True)
            python = str(folder / "venv" / "bin" / "python")
            install("sekmet", [python, "-m", "pip", "install", "--quiet", SEKMET])
        return folder / "venv" / "bin" / "sekmet"


@contextlib.contextmanager
def serve_sekmet() -> Iterator[Running]:
    """Run sekmet-fhir on an empty SQLite."""
    program = install_sekmet()
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    with tempfile.TemporaryDirectory(prefix="dicom2fhir-sekmet-") as name:
        settings = _fill(HERE / "sekmet" / "settings.yaml", Path(name), port=port)
        environment = {"SEKMET_CONFIG": str(settings)}
        command = [str(program), "serve", "--host", "127.0.0.1", "--port", str(port)]
        with serve(
            "sekmet", command, base=base, answers=f"{base}/metadata", environment=environment
        ) as running:
            yield running


def install_orthanc() -> Path:
    """Return the library that keeps Orthanc on loopback; Orthanc itself is Debian's."""
    names = ("libOrthancDicomWeb.so", "libOrthancGdcm.so")
    missing = [name for name in names if not (PLUGINS / name).exists()]
    if _orthanc() is None or missing:
        packages = " ".join(PACKAGES)
        raise UnavailableError(f"Orthanc's Debian packages are not installed ({packages})")
    source = HERE / "orthanc" / "bind_loopback.c"
    with _installing("orthanc", source) as (folder, done):
        library = folder / "bind_loopback.so"
        if not done:
            build = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
            install("Orthanc", build)
        return library


def _orthanc() -> str | None:
    return shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}:{ORTHANC}")


@contextlib.contextmanager
def serve_orthanc() -> Iterator[Running]:
    """Run an empty Orthanc; `base` is its DICOMweb root."""
    library = install_orthanc()
    port = free_port()
    base = f"http://127.0.0.1:{port}/dicom-web"
    with tempfile.TemporaryDirectory(prefix="dicom2fhir-orthanc-") as name:
        (Path(name) / "storage").mkdir()
        # Orthanc takes the folder of its settings for that of its certificates: they lie alone.
        (Path(name) / "settings").mkdir()
        settings = _fill(HERE / "orthanc" / "orthanc.json", Path(name), "settings", port=port)
        with serve(
            "Orthanc",
            [str(_orthanc()), str(settings)],
            base=base,
            answers=f"{base}/studies",
            environment={"LD_PRELOAD": str(library)},
        ) as running:
            yield running


def _fill(template: Path, folder: Path, below: str = ".", *, port: int) -> Path:
    text = template.read_text().replace("@FOLDER@", str(folder)).replace("@PORT@", str(port))
    filled = folder / below / template.name
    filled.write_text(text.replace("@PLUGINS@", str(PLUGINS)))
    return filled


def chromium() -> str:
    """Return the program of Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise UnavailableError("Chromium (Debian package chromium) is not installed")
    return found


def install_viewers() -> Path:
    """Return the folder of dwv, of OHIF (in `package/dist`), and of what shows them."""
    chromium()
    sources = [HERE / "viewers" / name for name in ("package.json", "view.mjs")]
    with _installing("viewers", *sources, text=OHIF) as (folder, done):
        if not done:
            for source in sources:
                shutil.copyfile(source, folder / source.name)
            packages = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
            install("the viewers", packages, cwd=folder)
            # OHIF's package is its built app; what that was built from is not wanted.
            install("OHIF", ["npm", "pack", "--silent", OHIF], cwd=folder)
            (packed,) = folder.glob("ohif-app-*.tgz")
            install("OHIF", ["tar", "-xzf", packed.name, "package/dist"], cwd=folder)
            packed.unlink()
        return folder


def draw(viewer: str, *given: str, to: Path) -> None:
    """Let a viewer draw into `to`, a PNG of the window, and a `.canvas.png` of the picture alone.

    `given` is the URL of a Binary for dwv; the DICOMweb root and the Study UID for ohif.
    Errors: AssertionError when it draws nothing
    """
    folder = install_viewers()
    known = {"CHROMIUM": chromium(), "OHIF_DIST": str(folder / "package" / "dist")}
    command = ["node", "view.mjs", viewer, *given, str(to)]
    code, said = _run_bounded(command, DRAW_SECONDS, folder, known)
    assert code == 0, f"{viewer}: {said}"


def install_packages() -> None:
    """Install Debian's Orthanc and Chromium where this is Debian and we are root."""
    missing = [] if _orthanc() is not None else [*PACKAGES]
    missing += [] if shutil.which("chromium") else ["chromium"]
    if not missing or shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    install("Debian", ["apt-get", "update", "-q"])
    for package in missing:
        with contextlib.suppress(UnavailableError):  # its own installer tells that it is missing
            install(
                "Debian", ["apt-get", "install", "-q", "-y", "--no-install-recommends", package]
            )


def main() -> int:
    """Install all that can be installed and tell, a line each; never a failure."""
    with contextlib.suppress(UnavailableError):
        install_packages()
    installers = {
        "HAPI FHIR JPA (Maven)": install_hapi,
        "Medplum's router (npm)": install_medplum,
        "sekmet-fhir (PyPI)": install_sekmet,
        "the UCUM validator (npm)": install_ucum,
        "Orthanc with DICOMweb (Debian)": install_orthanc,
        "dwv and OHIF in Chromium (npm, Debian)": install_viewers,
    }
    with ThreadPoolExecutor(2) as pool:  # they mostly wait for what they download
        for name, said in zip(installers, pool.map(_try, installers.values()), strict=True):
            print(f"!! LEFT OUT: {name}: {said}" if said else f"   {name}: installed", flush=True)  # noqa: T201
    return 0


def _try(install: Callable[[], object]) -> str:
    """Return why this cannot be installed, "" where it is."""
    try:
        install()
    except (UnavailableError, OSError, subprocess.SubprocessError) as error:
        return str(error).strip() or type(error).__name__
    return ""


if __name__ == "__main__":
    sys.exit(main())
