from __future__ import annotations

from base64 import b64decode

import pytest
from mapping_studies import payloads
from report_values import HOLDER, IMAGE, STUDY, cited, made, mapped, measured, report

from dicom2fhir.bundle import bundle_of, make_bundles
from dicom2fhir.check import check_bundle
from dicom2fhir.identity import resource_id
from dicom2fhir.mapping import map_study
from dicom2fhir.mapping.diagnostic_report import NARRATIVE
from dicom2fhir.model import Payloads
from dicom2fhir.options import BundleOptions, MapOptions


def test_a_report_lists_what_is_at_its_top() -> None:
    (found,) = made("DiagnosticReport", report(measured("1.1"), measured("1.2"), results=("1.2",)))
    assert found["id"] == resource_id("DiagnosticReport", HOLDER.uid, "1")
    assert found["result"] == [
        {"reference": f"Observation/{resource_id('Observation', HOLDER.uid, '1.2')}"}
    ]
    assert found["identifier"][1]["value"] == f"urn:oid:{HOLDER.uid}"


@pytest.mark.parametrize(
    ("kind", "loinc", "section"),
    [
        ("measurement", "18748-4", "RAD"),
        ("xray-dose", "73569-6", "RAD"),
        ("echo", "18748-4", "CUS"),
        ("ob-gyn", "18748-4", "OUS"),
    ],
)
def test_a_report_has_its_title_and_the_code_of_its_kind(
    kind: str, loinc: str, section: str
) -> None:
    (found,) = made("DiagnosticReport", report(kind=kind))
    assert [one["code"] for one in found["code"]["coding"]] == ["126000", loinc]
    assert found["category"][0]["coding"][0]["code"] == section


def test_a_predecessor_makes_a_final_report_amended_and_names_it() -> None:
    items = [{"ReferencedSOPSequence": [{"ReferencedSOPInstanceUID": ["1.2.3"]}]}]
    attributes = {
        "VerificationFlag": ["VERIFIED"],
        "PredecessorDocumentsSequence": [{"ReferencedSeriesSequence": items}],
    }
    one = report(measured(), attributes=attributes)
    (found,) = made("DiagnosticReport", one)
    assert found["status"] == "amended"
    assert found["extension"][0]["valueReference"]["identifier"]["value"] == "urn:oid:1.2.3"
    assert made("Observation", one)[0]["status"] == "final"


def test_words_travel_whole_and_cannot_do_harm() -> None:
    text = "Nodule <script>alert(1)</script> & more\nsecond line"
    (found,) = made("DiagnosticReport", report(text=text, html="<p>x</p>", conclusion=" Clear. "))
    plain, page = found["presentedForm"]
    assert b64decode(plain["data"]).decode() == text
    assert page["contentType"].startswith("text/html")
    assert "<script>" not in found["text"]["div"]
    assert found["conclusion"] == "Clear."


def test_a_long_report_is_told_in_brief() -> None:
    (found,) = made("DiagnosticReport", report(text="x" * (NARRATIVE + 1), conclusion="Clear."))
    assert len(found["text"]["div"]) < 200
    assert found["presentedForm"][0]["size"] == NARRATIVE + 1


def test_the_verifying_observer_interprets_and_the_pictures_are_named() -> None:
    attributes = {"VerifyingObserverSequence": [{"VerifyingObserverName": ["Doe^Jane"]}]}
    one = report(attributes=attributes, cited=(cited(),))
    carried = payloads(STUDY)
    study = map_study(
        STUDY, MapOptions(), Payloads(renditions=carried.renditions, reports=(one,))
    ).resources
    (found,) = [resource for resource in study if resource["resourceType"] == "DiagnosticReport"]
    media = {f"Media/{one['id']}" for one in study if one["resourceType"] == "Media"}
    assert found["resultsInterpreter"] == [{"type": "Practitioner", "display": "Jane Doe"}]
    assert {one["link"]["reference"] for one in found["media"]} <= media
    assert found["media"]


def test_key_objects_name_the_images_that_they_select_in_whichever_study() -> None:
    selected = (cited(), cited("1.2.9", "1.2.840.99"), cited("1.2.8", ""))
    one = report(kind="key-objects", cited=selected)
    (found,) = made("DiagnosticReport", one)
    own, other = found["imagingStudy"]
    assert own["reference"] == f"ImagingStudy/{resource_id('ImagingStudy', STUDY.uid)}"
    assert other["identifier"]["value"] == "urn:oid:1.2.840.99"
    names = [study["extension"][0]["extension"][0]["valueString"] for study in (own, other)]
    assert names == [IMAGE.uid, "1.2.9"]
    assert "sr.other-study" in {problem.code for problem in mapped(one).problems}


def test_what_was_measured_on_an_image_names_it_and_not_the_report_again() -> None:
    one = report(measured(references=(cited(),)), cited=(cited(),))
    (found,) = made("DiagnosticReport", one)
    (study,) = found["imagingStudy"]
    assert list(study) == ["reference"]


@pytest.mark.parametrize("level", ["fast", "full"])
@pytest.mark.parametrize("ids", ["client", "server"])
@pytest.mark.parametrize("limit", [None, 4])
def test_a_report_is_valid_whole_and_in_parts(level: str, ids: str, limit: int | None) -> None:
    one = report(*(measured(f"1.{n}") for n in range(1, 12)), text="a", html="<p>b</p>")
    options = BundleOptions(ids=ids, max_entries=limit)
    parts, _ = make_bundles(mapped(one).resources, options)
    assert (len(parts) > 1) is (limit is not None)
    for part in parts:
        assert check_bundle(bundle_of(part), level) == ()
