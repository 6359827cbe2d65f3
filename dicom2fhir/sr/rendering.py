"""The whole tree of a report in words: as plain text, as a page, and its conclusion.

What it says is for people who read a report; the page holds no scripts, links or styles.
"""

from __future__ import annotations

from html import escape
from itertools import chain, groupby, repeat
from typing import TYPE_CHECKING, Final, NamedTuple

from dicom2fhir.sr import roles
from dicom2fhir.sr.groups import is_group, is_hidden, reads_as_text
from dicom2fhir.sr.lines import head_of, line_of, one_line_of, qualified, rest_of, sentence_of
from dicom2fhir.sr.words import title_of, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dicom2fhir.content import ContentItem

MOST_CHARACTERS: Final = 1_000_000
"""Of a rendering: more than that nobody reads, and FHIR strings end at 1 MB."""
MOST_CONCLUSION: Final = 20_000
CUT: Final = "[The rest is in the DICOM file.]"
HIDDEN: Final = "[A finding that is not for presentation]"
_INDENT: Final = "  "
_DEEPEST: Final = 20
"""Levels that are indented; lists nested deeper are hard to read and to parse."""


class Line(NamedTuple):
    """One item in words, `depth` levels below the title."""

    depth: int
    text: str
    heading: bool = False


def lines_of(root: ContentItem, kind: str) -> tuple[Line, ...]:
    """Return the tree line by line, as far as a reader can be asked to go."""
    found: list[Line] = []
    left = MOST_CHARACTERS
    for line in _counted(_every_line(root, kind)):
        left -= len(line.text) + len(_INDENT) * line.depth + 1
        if left < 0:
            found.append(Line(0, CUT))
            break
        found.append(line)
    return tuple(found)


def _counted(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield each line, and a row of pictures that read the same as one line with their count."""
    for line, run in groupby(lines):
        count = sum(1 for _ in run)
        if count > 1 and line.text.startswith("["):
            yield line._replace(text=f"{line.text} ({count} times)")
        else:
            yield from repeat(line, count)


def _every_line(root: ContentItem, kind: str) -> Iterator[Line]:
    targets = {item.target for item in root.walk() if item.target}
    names = {item.path: title_of(item) for item in root.walk() if item.path in targets}
    waiting: list[tuple[ContentItem | str, int]] = [(root, 0)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, str):
            yield Line(min(depth, _DEEPEST), item)
            continue
        text, below = _split(item, kind)
        if item.target:
            text = f"[see {names.get(item.target, item.target)}]"
        if text:
            heading = item.value_type == "CONTAINER" and bool(below or not is_group(item))
            yield Line(min(depth, _DEEPEST), text, heading=heading)
        deeper = depth + 1 if text else depth
        waiting.extend((child, deeper) for child in reversed(below))


def _split(item: ContentItem, kind: str) -> tuple[str, Sequence[ContentItem | str]]:
    """Return the line of an item, and what stands on the lines below it."""
    if is_hidden(item):
        return HIDDEN, ()
    if roles.key(item.name) in roles.IMAGE_LIBRARIES:
        images = sum(1 for one in item.walk() if one.value_type == "IMAGE")
        return f"{title_of(item)}: {images} image{'' if images == 1 else 's'}", ()
    if is_group(item):
        text = one_line_of(item)
        return (text, ()) if text else (head_of(item), rest_of(item))
    text, below = line_of(item)
    return text, _paragraphs(below) if reads_as_text(item, kind) else below


def _paragraphs(items: Iterable[ContentItem]) -> list[ContentItem | str]:
    found: list[ContentItem | str] = []
    for is_leaf, run in groupby(items, key=_is_leaf):
        some = tuple(run)
        found.extend([sentence_of(some)] if is_leaf else some)
    return found


def _is_leaf(item: ContentItem) -> bool:
    return item.value_type != "CONTAINER" and item.relationship == "CONTAINS" and not item.children


def render_text(lines: Iterable[Line]) -> str:
    """Return the lines as plain text, indented."""
    return "".join(_indented(line) for line in lines)


def _indented(line: Line) -> str:
    margin = _INDENT * line.depth
    return "".join(f"{margin}{row}\n" for row in line.text.splitlines() or [""])


def render_html(lines: Sequence[Line]) -> str:
    """Return the lines as a page of nested lists, "" where there are none."""
    if not lines:
        return ""
    title = _escaped(lines[0].text)
    return "".join(
        chain(
            (
                '<!DOCTYPE html>\n<html><head><meta charset="utf-8">',
                f"<title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n",
            ),
            _lists(lines[1:]),
            ("</body></html>\n",),
        )
    )


def _lists(lines: Iterable[Line]) -> Iterator[str]:
    depth = 0
    for line in lines:
        wanted = max(line.depth, 1)
        if wanted > depth:
            yield "<ul>\n" + "<li><ul>\n" * (wanted - depth - 1)
        else:
            yield "</li>\n" + "</ul></li>\n" * (depth - wanted)
        depth = wanted
        text = _escaped(line.text)
        yield f"<li><b>{text}</b>" if line.heading else f"<li>{text}"
    if depth:
        yield "</li>\n" + "</ul></li>\n" * (depth - 1) + "</ul>\n"


def _escaped(text: str) -> str:
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    return escape(shown).replace("\n", "<br>")


def conclude(items: Sequence[ContentItem], kind: str) -> str:
    """Return what a report concludes: its conclusions, impressions and diagnoses.

    A report in prose without any concludes its findings (PS3.16 TID 2000).
    """
    texts = [text for item in items if _concludes(item) and (text := _said(item))]
    sections = [item for item in items if _is_section(item)]
    for section in sections:
        texts += [text for item in section.children if (text := _said(item))]
    if not texts and kind == "text":
        texts = [
            text for item in items if roles.named(item, roles.FINDING) and (text := _said(item))
        ]
    whole = "\n".join(dict.fromkeys(texts))
    return whole if len(whole) <= MOST_CONCLUSION else f"{whole[:MOST_CONCLUSION]}… {CUT}"


def _said(item: ContentItem) -> str:
    stated = item.text.strip() if item.value_type == "TEXT" else words(item.code)
    return qualified(item) if stated else ""


def _concludes(item: ContentItem) -> bool:
    return item.value_type in ("TEXT", "CODE") and _is_conclusion(item, roles.CONCLUSION)


def _is_section(item: ContentItem) -> bool:
    # The title of the whole report makes no conclusion of all that it contains.
    is_root = "." not in item.path
    return (
        item.value_type == "CONTAINER"
        and not is_root
        and _is_conclusion(item, roles.CONCLUSION_SECTIONS)
    )


def _is_conclusion(item: ContentItem, names: frozenset[roles.Key]) -> bool:
    if item.name is None:
        return False
    meaning = item.name.meaning.strip().casefold()
    return roles.key(item.name) in names or meaning in roles.CONCLUSION_WORDS
