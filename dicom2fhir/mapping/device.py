"""The equipment that made a series, as Device (PS3.3 C.7.5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.identity import resource_id
from dicom2fhir.mapping.codes import URI, noted_uids, uids
from dicom2fhir.mapping.elements import Element, compact, constant, fill
from dicom2fhir.mapping.identifiers import own, uid
from dicom2fhir.mapping.meta import meta
from dicom2fhir.mapping.text import every, first, items, text_of

if TYPE_CHECKING:
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json, Resource

_NAMED = ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "StationName")
_KEY = (*_NAMED, "DeviceUID", "UDISequence")


def device_key(equipment: Attributes) -> tuple[str, ...] | None:
    """Return manufacturer, model, serial number and station, and UID or UDI where needed.

    Manufacturer and station alone tell no piece of equipment from another: None.
    """
    key = tuple(first(equipment, keyword) for keyword in _NAMED)
    if any(key[1:3]):
        return key
    numbers = uids(equipment, "DeviceUID") or _udi_texts(equipment)
    return (*key, *numbers) if numbers else None


def reference(equipment: Attributes) -> Json:
    """Return a Reference to the Device of a series, its manufacturer as display, or None."""
    key = device_key(equipment)
    if key:
        return {"reference": f"Device/{resource_id('Device', *key)}"}
    name = first(equipment, "Manufacturer")
    return {"type": "Device", "display": name} if name else None


def _udi_texts(equipment: Attributes) -> list[str]:
    texts = (first(item, "UniqueDeviceIdentifier") for item in items(equipment, "UDISequence"))
    return list(dict.fromkeys(text for text in texts if text))


def _id(equipment: Attributes, _context: Context) -> Json:
    """Return the UUIDv5 of manufacturer, model, serial number and station, else UID or UDI."""
    return resource_id("Device", *(device_key(equipment) or ()))


def _own_identifier(equipment: Attributes, context: Context) -> Json:
    """Return our own."""
    return own(_id(equipment, context))


def _device_uids(equipment: Attributes, context: Context) -> Json:
    """Return each UID as urn:dicom:uid."""
    found = noted_uids(equipment, "DeviceUID", context, "Device.identifier")
    return [uid(text) for text in found]


def _udi(equipment: Attributes, _context: Context) -> Json:
    """Return each UDI as its human readable form."""
    return [{"carrierHRF": text} for text in _udi_texts(equipment)]


def _type(equipment: Attributes, context: Context) -> Json:
    """Return the class UIDs as codings."""
    found = noted_uids(equipment, "ManufacturerDeviceClassUID", context, "Device.type")
    return compact({"coding": [{"system": URI, "code": f"urn:oid:{text}"} for text in found]})


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
