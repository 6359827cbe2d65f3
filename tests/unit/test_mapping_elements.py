"""The rows: complete, unique, and what `explain` shows."""

from __future__ import annotations

import pytest
from mapping_studies import FULL, FULL_OPTIONS, mapped, study

from dicom2fhir.mapping import explain_study, map_study
from dicom2fhir.mapping.device import DEVICE
from dicom2fhir.mapping.elements import Element, compact
from dicom2fhir.mapping.endpoint import ENDPOINT
from dicom2fhir.mapping.imaging_study import STUDY
from dicom2fhir.mapping.instance import INSTANCE
from dicom2fhir.mapping.patient import PATIENT, PHANTOM
from dicom2fhir.mapping.practitioner import ORGANIZATION, PRACTITIONER
from dicom2fhir.mapping.provenance import PROVENANCE
from dicom2fhir.mapping.series import SERIES
from dicom2fhir.mapping.specimen import SPECIMEN
from dicom2fhir.options import MapOptions
from dicom2fhir.read.attributes import TABLE, Level

_TABLES = {
    "patient": PATIENT,
    "phantom": PHANTOM,
    "practitioner": PRACTITIONER,
    "organization": ORGANIZATION,
    "device": DEVICE,
    "endpoint": ENDPOINT,
    "specimen": SPECIMEN,
    "study": STUDY,
    "series": SERIES,
    "instance": INSTANCE,
    "provenance": PROVENANCE,
}
_OPTIONS = MapOptions(**FULL_OPTIONS)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", _TABLES)
def test_a_path_stands_once_in_a_table(name: str) -> None:
    paths = [row.path for row in _TABLES[name]]

    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("name", _TABLES)
def test_every_row_says_how_and_why(name: str) -> None:
    for row in _TABLES[name]:
        assert row.source
        assert (row.build.__doc__ or "").startswith(("Return ", "Always ")), row.path


def test_rows_rest_on_attributes_that_are_read_at_their_level() -> None:
    levels = {row.attribute.keyword: row.level for row in TABLE}
    seen = {
        Level.PATIENT: PATIENT,
        Level.SERIES: DEVICE,
        Level.INSTANCE: INSTANCE,
    }
    for level, rows in seen.items():
        for row in rows:
            assert {
                levels[one]
                for one in row.keywords
                if one in levels and one != "TimezoneOffsetFromUTC"
            } <= {level}, row.path


def test_the_full_study_fills_every_row() -> None:
    written = {one.element for one in explain_study(FULL, _OPTIONS)}
    parents = {"ImagingStudy.series", "ImagingStudy.series.instance"}
    rows = {row.path for name, table in _TABLES.items() for row in table if name != "phantom"}

    of_manifests = {"Endpoint._address", "Endpoint.extension[location]"}
    assert rows - written - parents - of_manifests == {row.path for row in PROVENANCE} | {
        "Patient.identifier[own]"
    }
    assert written <= rows


def test_what_is_explained_is_what_is_written() -> None:
    made = mapped(FULL, **FULL_OPTIONS)
    shown = {one.element: one for one in explain_study(FULL, _OPTIONS)}

    for name in ("started", "description", "status", "numberOfInstances"):
        assert shown[f"ImagingStudy.{name}"].value == made[name]
    assert ("StudyDate", "(0008,0020)") in shown["ImagingStudy.started"].attributes
    assert "C.7.2.1" in shown["ImagingStudy.started"].source


def test_explaining_changes_nothing() -> None:
    before = map_study(FULL, _OPTIONS)
    list(explain_study(FULL, _OPTIONS))

    assert map_study(FULL, _OPTIONS) == before


def test_nothing_empty_is_ever_written() -> None:
    def walk(value: object) -> None:
        assert value is not None
        if isinstance(value, (str, list, dict)):
            assert value
        if isinstance(value, (list, dict)):
            for one in value.values() if isinstance(value, dict) else value:
                walk(one)

    for source in (FULL, study(), study(patient={})):
        for made in map_study(source, _OPTIONS).resources:
            walk(made)


def test_zero_and_false_say_something() -> None:
    assert compact({"a": 0, "b": False, "c": "", "d": None, "e": [], "f": {}}) == {
        "a": 0,
        "b": False,
    }


def test_a_path_names_its_element_and_whether_rows_share_it() -> None:
    plain = Element("Patient.birthDate", (), lambda _s, _c: None, "")
    shared = Element("Patient.extension[patient-animal]", (), lambda _s, _c: None, "")

    assert (plain.name, plain.many) == ("birthDate", False)
    assert (shared.name, shared.many) == ("extension", True)


def test_sequences_may_be_lists_or_tuples_for_they_come_from_json() -> None:
    def frozen(value: object) -> object:
        if isinstance(value, dict):
            return {name: frozen(one) for name, one in value.items()}
        return tuple(frozen(one) for one in value) if isinstance(value, list) else value

    from dataclasses import replace

    members = tuple(
        replace(
            one,
            attributes=frozen(one.attributes),
            instances=tuple(
                instance._replace(attributes=frozen(instance.attributes))
                for instance in one.instances
            ),
        )
        for one in FULL.series
    )
    same = replace(
        FULL,
        patient=frozen(FULL.patient),  # type: ignore[arg-type]
        attributes=frozen(FULL.attributes),  # type: ignore[arg-type]
        series=members,
    )

    assert map_study(same, _OPTIONS) == map_study(FULL, _OPTIONS)
