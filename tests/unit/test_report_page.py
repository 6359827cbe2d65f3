from __future__ import annotations

import base64
import hashlib
import re
import tracemalloc
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.problems import CODES, Problem
from dicom2fhir.report import page
from dicom2fhir.report.document import PAGE_BEGINNING, can_write_report, is_page, write_report
from dicom2fhir.report.page import encode_page
from dicom2fhir.report.pictures import SERIES_SHOWN, StudyCard
from dicom2fhir.report.summary import Counts, Outcome, ProblemTally, Timing
from report_cases import SECRETS, made_up_card, make_series

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PATH = "/archive/ZACHARIAS/IM1.dcm"
HOSTILE = '</style></script><script>alert(1)</script><img src=x onerror="a\'b">\x1b[2J\u202e&amp;'


def outcome(path: str = PATH, exit_code: int = 1) -> Outcome:
    tally = ProblemTally()
    for code in CODES:
        tally.add(Problem(code=code, tag="(7FE0,0010)", detail="pixel data"), path)
    return Outcome(
        counts=Counts(files=9, dicom=9, converted=6, duplicates=2, failed=1, studies=1, bytes=2000),
        problems=tally.rows(),
        timings=(Timing(stage="read", seconds=1.25),),
        version="1.2.3",
        exit_code=exit_code,
    )


def page_of(
    cards: Iterable[StudyCard] = (), *, show_names: bool = False, command: str = "convert"
) -> str:
    return b"".join(encode_page(outcome(), command, cards, show_names=show_names)).decode()


class Elements(HTMLParser):
    """Collects the elements; every tag must be closed where it was opened."""

    VOID = frozenset({"meta", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_nothing_of_the_patient_is_on_the_page() -> None:
    text = page_of([made_up_card(make_series())])
    for secret in (*SECRETS.values(), PATH, "ZACHARIAS", "2024-03-11", "1901-02-03"):
        assert secret not in text


@pytest.mark.parametrize("field", ["number", "modality", "body_part"])
def test_a_text_that_dicom_does_not_define_is_not_shown_where_one_is_expected(field: str) -> None:
    series = make_series(**{field: "ZACHARIAS"})
    assert "ZACHARIAS" not in page_of([made_up_card(series)])


def test_with_names_the_page_shows_whose_study_it_is_and_which_file_failed() -> None:
    text = Elements(page_of([made_up_card(make_series())], show_names=True)).text
    for shown in ("ZACHARIAS^ZOE", "ZZ-4711", "1901-02-03", "2024-03-11", SECRETS["uid"], PATH):
        assert shown in text


def test_a_picture_is_part_of_the_page_and_says_what_it_shows() -> None:
    (image,) = Elements(page_of([made_up_card(make_series())])).all("img")
    kind, _, data = str(image["src"]).partition(",")
    assert kind == "data:image/jpeg;base64"
    assert base64.b64decode(data) == b"\xff\xd8 not decoded here"
    assert image["alt"] == "Image of this series: CT CHEST"


@pytest.mark.parametrize(("show_names", "images"), [(False, 0), (True, 1)])
def test_a_picture_that_may_show_names_is_there_only_with_names(
    show_names: bool,  # noqa: FBT001 - a case of the table
    images: int,
) -> None:
    card = made_up_card(make_series(may_show_names=True))
    elements = Elements(page_of([card], show_names=show_names))
    assert len(elements.all("img")) == images
    assert ("May show names" in elements.text) is not show_names


def test_a_hostile_text_stays_text() -> None:
    series = make_series(
        number=HOSTILE, modality=HOSTILE, body_part=HOSTILE, description=HOSTILE, uid=HOSTILE
    )
    card = made_up_card(series, **dict.fromkeys(SECRETS, HOSTILE))
    rows = outcome(path=HOSTILE + "\udcff")
    text = b"".join(encode_page(rows, HOSTILE, [card], show_names=True)).decode()
    elements = Elements(text)
    assert not elements.all("script")
    assert len(elements.all("img")) == 1
    assert "</script><script>" in elements.text
    assert "\x1b" not in text
    assert "\u202e" not in text
    for _, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on")]


def test_the_page_needs_nothing_from_anywhere_and_allows_nothing() -> None:
    text = page_of([made_up_card(make_series())])
    elements = Elements(text)
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert not {"script", "iframe", "object", "form", "base"} & {tag for tag, _ in elements.found}
    for _, attributes in elements.found:
        for name in ("src", "href"):
            assert str(attributes.get(name, "#")).startswith(("data:", "#"))
        assert "style" not in attributes
    (policy,) = [one["content"] for one in elements.all("meta") if "http-equiv" in one]
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_every_problem_says_how_often_how_severe_and_what_to_do() -> None:
    text = Elements(page_of()).text
    for code, kind in CODES.items():
        assert code in text
        assert kind.message in text
        assert kind.advice in text
    assert "✕ Error" in text
    assert "▲ Warning" in text
    assert "once" in text


def test_the_page_says_how_the_run_ended() -> None:
    text = Elements(page_of()).text
    assert "some items failed" in text
    assert "9 files: 6 converted, 1 failed, 2 duplicate; 1 study." in text
    assert "exit code 1" in text
    assert "1.2 s" in text


def test_faults_that_were_not_to_count_are_not_called_all_done() -> None:
    good = Outcome(counts=Counts(files=1, dicom=1, converted=1), version="1")
    assert "All done" in b"".join(encode_page(good, "convert")).decode()
    text = b"".join(encode_page(outcome(exit_code=0), "convert")).decode()
    assert "All done" not in text
    assert "Done, with faults" in text


@pytest.mark.parametrize(
    ("command", "words"), [("inspect", "6 listed"), ("validate", "0 Bundles in 9 files")]
)
def test_each_command_has_its_own_headline(command: str, words: str) -> None:
    assert words in page_of(command=command)


def test_headings_descend_by_one_and_ids_are_unique() -> None:
    elements = Elements(page_of([made_up_card(make_series()), made_up_card(make_series())]))
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in elements.found:
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in ids
    assert elements.all("html") == [{"lang": "en"}]


def test_series_that_a_card_has_no_room_for_are_counted() -> None:
    card = StudyCard(series=(make_series(),) * SERIES_SHOWN, series_count=1234)
    assert f"and {1234 - SERIES_SHOWN:,} more series" in page_of([card])


def test_a_page_ends_its_pictures_before_no_browser_opens_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "PICTURE_BUDGET", 150)
    cards = [made_up_card(make_series(thumbnail=bytes(100))) for _ in range(3)]
    elements = Elements(page_of(cards))
    assert len(elements.all("img")) == 1
    assert "Study 3" in elements.text
    assert "no room for more pictures" in elements.text


def test_an_archive_is_written_without_being_held() -> None:
    card = made_up_card(*[make_series(thumbnail=bytes(10_000))] * 10)
    tracemalloc.start()
    try:
        total = sum(map(len, encode_page(outcome(), "convert", (card for _ in range(2_000)))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total > 64_000_000
    assert peak < 8_000_000


def test_the_same_run_gives_the_same_page() -> None:
    assert page_of([made_up_card(make_series())]) == page_of([made_up_card(make_series())])


def test_a_page_replaces_an_older_page_or_report_and_no_stranger(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(str(path), encode_page(outcome(), "convert"))
    assert path.read_bytes().startswith(PAGE_BEGINNING)
    assert can_write_report(str(path))
    path.write_text("<!DOCTYPE html>\n<title>Mine</title>")
    assert not can_write_report(str(path))


def test_the_ending_tells_a_page_from_json() -> None:
    assert is_page("a/REPORT.HTML")
    assert is_page("x.htm")
    assert not is_page("x.json")
    assert not is_page("-")
