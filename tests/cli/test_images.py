"""`inspect --images`: which terminals can, what they are sent, and how they are left."""

from __future__ import annotations

import base64
import io
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from dicom2fhir.cli import images
from dicom2fhir.cli.images import Graphics, draw, find_graphics, print_pictures
from report_cases import SECRETS, made_up_card, make_jpeg, make_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

ASK = b"\x1b[c"
CHILD = """
import os, sys, termios
os.open(os.ttyname(0), os.O_RDWR)  # the first terminal that a new session opens is its own
before = termios.tcgetattr(0)
from dicom2fhir.cli import images
from dicom2fhir.cli.images import find_graphics
images.PATIENCE = float(sys.argv[1])
found = find_graphics({"TERM": "xterm-256color"})
print("found", found, "restored", termios.tcgetattr(0) == before, flush=True)
"""


@pytest.mark.parametrize(
    ("environment", "graphics"),
    [
        ({"TERM": "xterm-kitty"}, Graphics.KITTY),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, Graphics.KITTY),
        ({"TERM": "xterm-ghostty"}, Graphics.KITTY),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, Graphics.KITTY),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, Graphics.ITERM),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, Graphics.ITERM),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux-0/default,1,0"}, None),  # noqa: S108 - no file
        ({"TERM": "dumb", "KITTY_WINDOW_ID": "1"}, None),
        ({"KITTY_WINDOW_ID": "1"}, None),
    ],
)
def test_a_terminal_is_known_by_its_environment(
    environment: dict[str, str], graphics: Graphics | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "is_terminal", lambda stream: stream is sys.stdout)
    assert find_graphics(environment) is graphics


def test_what_is_no_terminal_has_no_graphics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "is_terminal", lambda stream: stream is sys.stdin)
    assert find_graphics({"TERM": "xterm-kitty"}) is None


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"\x1b[?62;4;22c", b"found sixel"),
        (b"typed\x1b[?4c", b"found sixel"),
        (b"\x1b[?62;22;44c", b"found None"),
        (b"\x1b[?1;2", b"found None"),
        (b"", b"found None"),
    ],
)
def test_an_unknown_terminal_is_asked_and_left_as_it_was(answer: bytes, found: bytes) -> None:
    patience = "60" if answer.endswith(b"c") else "0.2"
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, patience], stdin=slave, stdout=slave, start_new_session=True
    )
    os.close(slave)
    try:
        seen = read_until(master, ASK)
        os.write(master, answer)
        seen += read_until(master, b"restored")
        seen += read_until(master, b"\n")
    finally:
        child.wait(timeout=60)
        os.close(master)
    assert found in seen
    assert b"restored True" in seen
    assert seen.count(b"\x1b[?") == 0  # the answer was not echoed


def read_until(descriptor: int, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end) and (byte := os.read(descriptor, 1)):
        data += byte
    return data


def test_where_pictures_cannot_be_shown_a_sentence_says_so_and_nothing_else_changes(
    study: Path, invoke: Callable[..., Result]
) -> None:
    plain, shown = invoke("inspect", str(study)), invoke("inspect", str(study), "--images")
    assert (shown.stdout, shown.exit_code) == (plain.stdout, plain.exit_code)
    assert shown.stderr == f"{images.NO_GRAPHICS}\n{plain.stderr}"


def test_pictures_do_not_go_into_json(study: Path, invoke: Callable[..., Result]) -> None:
    result = invoke("inspect", str(study), "--images", "--format", "json")
    assert result.exit_code == 2
    assert "--format table" in result.stderr


def decode_kitty(text: str) -> tuple[list[str], Image.Image]:
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    assert "".join(f"\x1b_G{keys};{data}\x1b\\" for keys, data in pieces) == text
    assert max(len(data) for _, data in pieces) <= 4096
    data = base64.b64decode("".join(data for _, data in pieces))
    return [keys for keys, _ in pieces], Image.open(io.BytesIO(data))


def test_kitty_is_sent_a_png_in_chunks_and_told_not_to_answer() -> None:
    noise = Image.effect_noise((90, 60), 80).convert("RGB")
    stream = io.BytesIO()
    noise.save(stream, "JPEG")
    keys, image = decode_kitty(draw(stream.getvalue(), Graphics.KITTY))
    assert len(keys) > 2
    assert keys[0] == "a=T,f=100,q=2,r=9,m=1"
    assert set(keys[1:-1]) == {"q=2,m=1"}
    assert keys[-1] == "q=2,m=0"
    assert image.format == "PNG"
    assert image.size == (90, 60)


def test_iterm2_is_sent_the_jpeg_as_it_is() -> None:
    picture = make_jpeg()
    text = draw(picture, Graphics.ITERM)
    assert text.startswith(f"\x1b]1337;File=inline=1;size={len(picture)};height=9:")
    assert base64.b64decode(text.partition(":")[2].removesuffix("\a")) == picture


def test_nothing_that_a_file_states_is_in_a_sequence() -> None:
    hostile = "\x1b]1337;evil\a\x1b_Gevil\x1b\\\x9b31m\n\u202e"
    series = make_series(
        thumbnail=make_jpeg(), number=hostile, modality=hostile, description=hostile, uid=hostile
    )
    card = made_up_card(series, **dict.fromkeys(SECRETS, hostile))
    stream = io.StringIO()
    print_pictures([card], stream, Graphics.KITTY, show_patients=True)
    text = re.sub(r"\x1b_G[a-zA-Z0-9=,]*;[A-Za-z0-9+/=]*\x1b\\", "", stream.getvalue())
    assert "\\x1b]1337;evil" in text
    assert text.replace("\n", "").isprintable()


def test_patients_and_images_that_may_show_names_are_shown_only_on_demand() -> None:
    card = made_up_card(make_series(thumbnail=make_jpeg(), may_show_names=True))
    hidden, shown = io.StringIO(), io.StringIO()
    print_pictures([card], hidden, Graphics.ITERM, show_patients=False)
    print_pictures([card], shown, Graphics.ITERM, show_patients=True)
    assert "ZACHARIAS" not in hidden.getvalue()
    assert "\x1b" not in hidden.getvalue()
    assert "[May show names; --show-patients shows it]" in hidden.getvalue()
    assert "ZACHARIAS^ZOE" in shown.getvalue()
    assert "\x1b]1337" in shown.getvalue()


def test_a_series_without_a_picture_says_why_on_the_terminal() -> None:
    stream = io.StringIO()
    card = made_up_card(make_series(thumbnail=None, left_out="pixels.no-image"))
    print_pictures([card], stream, Graphics.KITTY, show_patients=False)
    assert stream.getvalue().endswith("  [Not an image that is shown by itself]\n")
