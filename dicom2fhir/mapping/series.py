"""One series of a study, as ImagingStudy.series (PS3.3 C.7.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.mapping import device, practitioner
from dicom2fhir.mapping.body import body_site, laterality
from dicom2fhir.mapping.codes import DCM, PARTICIPATION, concept_of, of_series, read_code
from dicom2fhir.mapping.dates import series_start
from dicom2fhir.mapping.elements import Element, compact, fill, fill_each
from dicom2fhir.mapping.endpoint import series_endpoints
from dicom2fhir.mapping.instance import INSTANCE, STORED, original_uid
from dicom2fhir.mapping.specimen import series_specimens
from dicom2fhir.mapping.tables.modalities import MODALITIES
from dicom2fhir.mapping.text import bounded, first, items, number_of, whole

if TYPE_CHECKING:
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.mapping.practitioner import Party
    from dicom2fhir.model import Json, Series

_PATH = "ImagingStudy.series"
_NUMBER = f"{_PATH}.number"


def modality_of(series: Series) -> str:
    """Return the modality of a series, OT (other) where it states none."""
    return " ".join(first(series.attributes, "Modality").upper().split()) or "OT"


def modality_coding(code: str) -> Json:
    """Return a modality as Coding; the name only where CID 29 or 33 has one."""
    return compact({"system": DCM, "code": code, "display": MODALITIES.get(code)})


def _uid(series: Series, _context: Context) -> Json:
    """Return the UID as it is."""
    return series.uid


def _modality(series: Series, context: Context) -> Json:
    """Return the code, OT where there is none."""
    if not first(series.attributes, "Modality"):
        context.note("map.no-modality", "Modality", f"{_PATH}.modality")
    return modality_coding(modality_of(series))


def _description(series: Series, context: Context) -> Json:
    """Return the text, else the meaning of the code."""
    text = whole(series.attributes, "SeriesDescription")
    codes = items(series.attributes, "SeriesDescriptionCodeSequence")
    meaning = read_code(codes[0]).meaning if codes else ""
    return bounded(text or meaning, context, "SeriesDescription", f"{_PATH}.description")


def _instance_count(series: Series, _context: Context) -> Json:
    """Return how many instances are listed."""
    return len(series.instances)


def _instances(series: Series, context: Context) -> Json:
    """Return the instances in their order."""
    rows = _VERSIONS[context.options.fhir][1]
    if context.payloads.files:
        rows = (*rows, *STORED[context.options.dicom])
    return fill_each(rows, series.instances, context)


def _performers(people: list[Party], code: str, display: str) -> Json:
    function = concept_of(PARTICIPATION, code, display)
    return [{"function": function, "actor": practitioner.reference(one)} for one in people]


def _physicians(series: Series, context: Context) -> Json:
    """Return each with function PRF."""
    return _performers(practitioner.physicians(series.attributes, context), "PRF", "performer")


def _operators(series: Series, context: Context) -> Json:
    """Return each with function PRF, or SPRF beside a performing physician."""
    second = bool(practitioner.physicians(series.attributes, context))
    function = ("SPRF", "secondary performer") if second else ("PRF", "performer")
    return _performers(practitioner.operators(series.attributes, context), *function)


def _equipment(series: Series, _context: Context) -> Json:
    """Return the Device, else the manufacturer as display, with function DEV."""
    actor = device.reference(series.attributes)
    return (
        {"function": concept_of(PARTICIPATION, "DEV", "device"), "actor": actor} if actor else None
    )


def _institution(series: Series, context: Context) -> Json:
    """Return the Organization with function LOC: where the imaging was done."""
    place = practitioner.institution(series.attributes, context)
    return _performers([place], "LOC", "location") if place else None


def _original(series: Series, _context: Context) -> Json:
    """Return the UID that stands in the file, where it is no valid one."""
    return original_uid(series.attributes, "OriginalSeriesInstanceUID")


_MODULE = "PS3.3 C.7.3.1; R4 imagingstudy-mappings"
_ACQUIRED = ("AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime")

SERIES: tuple[Element[Series], ...] = (
    Element(f"{_PATH}.uid", ("SeriesInstanceUID",), _uid, _MODULE),
    Element(_NUMBER, ("SeriesNumber",), number_of("SeriesNumber", _NUMBER), _MODULE),
    Element(f"{_PATH}.modality", ("Modality",), _modality, f"{_MODULE}; PS3.16 CID 33"),
    Element(
        f"{_PATH}.description",
        ("SeriesDescription", "SeriesDescriptionCodeSequence"),
        _description,
        _MODULE,
    ),
    Element(f"{_PATH}.numberOfInstances", (), _instance_count, "counted; R6 ist-* invariants"),
    Element(f"{_PATH}.endpoint", (), series_endpoints, "R4 imagingstudy.html#notes"),
    Element(
        f"{_PATH}.bodySite",
        ("AnatomicRegionSequence", "BodyPartExamined"),
        body_site,
        f"{_MODULE}; PS3.16 Annex L",
    ),
    Element(
        f"{_PATH}.laterality",
        ("Laterality", "ImageLaterality", "AnatomicRegionSequence"),
        laterality,
        f"{_MODULE}; PS3.16 CID 244",
    ),
    Element(
        f"{_PATH}.specimen",
        ("SpecimenDescriptionSequence",),
        series_specimens,
        "PS3.3 C.7.6.22; R4 imagingstudy-mappings",
    ),
    Element(
        f"{_PATH}.started",
        ("SeriesDate", "SeriesTime", *_ACQUIRED, "TimezoneOffsetFromUTC"),
        series_start,
        f"{_MODULE}; PS3.3 C.12.1",
    ),
    Element(
        f"{_PATH}.performer[physician]",
        ("PerformingPhysicianName", "PerformingPhysicianIdentificationSequence"),
        _physicians,
        _MODULE,
    ),
    Element(
        f"{_PATH}.performer[operator]",
        ("OperatorsName", "OperatorIdentificationSequence"),
        _operators,
        _MODULE,
    ),
    Element(
        f"{_PATH}.performer[device]",
        (
            "Manufacturer",
            "ManufacturerModelName",
            "DeviceSerialNumber",
            "StationName",
            "DeviceUID",
            "UDISequence",
        ),
        _equipment,
        "PS3.3 C.7.5.1; EU imaging series performer DEV",
    ),
    Element(
        f"{_PATH}.performer[institution]",
        ("InstitutionName", "InstitutionCodeSequence"),
        _institution,
        "PS3.3 C.7.5.1; EU imaging series performer LOC",
    ),
    Element(
        f"{_PATH}.extension[original-uid]",
        ("SeriesInstanceUID",),
        _original,
        "PS3.5 9.1; R4 datatypes.html#id",
    ),
    Element(f"{_PATH}.instance", ("SOPInstanceUID",), _instances, "R4 imagingstudy.html"),
)

_VERSIONS = {"R4": (SERIES, INSTANCE), "R4B": (SERIES, INSTANCE)}


def map_series(series: Series, context: Context) -> Json:
    """Return one series with its instances."""
    return fill(_VERSIONS[context.options.fhir][0], series, of_series(series, context))
