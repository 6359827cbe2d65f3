"""The values of one content item: concepts, numbers, references, coordinates (PS3.3 C.18)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from dicom2fhir.content import Number, Referenced, Region
from dicom2fhir.model import Coded
from dicom2fhir.sr.numbers import best_decimal, exact_floats

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dicom2fhir.model import Attributes, Value

Evidence: TypeAlias = "Mapping[str, tuple[str, str]]"

_TEXTS: Final = {
    "TEXT": "TextValue",
    "PNAME": "PersonName",
    "DATE": "Date",
    "TIME": "Time",
    "DATETIME": "DateTime",
    "UIDREF": "UID",
}
_TIMES: Final = ("ReferencedSamplePositions", "ReferencedTimeOffsets", "ReferencedDateTime")
_EVIDENCE: Final = (
    "CurrentRequestedProcedureEvidenceSequence",
    "PertinentOtherEvidenceSequence",
)
_NESTED: Final = ("ReferencedSOPSequence", "ReferencedRealWorldValueMappingInstanceSequence")
_URI: Final = "urn:ietf:rfc:3986"
_LONGEST: Final = 12
"""Characters of an IS (PS3.5 table 6.2-1)."""


def first(found: Attributes, keyword: str) -> str:
    """Return the first value as text, or ""."""
    values = found.get(keyword)
    return str(values[0]) if values and not isinstance(values[0], Mapping) else ""


def items(found: Attributes, keyword: str) -> Sequence[Attributes]:
    """Return the items of a sequence."""
    return cast("Sequence[Attributes]", found.get(keyword, ()))


def read_concept(found: Attributes, keyword: str) -> Coded | None:
    """Return the concept of a code sequence, its first item with anything in it; None for none."""
    return next(read_concepts(found, keyword), None)


def read_concepts(found: Attributes, keyword: str) -> Iterator[Coded]:
    """Yield the concepts of a code sequence, of each item with anything in it."""
    for item in items(found, keyword):
        urn = first(item, "URNCodeValue")
        value = first(item, "CodeValue") or first(item, "LongCodeValue")
        scheme = first(item, "CodingSchemeDesignator")
        if urn and not value:
            value, scheme = urn, _URI
        meaning = first(item, "CodeMeaning")
        if value or meaning:
            yield _coded(value, scheme, meaning, first(item, "CodingSchemeVersion"))


@lru_cache(maxsize=4096)
def _coded(value: str, scheme: str, meaning: str, version: str) -> Coded:
    # a report states few concepts many times
    return Coded(value=value, scheme=scheme, meaning=meaning, version=version)


def read_text(found: Attributes, value_type: str) -> str:
    """Return the value of an item that is text, date, time, name or UID."""
    keyword = _TEXTS.get(value_type)
    return first(found, keyword) if keyword else ""


def read_numbers(found: Attributes) -> tuple[Number, ...]:
    """Return the values of a NUM item in their order; an empty one among several is passed over."""
    return tuple(
        number for item in items(found, "MeasuredValueSequence") for number in _numbers(item)
    )


def _numbers(item: Attributes) -> Iterator[Number]:
    unit = read_concept(item, "MeasurementUnitsCodeSequence")
    texts = item.get("NumericValue", ())
    floats = item.get("FloatingPointValue", ())
    rationals = zip(
        item.get("RationalNumeratorValue", ()),
        item.get("RationalDenominatorValue", ()),
        strict=False,
    )
    for text, floating, rational in zip_longest(texts, floats, rationals):
        stated = "" if text is None else str(text)
        exact = best_decimal(
            stated, cast("float | None", floating), cast("tuple[int, int] | None", rational)
        )
        if stated or exact:
            yield Number(stated, exact, unit)


def read_references(
    found: Attributes, evidence: Evidence, purpose: Coded | None
) -> tuple[Referenced, ...]:
    """Return the instances that an item names, and those by which they are to be shown."""
    references: list[Referenced] = []
    for item in items(found, "ReferencedSOPSequence"):
        nested = [one for keyword in _NESTED for one in items(item, keyword)]
        references += [
            _reference(one, evidence, purpose)
            for one in (item, *nested)
            if "ReferencedSOPInstanceUID" in one
        ]
    return tuple(references)


def _reference(item: Attributes, evidence: Evidence, purpose: Coded | None) -> Referenced:
    uid = first(item, "ReferencedSOPInstanceUID")
    study_uid, series_uid = evidence.get(uid, ("", ""))
    return Referenced(
        sop_class_uid=first(item, "ReferencedSOPClassUID"),
        sop_instance_uid=uid,
        study_uid=study_uid,
        series_uid=series_uid,
        frames=_whole(item.get("ReferencedFrameNumber", ())),
        segments=_whole(item.get("ReferencedSegmentNumber", ())),
        purpose=purpose,
        channels=_whole(item.get("ReferencedWaveformChannels", ())),
    )


def _whole(values: Sequence[Value]) -> tuple[int, ...]:
    texts = (str(value) for value in values)
    return tuple(
        int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= _LONGEST
    )


def read_region(found: Attributes, value_type: str) -> Region | None:
    """Return the coordinates of an item in space or time."""
    if value_type == "TCOORD":
        stated = next((found[keyword] for keyword in _TIMES if keyword in found), ())
        return Region(first(found, "TemporalRangeType"), tuple(map(str, stated)))
    if value_type not in ("SCOORD", "SCOORD3D"):
        return None
    return Region(
        first(found, "GraphicType"),
        exact_floats(found.get("GraphicData", ())),
        first(found, "ReferencedFrameOfReferenceUID"),
    )


def number_path(found: Attributes) -> str:
    """Return the path that an item by reference names (PS3.3 C.17.3.2.5)."""
    return ".".join(map(str, found["ReferencedContentItemIdentifier"]))


def find_evidence(found: Attributes) -> dict[str, tuple[str, str]]:
    """Return study and series of each instance that the evidence sequences list."""
    evidence: dict[str, tuple[str, str]] = {}
    for keyword in _EVIDENCE:
        for study in items(found, keyword):
            for series in items(study, "ReferencedSeriesSequence"):
                place = first(study, "StudyInstanceUID"), first(series, "SeriesInstanceUID")
                for one in items(series, "ReferencedSOPSequence"):
                    evidence.setdefault(first(one, "ReferencedSOPInstanceUID"), place)
    evidence.pop("", None)
    return evidence
