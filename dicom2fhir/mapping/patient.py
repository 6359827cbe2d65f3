"""The subject of a study: Patient, or Device where a phantom was imaged (PS3.3 C.7.1.1)."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from dicom2fhir.identity import fold_name, resource_id
from dicom2fhir.mapping.codes import SCT, concept, read_code
from dicom2fhir.mapping.dates import day_of, moment, parse_date, time_of, zone_of
from dicom2fhir.mapping.elements import Element, compact, constant, fill
from dicom2fhir.mapping.identifiers import (
    Issuer,
    identifier,
    issuer_key,
    own,
    patient_identifier,
)
from dicom2fhir.mapping.meta import patient_meta
from dicom2fhir.mapping.names import display_name, human_names
from dicom2fhir.mapping.text import bounded, every, first, items

if TYPE_CHECKING:
    from dicom2fhir.mapping.context import Context
    from dicom2fhir.model import Attributes, Json, Resource

_HL7 = "http://hl7.org/fhir/StructureDefinition"
_ANIMAL_STATUS = "http://hl7.org/fhir/animal-genderstatus"
_GENDERS = {"M": "male", "F": "female", "O": "other"}
_NEUTERED = {"ALTERED": ("neutered", "Neutered"), "UNALTERED": ("intact", "Intact")}
# The extension patient-animal must tell the species.
_NOT_STATED = {"extension": [{"url": f"{_HL7}/data-absent-reason", "valueCode": "unknown"}]}
_HUMAN = frozenset({"337915000", "L-85B00"})
_HUMAN_WORDS = frozenset({"human", "homo sapiens"})


def is_phantom(patient: Attributes) -> bool:
    """Tell whether the subject is a phantom: QualityControlSubject (0010,0200) is YES.

    DICOM:  PS3.3 C.7.1.1; a name or body part that says phantom is a hint, not a statement
    """
    return first(patient, "QualityControlSubject").upper() == "YES"


def _main_identifier(patient: Attributes, context: Context) -> Json:
    return patient_identifier(patient, context, context.options.patient_id_system) or {}


def patient_key(patient: Attributes, context: Context) -> tuple[str, ...]:
    """Return the natural key of the patient, as `docs/reference/identity.md` tells it."""
    main = _main_identifier(patient, context)
    if "system" in main:
        return main["system"], main["value"]
    name = fold_name(first(patient, "PatientName"))
    birth = parse_date(first(patient, "PatientBirthDate")) or ""
    parts: tuple[str, ...] = ("study", context.study.uid, name)
    if main:
        parts = ("id", main["value"], birth, name)
        # A number means nothing without its issuer, also where that has no FHIR system.
        if issuer := issuer_key(patient, context.options):
            parts = (*parts, issuer)
    elif name and birth:
        parts = ("name", name, birth, first(patient, "PatientSex").upper())
    salt = context.options.id_salt
    if salt is None:
        return parts
    return "salted", hmac.new(salt, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def subject_id(patient: Attributes, context: Context) -> str:
    """Return the UUIDv5 of the identifier with its system, or of what else tells patients apart."""
    key = patient_key(patient, context)
    if is_phantom(patient):
        return resource_id("Device", "phantom", *key)
    return resource_id("Patient", *key)


def subject(_source: object, context: Context) -> Json:
    """Return the Patient, the Device of a phantom, or what `--patient` names."""
    return context.subject


def refer_to_subject(context: Context) -> Json:
    """Return a Reference to the subject of the study."""
    if context.options.patient:
        return {"reference": context.options.patient}
    patient = context.study.patient
    kind = "Device" if is_phantom(patient) else "Patient"
    return {"reference": f"{kind}/{subject_id(patient, context)}"}


def _own_identifier(patient: Attributes, context: Context) -> Json:
    """Return our own, only where no identifier has a system: else others keep the master."""
    master = "system" in _main_identifier(patient, context) and not is_phantom(patient)
    return None if master else own(subject_id(patient, context))


def _patient_id(patient: Attributes, context: Context) -> Json:
    """Return value, system of the issuer, type (MR unless stated) and assigner."""
    made = _main_identifier(patient, context)
    if not made:
        context.note("map.no-patient-id", "PatientID", "Patient.identifier")
    elif "system" not in made:
        context.note("map.patient-no-system", "IssuerOfPatientID", "Patient.identifier.system")
    return made


def _other_ids(patient: Attributes, context: Context) -> Json:
    """Return each item by the same rules; values of the retired list have no system."""
    made = [_main_identifier(patient, context)]
    made += [
        patient_identifier(item, context) for item in items(patient, "OtherPatientIDsSequence")
    ]
    values = {one["value"] for one in made if one}
    retired = dict.fromkeys(every(patient, "OtherPatientIDs"))
    made += [identifier(value, Issuer()) for value in retired if value not in values]
    return [one for at, one in enumerate(made) if at and one and one not in made[:at]]


def _names(keyword: str, use: str | None) -> Json:
    def build(patient: Attributes, _context: Context) -> Json:
        texts = every(patient, keyword)
        return [
            name for at, text in enumerate(texts) for name in human_names(text, None if at else use)
        ]

    build.__doc__ = "Return a HumanName for each component group" + (
        f", use `{use}`." if use else "."
    )
    return build


def _gender(patient: Attributes, context: Context) -> Json:
    """Return M as male, F as female, O as other; any other text as unknown."""
    sex = first(patient, "PatientSex").upper()
    if sex and sex not in _GENDERS:
        context.note("map.bad-sex", "PatientSex", "Patient.gender")
        return "unknown"
    return _GENDERS.get(sex)


def _birth_date(patient: Attributes, context: Context) -> Json:
    """Return the date as precise as it is stated."""
    return day_of(patient, "PatientBirthDate", context, "Patient.birthDate")


def _birth_time(patient: Attributes, context: Context) -> Json:
    """Return date and time in extension patient-birthTime, where the zone is known."""
    day = parse_date(first(patient, "PatientBirthDate"))
    time = time_of(patient, "PatientBirthTime", context, "Patient.birthDate")
    if day is None or time is None:
        return None
    born = moment(day, time, zone_of(context.study.attributes, context), context)
    if not born.has_time:
        return None
    return {"extension": [{"url": f"{_HL7}/patient-birthTime", "valueDateTime": born.text}]}


def _mother(patient: Attributes, _context: Context) -> Json:
    """Return the name as one line in extension patient-mothersMaidenName."""
    name = display_name(first(patient, "PatientMotherBirthName"))
    return {"url": f"{_HL7}/patient-mothersMaidenName", "valueString": name} if name else None


def _described(patient: Attributes, context: Context, code: str, text: str) -> Json:
    """Return the first code of a sequence, or the text of its description."""
    item = next(iter(items(patient, code)), None)
    made = concept(item, context, code, "Patient.extension[patient-animal]") if item else None
    words = first(patient, text)
    return made or ({"text": bounded(words, context, text, "Patient.extension")} if words else None)


def _is_human(patient: Attributes) -> bool:
    codes = {read_code(item).value for item in items(patient, "PatientSpeciesCodeSequence")}
    words = first(patient, "PatientSpeciesDescription").casefold()
    return bool(codes & _HUMAN) or words in _HUMAN_WORDS


def _animal(patient: Attributes, context: Context) -> Json:
    """Return species, breed and genderStatus in extension patient-animal, but for humans."""
    if _is_human(patient):
        return None
    species = _described(
        patient, context, "PatientSpeciesCodeSequence", "PatientSpeciesDescription"
    )
    breed = _described(patient, context, "PatientBreedCodeSequence", "PatientBreedDescription")
    if not (species or breed):
        return None
    status = _NEUTERED.get(first(patient, "PatientSexNeutered").upper())
    parts: list[Json] = [{"url": "species", "valueCodeableConcept": species or _NOT_STATED}]
    if breed:
        parts.append({"url": "breed", "valueCodeableConcept": breed})
    if status:
        coded = {"system": _ANIMAL_STATUS, "code": status[0], "display": status[1]}
        parts.append({"url": "genderStatus", "valueCodeableConcept": {"coding": [coded]}})
    return {"url": f"{_HL7}/patient-animal", "extension": parts}


def _contact(patient: Attributes, _context: Context) -> Json:
    """Return name, role as text, and organization, where a person or organization is named."""
    names = human_names(first(patient, "ResponsiblePerson"))
    organization = first(patient, "ResponsibleOrganization")
    role = first(patient, "ResponsiblePersonRole")
    if not (names or organization):
        return None
    made = compact(
        {
            "name": names[0] if names else None,
            "relationship": [{"text": role}] if role else None,
            "organization": {"display": organization} if organization else None,
        }
    )
    return [made]


_MODULE = "PS3.3 C.7.1.1"
_KEY = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex")
_ISSUERS = ("PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence")
_ANIMALS = (
    "PatientSpeciesDescription",
    "PatientSpeciesCodeSequence",
    "PatientBreedDescription",
    "PatientBreedCodeSequence",
    "PatientSexNeutered",
)
_RESPONSIBLE = ("ResponsiblePerson", "ResponsiblePersonRole", "ResponsibleOrganization")

PATIENT: tuple[Element[Attributes], ...] = (
    Element("Patient.id", _KEY, subject_id, "identity.md"),
    Element("Patient.meta", ("PatientIdentityRemoved",), patient_meta, "R4 resource.html#Meta"),
    Element("Patient.identifier[own]", _KEY, _own_identifier, "identity.md"),
    Element(
        "Patient.identifier[patient-id]",
        _ISSUERS,
        _patient_id,
        f"{_MODULE}; table 10-18; R4 patient-mappings",
    ),
    Element(
        "Patient.identifier[other]",
        ("OtherPatientIDsSequence", "OtherPatientIDs"),
        _other_ids,
        "PS3.3 C.7.1.1, C.2.3; R4 patient-mappings",
    ),
    Element(
        "Patient.name[official]",
        ("PatientName",),
        _names("PatientName", "official"),
        f"{_MODULE}; PS3.5 6.2; R4 patient-mappings",
    ),
    Element(
        "Patient.name[other]",
        ("OtherPatientNames",),
        _names("OtherPatientNames", None),
        "PS3.3 C.7.1.1; DICOM does not say whether old or alias",
    ),
    Element(
        "Patient.name[maiden]",
        ("PatientBirthName",),
        _names("PatientBirthName", "maiden"),
        "PS3.3 C.2.3",
    ),
    Element("Patient.gender", ("PatientSex",), _gender, f"{_MODULE}; R4 patient-mappings"),
    Element(
        "Patient.birthDate", ("PatientBirthDate",), _birth_date, f"{_MODULE}; R4 patient-mappings"
    ),
    Element(
        "Patient._birthDate",
        ("PatientBirthDate", "PatientBirthTime", "TimezoneOffsetFromUTC"),
        _birth_time,
        "PS3.3 C.7.1.1; R4 extension-patient-birthtime.html",
    ),
    Element(
        "Patient.extension[patient-mothersMaidenName]",
        ("PatientMotherBirthName",),
        _mother,
        "PS3.3 C.2.3; R4 extension-patient-mothersmaidenname.html",
    ),
    Element(
        "Patient.extension[patient-animal]",
        _ANIMALS,
        _animal,
        "PS3.3 C.7.1.1; R4 extension-patient-animal.html",
    ),
    Element("Patient.contact", _RESPONSIBLE, _contact, "PS3.3 C.7.1.1; R4 patient.html, pat-1"),
)


def _phantom_name(patient: Attributes, _context: Context) -> Json:
    """Return the patient's name as the name of the device."""
    name = display_name(first(patient, "PatientName"))
    return [{"name": name, "type": "user-friendly-name"}] if name else None


PHANTOM: tuple[Element[Attributes], ...] = (
    Element("Device.id", _KEY, subject_id, "identity.md"),
    Element("Device.meta", ("PatientIdentityRemoved",), patient_meta, "R4 resource.html#Meta"),
    Element("Device.identifier[own]", _KEY, _own_identifier, "identity.md"),
    Element("Device.identifier[patient-id]", _ISSUERS, _patient_id, _MODULE),
    Element("Device.status", (), constant("active"), "R4 device.html"),
    Element(
        "Device.type",
        ("QualityControlSubject",),
        constant({"coding": [{"system": SCT, "code": "706342009"}], "text": "Phantom"}),
        "PS3.3 C.7.1.1; PS3.16 CID 4",
    ),
    Element("Device.deviceName", ("PatientName",), _phantom_name, _MODULE),
)

_VERSIONS = {"R4": (PATIENT, PHANTOM), "R4B": (PATIENT, PHANTOM)}


def map_subject(context: Context) -> list[Resource]:
    """Return the Patient or the Device that was imaged; none where `--patient` names it."""
    if context.options.patient:
        return []
    patient = context.study.patient
    person_rows, phantom_rows = _VERSIONS[context.options.fhir]
    if is_phantom(patient):
        return [{"resourceType": "Device", **fill(phantom_rows, patient, context)}]
    return [{"resourceType": "Patient", **fill(person_rows, patient, context)}]
