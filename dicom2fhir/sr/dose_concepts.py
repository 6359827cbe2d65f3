"""Concept names of dose reports (PS3.16 TID 10001 to 10042), and which are shown where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dicom2fhir.model import Coded

if TYPE_CHECKING:
    from dicom2fhir.sr.roles import Key


def _dcm(*codes: int) -> frozenset[Key]:
    return frozenset(("DCM", str(code)) for code in codes)


def _sct(*codes: int) -> frozenset[Key]:
    return frozenset(("SCT", str(code)) for code in codes)


SUMMARY: Final = Coded(
    value="73569-6",
    scheme="LN",
    meaning="Radiation exposure and protection information [Description] Document "
    "Diagnostic imaging",
)
SUMMARY_TITLE: Final = "Radiation exposure and protection information"
EVENT: Final = Coded(value="113852", scheme="DCM", meaning="Irradiation Event")
EVENT_UID: Final = Coded(value="113769", scheme="DCM", meaning="Irradiation Event UID")
ADMINISTRATION_UID: Final = Coded(
    value="113503", scheme="DCM", meaning="Radiopharmaceutical Administration Event UID"
)

ACCUMULATED: Final = _dcm(113702, 113811, 130500)
"""Accumulated dose of a plane, of CT, of an Enhanced X-Ray report: numbers in them are totals."""
EVENTS: Final = _dcm(113706, 113819, 130501)
ADMINISTRATIONS: Final = _dcm(113502)

STARTED: Final = _dcm(111526, 113809, 123003)
"""When an event, the irradiation or an administration began."""
TARGET_REGION: Final = ("DCM", "123014")
ANATOMY: Final = ("SCT", "91723000")
"""Anatomical structure: where there is no Target Region, and where the side stands."""
EVENT_TYPES: Final = _dcm(113721, 113820)
UIDS: Final = _dcm(113769, 113853, 113503)
"""Of irradiation events and of administrations."""
SOURCE_NAME: Final = ("DCM", "113832")
"""Identification of the X-Ray Source: what tells two tubes apart."""
AGENT: Final = _sct(349358000)
ACTIVITY: Final = ("DCM", "113507")
ROLE: Final = ("DCM", "113875")
AUTHORIZING: Final = ("DCM", "113850")

TOTALS: Final[dict[Key, str]] = {
    ("DCM", "113813"): "CT DLP total",
    ("DCM", "113725"): "Dose (RP) total",
    ("DCM", "113722"): "DAP total",
    ("DCM", "113726"): "fluoro DAP total",
    ("DCM", "113727"): "acquisition DAP total",
    ("DCM", "111637"): "AGD total",
    ("DCM", "113730"): "fluoro time",
    ("DCM", "113731"): "frames",
}
"""What the words of a summary name, in this order."""
COUNT: Final = ("DCM", "113812")
"""Total Number of Irradiation Events."""
DOSE_RP: Final = _dcm(113725, 113728, 113729, 113738)
PAIRS: Final[dict[Key, Key]] = {
    ("DCM", "113722"): ("DCM", "113725"),
    ("DCM", "113726"): ("DCM", "113728"),
    ("DCM", "113727"): ("DCM", "113729"),
    ("DCM", "122130"): ("DCM", "113738"),
}
"""Dose Area Products and the Dose (RP) of the same irradiation."""

EVENT_PARTS: Final = (
    EVENT_TYPES
    | STARTED
    | _dcm(113605, 113764, 113780, 113732, 111031, 113835, 123014, 125203)
    # CTDIvol, DLP, SSDE, effective dose, DAP, Dose (RP), AGD, entrance exposure
    | _dcm(113830, 113838, 113930, 113839, 122130, 113738, 111631, 111636)
    # kVp, tube current and its maximum, exposure, times, pulses, pitch, length, thickness
    | _dcm(113733, 113734, 113833, 113736, 113735, 113824, 113742, 113768, 113828, 113825, 111633)
    | {ANATOMY}
    | _sct(408730004)  # Procedure Context
)
"""What an event shows as components; what else it states is a member of it."""
ADMINISTRATION_PARTS: Final = (
    STARTED
    | AGENT
    | _dcm(113507, 113508, 113509, 123004, 123005, 123006, 123007)
    | _sct(89457008, 410675002, 304283002)
)
"""Activities, volume, moments; agent, radionuclide and half-life, route (TID 10022)."""
