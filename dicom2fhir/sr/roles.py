"""Concept names that tell what a content item is for, whichever template it stands in (PS3.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dicom2fhir.content import ContentItem
    from dicom2fhir.model import Coded

_SNOMED_RT = frozenset({"SRT", "SNM3", "99SDM"})
# SNOMED RT codes of the concepts below (PS3.16 Annex O): reports older than 2018 use them.
_TWINS = {
    "C-10072": "89457008",
    "F-61FDB": "349358000",
    "G-0373": "399264008",
    "G-A437": "56851009",
    "G-A460": "17621005",
    "G-A1F8": "106233006",
    "G-C036": "370129005",
    "G-C0E3": "363698007",
    "G-C171": "272741003",
    "G-C32C": "408730004",
    "G-C340": "410675002",
    "P5-B005A": "268445003",
    "P5-B0111": "48526000",
    "R-00317": "373098007",
    "R-00319": "373099004",
    "R-00337": "371889001",
    "R-00338": "371887004",
    "R-00346": "371917008",
    "R-00347": "371919006",
    "R-00362": "371885007",
    "R-00363": "371884006",
    "R-00364": "371886008",
    "R-00377": "371890005",
    "R-00387": "371920000",
    "R-00388": "371918003",
    "R-00397": "371888009",
    "R-0038B": "371933006",
    "R-002C4": "371879000",
    "R-002C5": "371880002",
    "R-41F90": "385524004",
    "R-404FB": "255605001",
    "R-40765": "260395002",
    "R-42037": "263654008",
    "R-427CE": "276214006",
    "R-42806": "304283002",
    "T-D0005": "91723000",
}

Key = tuple[str, str]
"""Scheme in upper case, and code: what concepts are compared by."""


def key(concept: Coded | None) -> Key:
    """Return what a concept is compared by: SNOMED RT as its SNOMED CT twin; ("", "") for none."""
    if concept is None:
        return ("", "")
    scheme = concept.scheme.upper()
    if scheme in _SNOMED_RT and concept.value in _TWINS:
        return ("SCT", _TWINS[concept.value])
    return ("SCT" if scheme in _SNOMED_RT else scheme, concept.value)


def property_key(item: ContentItem) -> Key:
    """Return the key of a property; limits of normal ranges have had many codes, but one name."""
    meaning = item.name.meaning.strip().casefold() if item.name else ""
    return _RANGE_WORDS.get(meaning) or key(item.name)


def named(item: ContentItem, *keys: Key) -> bool:
    """Tell whether the concept name of this item is one of these."""
    return key(item.name) in keys


def _dcm(*codes: int) -> frozenset[Key]:
    return frozenset(("DCM", str(code)) for code in codes)


def _sct(*codes: int) -> frozenset[Key]:
    return frozenset(("SCT", str(code)) for code in codes)


# Containers
IMAGE_LIBRARIES = _dcm(111028, 126200)
"""Image Library and its groups (TID 1600): they describe images, their numbers are no results."""
MEASUREMENT_GROUP: Final = ("DCM", "125007")
DERIVED_MEASUREMENTS: Final = ("DCM", "126011")
LAYOUT = _dcm(126010, 126011, 111034) | {("UMLS", "C0034375")}
"""Containers that only hold others together: Imaging Measurements and the like (TID 1500), and the
impressions of CAD reports (TID 4003), below which the findings are what matters."""
GROUP_TEMPLATES = frozenset({"1410", "1411", "1501", "1419"})

# Attributes of a group (TID 1501, 1410, 1411)
TRACKING_ID: Final = ("DCM", "112039")
TRACKING_UID: Final = ("DCM", "112040")
FINDING: Final = ("DCM", "121071")
FINDING_CATEGORY: Final = ("SCT", "276214006")
GROUP_PARTS = _dcm(130400, 126070, 126071, 126072, 126073) | {
    ("NCIT", "C67447"),
    ("UMLS", "C2348792"),
}
"""Purpose of the region, session and time points: said of the whole group."""

# Modifiers (TID 300, 310, 311, 312, 320)
FINDING_SITE: Final = ("SCT", "363698007")
LATERALITY: Final = ("SCT", "272741003")
TOPOGRAPHY: Final = ("SCT", "106233006")
METHOD: Final = ("SCT", "370129005")
DERIVATION: Final = ("DCM", "121401")
NORMALITY: Final = ("DCM", "121402")
SELECTION: Final = ("DCM", "121404")
RANGE_TEXT: Final = ("DCM", "121407")
RANGE_AUTHORITY: Final = ("DCM", "121408")
RANGE_LOW: Final = ("SCT", "385524004")
RANGE_HIGH: Final = ("SCT", "371933006")
_RANGE_WORDS: Final = {
    "normal range lower limit": RANGE_LOW,
    "normal range upper limit": RANGE_HIGH,
}
INTERPRETED = _sct(17621005, 263654008, 371879000, 371880002)
"""Normal, abnormal, abnormally high and low (CID 222)."""
STATISTICS = (
    _sct(373098007, 373099004, 371890005, 371919006, 371917008, 371918003, 371920000)
    | _sct(371888009, 371887004, 371889001)  # of populations (CID 226)
    | _sct(371884006, 371885007, 371886008)  # measurement uncertainty (CID 225)
    | _sct(385524004, 371933006)  # normal range (CID 223)
    | _dcm(121414, 121415, 121416, 121417, 125012, 125013, 130614, 130615)
    | _dcm(111012, 111047, 111011, 122157)  # certainty and probability (CID 6048)
)
"""Numbers that say something of another number or of a finding, and nothing by themselves."""

# Algorithms (TID 4019) and observers (TID 1002 to 1004)
ALGORITHM_NAME: Final = ("DCM", "111001")
ALGORITHM_FIELDS: Final = {
    ("DCM", "111003"): "version",
    ("DCM", "111002"): "parameters",
    ("DCM", "122405"): "manufacturer",
}
OBSERVER_NAME: Final = ("DCM", "121008")
DEVICE_FIELDS: Final = {
    ("DCM", "121012"): "uid",
    ("DCM", "121013"): "name",
    ("DCM", "121014"): "manufacturer",
    ("DCM", "121015"): "model",
    ("DCM", "121016"): "serial",
}
CONTEXT = (
    _dcm(111000, 111001, 111002, 111003, 122405)
    | _dcm(*range(121005, 121018))
    | _dcm(*range(121024, 121042), 121046, 121049)
    | {("LN", "11951-1")}
)
"""Algorithm, observer, subject and language: about the report or the device, not the result."""

# Subject context (TID 1006, 1008)
SUBJECT_CLASS: Final = ("DCM", "121024")
FETUS: Final = ("DCM", "121026")
FETUS_NAMES = (("LN", "11951-1"), ("DCM", "121030"), ("DCM", "121037"), ("DCM", "121028"))
"""What tells one fetus from another, the most readable first."""
OTHER_PERSONS = _dcm(121029, 121036)
"""Names of a subject and of a mother: no observers."""

# CAD (TID 4000, 4100, 4120)
FINDINGS = _dcm(111059, 111015)
CAD_SUMMARY = _dcm(111017, 111064, 111065)
"""What wraps the findings: these are results by themselves, not parts of their summary."""
RENDERING_INTENT: Final = ("DCM", "111056")
NOT_FOR_PRESENTATION: Final = ("DCM", "111152")

# Conclusions, and what a key object selection says of itself
CONCLUSION = _dcm(121077, 121073, 111023, 113012) | _sct(439401001)
CONCLUSION_SECTIONS = _dcm(121072, 121076) | {("LN", "19005-8"), ("LN", "55110-1")}
CONCLUSION_WORDS = frozenset(
    {"conclusion", "conclusions", "impression", "impressions", "diagnosis", "diagnoses"}
)

# Document titles
KINDS: Final[dict[str, frozenset[Key]]] = {
    "measurement": _dcm(126000, 126001, 126002, 126003),
    "xray-dose": _dcm(113701),
    "radiopharmaceutical-dose": _dcm(113500),
    "cad": _dcm(111036, 112000, 112220),
    "echo": _dcm(125195, 125196, 125197, 125200) | {("LN", "42148-7")},
    "ob-gyn": _dcm(125000) | _sct(268445003) | {("LN", "24869-0")},
    "vascular": _dcm(125100) | _sct(48526000),
    # manifest and signed manifest: they stand for a study that is elsewhere (IHE XDS-I.b)
    "manifest": _dcm(113030, 113031),
    "key-objects": _dcm(
        *range(113000, 113011),
        *(113013, 113018, 113020, 113021, 113022),
        *range(113032, 113040),
        *range(128180, 128224),
        *range(128710, 128715),
        *range(130370, 130374),
    ),
}
"""What a report is by its title (PS3.16 CID 7021, 7010 and the root rows of TID 2010, 4000, 4100,
4120, 5000, 5100, 5200, 10001, 10011, 10021)."""
_LOINC_TITLES = """
11488-4 11522-0 11524-0 11525-3 11528-7 18726-0 18745-0 18748-4 18750-0 18752-6 18754-2 18756-7
18782-3 24590-2 24601-7 24606-6 24627-2 24725-4 25045-6 25056-3 28010-7 28570-0 28614-6 30695-1
38269-7 41806-1 44136-0 46375-2 47048-4 49118-3 49512-7
"""
TEMPLATES: Final = {
    "1500": "measurement",
    "4000": "cad",
    "4100": "cad",
    "4120": "cad",
    "5000": "ob-gyn",
    "5100": "vascular",
    "5200": "echo",
    "5300": "echo",
    "10001": "xray-dose",
    "10011": "xray-dose",
    "10021": "radiopharmaceutical-dose",
    "2000": "text",
    "2010": "key-objects",
}
"""What a report of another title is by its root template."""
TEXT_TITLES = frozenset(("LN", code) for code in _LOINC_TITLES.split()) | _dcm(111400, 121144)
"""Titles of reports in prose (CID 7000): what they say stays together."""
