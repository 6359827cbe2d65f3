"""Problems: what was wrong with one item, as a value with a stable code.

Codes are never renamed or reused. `docs/reference/problems.md` is generated from CODES.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How much a Problem matters; the order is the order of the members."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of Problem: what it means and what a person can do about it."""

    severity: Severity
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that was wrong, without any value, path or UID of a patient in its text.

    `tag` is the attribute (`(0010,0010)`), `element` the FHIR element, `source` the number of the
    input it came from (the catalog knows its path), `count` how often it was seen.
    `detail` adds a safe fact: a number, a SOP class name, an option; never a patient's value.
    """

    code: str
    tag: str = ""
    element: str = ""
    detail: str = ""
    source: int | None = None
    count: int = 1

    @property
    def severity(self) -> Severity:
        """Return the severity that the table gives this code."""
        return CODES[self.code].severity

    @property
    def stage(self) -> str:
        """Return the stage that found the problem: the part of the code before the dot."""
        return self.code.partition(".")[0]

    @property
    def message(self) -> str:
        """Return one sentence: what was wrong, where, what was done instead."""
        kind = CODES[self.code]
        where = " ".join(part for part in (self.tag, self.element) if part)
        text = f"{kind.message} [{where}]" if where else kind.message
        return f"{text}: {self.detail}" if self.detail else text


class PlacedProblem(NamedTuple):
    """One Problem as a report lists it: how often it was `seen`, and the label of its place."""

    code: str
    tag: str
    element: str
    detail: str
    seen: int
    label: str | None


def _info(message: str, advice: str = "") -> Code:
    return Code(Severity.INFO, message, advice)


def _warning(message: str, advice: str = "") -> Code:
    return Code(Severity.WARNING, message, advice)


def _error(message: str, advice: str = "") -> Code:
    return Code(Severity.ERROR, message, advice)


CODES: dict[str, Code] = {
    # find
    "find.not-regular": _info("Not a regular file; left alone"),
    "find.symlink": _info("A symbolic link; not followed", "Use --follow to follow links."),
    "find.unreadable": _error("The file or folder cannot be read", "Check its permissions."),
    "find.vanished": _error("The file was gone when it was read"),
    "find.missing": _error("A path of the list does not exist"),
    "find.archive-bad": _error("The archive is damaged; what could be listed was read"),
    "find.archive-limit": _error(
        "The archive holds more members, bytes or compression than the limit; the rest was left",
        "If you trust it, raise --max-archive-members, --max-archive-bytes or --max-archive-ratio.",
    ),
    "find.archive-member": _info("A member is encrypted, a link or not a file; left alone"),
    "find.dicomdir-missing": _warning("A DICOMDIR names files that are not there"),
    "find.dicomdir-outside": _warning("A DICOMDIR names a file outside its own folder; ignored"),
    # read
    "read.not-dicom": _info("Not DICOM; counted and left alone"),
    "read.dicomdir": _info("A DICOMDIR; used as a hint only"),
    "read.no-identity": _error(
        "SOP Class, SOP Instance, Series or Study Instance UID is missing; not converted"
    ),
    "read.non-patient": _info("An object without patient and study; not converted"),
    "read.truncated": _error(
        "The file ends before its data set does (PS3.5 7.1); not converted",
        "Copy it again, or use --allow-truncated.",
    ),
    "read.truncated-kept": _warning("The file ends before its data set does; converted as asked"),
    "read.no-pixels": _warning("The object should hold pixel data or content and holds none"),
    "read.malformed": _error("The data set cannot be parsed; not converted"),
    "read.too-deep": _error("Sequences are nested deeper than 64 levels; not converted"),
    "read.items-limit": _warning("More than 100,000 sequence items; the rest was left unread"),
    "read.value-limit": _warning(
        "A value is larger than the limit, or values are too many; left out"
    ),
    "read.inflate-limit": _error(
        "The deflated data set grows beyond the limit (PS3.5 A.5); not converted"
    ),
    "read.no-meta": _info("No preamble or file meta; read by its content (PS3.10 7.1)"),
    "read.transfer-syntax": _warning(
        "The transfer syntax is missing or wrong; the data set was read as what it is"
    ),
    "read.charset": _warning("The text is not in the character set it declares; repaired"),
    "read.charset-unknown": _warning(
        "The character set is unknown; text was read as far as it goes"
    ),
    "read.bad-uid": _warning("A UID is not valid (PS3.5 9.1); a valid one was derived from it"),
    "read.unstable": _error("The file changed while it was read; not converted"),
    "read.failed": _error("The file could not be read; not converted"),
    # catalog
    "catalog.duplicate": _info("The same instance with the same bytes again; listed once"),
    "catalog.copy-gone": _info(
        "A copy that an earlier run has read is gone or has changed; another one was listed"
    ),
    "catalog.conflict": _warning(
        "One SOP Instance UID with different bytes; the copy with the lowest SHA-256 was kept"
    ),
    "catalog.rejected": _info(
        "Withdrawn by a rejection note (IHE IOCM); left out", "Use --keep-rejected to keep it."
    ),
    "catalog.series-in-two-studies": _warning("One Series Instance UID in two studies"),
    "catalog.study-two-patients": _warning(
        "One Study Instance UID under two patients; kept apart, one ImagingStudy each"
    ),
    "catalog.patient-conflict": _warning(
        "Patient attributes differ within a study; what most instances hold was taken"
    ),
    "catalog.study-conflict": _warning(
        "Study attributes differ within a study; what most instances hold was taken"
    ),
    "catalog.series-conflict": _warning(
        "Series attributes differ within a series; what most instances hold was taken, but no side"
    ),
    "catalog.same-id-two-names": _warning("One Patient ID with different names or birth dates"),
    # map
    "map.same-id": _error(
        "Two patients of one study cannot be told apart by their ids; the second was not written",
        "Say who issued their numbers: the [issuers] table, or --patient-id-system.",
    ),
    "map.no-timezone": _info(
        "No time zone is known; the date was written without the time (PS3.3 C.12.1)",
        "Use --timezone if all of the input comes from one zone.",
    ),
    "map.bad-date": _warning("A date or time does not parse (PS3.5 6.2); left out"),
    "map.bad-number": _warning("Not a whole number of 0 to 2147483647; left out"),
    "map.bad-sex": _warning("Patient's Sex is not M, F or O; written as unknown"),
    "map.bad-code": _warning("A code cannot be written in FHIR; its text was kept"),
    "map.laterality-conflict": _warning(
        "Laterality of the series, of its images and of its region differ; left out"
    ),
    "map.implausible": _warning("No person can have this size, weight or dose; left out"),
    "map.no-modality": _warning("Modality is missing; written as OT"),
    "map.body-part": _info("Body Part Examined is no term of PS3.16 Annex L; written as text"),
    "map.no-patient-id": _warning(
        "Patient ID is missing; the patient is told apart by name, birth date and sex, or study"
    ),
    "map.patient-no-system": _info(
        "Patient ID has no issuer, so the patient's id also rests on name and birth date",
        "Use --patient-id-system if all numbers come from one place.",
    ),
    "map.text-cut": _warning("A text is longer than FHIR allows; cut"),
    "map.no-fhir-base": _info(
        "No address is known for the Binaries; no Endpoint was written for them",
        "Use --fhir-base if the server is known.",
    ),
    "map.document-type": _warning(
        "The media type of the encapsulated document does not fit its class; that of the class"
        " was taken"
    ),
    # study
    "study.too-large": _warning(
        "The study is larger than one resource may be; a series was written without instances"
    ),
    "study.attachment-too-large": _warning(
        "The files of the study are larger than --max-attachment; none was attached",
        "Use --dicom binary, or --dicom link with --dicomweb.",
    ),
    # sr
    "sr.unreadable": _warning(
        "The content of a structured report cannot be read; left in its file"
    ),
    "sr.not-valid": _warning(
        "What the reports of a study say fails the check as FHIR; left in their files",
        "Please report it: this is a fault of the converter.",
    ),
    "sr.no-content": _info("A structured report without content items; a report alone was written"),
    "sr.too-deep": _warning(
        "Content items are nested deeper than the limit; what is below was left out",
        "If you trust it, raise --max-sr-depth.",
    ),
    "sr.items-limit": _warning(
        "A report has more content items than the limit; the rest was left out",
        "If you trust it, raise --max-sr-items.",
    ),
    "sr.value-type": _info("A value type is unknown or missing; taken for what the item holds"),
    "sr.relationship": _info("A relationship type is missing or unknown; taken as CONTAINS"),
    "sr.no-name": _info("A content item has no concept name; called by its value type"),
    "sr.no-value": _info("A content item has no value; no Observation was made of it"),
    "sr.dangling-reference": _warning("A content item refers to one that is not there; no link"),
    "sr.reference-loop": _warning("Content items refer to each other in a circle; no link"),
    "sr.bad-number": _warning("A numeric value is no number; written as text"),
    "sr.unit-repaired": _info("A unit is misspelt UCUM; written as it was meant"),
    "sr.unit-unknown": _info("A unit is no UCUM; written as text alone"),
    "sr.unit-conflict": _warning(
        "The code and the words of a unit are different units; written as text alone"
    ),
    "sr.number-omitted": _info("A number is no result and became no Observation"),
    "sr.not-presented": _info("A finding is not intended for presentation; left out"),
    "sr.many-values": _info("An item has more values than the limit; their count and range stay"),
    "sr.implausible-dose": _warning("A dose is beyond what is plausible; written as stated"),
    "sr.dose-level": _info(
        "Numbers below the level of dose that was asked for; left out", "Use --dose all."
    ),
    "sr.not-here": _info("A report names instances of its study that the input does not hold"),
    "sr.other-study": _info("A report names instances of other studies; referred to by their UID"),
    # waveform
    "waveform.unreadable": _warning("A waveform cannot be read as numbers; left in its file"),
    "waveform.too-long": _warning(
        "A channel has more samples than one FHIR string can hold; left in its file"
    ),
    # pixels
    "pixels.no-image": _info("Not an image that is shown by itself; not rendered"),
    "pixels.burned-in": _info(
        "Burned In Annotation is YES: the image shows names; not rendered",
        "Use --render-burned-in to render it.",
    ),
    "pixels.may-show-names": _warning("The image may show names; it was rendered"),
    "pixels.label": _info(
        "A slide's label may show names; not rendered", "Use --render-labels to render it."
    ),
    "pixels.pyramid": _info("A level of a slide's pyramid; its thumbnail stands for it"),
    "pixels.video": _info(
        "A video has no still; not rendered", "Use --media instance to carry the video itself."
    ),
    "pixels.no-window": _info(
        "The image states no window; rendered from its least to its greatest value"
    ),
    "pixels.bad-window": _warning("The image has no window of that number; its first was taken"),
    "pixels.bad-profile": _warning("The ICC profile cannot be applied; colours are as stored"),
    "pixels.no-decoder": _warning(
        "No decoder is installed for the transfer syntax; not rendered",
        "See dicom2fhir doctor; the codecs extra has more decoders.",
    ),
    "pixels.undecodable": _error("The pixel data cannot be decoded; not rendered"),
    "pixels.too-large": _error("A frame is larger than the limit; not rendered"),
    "pixels.crashed": _error("A decoder ended its process; not rendered"),
    "pixels.timeout": _error("Decoding took longer than the limit; not rendered"),
    # bundle
    "bundle.too-large": _error(
        "One resource is larger than the limit; no Bundle of that size can hold it",
        "Bytes can go beside the Bundles with --raw-dir, or stay where they are with --dicom link.",
    ),
    "bundle.by-identifier": _info(
        "References were written as the identifiers of their targets: no Bundle may hold them all"
    ),
    # check
    "check.model": _error("A resource does not fit its FHIR model"),
    "check.code": _error("A code is not in its required value set"),
    "check.reference-type": _error("A reference points at a type that is not allowed"),
    "check.unresolved": _error("A reference resolves to nothing in the Bundle"),
    "check.invariant": _error("An invariant does not hold"),
    "check.json": _error("Not a FHIR Bundle in JSON"),
    "check.more": _error("More is wrong with this Bundle than is listed"),
    # deliver
    "deliver.kept": _info("A file of that name exists and was kept", "Use --overwrite always."),
    "deliver.foreign": _error(
        "A file of that name was not written by this tool; kept", "Choose another folder."
    ),
    "deliver.source-changed": _error(
        "A file changed or went away before its bytes were written; its Bundle was left out",
        "Run again.",
    ),
    "deliver.differs": _info(
        "Studies hold the same resource with different content; the one Bundle has the first"
    ),
    # fetch
    "fetch.not-found": _error("No ImagingStudy of the server fits what was asked for"),
    "fetch.nowhere": _error(
        "A study names no place of an instance's bytes: no Binary and no DICOMweb Endpoint",
        "Use --dicomweb if you know the server that has them.",
    ),
    "fetch.no-address": _error(
        "The Endpoint that has an instance states no address",
        "Use --dicomweb if you know the server that has them.",
    ),
    "fetch.refused": _error(
        "The FHIR server did not give the bytes of an instance",
        "Check what you may read there; a redirect is never followed.",
    ),
    "fetch.place-refused": _error(
        "The DICOMweb server of an instance did not give its bytes",
        "Use --dicomweb with the options of its credentials where it wants some.",
    ),
    "fetch.place-unreachable": _error(
        "The DICOMweb server of an instance cannot be reached, or does not answer",
        "Run again later, or use --dicomweb if another server has them.",
    ),
    "fetch.damaged": _error(
        "What came for an instance ends early or cannot be decoded; not written", "Run again."
    ),
    "fetch.differs": _error(
        "What came has another hash than the server states for it; not written"
    ),
    "fetch.wrong-instance": _error(
        "What came is no DICOM, or another instance than was asked for; not written"
    ),
    "fetch.name-taken": _error(
        "Two studies list one instance with different bytes; the first was kept",
        "Fetch them into folders of their own.",
    ),
    "fetch.unlisted": _error(
        "A series counts more instances than it lists; those were not fetched",
        "Use --dicomweb if you know the server that has them.",
    ),
    "fetch.unproven": _info(
        "The server states no SHA-256 for an instance; only its UIDs could be compared"
    ),
    "fetch.other-server": _info(
        "An Endpoint names another server; it was asked, without credentials",
        "Use --dicomweb with the options of its credentials where it wants some.",
    ),
    "fetch.bad-endpoint": _warning(
        "An Endpoint has no usable address, or one of plain http; it was not asked"
    ),
    # stow
    "stow.refused": _error("The DICOMweb server did not store an instance"),
    "stow.differs": _error(
        "The DICOMweb server has an instance with other bytes, and kept its own"
    ),
    # push
    "push.refused": _error(
        "The server refused it for what it holds; the rest of its study was not sent",
        "What was delivered stays. Correct it and push again, with --retry-dead where --state has"
        " remembered the refusal.",
    ),
    "push.dead": _error(
        "The server has refused the same in an earlier run; not sent again",
        "--dead lists what was refused, --retry-dead sends it again.",
    ),
    "push.later": _error(
        "The server could not take it now; the rest of its study was not sent",
        "Run the same command again: what was delivered is not sent twice.",
    ),
    "push.too-large": _error(
        "The server takes no request as large as this one resource",
        "Bytes can stay where they are with --dicom link.",
    ),
    "push.ambiguous": _error(
        "Several resources on the server have the identifier; nothing was written",
        "The server's operator has to merge them.",
    ),
    "push.no-identifier": _error(
        "The server chooses ids, and this resource has no identifier of ours to be found by"
    ),
    "push.other-patient": _error(
        "The server has this study under another patient; it was left alone",
        "The server's operator has to say whose it is.",
    ),
    "push.would-shrink": _error(
        "The server lists instances that are not here; nothing was written",
        "Use --on-shrink merge to keep them, or replace to drop them.",
    ),
    "push.merged": _info("The server lists instances that are not here; they were kept"),
    "push.bytes-differ": _error(
        "The server has other bytes for the same instance; they were kept",
        "Use --replace-bytes to write ours.",
    ),
    "push.not-equal": _error("Bytes read back from the server are not those that were sent"),
    "push.no-raw-binary": _info(
        "The server does not take or keep bytes as they are; they go as base64"
    ),
    "push.orphan": _warning(
        "A reply was lost: the server may hold a Binary that nothing names, beside its copy"
    ),
    "push.hash-mismatch": _error(
        "A file is not the one that its list names by size and SHA-256; what names it was not sent"
    ),
    "push.not-a-transaction": _error(
        "Not a transaction Bundle of resources to write; not sent",
        "dicom2fhir validate tells more.",
    ),
    "push.unconditional": _warning(
        "A resource is created without an id or condition of its own; another push without this"
        " --state creates it twice",
        "Have its maker give it ifNoneExist, or PUT it.",
    ),
    "push.unknown": _error(
        "The server may have created what has no id or condition of its own: its reply was lost or"
        " is unclear; neither it nor the rest of its study is sent again",
        "Look whether the server has it. --dead lists it where --state has remembered it, and"
        " --retry-dead sends it again.",
    ),
    "push.emptied": _warning(
        "The server has lost what it had confirmed; what this run holds was sent again"
    ),
    "push.state-damaged": _warning(
        "The outbox was damaged and set aside; what the server has was asked of it"
    ),
}
