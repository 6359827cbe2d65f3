"""Bundles for the tests of check: two that are sound, and one fault each in a copy of the first."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

DCM = "http://dicom.nema.org/resources/ontology/DCM"
SCT = "http://snomed.info/sct"
PATIENT, ENDPOINT, STUDY = 0, 1, 2
"""Places of the entries in the plain Bundle."""


def uuid_of(number: int) -> str:
    return f"urn:uuid:7d0b6a54-1f2e-5c3d-8a4b-{number:012x}"


def entry(number: int, resource: dict[str, Any], request: dict[str, str]) -> dict[str, Any]:
    return {"fullUrl": uuid_of(number), "resource": resource, "request": request}


def put(number: int, resource: dict[str, Any]) -> dict[str, Any]:
    name = uuid_of(number).removeprefix("urn:uuid:")
    url = f"{resource['resourceType']}/{name}"
    return entry(number, {**resource, "id": name}, {"method": "PUT", "url": url})


def make_instance(number: int) -> dict[str, Any]:
    return {
        "uid": f"1.2.826.0.1.3680043.8.498.{number}",
        "sopClass": {
            "system": "urn:ietf:rfc:3986",
            "code": "urn:oid:1.2.840.10008.5.1.4.1.1.2",
            "display": "CT Image Storage",
        },
        "number": number,
        "title": "ORIGINAL\\PRIMARY\\AXIAL",
        "extension": [{"url": "https://example.org/content", "valueUri": f"Binary/{number}"}],
    }


def make_study(instances: int = 3, **elements: Any) -> dict[str, Any]:  # noqa: ANN401
    modality = {"system": DCM, "code": "CT"}
    return {
        "resourceType": "ImagingStudy",
        "status": "available",
        "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.826.0.1.3680043.8.498.1"}],
        "modality": [dict(modality)],
        "subject": {"reference": uuid_of(PATIENT)},
        "started": "2024-02-03T10:11:12+01:00",
        "endpoint": [{"reference": uuid_of(ENDPOINT)}],
        "numberOfSeries": 1,
        "numberOfInstances": instances,
        "description": "CT Thorax",
        "series": [
            {
                "uid": "1.2.826.0.1.3680043.8.498.2",
                "number": 1,
                "modality": dict(modality),
                "numberOfInstances": instances,
                "bodySite": {"system": SCT, "code": "816094009", "display": "Thorax"},
                "instance": [make_instance(number) for number in range(instances)],
            }
        ],
        **elements,
    }


def make_bundle(instances: int = 3) -> dict[str, Any]:
    """Return a transaction of a Patient, an Endpoint and an ImagingStudy without fault."""
    patient = {
        "resourceType": "Patient",
        "identifier": [{"use": "usual", "system": "urn:oid:1.2.36.146.595.217", "value": "A-1"}],
        "name": [{"family": "Muster", "given": ["Eva"]}],
        "gender": "female",
        "birthDate": "1970-01-01",
        "text": {
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml">Eva &amp; Muster</div>',
        },
    }
    condition = "identifier=urn%3Aoid%3A1.2.36.146.595.217%7CA-1"
    endpoint = {
        "resourceType": "Endpoint",
        "status": "active",
        "connectionType": {
            "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
            "code": "dicom-wado-rs",
        },
        "payloadType": [{"text": "DICOM"}],
        "payloadMimeType": ["application/dicom"],
        "address": "https://pacs.example.org/dicom-web",
    }
    create = {"method": "POST", "url": "Patient", "ifNoneExist": condition}
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            entry(PATIENT, patient, create),
            put(ENDPOINT, endpoint),
            put(STUDY, make_study(instances)),
        ],
    }


def make_rich_bundle() -> dict[str, Any]:
    """Return a transaction with the other types a converter writes, without fault."""
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}
    unknown = {"extension": [{**absent, "valueCode": "unknown"}]}
    subject = {"reference": uuid_of(PATIENT)}
    concept = {
        "coding": [
            {"system": "http://loinc.org", "code": "18748-4", "display": "Diagnostic imaging study"}
        ]
    }
    order = {
        "resourceType": "ServiceRequest",
        "id": "order",
        "status": "unknown",
        "intent": "order",
        "subject": subject,
    }
    study = make_study(
        2, contained=[order], basedOn=[{"reference": "#order"}], note=[{"text": "a\nb"}]
    )
    study["series"][0]["performer"] = [{"actor": {"display": "Eva Muster"}}]
    study["series"][0]["specimen"] = [{"reference": uuid_of(9)}]
    sampled = {
        "origin": {"value": 0, "unit": "uV", "system": "http://unitsofmeasure.org", "code": "uV"},
        "period": 2.5,
        "dimensions": 1,
        "data": "1 2 E",
    }
    bundle = make_bundle()
    bundle["entry"][PATIENT]["resource"] |= {"_birthDate": unknown, "multipleBirthInteger": 2}
    bundle["entry"][PATIENT]["resource"].pop("birthDate")
    bundle["entry"][PATIENT]["resource"]["name"] = [
        {"given": ["Eva", None], "_given": [None, unknown]}
    ]
    bundle["entry"][STUDY] = put(STUDY, study)
    bundle["entry"] += [
        put(3, {"resourceType": "Device", "manufacturer": "Maker", "patient": subject}),
        put(4, {"resourceType": "Binary", "contentType": "application/dicom", "data": "AAAA"}),
        put(
            5,
            {
                "resourceType": "Media",
                "status": "completed",
                "subject": subject,
                "height": 128,
                "frames": 1,
                "content": {"contentType": "image/png", "url": uuid_of(4), "size": 3},
            },
        ),
        put(
            6,
            {
                "resourceType": "Observation",
                "status": "corrected",
                "code": concept,
                "subject": subject,
                "effectiveDateTime": "2024-02",
                "component": [{"code": concept, "valueSampledData": sampled}],
            },
        ),
        put(
            7,
            {
                "resourceType": "DiagnosticReport",
                "status": "appended",
                "code": concept,
                "issued": "2024-02-03T10:11:12.5Z",
                "imagingStudy": [{"reference": uuid_of(STUDY)}],
                "result": [{"reference": uuid_of(6)}],
            },
        ),
        put(
            8,
            {
                "resourceType": "Provenance",
                "target": [{"reference": uuid_of(STUDY), "type": "ImagingStudy"}],
                "recorded": "2024-02-03T10:11:12+01:00",
                "agent": [{"who": {"reference": uuid_of(3)}}],
                "occurredPeriod": {
                    "start": "2024-02-03T23:00:00+02:00",
                    "end": "2024-02-03T22:00:00Z",
                },
            },
        ),
        put(9, {"resourceType": "Specimen", "container": [{"identifier": [{"value": "S1"}]}]}),
    ]
    return bundle


Change = Callable[[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]], object]
"""What is done to the ImagingStudy, the Endpoint, the Patient and the Bundle."""

FAULTS: dict[str, tuple[Change, str, str]] = {
    "required element is missing": (
        lambda study, *_: study.pop("status"),
        "check.model",
        "Bundle.entry[2].resource.status",
    ),
    "code outside its value set": (
        lambda study, *_: study.update(status="done"),
        "check.code",
        "Bundle.entry[2].resource.status",
    ),
    "time without a zone": (
        lambda study, *_: study.update(started="2024-02-03T10:11:12"),
        "check.model",
        "Bundle.entry[2].resource.started",
    ),
    "unknown element": (
        lambda study, *_: study.update(modalityList=["CT"]),
        "check.model",
        "Bundle.entry[2].resource",
    ),
    "required list is missing": (
        lambda _study, endpoint, *_: endpoint.pop("payloadType"),
        "check.model",
        "Bundle.entry[1].resource.payloadType",
    ),
    "contained resource is missing": (
        lambda study, *_: study.update(basedOn=[{"reference": "#nothing"}]),
        "check.unresolved",
        "Bundle.entry[2].resource.basedOn[0].reference",
    ),
    "fullUrl twice": (
        lambda _study, _endpoint, _patient, bundle: bundle["entry"][1].update(
            fullUrl=uuid_of(PATIENT)
        ),
        "check.invariant",
        "Bundle.entry[1].fullUrl",
    ),
    "reference to a type that is not allowed": (
        lambda study, *_: study.update(subject={"reference": "Observation/1"}),
        "check.reference-type",
        "Bundle.entry[2].resource.subject.reference",
    ),
    "negative number": (
        lambda study, *_: study["series"][0].update(number=-1),
        "check.model",
        "Bundle.entry[2].resource.series[0].number",
    ),
    "list in place of a string": (
        lambda study, *_: study.update(description=["x"]),
        "check.model",
        "Bundle.entry[2].resource.description",
    ),
    "empty string": (
        lambda study, *_: study.update(description=""),
        "check.model",
        "Bundle.entry[2].resource.description",
    ),
    "impossible date": (
        lambda _study, _endpoint, patient, _: patient.update(birthDate="1970-13-45"),
        "check.model",
        "Bundle.entry[0].resource.birthDate",
    ),
    "modality that no series has": (
        lambda study, *_: study["modality"][0].update(code="CTX"),
        "check.invariant",
        "Bundle.entry[2].resource.series[0].modality",
    ),
    "contact without details": (
        lambda _study, _endpoint, patient, _: patient.update(contact=[{"gender": "female"}]),
        "check.invariant",
        "Bundle.entry[0].resource.contact[0]",
    ),
    "narrative with a script": (
        lambda _study, _endpoint, patient, _: patient["text"].update(
            div="<div>x<script>1</script></div>"
        ),
        "check.invariant",
        "Bundle.entry[0].resource.text.div",
    ),
}
"""One fault each: how it is made, and the Problem that must tell it."""


def make_faulty_bundle(name: str) -> dict[str, Any]:
    bundle = copy.deepcopy(make_bundle())
    resources = [entry["resource"] for entry in bundle["entry"]]
    FAULTS[name][0](resources[STUDY], resources[ENDPOINT], resources[PATIENT], bundle)
    return bundle
