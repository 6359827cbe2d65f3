"""Content trees written by hand: invented concepts, no patients."""

from __future__ import annotations

from dataclasses import replace

from dicom2fhir.content import ContentItem, ContentTree, Number, Referenced, Report
from dicom2fhir.model import Coded
from dicom2fhir.options import ReportOptions
from dicom2fhir.sr import understand

SOP = "1.2.826.0.1.3680043.10.999.1"


def coded(text: str) -> Coded:
    """Return `DCM 121401 Derivation` as a concept."""
    scheme, value, *meaning = text.split(" ", 2)
    return Coded(value=value, scheme=scheme, meaning=" ".join(meaning))


MM = coded("UCUM mm millimeter")
DIAMETER = "SCT 81827009 Diameter"
MEAN = "SCT 373098007 Mean"
GROUP = "DCM 125007 Measurement Group"
MEASUREMENTS = "DCM 126010 Imaging Measurements"
TITLE_1500 = "DCM 126000 Imaging Measurement Report"


def item(value_type: str, name: str = "", *children: ContentItem, **fields: object) -> ContentItem:
    """Return an item that its parent CONTAINS unless `relationship` says otherwise."""
    fields.setdefault("relationship", "CONTAINS")
    concept = coded(name) if name else None
    return ContentItem(path="", value_type=value_type, name=concept, children=children, **fields)


def container(name: str, *children: ContentItem, **fields: object) -> ContentItem:
    return item("CONTAINER", name, *children, **fields)


def num(name: str, value: str | list[str], *children: ContentItem, **fields: object) -> ContentItem:
    values = [value] if isinstance(value, str) else value
    unit = fields.pop("unit", MM)
    numbers = tuple(Number(text, "" if "/" in text else text, unit) for text in values if text)
    return item("NUM", name, *children, numbers=numbers, **fields)


def code(name: str, value: str, *children: ContentItem, **fields: object) -> ContentItem:
    return item("CODE", name, *children, code=coded(value) if value else None, **fields)


def text(name: str, value: str, *children: ContentItem, **fields: object) -> ContentItem:
    return item("TEXT", name, *children, text=value, **fields)


def modifier(name: str, value: str, *children: ContentItem) -> ContentItem:
    return code(name, value, *children, relationship="HAS CONCEPT MOD")


def prop(one: ContentItem) -> ContentItem:
    return replace(one, relationship="HAS PROPERTIES")


def context(one: ContentItem) -> ContentItem:
    return replace(one, relationship="HAS OBS CONTEXT")


def image(number: int, *children: ContentItem, **fields: object) -> ContentItem:
    referenced = Referenced("1.2.840.10008.5.1.4.1.1.2", f"{SOP}.{number}")
    return item("IMAGE", "", *children, references=(referenced,), **fields)


def group(*children: ContentItem) -> ContentItem:
    return container(GROUP, *children)


def tree(root: ContentItem) -> ContentTree:
    """Return the tree of this root, each item with its path."""
    return ContentTree(root=_placed(root, "1"), attributes={})


def _placed(one: ContentItem, path: str) -> ContentItem:
    children = (_placed(child, f"{path}.{number}") for number, child in enumerate(one.children, 1))
    return replace(one, path=path, children=tuple(children))


def report(title: str, *children: ContentItem) -> Report:
    """Return what is understood of a report of this title."""
    return understand(tree(container(title, *children, relationship="")), SOP, ReportOptions())


def measured(*children: ContentItem) -> Report:
    """Return what is understood of a measurement report with these groups."""
    return report(TITLE_1500, container(MEASUREMENTS, *children))


def titles(found: Report) -> list[str]:
    """Return the titles of what was observed, in the order of the document."""
    order = sorted(found.observed, key=lambda one: [int(part) for part in one.path.split(".")])
    return [one.title for one in order]
