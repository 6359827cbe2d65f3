from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from mapping_studies import payloads
from report_values import (
    DERIVATION,
    DIAMETER,
    HOLDER,
    IMAGE,
    MEAN,
    STUDY,
    cited,
    coded,
    derived_part,
    made,
    mapped,
    measured,
    number,
    observation,
    report,
)

from dicom2fhir.bundle import bundle_of, encode_bundle, make_bundles
from dicom2fhir.check import check_bundle
from dicom2fhir.content import Algorithm, Number, Part, Range, Text
from dicom2fhir.identity import EXTENSIONS, resource_id
from dicom2fhir.mapping import explain_study
from dicom2fhir.mapping.algorithm import ALGORITHM
from dicom2fhir.mapping.component import COMPONENT
from dicom2fhir.mapping.diagnostic_report import DIAGNOSTIC_REPORT
from dicom2fhir.mapping.observation import OBSERVATION
from dicom2fhir.model import Payloads
from dicom2fhir.options import BundleOptions, MapOptions

if TYPE_CHECKING:
    from dicom2fhir.content import Observed
    from dicom2fhir.model import Json

LEVELS = ("fast", "full")


def extensions(element: Json) -> dict[str, str]:
    """Return our extensions of an element by their name."""
    return {
        one["url"].removeprefix(f"{EXTENSIONS}/"): one.get("valueString", "")
        for one in element.get("extension", ())
    }


def test_a_number_keeps_its_digits_to_the_last_byte() -> None:
    parts, _ = make_bundles(mapped(report(measured())).resources, BundleOptions())
    (pieces,) = (one.pieces for one in encode_bundle("x", 1, 1, parts[0]).entries[-2:-1])
    assert (
        b'"valueQuantity":{"code":"mm","system":"http://unitsofmeasure.org","unit":"millimeter","value":10.50}'
        in (b"".join(one for one in pieces if isinstance(one, bytes)))
    )


def test_every_observation_tells_where_it_stands_and_has_an_id_of_that() -> None:
    found = observation(measured("1.7.2", parts=(derived_part("1.7.2.1"),)))
    assert found["id"] == resource_id("Observation", HOLDER.uid, "1.7.2")
    assert extensions(found) == {"content-item": "1.7.2"}
    assert extensions(found["component"][0]) == {"content-item": "1.7.2.1"}


@pytest.mark.parametrize(
    ("value", "written", "stated"),
    [
        (Number("+5", "5"), {"value": Decimal(5)}, {"stated-value": "+5"}),
        (
            Number("2.0", "2.0", coded("mGycm", "UCUM", "mGycm")),
            {
                "value": Decimal("2.0"),
                "unit": "mGycm",
                "system": "http://unitsofmeasure.org",
                "code": "mGy.cm",
            },
            {"stated-unit": "mGycm"},
        ),
        (
            Number("3", "3", coded("px", "99ACME", "pixels")),
            {"value": Decimal(3), "unit": "pixels"},
            {"stated-unit": "px"},
        ),
        (Number("3", "3", coded("px", "99ACME", "px")), {"value": Decimal(3), "unit": "px"}, {}),
        (
            Number("3", "3", coded("cm", "UCUM", "mm")),
            {"value": Decimal(3), "unit": "cm (mm)"},
            {"stated-unit": "cm"},
        ),
    ],
)
def test_what_is_stated_can_be_told_where_something_else_is_written(
    value: Number, written: dict[str, Any], stated: dict[str, str]
) -> None:
    quantity = observation(measured(value=value))["valueQuantity"]
    assert {key: one for key, one in quantity.items() if key != "extension"} == written
    assert extensions(quantity) == stated


def test_a_unit_whose_words_are_another_unit_is_told_of() -> None:
    value = Number("3", "3", coded("Gy.cm2", "UCUM", "dGy.cm2"))
    assert "sr.unit-conflict" in {
        one.code for one in mapped(report(measured(value=value))).problems
    }


@pytest.mark.parametrize(
    ("value", "element", "written"),
    [
        (MEAN, "valueCodeableConcept", None),
        (Text("TEXT", " sharp "), "valueString", "sharp"),
        (Text("UIDREF", "1.2.3"), "valueString", "1.2.3"),
        (Text("DATE", "20240229"), "valueDateTime", "2024-02-29"),
        (Text("DATETIME", "20240229101112+0100"), "valueDateTime", "2024-02-29T10:11:12+01:00"),
        (Text("DATE", "soon"), "valueString", "soon"),
        (Text("TIME", "1011"), "valueTime", "10:11:00"),
        (Number("10.50/ 15.00", "", None), "valueString", "10.50/ 15.00"),
    ],
)
def test_each_kind_of_value_has_its_element(value: Any, element: str, written: object) -> None:  # noqa: ANN401
    found = observation(measured(value=value, parts=(Part("1.1.1", DERIVATION, value),)))
    for one in (found, found["component"][0]):
        values = [name for name in one if name.startswith("value")]
        assert values == [element]
        assert written is None or one[element] == written
        assert "dataAbsentReason" not in one


def test_a_time_without_zone_and_the_unit_of_no_number_are_kept_beside() -> None:
    moment = observation(measured(value=Text("DATETIME", "20240229101112")))
    assert moment["valueDateTime"] == "2024-02-29"
    assert extensions(moment)["stated-value"] == "20240229101112"
    broken = observation(measured(value=Number("1/2", "", coded("mm", "UCUM"))))
    assert extensions(broken)["stated-unit"] == "mm"


@pytest.mark.parametrize(
    ("qualifier", "reason"),
    [
        (None, "unknown"),
        (coded("114000", "DCM", "Not a number"), "not-a-number"),
        (coded("114007", "DCM", "Measurement not attempted"), "not-performed"),
        (coded("114009", "DCM", "Value out of range"), "error"),
        (coded("X", "99ACME", "Other"), "unknown"),
    ],
)
def test_a_number_without_value_tells_why(qualifier: Any, reason: str) -> None:  # noqa: ANN401
    found = observation(
        measured(
            value=None,
            qualifier=qualifier,
            parts=(Part("1.1.1", DERIVATION, None, qualifier),),
        )
    )
    for one in (found, found["component"][0]):
        first, *stated = one["dataAbsentReason"]["coding"]
        assert first["code"] == reason
        assert [code["code"] for code in stated] == ([qualifier.value] if qualifier else [])


def test_a_component_never_has_the_code_of_an_observation_with_a_value() -> None:
    same = (Part("1.1.1", DIAMETER, number("2")),)
    with_value, without = (
        observation(measured(value=value, parts=same)) for value in (number("1"), None)
    )
    assert with_value["component"][0]["code"] == {"text": "Diameter"}
    assert "coding" in without["component"][0]["code"]


def test_snomed_rt_keeps_its_code_beside_that_of_snomed_ct() -> None:
    codes = observation(measured(name=coded("M-02550", "SRT", "Diameter")))["code"]["coding"]
    assert [one["code"] for one in codes] == ["81827009", "M-02550"]


def test_the_image_gives_the_time_and_the_study_where_there_is_none() -> None:
    assert observation(measured(references=(cited(),)))["effectiveDateTime"] == "2024-01-02"
    assert observation(measured())["effectiveDateTime"] == "2024-01-01"


def test_what_it_was_measured_on_is_a_reference_with_frames_and_segments() -> None:
    sources = (cited(frames=(3,), segments=(2,)), cited("1.2.9", "1.2.840.99"), cited("1.2.8", ""))
    own, other, nowhere = observation(measured(references=sources))["derivedFrom"]
    (instance,) = own["extension"]
    assert [(part["url"], *list(part.values())[1:]) for part in instance["extension"]] == [
        ("uid", IMAGE.uid),
        ("frame", 3),
        ("segment", 2),
    ]
    assert own["reference"] == f"ImagingStudy/{resource_id('ImagingStudy', STUDY.uid)}"
    assert other["identifier"]["value"] == "urn:oid:1.2.840.99"
    assert nowhere == {"identifier": {"system": "urn:dicom:uid", "value": "urn:oid:1.2.8"}}


def test_what_is_not_in_the_input_is_told_of() -> None:
    for where, code in (("1.2.840.99", "sr.other-study"), (STUDY.uid, "sr.not-here")):
        missing = (cited("1.2.9", where),)
        one = report(measured("1.1", references=missing), measured("1.2", references=missing))
        found = [problem for problem in mapped(one).problems if problem.code.startswith("sr.")]
        assert [(problem.code, problem.count) for problem in found] == [(code, 1)]


@pytest.mark.parametrize(
    ("flags", "options", "whole", "each"),
    [
        ({"VerificationFlag": "VERIFIED"}, {}, "final", "final"),
        ({"VerificationFlag": "UNVERIFIED"}, {}, "preliminary", "preliminary"),
        ({}, {}, "preliminary", "preliminary"),
        ({"CompletionFlag": "PARTIAL"}, {}, "partial", "preliminary"),
        ({"CompletionFlag": "PARTIAL", "PreliminaryFlag": "FINAL"}, {}, "final", "final"),
        (
            {"VerificationFlag": "VERIFIED", "PreliminaryFlag": "PRELIMINARY"},
            {},
            *["preliminary"] * 2,
        ),
        ({"CompletionFlag": "PARTIAL"}, {"sr_status": "final"}, "final", "final"),
    ],
)
def test_the_status_is_never_above_what_the_flags_say(
    flags: dict[str, str], options: dict[str, str], whole: str, each: str
) -> None:
    attributes = {name: [text] for name, text in flags.items()}
    one = report(measured(), attributes=attributes)
    (document,) = made("DiagnosticReport", one, **options)
    (found,) = made("Observation", one, **options)
    assert (document["status"], found["status"]) == (whole, each)


@pytest.mark.parametrize(
    ("flags", "status"),
    [({}, "final"), ({"VerificationFlag": ["UNVERIFIED"]}, "preliminary")],
)
def test_key_objects_are_final_unless_a_flag_says_that_nobody_verified_them(
    flags: dict[str, list[str]], status: str
) -> None:
    (found,) = made("DiagnosticReport", report(kind="key-objects", attributes=flags))
    assert found["status"] == status


def test_what_a_computer_detected_is_preliminary_though_the_report_is_verified() -> None:
    one = report(measured(), kind="cad", attributes={"VerificationFlag": ["VERIFIED"]})
    (found,) = made("Observation", one)
    assert found["status"] == "preliminary"
    assert {"text": "CAD"} in found["category"]


def test_who_observed_is_whom_the_nearest_item_above_names() -> None:
    observers = {"1.1": ("Doe^John",), "1.2": ("Doe^Jane",)}
    one = report(
        *(measured(path) for path in ("1.1.1", "1.2.1", "1.3.1")),
        persons=("Doe^John", "Doe^Jane"),
        observers=observers,
    )
    names = [
        [person["display"] for person in found.get("performer", ())]
        for found in made("Observation", one)
    ]
    assert names == [["John Doe"], ["Jane Doe"], []]


def test_issued_needs_a_zone() -> None:
    content = {"ContentDate": ["20240203"], "ContentTime": ["101112"]}
    assert "issued" not in made("Observation", report(measured(), attributes=content))[0]
    zoned = content | {"TimezoneOffsetFromUTC": ["+0100"]}
    (found,) = made("Observation", report(measured(), attributes=zoned))
    assert found["issued"] == "2024-02-03T10:11:12+01:00"
    own = measured(observed="20240204000000-0500")
    (found,) = made("Observation", report(own, attributes=content))
    assert found["issued"] == "2024-02-04T00:00:00-05:00"


def test_an_algorithm_is_a_device_on_the_equipment() -> None:
    algorithm = Algorithm("1.9", "Finder", "2.1", ("a=1",))
    one = report(measured(algorithm="1.9"), algorithms=(algorithm,))
    devices = made("Device", one)
    (found,) = made("Observation", one)
    (own,) = [device for device in devices if "parent" in device]
    assert found["device"] == {"reference": f"Device/{own['id']}"}
    assert own["version"] == [{"value": "2.1"}]
    assert own["parent"]["reference"] in {f"Device/{device['id']}" for device in devices}


def full() -> list[Observed]:
    return [
        measured(
            "1.1.1",
            parts=(derived_part("1.1.1.1"),),
            ranges=(Range(number("1"), number("2.0"), "usual"), Range(text="words")),
            interpretation=coded("17621005", "SCT", "Normal"),
            references=(cited(),),
            method=coded("126030", "DCM", "Volume"),
            site=coded("39607008", "SCT", "Lung"),
            site_text="left lung",
        ),
        measured("1.1", kind="group", value=None, counts=False, members=("1.1.1", "1.5")),
        measured(
            "1.2", focus="Fetus A", sources=("1.1.1",), tracking_id="L1", tracking_uid="1.2.3.4"
        ),
        measured("1.3", uid="1.2.3.4.5", identifiers=((DERIVATION, "1.2.3.9"), (MEAN, "x"))),
    ]


def test_all_that_an_observation_may_hold_is_valid() -> None:
    made_of = mapped(report(*full(), persons=("Doe^Jane",))).resources
    parts, _ = make_bundles(made_of, BundleOptions())
    for level in LEVELS:
        assert check_bundle(bundle_of(parts[0]), level) == ()


def test_members_and_sources_lead_to_observations_that_exist() -> None:
    inner, group, fetus, _ = made("Observation", report(*full()))
    assert group["hasMember"] == [{"reference": f"Observation/{inner['id']}"}]
    assert fetus["derivedFrom"] == [{"reference": f"Observation/{inner['id']}"}]
    assert fetus["focus"] == [{"display": "Fetus A"}]
    assert [one["value"] for one in fetus["identifier"]][1:] == ["urn:oid:1.2.3.4", "L1"]
    assert inner["interpretation"][0]["coding"][0]["code"] == "N"
    assert inner["bodySite"]["text"] == "left lung"
    assert [list(one) for one in inner["referenceRange"]] == [["low", "high", "text"], ["text"]]


def test_every_row_has_a_report_that_fills_it() -> None:
    answers = (
        number("1"),
        None,
        MEAN,
        Text("TEXT", "a"),
        Text("TIME", "1011"),
        Number("1/2", "", MEAN),
    )
    moment = Text("DATETIME", "20240229101112")
    parts = tuple(Part(f"1.4.{n}", DERIVATION, one) for n, one in enumerate((*answers, moment)))
    rest = [measured(f"1.5.{n}", value=one) for n, one in enumerate((*answers, moment))]
    qualified = measured("1.6", qualifier=coded("114009", "DCM", "Value out of range"))
    inner = measured(
        "1.4",
        parts=parts,
        sources=("1.5.0",),
        focus="Fetus A",
        method=MEAN,
        site=MEAN,
        algorithm="1.9",
    )
    instances = [{"ReferencedSOPInstanceUID": ["1.2.3"]}]
    predecessor = {"ReferencedSeriesSequence": [{"ReferencedSOPSequence": instances}]}
    document: dict[str, Any] = {
        "ContentDate": ["20240203"],
        "ContentTime": ["101112"],
        "TimezoneOffsetFromUTC": ["+0100"],
        "VerifyingObserverSequence": [{"VerifyingObserverName": ["Doe^Jane"]}],
        "PredecessorDocumentsSequence": [predecessor],
    }
    device = Algorithm("1.9", "Finder", "2", ("a=1",), "Acme", "F", "7", "1.2.3.4.5")
    whole = report(
        *full(),
        inner,
        *rest,
        qualified,
        measured("1.7", kind="dose"),
        attributes=document,
        persons=("Doe^Jane",),
        algorithms=(device,),
        cited=(cited(),),
        conclusion="Clear.",
        text="a",
        html="<p>a</p>",
    )
    holder = replace(
        STUDY,
        attributes={**STUDY.attributes, "AccessionNumber": ["A1"]},
        series=tuple(
            replace(one, attributes={**one.attributes, "InstitutionName": ["Clinic"]})
            for one in STUDY.series
        ),
    )
    carried = Payloads(renditions=payloads(STUDY).renditions, reports=(whole,))
    told = {one.element for one in explain_study(holder, MapOptions(), carried)}
    tables = (OBSERVATION, COMPONENT, DIAGNOSTIC_REPORT, ALGORITHM)
    rows = {row.path for table in tables for row in table}
    assert rows - told == {"Observation.component"}
