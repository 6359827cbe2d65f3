"""Making an Instance of the raw elements of a data set and its file meta information."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from dicom2fhir.identity import replacement_uid
from dicom2fhir.model import Instance, Reference
from dicom2fhir.problems import Problem
from dicom2fhir.read import attributes
from dicom2fhir.read.decode import find_decoder
from dicom2fhir.read.tables.sop_classes import NON_PATIENT
from dicom2fhir.read.wanted import KEY_OBJECTS, PRESENT, Items, Raw, RawItem, tag_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.model import Attributes
    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.meta import Meta

_VALID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_LONGEST_UID = 64
_LONGEST_ORIGINAL = 1000
# IHE RAD TF-3 4.66.4.1.3: the titles by which a key object withdraws instances
REJECTIONS = frozenset({"113001", "113037", "113038", "113039"})
_CHARACTER_SET = attributes.SPECIFIC_CHARACTER_SET.tag
_CLASS = attributes.SOP_CLASS_UID.tag
_SOP = attributes.SOP_INSTANCE_UID.tag
_SERIES = attributes.SERIES_INSTANCE_UID.tag
_STUDY = attributes.STUDY_INSTANCE_UID.tag
_ORIGINALS = {
    _CLASS: "OriginalSOPClassUID",
    _SOP: "OriginalSOPInstanceUID",
    _SERIES: "OriginalSeriesInstanceUID",
    _STUDY: "OriginalStudyInstanceUID",
}
_LATER = (
    (attributes.CONTENT_SEQUENCE, "ContentSequence"),
    (attributes.WAVEFORM_SEQUENCE, "WaveformSequence"),
)
_KEY_OBJECTS = KEY_OBJECTS.decode()
_STUDY_REFERENCES = 0x00081115
_SOP_REFERENCES = 0x00081199
_REFERENCED_SOP = 0x00081155


class Uid(NamedTuple):
    """A UID as a FHIR id, and the original where it cannot be one."""

    uid: str
    problem: Problem | None = None
    original: str = ""


class Assembly:
    """One data set on its way to an Instance; `problems` collects what was wrong."""

    __slots__ = ("decoder", "problems", "raw", "sop_class", "sop_instance")

    def __init__(self, raw: RawItem, meta: Meta, order: str, options: ReadOptions) -> None:
        self.raw = raw
        self.problems: list[Problem] = []
        self.sop_class = _clean(raw[_CLASS]) or _clean(meta.sop_class_uid)
        self.sop_instance = _clean(raw[_SOP]) or _clean(meta.sop_instance_uid)
        self.decoder = find_decoder(raw[_CHARACTER_SET], options.charset, order, options.max_values)

    def instance(self, syntax: str, *, part10: bool) -> Instance | None:
        """Return the Instance, or None where one of its four UIDs is missing."""
        if self.sop_class in NON_PATIENT:
            self._note("read.non-patient")
            return None
        study_uid, series_uid = _clean(self.raw[_STUDY]), _clean(self.raw[_SERIES])
        if not (self.sop_class and self.sop_instance and study_uid and series_uid):
            self._note("read.no-identity")
            return None
        if not self.decoder.charset.known:
            self._note("read.charset-unknown", _CHARACTER_SET)
        (patient, _), (study, _), (series, _) = shared = self.decoder.decode_shared(self.raw)
        own, problems = self.decoder.decode_own(self.raw)
        for _attributes, repaired in shared:
            self.problems += repaired
        self.problems += problems
        code, rejects = self._rejection(own)
        if attributes.CONTENT_SEQUENCE in self.raw or attributes.WAVEFORM_SEQUENCE in self.raw:
            own = self._held(own)
        study_uid, study = self._identify(study_uid, _STUDY, study)
        series_uid, series = self._identify(series_uid, _SERIES, series)
        sop_uid, own = self._identify(self.sop_instance, _SOP, own)
        class_uid, own = self._identify(self.sop_class, _CLASS, own)
        return Instance(
            sop_class_uid=class_uid,
            sop_instance_uid=sop_uid,
            series_uid=series_uid,
            study_uid=study_uid,
            transfer_syntax_uid=syntax,
            part10=part10,
            patient=patient,
            study=study,
            series=series,
            attributes=own,
            rejection_code=code,
            rejects=rejects,
        )

    def _note(self, code: str, tag: int = 0) -> None:
        self.problems.append(Problem(code=code, tag=tag_text(tag) if tag else ""))

    def _identify(self, text: str, tag: int, found: Attributes) -> tuple[str, Attributes]:
        """Return the UID to use, and the attributes with the original where it is another."""
        uid, problem, original = fit_uid(text, tag)
        if problem is not None:
            self.problems.append(problem)
        if original:
            found = {**found, _ORIGINALS[tag]: (original,)}
        return uid, found

    def _held(self, found: Attributes) -> Attributes:
        """Return the attributes with the sequences that may be read later, as present."""
        held = [keyword for tag, keyword in _LATER if tag in self.raw]
        return {**found, **dict.fromkeys(held, (PRESENT,))}

    def _rejection(self, found: Attributes) -> tuple[str | None, tuple[Reference, ...]]:
        """Return the code and references of a rejection note (IHE IOCM)."""
        if self.sop_class != _KEY_OBJECTS:
            return None, ()
        code = _first_code(found)
        if code not in REJECTIONS:
            return None, ()
        return code, tuple(_references(self.raw.get(attributes.EVIDENCE.tag, b"")))


@lru_cache(maxsize=1024)
def fit_uid(text: str, tag: int) -> Uid:
    """Return a UID as it can be used: kept where it can be a FHIR id, or one derived from it."""
    if len(text) <= _LONGEST_UID and _VALID.fullmatch(text):
        return Uid(text)
    # the SOP class is written as urn:oid, which has no room for anything but a valid UID
    if _ID.fullmatch(text) and tag != _CLASS:
        return Uid(text, Problem(code="read.bad-uid", tag=tag_text(tag), detail="kept"))
    problem = Problem(code="read.bad-uid", tag=tag_text(tag))
    return Uid(replacement_uid(text), problem, text[:_LONGEST_ORIGINAL])


def _first_code(found: Attributes) -> str:
    for item in found.get("ConceptNameCodeSequence", ()):
        if isinstance(item, dict) and item.get("CodingSchemeDesignator", ("",))[0] == "DCM":
            return str(item.get("CodeValue", ("",))[0])
    return ""


def _references(evidence: Raw) -> Iterator[Reference]:
    for study in _items(evidence):
        for series in _items(study.get(_STUDY_REFERENCES, b"")):
            for reference in _items(series.get(_SOP_REFERENCES, b"")):
                study_uid = _text(study, _STUDY)
                sop_uid = _text(reference, _REFERENCED_SOP)
                if study_uid and sop_uid:
                    yield Reference(
                        study_uid=fit_uid(study_uid, _STUDY).uid,
                        sop_instance_uid=fit_uid(sop_uid, _SOP).uid,
                    )


def _items(value: Raw) -> Items:
    return value if isinstance(value, Items) else Items()


def _text(raw: RawItem, tag: int) -> str:
    return _clean(raw.get(tag, b""))


@lru_cache(maxsize=1024)
def _clean(value: Raw) -> str:
    """Return the text of a UID; nothing for the items of a sequence in its place."""
    return value.decode("latin-1").strip(" \0\t\r\n") if isinstance(value, bytes) else ""
