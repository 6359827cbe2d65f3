"""The options of what is written: the images and their bytes, and the FHIR around them."""

from __future__ import annotations

from typing import Annotated

from dicom2fhir.cli.parameters import Texts, choice, option

IMAGES = "Images"
CONTENT = "FHIR content"

DICOM_CHOICES = ("binary", "link", "attachment", "none")
MEDIA_CHOICES = ("series", "instance", "frame", "none")
MEDIA_FORMAT_CHOICES = ("jpeg", "png")
FHIR_CHOICES, FHIR_LATER = ("R4", "R4B"), ("R5", "STU3")
IDS_CHOICES = ("client", "server")
CHECK_CHOICES = ("full", "fast", "off")

# Images
Dicom = Annotated[
    str | None,
    choice(
        "--dicom",
        group=IMAGES,
        choices=DICOM_CHOICES,
        text="Where the DICOM files go: into a Binary each; nowhere, for the server of --dicomweb "
        "has them (link); into the ImagingStudy, if small (attachment); or nowhere.  "
        "[default: binary; with --dicomweb: link]",
    ),
]
DicomWeb = Annotated[
    str | None,
    option(
        "--dicomweb",
        group=IMAGES,
        metavar="URL",
        text="DICOMweb server that holds the studies; written as an Endpoint.",
    ),
]
FhirBase = Annotated[
    str | None,
    option(
        "--fhir-base",
        group=IMAGES,
        metavar="URL",
        text="FHIR server that will hold the Binaries; written as an Endpoint.",
    ),
]
RawDir = Annotated[
    str | None,
    option(
        "--raw-dir",
        group=IMAGES,
        metavar="DIR",
        text="Write the bytes of Binaries as files into this folder, with a list of them, and not "
        "into the Bundles.",
    ),
]
ZeroPreamble = Annotated[
    bool,
    option(
        "--zero-preamble",
        group=IMAGES,
        text="Write zeros in place of the first 128 bytes of DICOM files, which may hold anything.",
    ),
]
MaxAttachment = Annotated[
    str | None,
    option(
        "--max-attachment",
        group=IMAGES,
        metavar="SIZE",
        text="All files of a study together, for --dicom attachment.  [default: 1M]",
    ),
]
Media = Annotated[
    str,
    choice(
        "--media",
        group=IMAGES,
        choices=MEDIA_CHOICES,
        text="Pictures of the key images of each series or else of its middle one, of every image "
        "or of every frame, with the documents that are encapsulated; or none of all that.",
    ),
]
MediaFormat = Annotated[
    str,
    choice(
        "--media-format", group=IMAGES, choices=MEDIA_FORMAT_CHOICES, text="Format of pictures."
    ),
]
MediaSize = Annotated[
    str | None,
    option(
        "--media-size",
        group=IMAGES,
        metavar="N",
        text="Pixels of the longest side of a picture; none is enlarged.  [default: 1024]",
    ),
]
Quality = Annotated[
    str | None,
    option(
        "--quality",
        group=IMAGES,
        metavar="N",
        text="Quality of JPEG pictures, 1 to 100.  [default: 90]",
    ),
]
Window = Annotated[
    str | None,
    option(
        "--window",
        group=IMAGES,
        metavar="file|N|C,W|auto",
        text="Grey values: the first window of the file, its Nth, center and width such as 40,400, "
        "or what the middle 99 % of the values need.  [default: file]",
    ),
]
MediaInlineBelow = Annotated[
    str | None,
    option(
        "--media-inline-below",
        group=IMAGES,
        metavar="SIZE",
        text="Smaller pictures and documents stand in their own resource, not in a Binary; 0: "
        "none.  [default: 32KiB]",
    ),
]
RenderBurnedIn = Annotated[
    bool,
    option(
        "--render-burned-in",
        group=IMAGES,
        text="Make pictures also of images that say that they show names.",
    ),
]
RenderLabels = Annotated[
    bool,
    option(
        "--render-labels",
        group=IMAGES,
        text="Make pictures also of the labels of slides, which may show names.",
    ),
]

# FHIR content
Fhir = Annotated[
    str, choice("--fhir", group=CONTENT, choices=FHIR_CHOICES, text="Version of FHIR.")
]
Ids = Annotated[
    str,
    choice(
        "--ids",
        group=CONTENT,
        choices=IDS_CHOICES,
        text="Who chooses the ids: we (PUT) or the server (conditional requests).",
    ),
]
Timezone = Annotated[
    str | None,
    option(
        "--timezone",
        group=CONTENT,
        metavar="NAME",
        text="Time zone of times that state none, such as Europe/Berlin; "
        "without it they become dates.",
    ),
]
Patient = Annotated[
    str | None,
    option(
        "--patient",
        group=CONTENT,
        metavar="REF",
        text="Attach everything to a Patient that the server has, such as Patient/123.",
    ),
]
PatientIdSystem = Annotated[
    str | None,
    option(
        "--patient-id-system",
        group=CONTENT,
        metavar="URI",
        text="Identifier system of Patient IDs that state no issuer.",
    ),
]
AccessionSystem = Annotated[
    str | None,
    option(
        "--accession-system",
        group=CONTENT,
        metavar="URI",
        text="Identifier system of accession numbers that state no issuer.",
    ),
]
IdSaltFile = Annotated[
    str | None,
    option(
        "--id-salt-file",
        group=CONTENT,
        metavar="FILE",
        text="Secret that goes into the ids of patients without an identifier system.",
    ),
]
Provenance = Annotated[
    bool, option("--provenance", group=CONTENT, text="Add a Provenance to each Bundle.")
]
Timestamp = Annotated[
    str | None,
    option(
        "--timestamp",
        group=CONTENT,
        metavar="INSTANT",
        text="When the Provenance was recorded.  [default: SOURCE_DATE_EPOCH]",
    ),
]
Tag = Annotated[
    Texts,
    option("--tag", group=CONTENT, metavar="SYSTEM|CODE", text="Add to meta.tag; repeatable."),
]
SecurityLabel = Annotated[
    Texts,
    option(
        "--security-label",
        group=CONTENT,
        metavar="SYSTEM|CODE",
        text="Add to meta.security; repeatable.",
    ),
]
Check = Annotated[
    str,
    choice(
        "--check",
        group=CONTENT,
        choices=CHECK_CHOICES,
        text="Check each Bundle against the FHIR models, by compact tables, or not.",
    ),
]
