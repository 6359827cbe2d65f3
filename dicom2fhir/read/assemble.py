"""Making an Instance of the raw elements of a data set and its file meta information."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from dicom2fhir.identity import replacement_uid
from dicom2fhir.model import Instance, Reference
from dicom2fhir.problems import Problem
from dicom2fhir.read import attributes
from dicom2fhir.read.decode import find_decoder
from dicom2fhir.read.structure import tag_text
from dicom2fhir.read.tables.sop_classes import NON_PATIENT
from dicom2fhir.read.wanted import EVIDENCE, KEY_OBJECTS, Items, Raw, RawItem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dicom2fhir.model import Attributes
    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.meta import Meta

_VALID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_LONGEST_UID = 64
_LONGEST_ORIGINAL = 1000
# IHE RAD TF-3 4.66.4.1.3: the titles by which a key object withdraws instances
REJECTIONS = frozenset({"113001", "113037", "113038", "113039"})
_STUDY_REFERENCES = 0x00081115
_SOP_REFERENCES = 0x00081199
_REFERENCED_SOP = 0x00081155


class Assembly:
    """One data set on its way to an Instance; `problems` collects what was wrong."""

    def __init__(self, raw: RawItem, meta: Meta, order: str, options: ReadOptions) -> None:
        self.raw = raw
        self.problems: list[Problem] = []
        self.sop_class = _text(raw, attributes.SOP_CLASS_UID.tag) or _clean(meta.sop_class_uid)
        self.sop_instance = _text(raw, attributes.SOP_INSTANCE_UID.tag) or _clean(
            meta.sop_instance_uid
        )
        charset = raw.get(attributes.SPECIFIC_CHARACTER_SET.tag, b"")
        self._decoder = find_decoder(
            charset if isinstance(charset, bytes) else b"", options.charset, order
        )

    def instance(self, syntax: str, *, part10: bool) -> Instance | None:
        """Return the Instance, or None where one of its four UIDs is missing."""
        if self.sop_class in NON_PATIENT:
            self._note("read.non-patient")
            return None
        series_uid = _text(self.raw, attributes.SERIES_INSTANCE_UID.tag)
        study_uid = _text(self.raw, attributes.STUDY_INSTANCE_UID.tag)
        if not (self.sop_class and self.sop_instance and series_uid and study_uid):
            self._note("read.no-identity")
            return None
        if not self._decoder.charset.known:
            self._note("read.charset-unknown", attributes.SPECIFIC_CHARACTER_SET)
        shared = self._decoder.decode_shared(self.raw)
        own, problems = self._decoder.decode_own(self.raw)
        (patient, _), (study, _), (series, _) = shared
        for _level, repaired in shared:
            self.problems += repaired
        self.problems += problems
        code, rejects = self._rejection(own)
        study_uid, study = self._uid(study_uid, attributes.STUDY_INSTANCE_UID, study)
        series_uid, series = self._uid(series_uid, attributes.SERIES_INSTANCE_UID, series)
        sop_uid, own = self._uid(self.sop_instance, attributes.SOP_INSTANCE_UID, own)
        return Instance(
            sop_class_uid=self._class_uid(),
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

    def _note(
        self, code: str, attribute: attributes.Attribute | None = None, detail: str = ""
    ) -> None:
        tag = tag_text(attribute.tag) if attribute else ""
        self.problems.append(Problem(code=code, tag=tag, detail=detail))

    def _uid(
        self, text: str, attribute: attributes.Attribute, found: Attributes
    ) -> tuple[str, Attributes]:
        """Return the UID if it can be a FHIR id, or else one derived from it and the original."""
        if is_valid_uid(text):
            return text, found
        if _ID.fullmatch(text):
            self._note("read.bad-uid", attribute, "kept")
            return text, found
        self._note("read.bad-uid", attribute)
        original = {f"Original{attribute.keyword}": (text[:_LONGEST_ORIGINAL],)}
        return replacement_uid(text), {**found, **original}

    def _class_uid(self) -> str:
        # it is written as urn:oid, which has no room for anything but a valid UID
        if is_valid_uid(self.sop_class):
            return self.sop_class
        self._note("read.bad-uid", attributes.SOP_CLASS_UID)
        return replacement_uid(self.sop_class)

    def _rejection(self, found: Attributes) -> tuple[str | None, tuple[Reference, ...]]:
        """Return the code and references of a rejection note (IHE IOCM)."""
        if self.sop_class != KEY_OBJECTS.decode():
            return None, ()
        code = _first_code(found)
        if code not in REJECTIONS:
            return None, ()
        return code, tuple(_references(self.raw.get(EVIDENCE, b"")))


@lru_cache(maxsize=1024)
def is_valid_uid(text: str) -> bool:
    """Tell whether a UID is what PS3.5 9.1 asks for."""
    return len(text) <= _LONGEST_UID and _VALID.fullmatch(text) is not None


def _first_code(found: Attributes) -> str:
    for item in found.get("ConceptNameCodeSequence", ()):
        if isinstance(item, dict) and item.get("CodingSchemeDesignator", ("",))[0] == "DCM":
            return str(item.get("CodeValue", ("",))[0])
    return ""


def _references(evidence: Raw) -> Iterator[Reference]:
    for study in _items(evidence):
        for series in _items(study.get(_STUDY_REFERENCES, b"")):
            for reference in _items(series.get(_SOP_REFERENCES, b"")):
                study_uid = _text(study, attributes.STUDY_INSTANCE_UID.tag)
                sop_uid = _text(reference, _REFERENCED_SOP)
                if study_uid and sop_uid:
                    yield Reference(study_uid=_fit(study_uid), sop_instance_uid=_fit(sop_uid))


def _fit(uid: str) -> str:
    """Return the UID as an Instance of that UID has it."""
    return uid if _ID.fullmatch(uid) else replacement_uid(uid)


def _items(value: Raw) -> Items:
    return value if isinstance(value, Items) else Items()


def _text(raw: Mapping[int, Raw], tag: int) -> str:
    value = raw.get(tag, b"")
    return _clean(value) if isinstance(value, bytes) else ""


@lru_cache(maxsize=1024)
def _clean(value: bytes) -> str:
    return value.decode("latin-1").strip(" \0\t\r\n")
