"""Hostile and broken files cost their own conversion, a moment, and nothing else."""

from __future__ import annotations

import itertools
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

EXPLICIT = b"1.2.840.10008.1.2.1\0"
DEFLATED = b"1.2.840.10008.1.2.1.99"
NUMBERS = itertools.count(100)
CT = b"1.2.840.10008.5.1.4.1.1.2\0"


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """Return one explicit VR little endian element."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    if vr in {b"OB", b"OW", b"SQ", b"UN", b"UT"}:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def file_meta(syntax: bytes) -> bytes:
    """Return preamble, magic and file meta of a CT image."""
    meta = (
        element(0x00020002, b"UI", CT)
        + element(0x00020003, b"UI", b"2.25.11\0")
        + element(0x00020010, b"UI", syntax)
    )
    return b"\0" * 128 + b"DICM" + element(0x00020000, b"UL", struct.pack("<I", len(meta))) + meta


def identity() -> bytes:
    """Return the four UIDs; each call makes another instance."""
    return (
        element(0x00080016, b"UI", CT)
        + element(0x00080018, b"UI", b"2.25.%d\0" % next(NUMBERS))
        + element(0x00080060, b"CS", b"CT")
        + element(0x0020000D, b"UI", b"2.25.12\0")
        + element(0x0020000E, b"UI", b"2.25.13\0")
    )


def nested(levels: int, *, defined: bool) -> bytes:
    """Return private sequences in each other."""
    tag = struct.pack("<HH", 0x0009, 0x1010)
    if not defined:
        opening = tag + b"SQ\0\0" + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + b"\xff" * 4
        closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        return opening * levels + closing * levels
    parts = []
    for level in range(levels):
        inner = 20 * (levels - level - 1)
        parts.append(tag + b"SQ\0\0" + struct.pack("<I", inner + 8))
        parts.append(b"\xfe\xff\x00\xe0" + struct.pack("<I", inner))
    return b"".join(parts)


def bomb(size: int) -> bytes:
    """Return a data set that deflates to about that many bytes, a thousandth of its own size."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(identity()) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush a block stands for itself, so it can be repeated without deflating again.
    block = packer.compress(b"\0" * (16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * (size // len(block)) + packer.flush()


def write_hostile(folder: Path) -> dict[str, str]:
    """Write the hostile files; return the code that each must get."""
    items = b"\xfe\xff\x00\xe0\0\0\0\0" * 1_000_000
    kept = element(0x00081032, b"SQ", items)
    bodies = {
        "bomb": (DEFLATED, bomb(5_000_000), "read.inflate-limit"),
        "deep-undefined": (EXPLICIT, identity() + nested(100_000, defined=False), "read.too-deep"),
        "deep-defined": (EXPLICIT, identity() + nested(100_000, defined=True), "read.no-pixels"),
        "items": (EXPLICIT, identity() + kept, "read.items-limit"),
        "promise": (
            EXPLICIT,
            identity() + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 0xFFFFFFF0),
            "read.truncated",
        ),
    }
    for name, (syntax, body, _) in bodies.items():
        (folder / name).write_bytes(file_meta(syntax) + body)
    sparse = folder / "sparse"
    head = file_meta(EXPLICIT) + identity()
    with sparse.open("wb") as stream:
        stream.write(head)
        for tag in (0x00091010, 0x00091011, 0x00091012, 0x00091013, 0x00091014):
            size = 4 * 1024**3 - 16
            stream.write(struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"OB", 0, size))
            stream.seek(size, os.SEEK_CUR)
        stream.write(element(0x7FE00010, b"OW", b"\0\0"))
    return {name: code for name, (_, _, code) in bodies.items()}


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, set[str]], bytes, int, dict[str, str]]:
    """Convert the hostile folder in a process of its own; return codes by file, stderr, peak."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "in").mkdir()
    expected = write_hostile(folder / "in")
    report = folder / "report.json"
    # getrusage would count what this process held before it started the other; VmHWM does not.
    code = (
        "import sys\nfrom pathlib import Path\nfrom dicom2fhir.cli import run\n"
        "try:\n    run()\nfinally:\n"
        "    status = Path('/proc/self/status').read_text()\n"
        "    print(status.split('VmHWM:')[1].split()[0], file=sys.stderr)\n"
    )
    arguments = ["convert", str(folder / "in"), "-o", str(folder / "out"), "--check", "fast"]
    arguments += ["--dicom", "none", "--media", "none"]  # 20 GiB are a file to carry, not a header
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--report", str(report)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    named: dict[str, set[str]] = {}
    for item in json.loads(report.read_bytes())["items"]:
        named.setdefault(Path(item["path"]).name, set()).add(item["code"])
    return named, done.stderr, int(done.stderr.split()[-1]), expected


def test_each_hostile_file_gets_its_own_code(
    run: tuple[dict[str, set[str]], bytes, int, dict[str, str]],
) -> None:
    named, _, _, expected = run
    assert {
        name: code in named.get(name, set()) for name, code in expected.items()
    } == dict.fromkeys(expected, True)
    assert b"Traceback" not in run[1]


def test_hostile_files_do_not_fill_the_memory(
    run: tuple[dict[str, set[str]], bytes, int, dict[str, str]],
) -> None:
    assert run[2] < 200 * 1024
