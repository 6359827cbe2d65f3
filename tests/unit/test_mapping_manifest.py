"""Key objects and manifests: what is key is marked, what is elsewhere is listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapping_studies import instance, payloads, series, study

from dicom2fhir.bundle import bundle_of, make_bundles
from dicom2fhir.check import check_bundle
from dicom2fhir.content import ListedSeries, Referenced, Report
from dicom2fhir.mapping import map_study
from dicom2fhir.model import Coded, Payloads
from dicom2fhir.options import BundleOptions, MapOptions

if TYPE_CHECKING:
    from dicom2fhir.mapping import Mapped
    from dicom2fhir.model import Resource

KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
MR = "1.2.840.10008.5.1.4.1.1.4"
HERE = study(series(instance(1, KEY_OBJECTS), Modality=["KO"]))
NOTE = HERE.series[0].instances[0]
OF_INTEREST = Coded(value="113000", scheme="DCM", meaning="Of Interest")


def listed(number: int = 7, study_uid: str = HERE.uid, **more: str) -> ListedSeries:
    named = ((MR, f"1.2.276.0.99.{number}.1"), (MR, f"1.2.276.0.99.{number}.2"))
    return ListedSeries(
        study_uid=study_uid, series_uid=f"1.2.276.0.99.{number}", instances=named, **more
    )


def report(
    *rows: ListedSeries, kind: str = "manifest", cited: tuple[Referenced, ...] = ()
) -> Report:
    return Report(
        sop_instance_uid=NOTE.uid,
        kind=kind,
        name=OF_INTEREST,
        title="Of Interest",
        attributes={},
        cited=cited,
        listed=rows,
    )


def map_manifest(*rows: ListedSeries) -> Mapped:
    return map_study(HERE, MapOptions(), Payloads(reports=(report(*rows),)))


def only(mapped: Mapped, kind: str) -> Resource:
    (found,) = (one for one in mapped.resources if one["resourceType"] == kind)
    return found


def test_a_manifest_lists_what_has_no_file_here_beside_itself() -> None:
    mapped = map_manifest(listed())
    made = only(mapped, "ImagingStudy")
    assert [one["uid"] for one in made["series"]] == [HERE.series[0].uid, "1.2.276.0.99.7"]
    assert made["numberOfInstances"] == 3
    assert made["series"][1]["modality"]["code"] == "MR"
    assert mapped.without_file == 2


def test_what_has_a_file_is_listed_once() -> None:
    row = listed()._replace(
        series_uid=HERE.series[0].uid, instances=((KEY_OBJECTS, NOTE.uid), (MR, "1.2.276.0.99.1"))
    )
    mapped = map_manifest(row, row)
    (only_series,) = only(mapped, "ImagingStudy")["series"]
    assert [one["uid"] for one in only_series["instance"]] == [NOTE.uid, "1.2.276.0.99.1"]
    assert mapped.without_file == 1


def test_another_study_is_not_made_of_a_manifest() -> None:
    mapped = map_manifest(listed(study_uid="1.2.276.0.98"))
    assert len(only(mapped, "ImagingStudy")["series"]) == 1
    assert "sr.other-study" in {one.code for one in mapped.problems}


def test_the_retrieve_url_becomes_the_base_of_an_endpoint() -> None:
    url = "https://pacs.example.org/dicom-web/studies/1.2/series/1.2.3?token=secret"
    mapped = map_manifest(listed(retrieve_url=url), listed(8, retrieve_url=url))
    endpoint = only(mapped, "Endpoint")
    assert endpoint["address"] == "https://pacs.example.org/dicom-web"
    made = only(mapped, "ImagingStudy")["series"][1]
    assert made["endpoint"] == [{"reference": f"Endpoint/{endpoint['id']}"}]


def test_an_ae_title_is_no_address_and_is_told_all_the_same() -> None:
    mapped = map_manifest(listed(retrieve_ae="ARCHIVE", location_uid="1.2.276.0.5"))
    endpoint = only(mapped, "Endpoint")
    assert "address" not in endpoint
    assert endpoint["_address"]["extension"][0]["valueCode"] == "unknown"
    assert "ARCHIVE" in endpoint["name"]
    assert endpoint["extension"][0]["valueString"] == "1.2.276.0.5"


def test_a_manifest_makes_a_valid_bundle() -> None:
    rows = (
        listed(retrieve_url="https://pacs.example.org/studies/1"),
        listed(8, retrieve_ae="ARCHIVE"),
        listed(9)._replace(series_uid="no uid"),
    )
    (entries,), _ = make_bundles(map_manifest(*rows).resources, BundleOptions())
    assert not check_bundle(bundle_of(entries), "full")


def test_a_key_image_is_tagged_with_the_title_of_its_selection() -> None:
    images = study(series(instance(1)))
    carried = payloads(images)
    named = carried.renditions[0]
    key = Referenced(images.series[0].instances[0].sop_class_uid, named.sop_instance_uid)
    selection = report(kind="key-objects", cited=(key,))
    mapped = map_study(
        images,
        MapOptions(),
        Payloads(renditions=carried.renditions[:1], reports=(selection,)),
    )
    tags = only(mapped, "Media")["meta"]["tag"]
    assert [one["code"] for one in tags] == ["55113-5", "113000"]


def test_another_frame_of_a_key_image_is_not_key() -> None:
    images = study(series(instance(1)))
    carried = payloads(images)
    named = carried.renditions[0]
    key = Referenced(
        images.series[0].instances[0].sop_class_uid,
        named.sop_instance_uid,
        frames=(named.frame + 1,),
    )
    selection = report(kind="key-objects", cited=(key,))
    mapped = map_study(
        images,
        MapOptions(),
        Payloads(renditions=carried.renditions[:1], reports=(selection,)),
    )
    assert "tag" not in only(mapped, "Media")["meta"]
