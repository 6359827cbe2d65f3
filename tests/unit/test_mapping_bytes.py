"""DICOM files, renders and documents, as Binary, Media, DocumentReference and extensions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from mapping_studies import FULL, code, content, instance, series, sha1, study

from dicom2fhir.identity import CANONICAL, IDENTIFIER_SYSTEM, resource_id
from dicom2fhir.mapping import map_study
from dicom2fhir.model import Document, Payloads, Rendition
from dicom2fhir.options import MapOptions

if TYPE_CHECKING:
    from dicom2fhir.model import Json, Resource, Study

STUDY, SERIES, FIRST = (f"1.2.276.0.7230010.3.1.{part}.1" for part in (2, 3, 4))
PDF = "1.2.840.10008.5.1.4.1.1.104.1"
CDA = "1.2.840.10008.5.1.4.1.1.104.2"


def files(source: Study, length: int = 1000) -> Payloads:
    uids = (one.uid for member in source.series for one in member.instances)
    return Payloads(files={uid: content(length) for uid in uids})


def rendition(length: int = 100_000, **more: Json) -> Rendition:
    usual: dict[str, Json] = {
        "sop_instance_uid": FIRST,
        "frame": 1,
        "recipe": "jpeg 1024 file",
        "content_type": "image/jpeg",
        "content": content(length),
        "sha1": sha1(length),
        "width": 512,
        "height": 256,
    }
    return Rendition(**{**usual, **more})


def document(length: int = 100_000, content_type: str = "application/pdf") -> Document:
    return Document(
        sop_instance_uid=FIRST,
        content_type=content_type,
        content=content(length),
        sha1=sha1(length),
    )


def made(source: Study, payloads: Payloads, kind: str, **options: Json) -> list[Resource]:
    resources = map_study(source, MapOptions(**options), payloads).resources
    return [one for one in resources if one["resourceType"] == kind]


def one(source: Study, payloads: Payloads, kind: str, **options: Json) -> Resource:
    (resource,) = made(source, payloads, kind, **options)
    return resource


def codes(source: Study, payloads: Payloads, **options: Json) -> set[str]:
    return {problem.code for problem in map_study(source, MapOptions(**options), payloads).problems}


def media(source: Study, **more: Json) -> Resource:
    return one(source, Payloads(renditions=(rendition(**more),)), "Media")


def reference(source: Study, **more: Json) -> Resource:
    return one(source, Payloads(documents=(document(**more),)), "DocumentReference")


def extensions(resource: Resource) -> dict[str, Json]:
    found = resource["series"][0]["instance"][0].get("extension", [])
    prefix = f"{CANONICAL}/StructureDefinition/"
    return {one["url"].removeprefix(prefix): one for one in found if prefix in one["url"]}


# DICOM files


def test_each_file_is_a_binary_that_its_instance_names_and_hashes() -> None:
    source = study()
    payloads = files(source)

    binary = one(source, payloads, "Binary")
    found = extensions(one(source, payloads, "ImagingStudy"))

    assert binary["id"] == resource_id("Binary", STUDY, SERIES, FIRST)
    assert binary["contentType"] == "application/dicom"
    assert binary["data"] == content()
    assert "identifier" not in binary
    assert found["instance-content"]["valueUri"] == f"Binary/{binary['id']}"
    assert found["instance-sha256"]["valueString"] == "0a" * 32
    assert set(found) == {"instance-content", "instance-sha256"}


def test_only_the_instances_whose_bytes_are_there_have_a_binary() -> None:
    source = study(series(instance(1), instance(2)))
    payloads = Payloads(files={FIRST: content()})

    listed = one(source, payloads, "ImagingStudy")["series"][0]["instance"]

    assert len(made(source, payloads, "Binary")) == 1
    assert ["extension" in instance for instance in listed] == [True, False]


def test_a_file_without_preamble_is_not_called_dicom() -> None:
    source = study(series(instance()._replace(part10=False)))

    assert one(source, files(source), "Binary")["contentType"] == "application/octet-stream"


@pytest.mark.parametrize("dicom", ["link", "none"])
def test_no_bytes_are_carried_where_they_stay_elsewhere(dicom: str) -> None:
    source = study()

    assert made(source, files(source), "Binary", dicom=dicom) == []
    # Of what is linked to, the hash proves what comes from there.
    told = {"instance-sha256"} if dicom == "link" else set()
    assert extensions(one(source, files(source), "ImagingStudy", dicom=dicom)).keys() == told


def test_access_to_bytes_follows_the_patient() -> None:
    source = study()
    patient = one(source, files(source), "Patient")

    binary = one(source, files(source), "Binary")
    named = one(source, files(source), "Binary", patient="Patient/1")

    assert binary["securityContext"] == {"reference": f"Patient/{patient['id']}"}
    assert named["securityContext"] == {"reference": "Patient/1"}


def test_a_phantom_has_no_access_rules_to_follow() -> None:
    source = study(patient={"PatientID": ["1"], "QualityControlSubject": ["YES"]})

    assert "securityContext" not in one(source, files(source), "Binary")


def test_two_patients_under_one_study_uid_have_binaries_of_their_own() -> None:
    mine = study(shared=True)
    other = study(shared=True, patient={"PatientID": ["4712"], "PatientName": ["ROE^Rick"]})

    ids = {one(source, files(source), "Binary")["id"] for source in (mine, other, study())}

    assert len(ids) == 3


def test_binaries_stand_before_the_study_that_names_them() -> None:
    payloads = replace(files(FULL), renditions=(rendition(),), documents=(document(),))
    kinds = [one["resourceType"] for one in map_study(FULL, MapOptions(), payloads).resources]

    assert kinds.index("Patient") < kinds.index("Binary")
    assert kinds[-7:] == [*["Binary"] * 4, "ImagingStudy", "Media", "DocumentReference"]


# Endpoint of the FHIR server


def test_the_server_of_the_binaries_is_named_on_the_study_alone() -> None:
    source, base = study(), "https://fhir.example.org/r4"

    endpoint = one(source, files(source), "Endpoint", fhir_base=base)
    resource = one(source, files(source), "ImagingStudy", fhir_base=base)

    assert endpoint["address"] == base
    assert endpoint["connectionType"]["code"] == "hl7-fhir-rest"
    assert endpoint["payloadMimeType"] == ["application/dicom"]
    assert endpoint["id"] == resource_id("Endpoint", base, "hl7-fhir-rest")
    assert resource["endpoint"] == [{"reference": f"Endpoint/{endpoint['id']}"}]
    assert "endpoint" not in resource["series"][0]
    assert "map.no-fhir-base" not in codes(source, files(source), fhir_base=base)


def test_without_an_address_there_is_no_endpoint_and_one_problem() -> None:
    source = study(series(instance(1), instance(2)))
    problems = map_study(source, MapOptions(), files(source)).problems

    assert made(source, files(source), "Endpoint") == []
    assert [one.count for one in problems if one.code == "map.no-fhir-base"] == [1]
    assert "map.no-fhir-base" not in codes(source, Payloads())


# Attachments


def test_a_small_study_may_hold_its_files() -> None:
    source = study()
    resource = one(source, files(source), "ImagingStudy", dicom="attachment")

    assert extensions(resource)["instance-attachment"]["valueAttachment"] == {
        "contentType": "application/dicom",
        "data": content(),
        "size": 1000,
    }
    assert set(extensions(resource)) == {"instance-attachment"}
    assert made(source, files(source), "Binary", dicom="attachment") == []


def test_a_study_whose_files_are_too_large_together_holds_none() -> None:
    source = study(series(instance(1), instance(2)))
    options = {"dicom": "attachment", "max_attachment": 1999}

    assert extensions(one(source, files(source), "ImagingStudy", **options)) == {}
    assert "study.attachment-too-large" in codes(source, files(source), **options)
    assert "study.attachment-too-large" not in codes(
        source, files(source), dicom="attachment", max_attachment=2000
    )


# Media


def test_a_render_tells_what_it_shows_and_where_its_bytes_are() -> None:
    payloads = Payloads(renditions=(rendition(window="window 40/400"),))
    resource = one(FULL, payloads, "Media")
    binary = one(FULL, payloads, "Binary")
    of_study = one(FULL, payloads, "ImagingStudy")

    key = (STUDY, SERIES, FIRST, "1", "jpeg 1024 file")
    assert resource["id"] == resource_id("Media", *key)
    assert binary["id"] == resource_id("Binary", *key)
    assert binary["contentType"] == "image/jpeg"
    assert binary["securityContext"] == of_study["subject"]
    assert resource["identifier"] == [
        {"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{resource['id']}"},
        {"system": "urn:dicom:uid", "value": f"urn:oid:{FIRST}"},
    ]
    assert resource["partOf"] == [{"reference": f"ImagingStudy/{of_study['id']}"}]
    for element in ("basedOn", "reasonCode", "subject"):
        assert resource[element] == of_study[element]
    assert resource["modality"]["coding"][0]["code"] == "CT"
    assert resource["bodySite"]["coding"][0]["code"] == "816094009"
    assert resource["operator"]["display"] == "O O"
    assert resource["deviceName"] == "Acme CT 9"
    assert resource["device"]["reference"].startswith("Device/")
    assert (resource["width"], resource["height"], resource["frames"]) == (512, 256, 1)
    assert resource["content"] == {
        "contentType": "image/jpeg",
        "url": f"Binary/{binary['id']}",
        "size": 100_000,
        "hash": sha1(100_000),
        "title": "Axial",
    }
    assert resource["note"] == [{"text": "window 40/400; frame 1 of 20"}]
    assert "duration" not in resource


def test_frames_and_recipes_of_one_instance_are_told_apart() -> None:
    renditions = (rendition(), rendition(frame=2), rendition(recipe="png 512 auto"))
    payloads = Payloads(renditions=renditions)

    for kind in ("Media", "Binary"):
        assert len({one["id"] for one in made(study(), payloads, kind)}) == 3


def test_small_renders_stand_in_their_media() -> None:
    small = Payloads(renditions=(rendition(999), rendition(1000, frame=2)))
    first, second = made(study(), small, "Media", inline_below=1000)

    assert first["content"]["data"] == content(999)
    assert "url" not in first["content"]
    assert "data" not in second["content"]
    assert len(made(study(), small, "Binary", inline_below=1000)) == 1


def test_everything_stands_inline_where_a_binary_could_not_be_found_again() -> None:
    payloads = Payloads(renditions=(rendition(),), documents=(document(),))

    assert made(study(), payloads, "Binary", binaries=False) == []
    assert "data" in one(study(), payloads, "Media", binaries=False)["content"]


def test_a_render_of_an_instance_that_is_not_listed_is_left_out() -> None:
    assert made(study(), Payloads(renditions=(rendition(sop_instance_uid="9.9"),)), "Media") == []


def test_a_video_has_a_duration() -> None:
    video = {"content_type": "video/mp4", "frame": 0, "frames": 50, "width": None, "height": None}
    by_time = study(series(instance(FrameTime=["33.3"], NumberOfFrames=["50"])))
    by_rate = study(series(instance(CineRate=["25"])))
    unknown = study(series(instance(FrameTime=["x"], CineRate=["0"])))

    assert media(by_time, **video)["duration"] == 1.665
    assert media(by_rate, **video)["duration"] == 2.0
    assert "duration" not in media(unknown, **video)
    assert media(by_time, **video)["type"]["coding"][0]["code"] == "video"
    assert "note" not in media(by_time, **video)


def test_loss_before_the_render_is_said_in_words() -> None:
    said = study(series(instance(LossyImageCompression=["01"])))
    by_syntax = study(series(instance()._replace(transfer_syntax_uid="1.2.840.10008.1.2.4.50")))

    for source in (said, by_syntax):
        assert media(source)["note"] == [{"text": "the image had been compressed with loss before"}]
    assert "note" not in media(study(series(instance(LossyImageCompression=["00"]))))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ViewPosition": ["MLO"]}, ("399368009", "Medio-lateral oblique")),
        ({"ViewPosition": ["mlo"]}, ("399368009", "Medio-lateral oblique")),
        ({"ViewPosition": ["LLD"]}, (None, "LLD")),
        (
            {
                "ViewPosition": ["MLO"],
                "ViewCodeSequence": [code("399162004", "SCT", "cranio-caudal")],
            },
            ("399162004", "cranio-caudal"),
        ),
    ],
)
def test_a_view_is_its_code_or_its_term(
    attributes: dict[str, Json], expected: tuple[str | None, str]
) -> None:
    view = media(study(series(instance(**attributes))))["view"]

    assert view.get("text") == expected[1]
    assert [one["code"] for one in view.get("coding", [])] == [expected[0]] * bool(expected[0])


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ContentDate": ["20240203"], "ContentTime": ["1011"]}, "2024-02-03T10:11:00+09:00"),
        ({"ContentDate": ["20240203"], "AcquisitionDate": ["20230101"]}, "2024-02-03"),
        ({"AcquisitionDateTime": ["20240203101112+0100"]}, "2024-02-03T10:11:12+01:00"),
        ({"AcquisitionDate": ["20240203"], "AcquisitionTime": ["12"]}, "2024-02-03T12:00:00+09:00"),
    ],
)
def test_a_render_was_created_when_its_content_was_made_or_acquired(
    attributes: dict[str, Json], expected: str
) -> None:
    source = study(series(instance(**attributes), TimezoneOffsetFromUTC=["+0900"]))

    assert media(source)["createdDateTime"] == expected


def test_a_body_part_without_a_code_is_text() -> None:
    assert media(study(series(BodyPartExamined=["KNOB"])))["bodySite"] == {"text": "KNOB"}


# DocumentReference


def pdf(sop_class: str = PDF, **attributes: Json) -> Study:
    return study(series(instance(sop_class=sop_class, **attributes), Modality=["DOC"]))


def test_a_document_is_told_of_and_stored() -> None:
    source = study(
        series(
            instance(
                sop_class=PDF,
                DocumentTitle=["Findings"],
                ConceptNameCodeSequence=[code("18748-4", "LN", "Imaging report")],
                DocumentClassCodeSequence=[code("LP29684-5", "LN", "Radiology")],
                VerificationFlag=["VERIFIED"],
                ContentDate=["20240203"],
                ContentTime=["101112"],
                MIMETypeOfEncapsulatedDocument=["application/pdf"],
            ),
            Modality=["DOC"],
            OperatorsName=["O^O"],
            Manufacturer=["Acme"],
            ManufacturerModelName=["Scan 1"],
            TimezoneOffsetFromUTC=["+0100"],
        )
    )
    payloads = Payloads(documents=(document(),))
    resource, binary = (one(source, payloads, kind) for kind in ("DocumentReference", "Binary"))

    key = (STUDY, SERIES, FIRST, "document")
    assert resource["id"] == resource_id("DocumentReference", *key)
    assert binary["id"] == resource_id("Binary", *key)
    assert resource["masterIdentifier"] == {
        "system": "urn:dicom:uid",
        "value": f"urn:oid:{FIRST}",
    }
    assert [one["system"] for one in resource["identifier"]] == [IDENTIFIER_SYSTEM]
    assert (resource["status"], resource["docStatus"]) == ("current", "final")
    assert resource["type"]["coding"][0]["code"] == "18748-4"
    assert resource["category"][0]["coding"][0]["code"] == "LP29684-5"
    assert resource["subject"] == one(source, payloads, "ImagingStudy")["subject"]
    assert resource["date"] == "2024-02-03T10:11:12+01:00"
    assert [one.get("display", one.get("reference", ""))[:6] for one in resource["author"]] == [
        "O O",
        "Device",
    ]
    assert resource["description"] == "Findings"
    assert resource["content"] == [
        {
            "attachment": {
                "contentType": "application/pdf",
                "url": f"Binary/{binary['id']}",
                "size": 100_000,
                "hash": sha1(100_000),
                "title": "Findings",
                "creation": "2024-02-03T10:11:12+01:00",
            }
        }
    ]
    study_id = one(source, payloads, "ImagingStudy")["id"]
    assert resource["context"]["related"] == [{"reference": f"ImagingStudy/{study_id}"}]
    assert "map.document-type" not in codes(source, payloads)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.16.840.1.113883.19.5^D 1", ("urn:oid:2.16.840.1.113883.19.5", "D 1")),
        ("2.16.840.1.113883.19.5", ("urn:ietf:rfc:3986", "urn:oid:2.16.840.1.113883.19.5")),
        (
            "C854CFCD-D132-50A6-9C25-FB47474E5B32^7",
            ("urn:uuid:c854cfcd-d132-50a6-9c25-fb47474e5b32", "7"),
        ),
    ],
)
def test_a_cda_document_keeps_its_own_identifier(text: str, expected: tuple[str, str]) -> None:
    resource = reference(pdf(CDA, HL7InstanceIdentifier=[text]))

    master = resource["masterIdentifier"]
    assert (master["system"], master["value"]) == expected
    assert resource["identifier"][1]["value"] == f"urn:oid:{FIRST}"
    assert resource["content"][0]["attachment"]["contentType"] == "text/xml"


def test_an_identifier_that_is_none_leaves_the_instance_uid() -> None:
    source = pdf(CDA, HL7InstanceIdentifier=["x^y"])

    assert reference(source)["masterIdentifier"]["system"] == "urn:dicom:uid"
    assert "map.bad-code" in codes(source, Payloads(documents=(document(),)))


def test_without_a_zone_a_document_has_a_creation_day_and_no_instant() -> None:
    resource = reference(pdf(ContentDate=["20240203"], ContentTime=["101112"]))

    assert "date" not in resource
    assert resource["content"][0]["attachment"]["creation"] == "2024-02-03"


@pytest.mark.parametrize(
    ("flag", "status"), [("VERIFIED", "final"), ("UNVERIFIED", "preliminary"), ("?", None)]
)
def test_only_what_was_verified_is_final(flag: str, status: str | None) -> None:
    assert reference(pdf(VerificationFlag=[flag])).get("docStatus") == status


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, "application/pdf"), (2, "text/xml"), (3, "model/stl"), (4, "model/obj"), (5, "model/mtl")],
)
def test_the_media_type_of_a_document_is_that_of_its_class(number: int, expected: str) -> None:
    source = pdf(f"1.2.840.10008.5.1.4.1.1.104.{number}", MIMETypeOfEncapsulatedDocument=["x/y"])
    payloads = Payloads(documents=(document(),))

    assert one(source, payloads, "Binary")["contentType"] == expected
    assert "map.document-type" in codes(source, payloads)


def test_a_document_of_another_class_keeps_the_type_it_came_with() -> None:
    resource = reference(pdf("1.2.3.4"), content_type="text/plain")

    assert resource["content"][0]["attachment"]["contentType"] == "text/plain"


def test_an_empty_document_has_no_data() -> None:
    assert "data" not in reference(pdf(), length=0)["content"][0]["attachment"]
