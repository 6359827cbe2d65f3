"""What the rows may look at beside their source: the study, the options, the Problems so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dicom2fhir.mapping.tables.tags import TAGS
from dicom2fhir.model import Payloads
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom2fhir.model import Json, Study
    from dicom2fhir.options import MapOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One element that was written: its path, value, attributes with tags, and the clause.

    `item` is the path of the content item that it comes from (PS3.3 C.17.3.2.5), "" outside of
    content trees.
    """

    element: str
    value: Json
    attributes: tuple[tuple[str, str], ...]
    source: str
    item: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One study on its way to FHIR.

    `payloads` are what is written of the bytes. `subject` is a Reference to who or what was imaged,
    found once since every Binary has it. `scope` goes into every key of the study: the id of
    its subject, where two patients share the Study UID. `series_uid` is the series at hand, `item`
    the path of the content item.
    `schemes` holds the FHIR systems that the files state for their local coding schemes.
    `trace` collects every element written; None where nobody asked.
    """

    study: Study
    options: MapOptions
    payloads: Payloads = field(default_factory=Payloads)
    subject: Json = None
    scope: tuple[str, ...] = ()
    series_uid: str = ""
    item: str = ""
    schemes: Mapping[str, str] = field(default_factory=dict)
    trace: list[Explained] | None = None
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def note(self, code: str, keyword: str = "", element: str = "") -> None:
        """Count one more Problem of this code at this attribute and element."""
        key = (code, TAGS.get(keyword, ""), element)
        self.counts[key] = self.counts.get(key, 0) + 1

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return one Problem for each code, tag and element, in order."""
        return tuple(
            Problem(code=code, tag=tag, element=element, count=count)
            for (code, tag, element), count in sorted(self.counts.items())
        )
