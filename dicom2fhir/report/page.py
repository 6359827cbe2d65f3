"""The report as a page: one file that any browser opens, without scripts and without a network.

Patient-free unless names are asked for: no text that a file states is shown then but a modality
and a body part that DICOM itself defines, and the number of a series.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from html import escape
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING

from dicom2fhir.problems import Severity
from dicom2fhir.report.document import PAGE_BEGINNING
from dicom2fhir.report.people import headline, plural, size, validation_line
from dicom2fhir.report.pictures import why_no_picture
from dicom2fhir.report.safe import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dicom2fhir.report.pictures import SeriesCard, StudyCard
    from dicom2fhir.report.summary import Counts, Outcome, Place, ProblemRow, Timing

PICTURE_BUDGET = 64 * 1024 * 1024
"""Bytes of thumbnails in one page: more than that no browser opens with ease."""

LONGEST_TEXT = 400

_NARROW = 2
"""Series of a study that shares its line with others."""

_ENDINGS = {
    0: ("good", "\u2713", "All done"),
    1: ("error", "\u2715", "Done, but some items failed or were skipped for a fault"),
    3: ("error", "\u2715", "No DICOM was found"),
}
_SEVERITIES = {
    Severity.ERROR: "\u2715 Error",
    Severity.WARNING: "\u25b2 Warning",
    Severity.INFO: "\u2139 Note",
}
_FATES = (
    ("failed", "failed"),
    ("conflicts", "in conflict"),
    ("duplicates", "duplicate"),
    ("rejected", "rejected"),
    ("unchanged", "unchanged"),
    ("filtered", "filtered out"),
    ("not_dicom", "not DICOM"),
    ("other", "other"),
)
_NOUNS = (
    ("patients", "patient"),
    ("studies", "study"),
    ("series", "series"),
    ("bundles", "Bundle"),
)
_FAULTS = {"failed", "conflicts"}
_BAR = (
    ("good", "done", ("converted",)),
    ("known", "known from an earlier run", ("unchanged",)),
    ("left", "left out", ("duplicates", "rejected", "filtered", "not_dicom", "other")),
    ("bad", "failed or in conflict", ("failed", "conflicts")),
)
_LEAST_SHARE = 0.8
"""Percent of the bar that a part has at least, so that one failed file of a million is seen."""
_OPTION = re.compile(r"--[a-z][a-z-]+")
_SERIES_NUMBER = re.compile(r"-?[0-9]{1,6}")
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")


def encode_page(
    outcome: Outcome, command: str, cards: Iterable[StudyCard] = (), *, show_names: bool = False
) -> Iterator[bytes]:
    """Yield the page in UTF-8, a study at a time."""
    for text in _page(outcome, command, iter(cards), show_names=show_names):
        yield text.encode()


def _page(
    outcome: Outcome, command: str, cards: Iterator[StudyCard], *, show_names: bool
) -> Iterator[str]:
    first = next(cards, None)
    yield _head()
    yield '<body>\n<main>\n<header class="top">\n'
    yield _status(outcome, command, has_studies=first is not None)
    yield "</header>\n"
    yield _counts(outcome.counts, command)
    yield from _problems(outcome.problems, show_names=show_names)
    if first is not None:
        yield from _studies(chain([first], cards), show_names=show_names)
    yield _timings(outcome.timings)
    yield "</main>\n<footer>\n"
    yield _paragraph(f"Written by dicom2fhir {outcome.version}. {_PRIVACY[show_names]}")
    yield "</footer>\n</body>\n</html>\n"


_PRIVACY = {
    True: "This page shows patients: keep it where their records may be.",
    False: "Names, numbers, dates, descriptions, UIDs and paths of patients are left out;"
    " --report-names shows them.",
}


def _head() -> str:
    style = files("dicom2fhir.report").joinpath("page.css").read_text("utf-8")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        f'{PAGE_BEGINNING.decode()}<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        '<meta name="referrer" content="no-referrer"/>\n'
        '<link rel="icon" href="data:,"/>\n'
        f"<title>dicom2fhir report</title>\n<style>{style}</style>\n</head>\n"
    )


def _status(outcome: Outcome, command: str, *, has_studies: bool) -> str:
    tone, mark, ending = _ENDINGS.get(outcome.exit_code, _ENDINGS[1])
    faults = any(row.severity is Severity.ERROR for row in outcome.problems)
    if outcome.exit_code == 0 and (outcome.counts.failed or faults):
        tone, mark, ending = "warning", "\u25b2", "Done, with faults that were not to count"
    links = [
        ("problems", "Problems", bool(outcome.problems)),
        ("studies", "Studies", has_studies),
        ("timings", "Time taken", bool(outcome.timings)),
    ]
    shown = [f'<a href="#{name}">{text}</a>' for name, text, is_there in links if is_there]
    return (
        f'<div class="card status {tone}">\n'
        f'<h1><span class="mark" aria-hidden="true">{mark}</span> {ending}</h1>\n'
        f"<p>{_text(_line(outcome, command))}.</p>\n"
        f'<p class="soft"><code>dicom2fhir {_text(command)}</code>, exit code'
        f" {outcome.exit_code}</p>\n"
        + (f"<nav>{' '.join(shown)}</nav>\n" if shown else "")
        + "</div>\n"
    )


def _line(outcome: Outcome, command: str) -> str:
    if command == "validate":
        return validation_line(outcome)
    return headline(outcome.counts, _verb(command))


def _verb(command: str) -> str:
    return "listed" if command == "inspect" else "converted"


def _counts(counts: Counts, command: str) -> str:
    tiles = _noun_tiles(counts, (("files", "file"),))
    for name, label in (("converted", _verb(command)), *_FATES):
        if count := getattr(counts, name):
            tiles += _tile(f"{count:,}", label, is_fault=name in _FAULTS)
    tiles += _noun_tiles(counts, _NOUNS)
    tiles += _tile(size(counts.bytes), "written") if counts.bytes else ""
    return (
        f'<section aria-labelledby="counts">\n<h2 id="counts">Counts</h2>\n'
        f'<dl class="tiles">\n{tiles}</dl>\n{_bar(counts)}</section>\n'
    )


def _noun_tiles(counts: Counts, nouns: Iterable[tuple[str, str]]) -> str:
    texts = (plural(count, noun) for name, noun in nouns if (count := getattr(counts, name)))
    return "".join(_tile(*text.split(" ", 1)) for text in texts)


def _tile(shown: str, label: str, *, is_fault: bool = False) -> str:
    tone = ' class="error"' if is_fault else ""
    return f"<div{tone}><dt>{label}</dt><dd>{shown}</dd></div>\n"


def _bar(counts: Counts) -> str:
    """Return what became of the files as one bar, with the same in words below."""
    parts = [
        (tone, label, count)
        for tone, label, names in _BAR
        if (count := sum(getattr(counts, name) for name in names))
    ]
    if len(parts) < 2:  # noqa: PLR2004 - one part alone has nothing to show
        return ""
    total = sum(count for *_, count in parts)
    shares = [max(_LEAST_SHARE, 100 * count / total) for *_, count in parts]
    start, rects, words = 0.0, "", ""
    for (tone, label, count), share in zip(parts, shares, strict=True):
        width = 100 * share / sum(shares)
        rects += f'<rect class="bar-{tone}" x="{start:.2f}%" width="{width:.2f}%" height="100%"/>'
        words += f'<span><i class="bar-{tone}"></i> {count:,} {label}</span>\n'
        start += width
    return f'<svg class="bar" aria-hidden="true">{rects}</svg>\n<p class="soft key">{words}</p>\n'


def _problems(rows: Iterable[ProblemRow], *, show_names: bool) -> Iterator[str]:
    yield '<section aria-labelledby="problems">\n<h2 id="problems">Problems</h2>\n'
    row = None
    for row in rows:
        yield _problem(row, show_names=show_names)
    if row is None:
        yield '<p class="card">None.</p>\n'
    yield "</section>\n"


def _problem(row: ProblemRow, *, show_names: bool) -> str:
    shown = row.examples if row.severity is not Severity.INFO else ()
    places = dict.fromkeys(_place(place, show_names=show_names) for place in shown)
    items = "".join(f"<li>{place}</li>\n" for place in places if place)
    advice = _OPTION.sub(r"<code>\g<0></code>", _text(row.advice))
    often = "once" if row.count == 1 else f"{row.count:,} times"
    return (
        f'<article class="card problem {row.severity.value}">\n<header>\n'
        f'<h3>{_text(row.message)}</h3>\n<span class="badge">{_SEVERITIES[row.severity]}</span>\n'
        f'<span class="often">{often}</span>\n</header>\n'
        + (f'<p class="todo"><b>What to do:</b> {advice}</p>\n' if advice else "")
        + (f"<p>Where, for example:</p>\n<ul>\n{items}</ul>\n" if items else "")
        + f'<p class="soft"><code>{_text(row.code)}</code></p>\n</article>\n'
    )


def _place(place: Place, *, show_names: bool) -> str:
    facts = (place.tag, place.element, place.detail, place.path if show_names else "")
    return " · ".join(_text(fact) for fact in facts if fact)


def _studies(cards: Iterator[StudyCard], *, show_names: bool) -> Iterator[str]:
    yield '<section aria-labelledby="studies">\n<h2 id="studies">Studies</h2>\n'
    yield '<div class="studies">\n'
    left = PICTURE_BUDGET
    for number, card in enumerate(cards, start=1):
        left -= sum(len(series.thumbnail or b"") for series in card.series)
        yield _study(card, number, show_names=show_names, shows_series=left >= 0)
    yield "</div>\n"
    if left < 0:
        yield _paragraph(
            "The page has no room for more pictures; the last studies are listed without them."
        )
    yield "</section>\n"


def _study(card: StudyCard, number: int, *, show_names: bool, shows_series: bool) -> str:
    counts = [
        ", ".join(dict.fromkeys(filter(None, (_modality(one) for one in card.series)))),
        plural(card.series_count, "series"),
        plural(card.instances, "instance"),
        f"{size(card.written)} in {plural(card.bundles, 'Bundle')}" if card.bundles else "",
    ]
    items = [_series(one, show_names=show_names) for one in card.series] if shows_series else []
    more = card.series_count - len(card.series)
    width = " wide" if len(items) > _NARROW else ""
    return (
        f'<article class="card study{width}" aria-labelledby="study-{number}">\n<header>\n'
        f'<h3 id="study-{number}">Study {number}</h3>\n'
        f'<span class="soft">{" · ".join(filter(None, counts))}</span>\n</header>\n'
        + (_facts(card) if show_names else "")
        + (f'<ul class="sheet">\n{"".join(items)}</ul>\n' if items else "")
        + (_paragraph(f"and {more:,} more series") if more > 0 and items else "")
        + "</article>\n"
    )


def _facts(card: StudyCard) -> str:
    facts = {
        "Patient": card.patient_name,
        "Patient ID": card.patient_id,
        "Born": _date(card.birth_date),
        "Date": _date(card.date),
        "Description": card.description,
        "UID": card.uid,
    }
    rows = (f"<div><dt>{n}</dt><dd>{_text(text)}</dd></div>\n" for n, text in facts.items() if text)
    return f'<dl class="facts">\n{"".join(rows)}</dl>\n'


def _series(card: SeriesCard, *, show_names: bool) -> str:
    title = " ".join(filter(None, (_modality(card), _body_part(card)))) or "Series"
    number = card.number if show_names or _SERIES_NUMBER.fullmatch(card.number) else ""
    lines = [f"Series {_text(number)}"] if number else []
    lines.append(plural(card.instances, "instance"))
    if show_names:
        lines += [_text(text) for text in (card.description, card.uid) if text]
    details = "".join(f"<div>{line}</div>" for line in lines)
    picture = _picture(card, title, show_names=show_names)
    return f"<li>{picture}<b>{title}</b>{details}</li>\n"


def _picture(card: SeriesCard, title: str, *, show_names: bool) -> str:
    reason = why_no_picture(card, show_names=show_names)
    if reason or card.thumbnail is None:
        return f'<div class="none">{_text(reason)}</div>'
    data = b64encode(card.thumbnail).decode("ascii")
    alt = f"Image of this series: {title}"
    return f'<img src="data:image/jpeg;base64,{data}" alt="{alt}" decoding="async"/>'


def _modality(card: SeriesCard) -> str:
    """Return the modality where DICOM defines it: any other text may be anything."""
    from dicom2fhir.mapping.tables.modalities import MODALITIES  # noqa: PLC0415 - pages are rare

    return card.modality if card.modality in MODALITIES else ""


def _body_part(card: SeriesCard) -> str:
    from dicom2fhir.mapping.tables.body_parts import BODY_PARTS  # noqa: PLC0415 - as above

    return card.body_part if card.body_part in BODY_PARTS else ""


def _timings(timings: Iterable[Timing]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_text(one.stage)}</th><td>{one.seconds:,.1f} s</td></tr>\n'
        for one in timings
    )
    if not rows:
        return ""
    return (
        '<section aria-labelledby="timings">\n<h2 id="timings">Time taken</h2>\n'
        f'<div class="card"><table>\n<tbody>\n{rows}</tbody>\n</table></div>\n</section>\n'
    )


def _date(text: str) -> str:
    return _DATE.sub(r"\1-\2-\3", text) if _DATE.fullmatch(text) else text


def _paragraph(sentence: str) -> str:
    return f'<p class="soft">{_text(sentence)}</p>\n'


def _text(text: str) -> str:
    """Return text for a page: nothing in it is markup, a control or turns its surroundings."""
    return escape(safe(text, LONGEST_TEXT))
