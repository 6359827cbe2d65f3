"""The Observation that sums up a dose report: what HL7's profile asks, and when it is claimed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from mapping_studies import instance, series, study

from content_trees import code, container, item, modifier, num, prop, tree
from dicom2fhir.bundle import bundle_of, make_bundles
from dicom2fhir.check import check_bundle
from dicom2fhir.mapping import map_study
from dicom2fhir.mapping.dose import LATER, PROFILE
from dicom2fhir.model import Payloads
from dicom2fhir.options import BundleOptions, MapOptions, ReportOptions
from dicom2fhir.sr import understand

if TYPE_CHECKING:
    from dicom2fhir.content import Report
    from dicom2fhir.model import Resource, Study

DOSE_SR = "1.2.840.10008.5.1.4.1.1.88.67"
DAY = {"StudyDate": ["20240102"]}
PERSON = item(
    "PNAME",
    "DCM 113870 Person Name",
    prop(code("DCM 113875 Person Role in Procedure", "DCM 113850 Irradiation Authorizing")),
    text="Muster^Ada",
)


def holder(*, of: str = "", **attributes: list[str]) -> Study:
    maker = {"Manufacturer": [of], "DeviceSerialNumber": ["1"]} if of else {}
    return study(series(instance(1, DOSE_SR), Modality=["SR"], **maker), **attributes)


def understood(
    *more: object, started: str = "20240101220000+0100", instance_uid: str = ""
) -> Report:
    root = container(
        "DCM 113701 X-Ray Radiation Dose Report",
        modifier("DCM 121058 Procedure reported", "SCT 77477000 CT"),
        item("DATETIME", "DCM 113809 Start of X-Ray Irradiation", text=started),
        container("DCM 113811 CT Accumulated Dose Data", num("DCM 113813 DLP Total", "7.46")),
        *more,
        relationship="",
    )
    uid = instance_uid or holder().series[0].instances[0].uid
    return understand(tree(root), uid, ReportOptions())


def summary(source: Study, report: Report) -> Resource:
    made = map_study(source, MapOptions(), Payloads(reports=(report,))).resources
    parts, _ = make_bundles(made, BundleOptions())
    assert not [one for part in parts for one in check_bundle(bundle_of(part), "full")]
    return next(one for one in made if one["resourceType"] == "Observation" and "focus" in one)


def test_a_summary_names_its_report_and_its_study() -> None:
    source = holder(**DAY)
    made = summary(source, understood())
    instance_uid = source.series[0].instances[0].uid
    values = [one.get("value") for one in made["identifier"]]
    assert f"urn:oid:{instance_uid}" in values
    (part_of,) = made["partOf"]
    assert part_of["identifier"]["value"] == f"urn:oid:{source.uid}"
    assert made["focus"] == [{"reference": part_of["reference"]}]


def test_a_summary_is_of_the_time_when_the_irradiation_began() -> None:
    assert summary(holder(**DAY), understood())["effectiveDateTime"] == "2024-01-01T22:00:00+01:00"


def test_without_a_start_it_is_of_the_time_of_the_study() -> None:
    assert summary(holder(**DAY), understood(started="never"))["effectiveDateTime"] == "2024-01-02"


def test_who_authorised_it_performed_it_and_the_profile_is_fulfilled() -> None:
    made = summary(holder(**DAY), understood(PERSON))
    assert made["performer"] == [{"type": "Practitioner", "display": "Ada Muster"}]
    assert made["meta"]["profile"] == [PROFILE]


@pytest.mark.parametrize(
    ("source", "persons"),
    [
        (holder(**DAY), ()),
        (holder(**DAY), (PERSON, replace(PERSON, text="Beispiel^Bo"))),
        (holder(of="Maker", **DAY), (PERSON,)),
        (replace(holder(**DAY), patient={"QualityControlSubject": ["YES"]}), (PERSON,)),
    ],
)
def test_the_profile_is_not_claimed_where_anything_is_missing_or_too_much(
    source: Study, persons: tuple[object, ...]
) -> None:
    assert "profile" not in summary(source, understood(*persons))["meta"]


def ending(at: str, uid: str, scope: str = "DCM 113014 Study") -> Report:
    end = item("DATETIME", "DCM 113810 End of X-Ray Irradiation", text=at)
    return understood(end, code("DCM 113705 Scope of Accumulation", scope), instance_uid=uid)


@pytest.mark.parametrize(
    ("scope", "noted"),
    [("DCM 113014 Study", [True, False]), ("DCM 113016 Performed Procedure Step", [False, False])],
)
def test_of_continued_reports_all_but_the_last_say_that_another_ends_later(
    scope: str, noted: list[bool]
) -> None:
    source = study(series(instance(1, DOSE_SR), instance(2, DOSE_SR), Modality=["SR"]), **DAY)
    first, last = (one.uid for one in source.series[0].instances)
    reports = ending("20240101120000", first), ending("20240101130000", last, scope)
    made = map_study(source, MapOptions(), Payloads(reports=reports)).resources
    found = [one for one in made if "focus" in one]
    assert [one.get("note") == [{"text": LATER}] for one in found] == noted
