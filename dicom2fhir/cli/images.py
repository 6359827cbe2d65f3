"""Thumbnails on a terminal, by the graphics protocol that it understands.

kitty: https://sw.kovidgoyal.net/kitty/graphics-protocol. iTerm2: https://iterm2.com/documentation-images.html.
What a file states goes into captions only, made harmless, and never into a sequence.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from base64 import b64encode
from enum import StrEnum
from typing import TYPE_CHECKING

from dicom2fhir.cli.terminal import is_terminal
from dicom2fhir.report.people import plural
from dicom2fhir.report.pictures import why_no_picture
from dicom2fhir.report.safe import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TextIO

    from dicom2fhir.report.pictures import SeriesCard, StudyCard

ROWS = 9
"""Lines of text that a picture is as high as."""
PIXELS = 160
"""Longest side as sixels, which know no lines of text: about as high, at common sizes of type."""
PATIENCE = 0.5
"""Seconds to wait for a terminal's answer: every terminal gives one, at once or over a line."""
NO_GRAPHICS = (
    "--images needs a terminal that shows pictures (kitty, iTerm2 or sixel), and this is none; "
    "--report report.html shows them in a browser."
)

_CHUNK = 4096
_SIXEL = 4
_LONGEST_ANSWER = 1024
_ASK_ATTRIBUTES = b"\x1b[c"
_ATTRIBUTES = re.compile(rb"\x1b\[\?([0-9;]*)c")
_KITTY_TERMS = {"xterm-kitty", "xterm-ghostty"}
_KITTY_PROGRAMS = {"kitty", "ghostty"}
_ITERM_PROGRAMS = {"iTerm.app", "WezTerm"}


class Graphics(StrEnum):
    """How a terminal is sent a picture."""

    KITTY = "kitty"
    ITERM = "iterm"
    SIXEL = "sixel"


def find_graphics(environment: Mapping[str, str] = os.environ) -> Graphics | None:
    """Return the protocol of the terminal on standard output; None where it has none.

    A terminal that its environment does not name is asked for its attributes.
    """
    if not is_terminal(sys.stdout) or environment.get("TERM", "dumb") == "dumb":
        return None
    named = _named_graphics(environment)
    if named is not None or not is_terminal(sys.stdin):
        return named
    return Graphics.SIXEL if _SIXEL in _ask_attributes(sys.stdin.fileno()) else None


def _named_graphics(environment: Mapping[str, str]) -> Graphics | None:
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        # the names are those of the terminal around it, whose sequences it keeps to itself
        return None
    if term in _KITTY_TERMS or program in _KITTY_PROGRAMS or "KITTY_WINDOW_ID" in environment:
        return Graphics.KITTY
    return Graphics.ITERM if program in _ITERM_PROGRAMS else None


def _ask_attributes(descriptor: int) -> set[int]:
    """Return the primary device attributes (ECMA-48 8.3.24) of the terminal.

    Its state is what it was before, whatever happens.
    """
    try:
        import termios  # noqa: PLC0415 - not on every system
        import tty  # noqa: PLC0415 - the same
    except ImportError:
        return set()
    try:
        if os.tcgetpgrp(descriptor) != os.getpgrp():
            return set()  # a terminal stops those who change it from the background
        before = termios.tcgetattr(descriptor)
        try:
            tty.setcbreak(descriptor, termios.TCSANOW)
            os.write(sys.stdout.fileno(), _ASK_ATTRIBUTES)
            answer = _read_answer(descriptor)
        finally:
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
    except (OSError, termios.error):
        return set()
    return {int(number) for number in answer.split(b";") if number}


def _read_answer(descriptor: int) -> bytes:
    received, end = b"", time.monotonic() + PATIENCE
    while len(received) < _LONGEST_ANSWER and (left := end - time.monotonic()) > 0:
        if not select.select([descriptor], [], [], left)[0]:
            break
        data = os.read(descriptor, _LONGEST_ANSWER)
        if not data:
            break
        received += data
        if (answer := _ATTRIBUTES.search(received)) is not None:
            return answer[1]
    return b""


def print_pictures(
    cards: Iterable[StudyCard], stream: TextIO, graphics: Graphics, *, show_patients: bool
) -> None:
    """Print the thumbnails of each study below a line that says what they show."""
    for card in cards:
        stream.write(f"\n{_study_caption(card, show_patients=show_patients)}\n")
        for series in card.series:
            stream.writelines(_series_lines(series, graphics, show_patients=show_patients))
        more = card.series_count - len(card.series)
        if more > 0:
            stream.write(f"  and {more:,} more series\n")
        stream.flush()


def _study_caption(card: StudyCard, *, show_patients: bool) -> str:
    facts = [card.patient_name, card.patient_id] if show_patients else []
    facts += [card.date or "no date", card.description, plural(card.series_count, "series")]
    return "  ".join(safe(fact) for fact in facts if fact)


def _series_lines(series: SeriesCard, graphics: Graphics, *, show_patients: bool) -> Iterator[str]:
    number = f"series {series.number}" if series.number else "series"
    facts = (number, series.modality, plural(series.instances, "instance"), series.description)
    yield "  " + "  ".join(safe(fact) for fact in facts if fact) + "\n"
    reason = why_no_picture(series, show_names=show_patients)
    if series.thumbnail is not None and not reason:
        yield f"{draw(series.thumbnail, graphics)}\n"
    else:
        way_out = "; --show-patients shows it" if series.thumbnail is not None else ""
        yield f"  [{reason}{way_out}]\n"


def draw(picture: bytes, graphics: Graphics) -> str:
    """Return what makes a terminal draw a JPEG where its cursor is."""
    if graphics is Graphics.ITERM:
        return (
            f"\x1b]1337;File=inline=1;size={len(picture)};height={ROWS}:"
            f"{b64encode(picture).decode('ascii')}\a"
        )
    from dicom2fhir.render.terminal import png_of, sixels_of  # noqa: PLC0415 - loads Pillow

    if graphics is Graphics.SIXEL:
        return sixels_of(picture, PIXELS)
    return "".join(_kitty(png_of(picture)))


def _kitty(png: bytes) -> Iterator[str]:
    """Yield a PNG in chunks; the terminal is told not to answer (q=2), which a shell would read."""
    data = b64encode(png).decode("ascii")
    control = f"a=T,f=100,q=2,r={ROWS},"
    for start in range(0, len(data), _CHUNK):
        more = int(start + _CHUNK < len(data))
        yield f"\x1b_G{control}m={more};{data[start : start + _CHUNK]}\x1b\\"
        control = "q=2,"
