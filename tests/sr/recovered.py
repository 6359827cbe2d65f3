"""Numbers found again in FHIR: of each content item the elements that carry it, text by text."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dicom2fhir.identity import CANONICAL
from dicom2fhir.options import Options, OutputOptions
from dicom2fhir.pipeline import convert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dicom2fhir.problems import PlacedProblem
    from dicom2fhir.report.pictures import StudyCard
    from dicom2fhir.report.summary import Outcome

Resource = dict[str, Any]

CONTENT_ITEM = f"{CANONICAL}/StructureDefinition/content-item"
STATED_VALUE = f"{CANONICAL}/StructureDefinition/stated-value"
STATED_UNIT = f"{CANONICAL}/StructureDefinition/stated-unit"
LINKS = ("hasMember", "derivedFrom")
"""Elements of Observation by which others are reached."""


class Digits(str):
    """A JSON number as it is written; no float stands between the file and the test."""

    __slots__ = ()


def extension_of(element: Resource, url: str) -> str | None:
    found = [one["valueString"] for one in element.get("extension", ()) if one["url"] == url]
    assert len(found) <= 1
    return found[0] if found else None


def codes_of(concept: Resource | None) -> set[str]:
    return {one["code"] for one in (concept or {}).get("coding", ()) if "code" in one}


@dataclass(kw_only=True)
class ReportFound:
    """A DiagnosticReport and the Observations that it leads to."""

    document: Resource
    observations: list[Resource] = field(default_factory=list)

    def carriers(self) -> dict[str, list[tuple[Resource, Resource]]]:
        """Return, by path, Observation and element (itself or a component of it)."""
        found: dict[str, list[tuple[Resource, Resource]]] = {}
        for observation in self.observations:
            for element in (observation, *observation.get("component", ())):
                path = extension_of(element, CONTENT_ITEM)
                if path is not None:
                    found.setdefault(path, []).append((observation, element))
        return found


@dataclass(kw_only=True)
class Conversion:
    """What one run wrote and said."""

    bundles: list[Resource]
    reports: dict[str, ReportFound]
    """By SOP Instance UID."""
    outcome: Outcome
    problems: list[PlacedProblem]

    def resources(self, kind: str) -> Iterator[Resource]:
        for bundle in self.bundles:
            for entry in bundle["entry"]:
                if entry["resource"]["resourceType"] == kind:
                    yield entry["resource"]


def load_exactly(line: bytes) -> Resource:
    found: Resource = json.loads(line, parse_float=Digits, parse_int=Digits)
    return found


def reached(document: Resource, places: dict[str, Resource]) -> list[Resource]:
    """Return the Observations that a report leads to, each once."""
    waiting = [one["reference"] for one in document.get("result", ())]
    seen: dict[str, Resource] = {}
    while waiting:
        reference = waiting.pop()
        if reference in seen:
            continue
        observation = places[reference]
        seen[reference] = observation
        for link in LINKS:
            targets = (one.get("reference", "") for one in observation.get(link, ()))
            waiting += [
                one for one in targets
                if places.get(one, {}).get("resourceType") == "Observation"
            ]  # fmt: skip
    return list(seen.values())


def reports_of(bundles: list[Resource]) -> dict[str, ReportFound]:
    found: dict[str, ReportFound] = {}
    for bundle in bundles:
        places = {one["fullUrl"]: one["resource"] for one in bundle["entry"] if "fullUrl" in one}
        for document in places.values():
            if document["resourceType"] != "DiagnosticReport":
                continue
            uids = [one["value"] for one in document["identifier"]
                    if one.get("system") == "urn:dicom:uid"]  # fmt: skip
            assert len(uids) == 1
            observations = reached(document, places)
            found[uids[0].removeprefix("urn:oid:")] = ReportFound(
                document=document, observations=observations
            )
    return found


def convert_files(sources: list[Path], out: Path, **options: Any) -> Conversion:  # noqa: ANN401
    """Convert as a user would, in this process, and read back all that was written."""
    problems: list[PlacedProblem] = []

    def note(
        _outcome: Outcome, items: Iterator[PlacedProblem], _cards: Iterator[StudyCard]
    ) -> None:
        problems.extend(items)

    told = Options(
        sources=tuple(map(str, sources)), output=OutputOptions(path=str(out)), workers=1, **options
    )
    outcome = convert(told, report=note)
    bundles = [load_exactly(line) for line in out.read_bytes().splitlines()]
    return Conversion(
        bundles=bundles, reports=reports_of(bundles), outcome=outcome, problems=problems
    )


def texts_of(element: Resource) -> str | None:
    """Return the text that DICOM stated for the value of this element, None without one."""
    quantity = element.get("valueQuantity")
    if quantity is not None:
        stated = extension_of(quantity, STATED_VALUE)
        return str(quantity["value"]) if stated is None else stated
    return element.get("valueString")


def unit_of(element: Resource) -> str | None:
    """Return the unit's code as DICOM stated it, or its words where there is no code."""
    quantity = element.get("valueQuantity")
    if quantity is None:
        return None
    stated = extension_of(quantity, STATED_UNIT)
    return stated if stated is not None else quantity.get("code", quantity.get("unit"))
