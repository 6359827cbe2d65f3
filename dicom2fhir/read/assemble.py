"""Making an Instance of the raw elements of a data set and its file meta information."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dicom2fhir.identity import replacement_uid
from dicom2fhir.model import Instance, Reference
from dicom2fhir.problems import Problem
from dicom2fhir.read import attributes
from dicom2fhir.read.attributes import Level
from dicom2fhir.read.charset import find_charset
from dicom2fhir.read.decode import Decoder
from dicom2fhir.read.structure import tag_text
from dicom2fhir.read.tables.sop_classes import NON_PATIENT
from dicom2fhir.read.wanted import EVIDENCE, KEY_OBJECTS, LEVELS, Raw, RawItem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dicom2fhir.model import Attributes
    from dicom2fhir.options import ReadOptions
    from dicom2fhir.read.meta import Meta

_VALID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
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
        self.meta = meta
        self.options = options
        self.problems: list[Problem] = []
        charset = raw.get(attributes.SPECIFIC_CHARACTER_SET.tag, b"")
        override = options.charset
        self.decoder = Decoder(
            find_charset(charset if isinstance(charset, bytes) else b"", override), order, override
        )
        self.originals: dict[str, str] = {}

    @property
    def sop_class(self) -> str:
        """Return the SOP class as the data set states it, or else the file meta information."""
        return _text(self.raw, attributes.SOP_CLASS_UID.tag) or _clean(self.meta.sop_class_uid)

    @property
    def names_instance(self) -> bool:
        """Tell whether the least is there that makes a file without prefix DICOM."""
        sop = _text(self.raw, attributes.SOP_INSTANCE_UID.tag) or self.meta.sop_instance_uid
        return bool(self.sop_class or sop)

    def instance(self, syntax: str, *, part10: bool) -> Instance | None:
        """Return the Instance, or None where one of its four UIDs is missing."""
        sop_class = self.sop_class
        if sop_class in NON_PATIENT:
            self.problems.append(Problem(code="read.non-patient"))
            return None
        sop = _text(self.raw, attributes.SOP_INSTANCE_UID.tag) or _clean(self.meta.sop_instance_uid)
        series = _text(self.raw, attributes.SERIES_INSTANCE_UID.tag)
        study = _text(self.raw, attributes.STUDY_INSTANCE_UID.tag)
        if not (sop_class and sop and series and study):
            self.problems.append(Problem(code="read.no-identity"))
            return None
        levels = {level: self.decoder.decode(self.raw, LEVELS[level]) for level in Level}
        code, rejects = self._rejection(levels[Level.INSTANCE])
        return Instance(
            sop_class_uid=self._uid(sop_class, attributes.SOP_CLASS_UID),
            sop_instance_uid=self._uid(sop, attributes.SOP_INSTANCE_UID),
            series_uid=self._uid(series, attributes.SERIES_INSTANCE_UID),
            study_uid=self._uid(study, attributes.STUDY_INSTANCE_UID),
            transfer_syntax_uid=syntax,
            part10=part10,
            patient=levels[Level.PATIENT],
            study=self._with_original(levels[Level.STUDY], attributes.STUDY_INSTANCE_UID),
            series=self._with_original(levels[Level.SERIES], attributes.SERIES_INSTANCE_UID),
            attributes=self._with_original(levels[Level.INSTANCE], attributes.SOP_INSTANCE_UID),
            rejection_code=code,
            rejects=rejects,
        )

    def _uid(self, text: str, attribute: attributes.Attribute) -> str:
        """Return the UID if it can be a FHIR id, or else one that is derived from it."""
        if len(text) <= 64 and _VALID.fullmatch(text):
            return text
        kept = _ID.fullmatch(text) is not None and attribute is not attributes.SOP_CLASS_UID
        detail = "kept" if kept else ""
        self.problems.append(
            Problem(code="read.bad-uid", tag=tag_text(attribute.tag), detail=detail)
        )
        if kept:
            return text
        self.originals[attribute.keyword] = text[:_LONGEST_ORIGINAL]
        return replacement_uid(text)

    def _with_original(self, found: Attributes, attribute: attributes.Attribute) -> Attributes:
        original = self.originals.get(attribute.keyword)
        return {**found, f"Original{attribute.keyword}": (original,)} if original else found

    def _rejection(self, found: Attributes) -> tuple[str | None, tuple[Reference, ...]]:
        """Return the code and references of a rejection note (IHE IOCM)."""
        if self.sop_class != KEY_OBJECTS.decode():
            return None, ()
        code = _first_code(found)
        if code not in REJECTIONS:
            return None, ()
        return code, tuple(_references(self.raw.get(EVIDENCE, [])))


def _first_code(found: Attributes) -> str:
    for item in found.get("ConceptNameCodeSequence", ()):
        if isinstance(item, dict) and item.get("CodingSchemeDesignator", ("",))[0] == "DCM":
            return str(item.get("CodeValue", ("",))[0])
    return ""


def _references(evidence: Raw) -> Iterator[Reference]:
    for study in _items(evidence):
        for series in _items(study.get(_STUDY_REFERENCES, [])):
            for reference in _items(series.get(_SOP_REFERENCES, [])):
                study_uid = _text(study, attributes.STUDY_INSTANCE_UID.tag)
                sop_uid = _text(reference, _REFERENCED_SOP)
                if study_uid and sop_uid:
                    yield Reference(study_uid=_fit(study_uid), sop_instance_uid=_fit(sop_uid))


def _fit(uid: str) -> str:
    """Return the UID as an Instance of that UID has it."""
    return uid if _ID.fullmatch(uid) else replacement_uid(uid)


def _items(value: Raw) -> list[RawItem]:
    return value if isinstance(value, list) else []


def _text(raw: Mapping[int, Raw], tag: int) -> str:
    value = raw.get(tag, b"")
    return _clean(value) if isinstance(value, bytes) else ""


def _clean(value: bytes) -> str:
    return value.decode("latin-1").strip(" \0\t\r\n")
