"""What computed or observed, as Device (PS3.16 TID 4019, TID 1004; R4 device.html)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom2fhir.mapping.codes import DCM, oid_uri
from dicom2fhir.mapping.elements import Element, fill
from dicom2fhir.mapping.identifiers import own, uid
from dicom2fhir.mapping.meta import meta
from dicom2fhir.mapping.reported import Reported, algorithm_id, at_item
from dicom2fhir.mapping.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom2fhir.content import Algorithm
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Json, Resource

_PARAMETERS: Json = {
    "coding": [{"system": DCM, "code": "111002"}],
    "text": "Algorithm Parameters",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """One algorithm, and the report that names it."""

    algorithm: Algorithm
    reported: Reported


def _id(used: Used, _context: Context) -> Json:
    """Return the UUIDv5 of name, version, parameters and the equipment."""
    return algorithm_id(used.algorithm, used.reported)


def _own_identifier(used: Used, context: Context) -> Json:
    """Return our own."""
    return own(_id(used, context))


def _device_uid(used: Used, _context: Context) -> Json:
    """Return the UID as urn:oid."""
    return uid(used.algorithm.uid) if oid_uri(used.algorithm.uid) else None


def _manufacturer(used: Used, _context: Context) -> Json:
    """Return the text."""
    return clean(used.algorithm.manufacturer)


def _serial(used: Used, _context: Context) -> Json:
    """Return the text."""
    return clean(used.algorithm.serial)


def _names(used: Used, _context: Context) -> Json:
    """Return the name as other, the model as model-name."""
    name, model = clean(used.algorithm.name), clean(used.algorithm.model)
    made = [{"name": name, "type": "other"}] if name else []
    return [*made, {"name": model, "type": "model-name"}] if model else made


def _version(used: Used, _context: Context) -> Json:
    """Return the text."""
    version = clean(used.algorithm.version)
    return [{"value": version}] if version else None


def _property(used: Used, _context: Context) -> Json:
    """Return each parameter as text."""
    values = [{"text": text} for one in used.algorithm.parameters if (text := clean(one))]
    return [{"type": _PARAMETERS, "valueCode": values}] if values else None


def _parent(used: Used, _context: Context) -> Json:
    """Return the equipment that it runs on."""
    device = used.reported.equipment or {}
    return device if "reference" in device else None


_TEMPLATES = "PS3.16 TID 4019, TID 1004"
_TEXT = ("TextValue",)

ALGORITHM: tuple[Element[Used], ...] = (
    Element("Device.id", _TEXT, _id, "identity.md"),
    Element("Device.meta", (), meta, "R4 resource.html#Meta"),
    Element("Device.identifier[own]", _TEXT, _own_identifier, "identity.md"),
    Element("Device.identifier[device-uid]", ("UID",), _device_uid, "PS3.16 TID 1004"),
    Element("Device.manufacturer", _TEXT, _manufacturer, _TEMPLATES),
    Element("Device.serialNumber", _TEXT, _serial, "PS3.16 TID 1004"),
    Element("Device.deviceName", _TEXT, _names, _TEMPLATES),
    Element("Device.version", _TEXT, _version, "PS3.16 TID 4019"),
    Element("Device.property", _TEXT, _property, "PS3.16 TID 4019"),
    Element("Device.parent", ("Manufacturer",), _parent, "HL7 DICOM SR"),
)

_VERSIONS = {"R4": ALGORITHM, "R4B": ALGORITHM}


def map_algorithms(documents: Iterable[Reported], context: Context) -> list[Resource]:
    """Return a Device for each algorithm that the reports name, each once."""
    rows = _VERSIONS[context.options.fhir]
    made: dict[str, Resource] = {}
    for reported in documents:
        for algorithm in reported.report.algorithms:
            name = algorithm_id(algorithm, reported)
            if name not in made:
                used = Used(algorithm=algorithm, reported=reported)
                filled = fill(rows, used, at_item(context, algorithm.path))
                made[name] = {"resourceType": "Device", **filled}
    return list(made.values())
