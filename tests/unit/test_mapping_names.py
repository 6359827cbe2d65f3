"""PN values as HumanName."""

from __future__ import annotations

from dicom2fhir.identity import fold_name
from dicom2fhir.mapping.names import display_name, human_names, parse_name

_URL = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"


def test_the_five_components_have_their_places() -> None:
    assert human_names("Adams^John Robert^Quincy^Rev.^B.A. M.Div.", "official") == [
        {
            "use": "official",
            "text": "Rev. John Robert Quincy Adams B.A. M.Div.",
            "family": "Adams",
            "given": ["John Robert", "Quincy"],
            "prefix": ["Rev."],
            "suffix": ["B.A. M.Div."],
        }
    ]


def test_each_component_group_becomes_a_name_that_says_its_script() -> None:
    names = human_names("Yamada^Tarou=山田^太郎=やまだ^たろう")

    assert [one["extension"][0] for one in names] == [
        {"url": _URL, "valueCode": "ABC"},
        {"url": _URL, "valueCode": "IDE"},
        {"url": _URL, "valueCode": "SYL"},
    ]
    assert [one["text"] for one in names] == ["Tarou Yamada", "山田 太郎", "やまだ たろう"]


def test_a_name_of_one_group_needs_no_script() -> None:
    assert human_names("Müller^Jörg")[0].keys() == {"text", "family", "given"}


def test_an_ideographic_name_alone_says_its_script() -> None:
    (name,) = human_names("=山田^太郎")

    assert name["extension"][0]["valueCode"] == "IDE"
    assert name["family"] == "山田"


def test_a_name_of_blanks_and_carets_is_no_name() -> None:
    assert human_names("^^^^") == []
    assert human_names(" ^ = ^") == []
    assert human_names("") == []


def test_a_name_written_in_one_component_stays_whole() -> None:
    assert human_names("John Smith") == [{"text": "John Smith", "family": "John Smith"}]


def test_more_components_than_five_are_kept_in_the_last() -> None:
    (name,) = human_names("A^B^C^D^E^F")

    assert name["suffix"] == ["E F"]


def test_a_name_is_shown_by_its_first_group_that_says_something() -> None:
    assert display_name("House^Gregory^^Dr.") == "Dr. Gregory House"
    assert display_name("=山田^太郎") == "山田 太郎"
    assert not display_name("^^")


def test_spellings_of_one_name_fold_to_one() -> None:
    assert fold_name("DOE^Jane^^") == fold_name("Doe^JANE") == fold_name("doe  jane") == "doe jane"
    assert fold_name("\uff24\uff2f\uff25^Jane") == "doe jane"
    assert fold_name("Straße^A") == fold_name("STRASSE^a")
    assert fold_name("Doe^Jane") != fold_name("Doe^June")


def test_more_groups_than_three_are_kept_in_the_last() -> None:
    assert parse_name("a=b=c=d").phonetic == "c d"
