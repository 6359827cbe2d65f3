"""Studies of any content the attribute table allows, the same in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom2fhir.model import Series, SeriesInstance, Study
from dicom2fhir.options import MapOptions
from dicom2fhir.read.attributes import TABLE, Attribute, Level

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

CODES = "CT MR SR OT CHEST HEAD XYZ L R B M F O YES NO ORIGINAL PRIMARY OWNER ISO UUID DNS"

VALUES: dict[str, list[Any]] = {
    "FD": [0.0, 12.34, -1.0, float("nan"), 1e-9],
    "CS": CODES.split(" "),
    "DA": ["20240203", "20240229", "19700101", "20230229", "2024.02.03", "202402", "x"],
    "DS": ["33.3", "0", "-1", "1e3", "x"],
    "DT": ["20240203101112.5+0100", "20240203", "2024", "20240203101112", "x"],
    "IS": ["1", "-1", "+7", "2147483648", "1.5", "x", "0"],
    "LO": [
        "A",
        "A^B",
        "x&y",
        "Müller",
        "山田",
        "a\tb",
        "1.2.840.113619",
        "L" * 64,
        "https://x.example",
    ],
    "PN": [
        "Doe^Jane",
        "Doe^Jane=山田^太郎=やまだ^たろう",
        "^^^Dr.",
        "A^B^C^D^E",
        "=山田",
        "x",
        "^",
    ],
    "SH": ["A-1", "SCT", "DCM", "SRT", "99LOCAL", "LN", "+0100", "-0530", "T-D1100", "51185008"],
    "ST": ["Report", "a\r\nb"],
    "TM": ["101112", "1011", "235960", "101112.123456", "10:11:12", "x", "24"],
    "UC": ["1234567890123456789"],
    "UI": ["1.2.840.10008.5.1", "2.25.1", "x", "1.02.3"],
    "UR": ["https://codes.example.org/x", "urn:oid:2.16.840.1.113883.6.1", "x y"],
    "US": [1, 0, 65535],
    "UT": ["A", "1.2.36.146.595.217", "pacs.example.org", "x y", "urn:oid:1.2.3.4"],
}
CLASSES = ["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3.4", "2.25.99"] + [
    f"1.2.840.10008.5.1.4.1.1.104.{number}" for number in range(1, 6)
]


def make_value(random: Random, attribute: Attribute) -> Any:  # noqa: ANN401
    if attribute.vr == "SQ":
        return make_attributes(random, attribute.items, 0.6)
    return random.choice(VALUES[attribute.vr])


def make_attributes(
    random: Random, attributes: Iterable[Attribute], share: float
) -> dict[str, list[Any]]:
    """Return values for this share of the attributes, sometimes several of one."""
    return {
        attribute.keyword: [
            make_value(random, attribute) for _ in range(random.choice([1, 1, 1, 2]))
        ]
        for attribute in attributes
        if random.random() < share
    }


def make_level(random: Random, level: Level, share: float) -> dict[str, list[Any]]:
    rows = [row.attribute for row in TABLE if row.level is level]
    return make_attributes(random, rows, share)


def make_study(random: Random, number: int) -> Study:
    share = random.choice([0.0, 0.2, 0.5, 0.9])
    root = f"2.25.{random.getrandbits(100)}"
    series = []
    for place in range(random.randint(1, 3)):
        uid = f"{root}.{place}"
        instances = [
            SeriesInstance(
                uid=f"{uid}.{count}",
                sop_class_uid=random.choice(CLASSES),
                transfer_syntax_uid="1.2.840.10008.1.2.1",
                part10=True,
                attributes=make_level(random, Level.INSTANCE, share),
                source=number,
            )
            for count in range(random.randint(1, 4))
        ]
        attributes = make_level(random, Level.SERIES, share)
        series.append(Series(uid=uid, attributes=attributes, instances=tuple(instances)))
    return Study(
        uid=root,
        patient=make_level(random, Level.PATIENT, share),
        attributes=make_level(random, Level.STUDY, share),
        series=tuple(series),
        shared_uid=random.random() < 0.1,
    )


def make_options(random: Random) -> MapOptions:
    """Return one of the ways a site may set the mapping."""
    return random.choice(
        [
            MapOptions(),
            MapOptions(timezone="Europe/Berlin", patient_id_system="urn:oid:1.2.36.146.595.217"),
            MapOptions(fhir_base="https://fhir.example.org/r4", inline_below=0),
            MapOptions(dicom="attachment", timezone="Europe/Berlin"),
            MapOptions(dicom="link", dicomweb="https://pacs.example.org/dicom-web"),
            MapOptions(patient="Patient/1", accession_system="https://ris.example.org/accession"),
            MapOptions(vitals=True, timezone="Europe/Berlin"),
            MapOptions(vitals=True),
            MapOptions(tags=("https://example.org/tags|test",), issuers={"A": "urn:oid:1.2.3.4.5"}),
        ]
    )
