"""Waveforms as Observations: the samples with their scale, the group, the time."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from mapping_studies import instance, series, study

from dicom2fhir.bundle import bundle_of, make_bundles
from dicom2fhir.check import check_bundle
from dicom2fhir.content import Channel, Waveform
from dicom2fhir.mapping import map_study
from dicom2fhir.model import Coded, Payloads
from dicom2fhir.options import BundleOptions, MapOptions

if TYPE_CHECKING:
    from dicom2fhir.model import Resource, Study

TWELVE_LEADS, GENERAL = "1.2.840.10008.5.1.4.1.1.9.1.1", "1.2.840.10008.5.1.4.1.1.9.1.2"
MILLIVOLT = Coded(value="mV", scheme="UCUM", meaning="millivolt")
LEAD = Coded(value="2:1", scheme="MDC", meaning="Lead I")
CHANNEL = Channel(1, LEAD, "I", (), MILLIVOLT, "-1.5", "0.0050", "1 E -3")


def ecg(sop_class: str = TWELVE_LEADS, **attributes: list[str]) -> Study:
    return study(series(instance(1, sop_class, **attributes), Modality=["ECG"]))


def waveform(source: Study, *channels: Channel, label: str = "", offset: str = "0") -> Waveform:
    uid = source.series[0].instances[0].uid
    return Waveform(uid, 1, label, "2", offset, channels or (CHANNEL,))


def observations(source: Study, *waveforms: Waveform) -> list[Resource]:
    made = map_study(source, MapOptions(), Payloads(waveforms=waveforms)).resources
    parts, _ = make_bundles(made, BundleOptions())
    assert not [one for part in parts for one in check_bundle(bundle_of(part), "full")]
    return [one for one in made if one["resourceType"] == "Observation"]


def test_a_channel_holds_its_samples_with_origin_period_and_factor() -> None:
    source = ecg()
    channel, _ = observations(source, waveform(source))
    assert channel["valueSampledData"] == {
        "origin": {
            "value": Decimal("-1.5"),
            "unit": "millivolt",
            "system": "http://unitsofmeasure.org",
            "code": "mV",
        },
        "period": Decimal(2),
        "factor": Decimal("0.0050"),
        "dimensions": 1,
        "data": "1 E -3",
    }
    assert channel["code"]["coding"][0]["system"] == "urn:iso:std:iso:11073:10101"
    assert channel["code"]["text"] == "Lead I"


def test_a_group_has_its_channels_as_members_and_comes_after_them() -> None:
    source = ecg()
    made = observations(source, waveform(source, CHANNEL, CHANNEL._replace(number=2)))
    assert made[-1]["hasMember"] == [{"reference": f"Observation/{one['id']}"} for one in made[:2]]
    assert made[-1]["code"]["coding"][0]["code"] == "34534-8"
    assert len({one["id"] for one in made}) == 3


def test_the_label_of_a_group_tells_its_channels_from_those_of_another() -> None:
    source = ecg(GENERAL)
    channel, group = observations(source, waveform(source, label="MEDIAN BEAT"))
    assert channel["code"]["text"] == "Lead I (MEDIAN BEAT)"
    assert group["code"] == {"text": "MEDIAN BEAT"}


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        (CHANNEL._replace(name=None), "I"),
        (CHANNEL._replace(name=None, label=""), "Channel 1"),
        (CHANNEL._replace(name=Coded(value="2:1", scheme="MDC", meaning="")), "2:1"),
    ],
)
def test_a_channel_is_called_by_what_it_states(channel: Channel, text: str) -> None:
    source = ecg()
    assert observations(source, waveform(source, channel))[0]["code"]["text"] == text


def test_modifiers_of_a_source_and_its_label_are_components() -> None:
    source = ecg()
    modified = CHANNEL._replace(modifiers=(Coded(value="1", scheme="DCM", meaning="Near"),))
    label, modifier = observations(source, waveform(source, modified))[0]["component"]
    assert label["valueString"] == "I"
    assert modifier["valueCodeableConcept"]["text"] == "Near"


@pytest.mark.parametrize(
    ("acquired", "offset", "expected"),
    [
        ("20240102030405+0100", "0", "2024-01-02T03:04:05+01:00"),
        ("20240102030405+0100", "1500", "2024-01-02T03:04:06.500000+01:00"),
        ("20240102030405+0100", "1e300", "2024-01-02T03:04:05+01:00"),
        ("20240102030405", "1500", "2024-01-02"),
    ],
)
def test_a_group_begins_later_than_the_acquisition_by_its_offset(
    acquired: str, offset: str, expected: str
) -> None:
    source = ecg(AcquisitionDateTime=[acquired])
    made = observations(source, waveform(source, offset=offset))
    assert {one["effectiveDateTime"] for one in made} == {expected}
