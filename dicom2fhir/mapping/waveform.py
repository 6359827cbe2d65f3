"""Waveforms as Observation: each channel with its samples, and the group they were sampled in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from dicom2fhir.content import Number
from dicom2fhir.identity import CITED_INSTANCE, resource_id
from dicom2fhir.mapping.codes import SYSTEMS, coded_concept, concept_of
from dicom2fhir.mapping.dates import acquired_moment
from dicom2fhir.mapping.elements import Element, constant, fill
from dicom2fhir.mapping.identifiers import own
from dicom2fhir.mapping.meta import patient_meta
from dicom2fhir.mapping.origin import Origin, equipment, find_origins, study_reference
from dicom2fhir.mapping.patient import subject
from dicom2fhir.mapping.quantity import quantity
from dicom2fhir.mapping.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.content import Channel, Waveform
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Json, Resource

_PROCEDURE = concept_of(
    "http://terminology.hl7.org/CodeSystem/observation-category", "procedure", "Procedure"
)
_TWELVE_LEADS = "1.2.840.10008.5.1.4.1.1.9.1.1"
_LEADS = concept_of(SYSTEMS["LN"], "34534-8", "12 lead EKG panel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """One Observation on its way: a channel of a waveform, or without one its group."""

    waveform: Waveform
    origin: Origin
    channel: Channel | None = None

    def id(self, number: int) -> str:
        """Return the id of the Observation of a channel, 0 for the group."""
        path = f"{self.waveform.number}.{number}" if number else str(self.waveform.number)
        uid, scope = self.waveform.sop_instance_uid, self.origin.context.scope
        return resource_id("Observation", uid, "waveform", path, *scope)


def _id(sampled: Sampled, _context: Context) -> Json:
    """Return the UUIDv5 of the SOP Instance UID and the numbers of group and channel."""
    return sampled.id(sampled.channel.number if sampled.channel else 0)


def _own_identifier(sampled: Sampled, context: Context) -> Json:
    """Return our own."""
    return own(_id(sampled, context))


def _based_on(sampled: Sampled, _context: Context) -> Json:
    """Return what the study is based on, of the group."""
    return None if sampled.channel else sampled.origin.study_resource.get("basedOn")


def _part_of(sampled: Sampled, _context: Context) -> Json:
    """Return the ImagingStudy."""
    return [study_reference(sampled.origin)]


def _code(sampled: Sampled, _context: Context) -> Json:
    """Return the channel's source, such as a lead, with the label of its group; of 12 leads LOINC.

    FHIR:   LOINC 34534-8 for the groups of a 12-lead ECG
    """
    waveform, channel = sampled.waveform, sampled.channel
    label = clean(waveform.label)
    if channel is None:
        is_leads = sampled.origin.instance.sop_class_uid == _TWELVE_LEADS
        text = label or f"Waveform {waveform.number}"
        return {**_LEADS, "text": text} if is_leads else {"text": text}
    source = channel.name.meaning or channel.name.value if channel.name else ""
    name = clean(source or channel.label) or f"Channel {channel.number}"
    text = f"{name} ({label})" if label else name
    return coded_concept(channel.name, sampled.origin.context, text)


def _effective(sampled: Sampled, _context: Context) -> Json:
    """Return when the acquisition began, later by the group's offset; else the study's start."""
    origin = sampled.origin
    begun = acquired_moment(
        origin.instance, origin.series, origin.context, "Observation.effectiveDateTime"
    )
    if begun is None:
        return origin.study_resource.get("started")
    return _later(begun, Decimal(sampled.waveform.offset)) if "T" in begun else begun


def _later(begun: str, milliseconds: Decimal) -> str:
    if not milliseconds:
        return begun
    try:
        moved = datetime.fromisoformat(begun) + timedelta(milliseconds=float(milliseconds))
    except OverflowError:
        return begun
    return moved.isoformat()


def _value(sampled: Sampled, _context: Context) -> Json:
    """Return the samples: origin + factor x sample is the value; `E` where there is none."""
    channel = sampled.channel
    if channel is None:
        return None
    baseline = Number(channel.baseline, channel.baseline, channel.unit)
    element = "Observation.valueSampledData"
    return {
        "origin": quantity(baseline, sampled.origin.context, element),
        "period": Decimal(sampled.waveform.period),
        "factor": Decimal(channel.factor),
        "dimensions": 1,
        "data": channel.samples,
    }


def _device(sampled: Sampled, _context: Context) -> Json:
    """Return the equipment."""
    return equipment(sampled.origin)


def _members(sampled: Sampled, _context: Context) -> Json:
    """Return the channels of the group."""
    if sampled.channel is not None:
        return None
    numbers = (channel.number for channel in sampled.waveform.channels)
    return [{"reference": f"Observation/{sampled.id(number)}"} for number in numbers]


def _derived_from(sampled: Sampled, _context: Context) -> Json:
    """Return the ImagingStudy with the instance that holds the waveform."""
    uid = {"url": "uid", "valueString": sampled.waveform.sop_instance_uid}
    cited = {"url": CITED_INSTANCE, "extension": [uid]}
    return [{"extension": [cited], **study_reference(sampled.origin)}]


def _components(sampled: Sampled, _context: Context) -> Json:
    """Return the channel's label and each modifier of its source."""
    channel = sampled.channel
    if channel is None:
        return None
    label = clean(channel.label)
    made = [{"code": {"text": "Channel Label"}, "valueString": label}] if label else []
    return [
        *made,
        *(
            {
                "code": {"text": "Channel Source Modifier"},
                "valueCodeableConcept": coded_concept(modifier, sampled.origin.context),
            }
            for modifier in channel.modifiers
        ),
    ]


_MODULE = "PS3.3 C.10.9"
_SCALE = (
    "ChannelBaseline",
    "ChannelSensitivity",
    "ChannelSensitivityCorrectionFactor",
    "ChannelSensitivityUnitsSequence",
    "SamplingFrequency",
    "WaveformPaddingValue",
    "WaveformData",
)

SAMPLED: tuple[Element[Sampled], ...] = (
    Element("Observation.id", ("SOPInstanceUID", "WaveformSequence"), _id, "identity.md"),
    Element("Observation.meta", ("PatientIdentityRemoved",), patient_meta, "R4 resource.html#Meta"),
    Element("Observation.identifier[own]", ("SOPInstanceUID",), _own_identifier, "identity.md"),
    Element("Observation.basedOn", ("AccessionNumber",), _based_on, "as ImagingStudy.basedOn"),
    Element("Observation.partOf", ("StudyInstanceUID",), _part_of, "R4 observation.html"),
    Element("Observation.status", (), constant("final"), "R4 observation.html"),
    Element("Observation.category", (), constant([_PROCEDURE]), "R4 observation.html"),
    Element(
        "Observation.code",
        ("ChannelSourceSequence", "ChannelLabel", "MultiplexGroupLabel"),
        _code,
        _MODULE,
    ),
    Element(
        "Observation.subject", ("PatientID", "QualityControlSubject"), subject, "PS3.3 C.7.1.1"
    ),
    Element(
        "Observation.effectiveDateTime",
        ("AcquisitionDateTime", "MultiplexGroupTimeOffset", "StudyDate", "StudyTime"),
        _effective,
        f"{_MODULE}.1.1",
    ),
    Element("Observation.valueSampledData", _SCALE, _value, f"{_MODULE}.1.4 to C.10.9.1.7"),
    Element("Observation.device", ("Manufacturer",), _device, "PS3.3 C.7.5.1"),
    Element("Observation.hasMember", ("ChannelDefinitionSequence",), _members, _MODULE),
    Element("Observation.derivedFrom", ("SOPInstanceUID",), _derived_from, _MODULE),
    Element(
        "Observation.component",
        ("ChannelLabel", "ChannelSourceModifiersSequence"),
        _components,
        _MODULE,
    ),
)

_VERSIONS = {"R4": SAMPLED, "R4B": SAMPLED}


def map_waveforms(study: Resource, context: Context) -> Iterator[Resource]:
    """Yield an Observation for each channel of the waveforms, then one for their group."""
    waveforms = context.payloads.waveforms
    origins = find_origins((one.sop_instance_uid for one in waveforms), study, context)
    for waveform in waveforms:
        group = Sampled(waveform=waveform, origin=origins[waveform.sop_instance_uid])
        for channel in waveform.channels:
            yield _map(replace(group, channel=channel), context)
        yield _map(group, context)


def _map(sampled: Sampled, context: Context) -> Resource:
    rows = _VERSIONS[context.options.fhir]
    return {"resourceType": "Observation", **fill(rows, sampled, context)}
