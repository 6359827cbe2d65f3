"""Key object selections: what they are called, what they say, what a manifest lists."""

from __future__ import annotations

import pytest

from dicom2fhir.content import ContentItem, ContentTree, Referenced
from dicom2fhir.model import Coded
from dicom2fhir.options import ReportOptions
from dicom2fhir.sr import understand

CT = "1.2.840.10008.5.1.4.1.1.2"


def dcm(code: str) -> Coded:
    return Coded(value=code, scheme="DCM", meaning="")


def selection(title: str, **attributes: object) -> ContentTree:
    description = ContentItem(
        path="1.1",
        value_type="TEXT",
        relationship="CONTAINS",
        name=dcm("113012"),
        text="Look at the left lung",
    )
    image = ContentItem(
        path="1.2",
        value_type="IMAGE",
        relationship="CONTAINS",
        references=(Referenced(CT, "1.2.3.4", frames=(2,)),),
    )
    root = ContentItem(
        path="1", value_type="CONTAINER", name=dcm(title), children=(description, image)
    )
    return ContentTree(root=root, attributes=attributes)  # type: ignore[arg-type]


EVIDENCE = {
    "StudyInstanceUID": ("1.2.3",),
    "ReferencedSeriesSequence": (
        {
            "SeriesInstanceUID": ("1.2.3.1",),
            "RetrieveAETitle": ("ARCHIVE",),
            "ReferencedSOPSequence": (
                {"ReferencedSOPClassUID": (CT,), "ReferencedSOPInstanceUID": ("1.2.3.4",)},
                {"ReferencedSOPClassUID": (CT,), "ReferencedSOPInstanceUID": ("1.2.3.5",)},
                {"ReferencedSOPClassUID": (CT,)},
            ),
        },
    ),
}


def test_a_selection_says_what_it_is_and_names_its_images() -> None:
    report = understand(selection("113000"), "1.9", ReportOptions())
    assert report.kind == "key-objects"
    assert report.conclusion == "Look at the left lung"
    assert report.cited == (Referenced(CT, "1.2.3.4", frames=(2,)),)
    assert not report.observed
    assert not report.listed


@pytest.mark.parametrize("title", ["113030", "113031"])
def test_a_manifest_lists_the_series_of_its_evidence_once(title: str) -> None:
    tree = selection(title, CurrentRequestedProcedureEvidenceSequence=(EVIDENCE, EVIDENCE))
    report = understand(tree, "1.9", ReportOptions())
    (listed,) = report.listed
    assert report.kind == "manifest"
    assert listed.series_uid == "1.2.3.1"
    assert listed.instances == ((CT, "1.2.3.4"), (CT, "1.2.3.5"))
    assert listed.retrieve_ae == "ARCHIVE"


def test_a_selection_that_is_no_manifest_lists_nothing() -> None:
    tree = selection("113005", CurrentRequestedProcedureEvidenceSequence=(EVIDENCE,))
    assert not understand(tree, "1.9", ReportOptions()).listed
