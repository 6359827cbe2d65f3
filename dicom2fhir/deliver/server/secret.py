"""Secrets: from a file, the environment or a command; never from an argument, never shown."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import threading
from typing import IO

from dicom2fhir.errors import ConfigError

MAX_SECRET = 64 * 1024
_COMMAND_SECONDS = 60.0
_TOKEN = re.compile(r"[\x21-\x7e]+")
"""What a header holds as it is (RFC 9110 5.5), without blanks."""


def read_secret(path: str, name: str) -> str:
    """Return what a file holds that nobody but its owner can read.

    Errors: ConfigError that says which secret by its `name`, without a path
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path may be /dev/fd/3
            state = os.fstat(file.fileno())
            data = file.read(MAX_SECRET + 1)
    except OSError:
        raise ConfigError(
            f"The file of the {name} cannot be read.", hint="Check its name and who may read it."
        ) from None
    others = stat.S_IRWXG | stat.S_IRWXO
    if os.name == "posix" and stat.S_ISREG(state.st_mode) and state.st_mode & others:
        raise ConfigError(
            f"The file of the {name} is open to other users of this machine.",
            hint="Take their rights away: chmod 600 FILE.",
        )
    return _clean(data, name)


def read_variable(variable: str, name: str) -> str:
    """Return what an environment variable holds.

    Errors: ConfigError
    """
    return _clean(os.environ.get(variable, "").encode(errors="surrogateescape"), name)


def run_for_secret(command: str, name: str) -> str:
    """Return what a command of the shell prints; its stderr, which may hold anything, is dropped.

    Errors: ConfigError
    """
    process = subprocess.Popen(  # noqa: S602 - the user's own command, as they would type it
        command,
        shell=True,
        bufsize=0,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    printed: list[bytes] = []
    reader = threading.Thread(
        target=lambda: printed.append(_read_start(process.stdout)), daemon=True
    )
    reader.start()
    try:
        reader.join(_COMMAND_SECONDS)
        if printed and len(printed[0]) <= MAX_SECRET:  # else it goes on printing
            process.wait(_COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        printed.clear()
    finally:
        process.kill()
        process.wait()
    if not printed or (process.returncode and len(printed[0]) <= MAX_SECRET):
        late = f"took longer than {_COMMAND_SECONDS:.0f} s"
        how = f"failed with exit code {process.returncode}" if printed else late
        raise ConfigError(f"The command for the {name} {how}.", hint="Run it by itself to see why.")
    return _clean(printed[0], name)


def _read_start(stream: IO[bytes] | None) -> bytes:
    """Return what comes until the end, but little more than a secret may have."""
    data = b""
    if stream is not None:
        with stream:
            while len(data) <= MAX_SECRET and (chunk := stream.read(MAX_SECRET)):
                data += chunk
    return data


def check_token(token: str, name: str) -> str:
    """Return the token if it can stand in a header.

    Errors: ConfigError
    """
    if not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"The {name} holds blanks, line breaks or other characters that no token has.",
            hint="Give the token alone, on one line.",
        )
    return token


def _clean(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8-sig").strip()  # with the mark that Windows writes
    except UnicodeDecodeError:
        text = ""
    if not text or len(data) > MAX_SECRET:
        raise ConfigError(
            f"There is no {name} where it was said to be.", hint="It is text of at most 64 KiB."
        )
    return text
