"""The equipment that made a series, as Device (PS3.3 C.7.5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.identity import resource_id
from dicom2fhir.mapping.codes import URI
from dicom2fhir.mapping.elements import Element, compact, constant, fill
from dicom2fhir.mapping.identifiers import own, uid
from dicom2fhir.mapping.meta import meta
from dicom2fhir.mapping.text import every, first, items, text_of

if TYPE_CHECKING:
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json, Resource

_KEY = ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "StationName")


def device_key(equipment: Attributes) -> tuple[str, ...] | None:
    """Return manufacturer, model, serial number and station; None where only a station is known."""
    key = tuple(first(equipment, keyword) for keyword in _KEY)
    return key if any(key[:3]) else None


def reference(equipment: Attributes) -> Json:
    """Return a Reference to the Device of a series, or None."""
    key = device_key(equipment)
    return {"reference": f"Device/{resource_id('Device', *key)}"} if key else None


def _id(equipment: Attributes, _context: Context) -> Json:
    """Return the UUIDv5 of manufacturer, model, serial number and station."""
    return resource_id("Device", *(device_key(equipment) or ()))


def _own_identifier(equipment: Attributes, context: Context) -> Json:
    """Return our own."""
    return own(_id(equipment, context))


def _device_uids(equipment: Attributes, _context: Context) -> Json:
    """Return each UID as urn:dicom:uid."""
    return [uid(text) for text in every(equipment, "DeviceUID")]


def _udi(equipment: Attributes, _context: Context) -> Json:
    """Return each UDI as its human readable form."""
    texts = [first(item, "UniqueDeviceIdentifier") for item in items(equipment, "UDISequence")]
    return [{"carrierHRF": text} for text in dict.fromkeys(texts) if text]


def _type(equipment: Attributes, _context: Context) -> Json:
    """Return the class UIDs as codings."""
    uids = every(equipment, "ManufacturerDeviceClassUID")
    return compact({"coding": [{"system": URI, "code": f"urn:oid:{text}"} for text in uids]})


def _model(equipment: Attributes, _context: Context) -> Json:
    """Return the text as model-name."""
    name = first(equipment, "ManufacturerModelName")
    return {"name": name, "type": "model-name"} if name else None


def _station(equipment: Attributes, _context: Context) -> Json:
    """Return the text as user-friendly-name."""
    name = first(equipment, "StationName")
    return {"name": name, "type": "user-friendly-name"} if name else None


def _versions(equipment: Attributes, _context: Context) -> Json:
    """Return each value as one version."""
    return [{"value": text} for text in dict.fromkeys(every(equipment, "SoftwareVersions"))]


_MODULE = "PS3.3 C.7.5.1"

DEVICE: tuple[Element[Attributes], ...] = (
    Element("Device.id", _KEY, _id, "identity.md"),
    Element("Device.meta", (), meta, "R4 resource.html#Meta"),
    Element("Device.identifier[own]", _KEY, _own_identifier, "identity.md"),
    Element("Device.identifier[device-uid]", ("DeviceUID",), _device_uids, "PS3.3 C.7.5.1"),
    Element("Device.udiCarrier", ("UDISequence",), _udi, "PS3.3 10.29; R4 device.html"),
    Element("Device.status", (), constant("active"), "R4 device.html"),
    Element(
        "Device.manufacturer",
        ("Manufacturer",),
        text_of("Manufacturer", "Device.manufacturer"),
        _MODULE,
    ),
    Element(
        "Device.serialNumber",
        ("DeviceSerialNumber",),
        text_of("DeviceSerialNumber", "Device.serialNumber"),
        _MODULE,
    ),
    Element("Device.deviceName[model]", ("ManufacturerModelName",), _model, _MODULE),
    Element("Device.deviceName[station]", ("StationName",), _station, _MODULE),
    Element("Device.type", ("ManufacturerDeviceClassUID",), _type, _MODULE),
    Element("Device.version", ("SoftwareVersions",), _versions, _MODULE),
)

_VERSIONS = {"R4": DEVICE, "R4B": DEVICE}


def map_devices(context: Context) -> list[Resource]:
    """Return one Device for each piece of equipment of a study, as its first series tells of it."""
    found: dict[tuple[str, ...], Attributes] = {}
    for series in context.study.series:
        key = device_key(series.attributes)
        if key:
            found.setdefault(key, series.attributes)
    rows = _VERSIONS[context.options.fhir]
    return [
        {"resourceType": "Device", **fill(rows, equipment, context)} for equipment in found.values()
    ]
