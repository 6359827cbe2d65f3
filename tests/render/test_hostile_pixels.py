"""Headers and streams that lie: refused before they cost anything."""

from __future__ import annotations

import io
import resource
import struct
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from dicom2fhir.model import RenderRequest
from dicom2fhir.problems import CODES
from dicom2fhir.render import RenderError, extract, render_frames
from render_cases import JPEG, LOSSLESS, RLE, file_of, image, jpeg_image, refusal, stream

if TYPE_CHECKING:
    from pathlib import Path

J2K, JPEG_LS, NATIVE = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.1"
MIB = 1024 * 1024


def large_jpeg() -> bytes:
    """Return a JPEG that says it is of 65500 by 65500 pixels, in 600 bytes."""
    data = bytearray(stream(7))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65500, 65500)
    return bytes(data)


def j2k(columns: int, rows: int, components: int = 1) -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8), 7).save(out, "JPEG2000", no_jp2=True)
    data = bytearray(out.getvalue())
    data[8:16] = struct.pack(">LL", columns, rows)
    data[40:42] = struct.pack(">H", components)
    return bytes(data)


def small(data: bytes = b"", **changes: Any) -> Dataset:  # noqa: ANN401
    one = image(np.zeros((8, 8), np.uint8), **changes)
    if data:
        one.PixelData = encapsulate([data])
    return one


RLE_HEADER = struct.pack("<16L", 1, 64, *[0] * 14) + bytes([0x81, 7]) * 9
BOMBS = {
    "RLE of 65535 squared": (small(RLE_HEADER, Rows=65535, Columns=65535), RLE),
    "native of 65535 squared": (small(Rows=65535, Columns=65535), NATIVE),
    "JPEG of 65500 squared": (
        small(large_jpeg(), Rows=65500, Columns=65500),
        JPEG,
    ),
    "a stream larger than its header": (small(large_jpeg()), JPEG),
    "JPEG 2000 of four thousand millions": (small(j2k(2**32 - 1, 2**32 - 1)), J2K),
    "JPEG 2000 larger than its header": (small(j2k(30000, 30000)), J2K),
    "JPEG 2000 of 16384 components": (small(j2k(8, 8, 16384)), J2K),
    "a JPEG where there should be JPEG 2000": (small(stream(7)), J2K),
    "255 samples": (small(SamplesPerPixel=255), NATIVE),
    "no bits": (small(BitsAllocated=0, BitsStored=0), NATIVE),
    "7 bits": (small(BitsAllocated=7, BitsStored=7), NATIVE),
    "64 bits of colours, 30000 squared": (
        small(BitsAllocated=64, BitsStored=64, SamplesPerPixel=3, Rows=30000, Columns=30000),
        NATIVE,
    ),
    "no rows": (small(Rows=0), NATIVE),
    "2147483647 frames": (small(NumberOfFrames=2147483647, Rows=16), NATIVE),
    "RLE of nothing": (small(bytes(64)), RLE),
    "RLE with segments behind its end": (
        small(struct.pack("<16L", 15, *[2**32 - 1] * 15) + bytes(2)),
        RLE,
    ),
    "lossless in 12 bits that is lossy": (
        small(stream(7).replace(b"\xff\xc0\0\x0b\x08", b"\xff\xc1\0\x0b\x0c"), BitsAllocated=16),
        LOSSLESS,
    ),
    "lossless of a process that is none": (
        small(stream(7).replace(b"\xff\xc0", b"\xff\xc9")),
        LOSSLESS,
    ),
    "lossless of nothing": (small(b"\xff\xd8\xff\xd9"), LOSSLESS),
    "JPEG-LS of nothing": (small(b"\xff\xd8\xff\xd9"), JPEG_LS),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_neither_memory_nor_time(name: str) -> None:
    dataset, syntax = BOMBS[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refusal(dataset, syntax) in ("pixels.undecodable", "pixels.too-large")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * 1024


def test_a_frame_behind_the_end_of_the_data_is_refused() -> None:
    one = small(NumberOfFrames=2147483647)
    assert refusal(one, NATIVE, frames=(2**31 - 1,)) == "pixels.undecodable"


def test_a_damaged_frame_does_not_keep_the_others_from_being_rendered() -> None:
    three = jpeg_image(stream(10), stream(20)[:40], stream(30))
    frames = render_frames(
        file_of(three, JPEG), RenderRequest(transfer_syntax_uid=JPEG, frames=(1, 2, 3))
    )
    assert [next(frames).frame, next(frames).frame] == [1, 3]
    with pytest.raises(RenderError, match=r"pixels\.undecodable"):
        next(frames)


def test_frames_that_all_fail_are_not_tried_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def refuse(_image: object, frame: int, _request: object) -> None:
        tried.append(frame)
        raise RenderError("pixels.undecodable")

    monkeypatch.setattr("dicom2fhir.render.rendering.render_frame", refuse)
    request = RenderRequest(transfer_syntax_uid=NATIVE, frames=range(1, 1_000_000))
    with pytest.raises(RenderError):
        next(iter(render_frames(file_of(image(np.zeros((2, 2), np.uint8))), request)))
    assert len(tried) == 8


def test_a_flood_of_fragments_ends() -> None:
    one = jpeg_image(stream(7))
    one.PixelData = encapsulate([b"\0\0"]) + struct.pack("<HHL", 0xFFFE, 0xE000, 0) * 100_000
    one.NumberOfFrames = 3
    assert refusal(one, JPEG) == "pixels.undecodable"


def test_no_refusal_tells_of_the_patient() -> None:
    one = small(PatientName="Doe^Jane", PatientID="4711", PhotometricInterpretation="DOE JANE")
    with pytest.raises(RenderError) as caught:
        list(render_frames(file_of(one), RenderRequest(transfer_syntax_uid=NATIVE, frames=(1,))))
    assert "DOE" not in str(caught.value).upper()


SEEDS = (
    (jpeg_image(stream(7), stream(9)), JPEG),
    (image(np.arange(64, dtype=np.int16).reshape(8, 8), WindowCenter=3, WindowWidth=9), NATIVE),
    (small(j2k(8, 8)), J2K),
    (small(RLE_HEADER), RLE),
)
FILES = [(file_of(dataset, syntax).getvalue(), syntax) for dataset, syntax in SEEDS]


@given(st.data())
def test_any_damage_is_a_picture_or_a_refusal_by_a_known_code(data: st.DataObject) -> None:
    whole, syntax = data.draw(st.sampled_from(FILES))
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)) | st.just(len(whole)))
    file = io.BytesIO(bytes(damaged[:cut]))
    request = RenderRequest(transfer_syntax_uid=syntax, frames=(1,), size=64, thumbnail=4)
    for attempt in (lambda: list(render_frames(file, request)), lambda: extract(file, syntax)):
        try:
            attempt()
        except RenderError as error:
            assert error.code in CODES  # noqa: PT017 - a picture is as good


def sparse(path: Path, frames: int, side: int) -> None:
    """Write an enhanced object of so many frames that takes no room on the disk."""
    one = image(np.zeros((1, 2), np.uint16), NumberOfFrames=frames)
    one.Rows = one.Columns = side
    groups = []
    for number in range(frames):
        voi = Dataset()
        voi.WindowCenter, voi.WindowWidth = number, 400
        group = Dataset()
        group.FrameVOILUTSequence = Sequence([voi])
        groups.append(group)
    one.PerFrameFunctionalGroupsSequence = Sequence(groups)
    data = bytearray(file_of(one).getvalue())
    length = frames * side * side * 2
    data[-8:-4] = struct.pack("<L", length)
    path.write_bytes(data)
    with path.open("r+b") as file:
        file.truncate(len(data) - 4 + length)


CODE = """
import sys
from dicom2fhir.model import RenderRequest
from dicom2fhir.render import render_frames
frames = range(1, 5001) if sys.argv[2] == "all" else (2500,)
request = RenderRequest(transfer_syntax_uid="1.2.840.10008.1.2.1", frames=frames)
with open(sys.argv[1], "rb") as file:
    windows = {picture.window for picture in render_frames(file, request)}
# not getrusage, which counts what the process that started this one held
with open("/proc/self/status") as status:
    peak = next(line for line in status if line.startswith("VmHWM"))
print(len(windows), int(peak.split()[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("frames", "windows"), [("middle", 1), ("all", 5000)])
def test_five_thousand_frames_are_held_one_by_one(
    frames: str, windows: int, tmp_path: Path
) -> None:
    sparse(tmp_path / "large.dcm", 5000, 256)
    command = [sys.executable, "-c", CODE, str(tmp_path / "large.dcm"), frames]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    assert int(printed[0]) == windows
    assert int(printed[1]) < 250, "MiB"


def test_a_jp2_box_of_no_length_ends() -> None:
    box = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\0none"
    assert refusal(small(box + j2k(8, 8)), J2K) == ""
    assert refusal(small(box + b"none"), J2K) == "pixels.undecodable"


def test_a_panic_of_a_decoder_in_rust_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    from dicom2fhir.render import decode

    monkeypatch.setattr(decode, "able_plugins", lambda *_: ("pylibjpeg",))
    one = image(np.zeros((8, 8), np.uint16))
    # a run over the end of its plane
    segment = bytes([0xC1, 7]) * 3
    one.PixelData = encapsulate([struct.pack("<16L", 2, 64, 70, *[0] * 13) + segment * 2])
    assert refusal(one, RLE) == "pixels.undecodable"
