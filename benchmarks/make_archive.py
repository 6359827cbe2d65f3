"""Write an archive of CT images for the benchmark: the same arguments give the same bytes.

    python benchmarks/make_archive.py OUT --files 1000 --studies 1 [--rows 64] [--sparse]

A series is encoded once; what differs from image to image is put between the encoded pieces, so
that an image costs little more than its writing. OUT holds a folder a study, in it one a series.
With --sparse the pixels are holes: zeros that take no place on the disk.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from _ct_header import (
    CT_IMAGE_STORAGE,
    EXPLICIT_LITTLE_ENDIAN,
    Row,
    Vary,
    encode_element,
    encode_row,
    header,
)

if TYPE_CHECKING:
    from typing import BinaryIO

ROWS = 64
SERIES_PER_STUDY = 4
KERNELS = ("B30f", "B60f", "I31f\\3", "I70f\\3")
DESCRIPTIONS = ("Topogram", "Thorax 1.0 B60f", "Abdomen 3.0 I31f 3 portal venous", "Lung MIP")
FAMILIES = ("Specimen", "Sample", "Dummy", "Placeholder", "Testcase", "Mockup")
GIVEN = ("Anna", "Bert", "Cleo", "Dora", "Emil", "Frieda", "Gustav")
SPACING = 1.25


@dataclass(frozen=True)
class Hole:
    """The place of a value that differs from image to image."""

    tag: int
    vr: str
    name: str


def make_uid(*parts: object) -> str:
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def study_values(study: int) -> dict[str, str]:
    chance = random.Random(study)
    name = f"{chance.choice(FAMILIES)}^{chance.choice(GIVEN)}"
    return {
        "study_uid": make_uid("study", study),
        "frame_uid": make_uid("frame", study),
        "date": f"2024{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}",
        "study_time": f"{chance.randint(7, 18):02d}{chance.randint(0, 59):02d}12.345000",
        "accession": f"A{chance.randint(0, 10**7):08d}",
        "admission": f"V{chance.randint(0, 10**6)}",
        "study_id": str(1 + study),
        "patient_name": name,
        "patient_id": f"BENCH{study:06d}",
        "birth_date": f"{chance.randint(1930, 2005)}{chance.randint(1, 12):02d}15",
    }


def series_values(study: int, series: int) -> dict[str, str]:
    return {
        "series_uid": make_uid("series", study, series),
        "series_number": str(1 + series),
        "series_time": f"{8 + series:02d}3015.{series}25000",
        "series_description": DESCRIPTIONS[series % len(DESCRIPTIONS)],
        "kernel": KERNELS[series % len(KERNELS)],
        "table_height": f"{150 + series / 2:g}",
    }


def image_values(study: int, series: int, number: int) -> dict[str, str]:
    z = -1290 + number * SPACING
    micro = number * 7919 % 10**6
    current = 120 + (number * 37 + series) % 260
    return {
        "instance_uid": make_uid("instance", study, series, number),
        "time": f"1{series % 10}{number // 60 % 60:02d}{number % 60:02d}.{micro:06d}",
        "number": str(number),
        "position": f"-190.12890625\\-{300 + current / 7:.10g}\\{z:g}",
        "slice_location": f"{z:g}",
        "tube_current": str(current),
        "exposure": str(current // 2),
        "table_position": f"{z + 0.5:.2f}",
        "table_position_text": f"{z + 0.5:.6f}",
        "dose": f"{current / 29:.4f}",
        "largest": str(2000 + current),
    }


def template(values: dict[str, str]) -> list[bytes | Hole]:
    """Encode what a series has in common; holes stay between the pieces."""
    pieces: list[bytes | Hole] = []
    run: list[bytes] = []
    for tag, vr, value in header():
        if isinstance(value, Vary) and value.name not in values:
            pieces += [b"".join(run), Hole(tag, vr, value.name)]
            run = []
            continue
        filled: Row = (tag, vr, values[value.name] if isinstance(value, Vary) else value)
        run.append(encode_row(filled))
    return [*pieces, b"".join(run)]


def file_meta(instance_uid: str) -> bytes:
    """Encode preamble, prefix and the file meta group (PS3.10 7.1)."""
    body = b"".join(
        (
            encode_element(0x00020001, "OB", b"\x00\x01"),
            encode_element(0x00020002, "UI", CT_IMAGE_STORAGE),
            encode_element(0x00020003, "UI", instance_uid),
            encode_element(0x00020010, "UI", EXPLICIT_LITTLE_ENDIAN),
            encode_element(0x00020012, "UI", "2.25.329800735698586629295641978511506172918"),
            encode_element(0x00020013, "SH", "BENCH_1"),
        )
    )
    return bytes(128) + b"DICM" + encode_element(0x00020000, "UL", str(len(body))) + body


@dataclass(frozen=True)
class Pixels:
    """Square images of so many rows: each another stretch of the noise, or a hole without any."""

    rows: int
    noise: bytes = b""

    def write(self, file: BinaryIO, number: int) -> None:
        """Append the image of this number, the last element of its file."""
        size = 2 * self.rows**2
        file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, size))
        if self.noise:
            start = 2 * (number * 131 % self.rows**2)
            file.write(self.noise[start : start + size])
        else:
            file.truncate(file.tell() + size)


def make_pixels(rows: int, *, sparse: bool) -> Pixels:
    """Give noise of twice the size of an image."""
    if sparse:
        return Pixels(rows)
    chance = random.Random(64)
    noise = (chance.getrandbits(12) for _ in range(2 * rows**2))
    return Pixels(rows, struct.pack(f"<{2 * rows**2}H", *noise))


def write_series(folder: Path, study: int, series: int, count: int, pixels: Pixels) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = {"rows": str(pixels.rows)}
    pieces = template(study_values(study) | series_values(study, series) | rows)
    for number in range(1, count + 1):
        values = image_values(study, series, number)
        body = [
            piece
            if isinstance(piece, bytes)
            else encode_element(piece.tag, piece.vr, values[piece.name])
            for piece in pieces
        ]
        with (folder / f"IM{number:05d}").open("wb") as file:
            file.write(b"".join((file_meta(values["instance_uid"]), *body)))
            pixels.write(file, number)


def write_archive(
    folder: Path, *, files: int, studies: int = 1, rows: int = ROWS, sparse: bool = False
) -> None:
    """Write so many files, spread evenly over studies and their series."""
    pixels = make_pixels(rows, sparse=sparse)
    for study in range(studies):
        of_study = files // studies + (study < files % studies)
        series_count = min(SERIES_PER_STUDY, of_study)
        for series in range(series_count):
            count = of_study // series_count + (series < of_study % series_count)
            place = folder / f"study{study + 1:04d}" / f"series{series + 1:02d}"
            write_series(place, study, series, count, pixels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--studies", type=int, default=1)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--sparse", action="store_true")
    arguments = parser.parse_args()
    write_archive(
        arguments.out,
        files=arguments.files,
        studies=arguments.studies,
        rows=arguments.rows,
        sparse=arguments.sparse,
    )
    print(f"{arguments.files} files in {arguments.studies} studies below {arguments.out}")


if __name__ == "__main__":
    main()
