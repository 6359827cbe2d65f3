"""Write `dicom2fhir/check/tables/elements.py` from the metadata of the fhir.resources R4B models.

Run it after a new release of fhir.resources; a test fails while the table is stale.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "dicom2fhir" / "check" / "tables" / "elements.py"

OPEN = frozenset({"CapabilityStatement.format", "Expression.language"})
"""Elements whose listed codes are examples: their binding is not to that list alone."""

RESULT = "registered preliminary final amended corrected cancelled entered-in-error unknown"

COMPLETE = {
    "ActivityDefinition.kind": (
        "Appointment AppointmentResponse CarePlan Claim CommunicationRequest Contract "
        "DeviceRequest EnrollmentRequest ImmunizationRecommendation MedicationRequest "
        "NutritionOrder ServiceRequest SupplyRequest Task VisionPrescription"
    ),
    "AuditEvent.action": "C R U D E",
    "AuditEvent.outcome": "0 4 8 12",
    "Composition.confidentiality": "U L M N R V",
    "DetectedIssue.status": RESULT,
    "DeviceUdiCarrier.entryType": "barcode rfid manual card self-reported unknown",
    "DeviceUseStatement.status": "active completed entered-in-error intended stopped on-hold",
    "DiagnosticReport.status": (
        "registered partial preliminary final amended corrected appended cancelled "
        "entered-in-error unknown"
    ),
    "Encounter.status": (
        "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"
    ),
    "EncounterStatusHistory.status": (
        "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"
    ),
    "Observation.status": RESULT,
    "OperationOutcomeIssue.code": (
        "invalid structure required value invariant security login unknown expired forbidden "
        "suppressed processing not-supported duplicate multiple-matches not-found deleted too-long "
        "code-invalid extension too-costly business-rule conflict transient lock-error no-store "
        "exception timeout incomplete throttled informational"
    ),
    "Quantity.comparator": "< <= >= >",
    "QuestionnaireItem.type": (
        "group display boolean decimal integer date dateTime time string text url choice "
        "open-choice attachment reference quantity"
    ),
    "RiskAssessment.status": RESULT,
    "SupplyRequest.status": "draft active suspended cancelled completed entered-in-error unknown",
    "Task.status": (
        "draft requested received accepted rejected ready cancelled in-progress on-hold failed "
        "completed entered-in-error"
    ),
    "TimingRepeat.when": (
        "MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS HS "
        "WAKE C CM CD CV AC ACM ACD ACV PC PCM PCD PCV"
    ),
}
"""Required value sets (R4) that the models leave out or cut with a `+`."""

NOT_FHIR = frozenset({"resource_type", "fhir_comments"})
"""Fields of the models that FHIR R4 does not have."""

HEADER = '''"""Every type of FHIR R4B: its elements, as the fhir.resources models state them.

Written by `scripts/generate_check_tables.py`; do not edit. A type's text is its base type, then
one part an element after each `;`: name, type, cardinality (`?` 0..1, `1` 1..1, `*` 0..*,
`+` 1..*), then what applies of `@choice` (`@!choice` when one of them is required), `=codes` and
`>types that a Reference may point at`.
"""

TYPES: dict[str, str] = {
'''


def load_models() -> dict[str, Any]:
    """Return every R4B model by the name of its FHIR type."""
    package = importlib.import_module("fhir.resources.R4B")
    base = importlib.import_module("fhir_core.fhirabstractmodel").FHIRAbstractModel
    models = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.ispkg or module.name == "fhirtypes":
            continue
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        for model in vars(loaded).values():
            if (
                isinstance(model, type)
                and issubclass(model, base)
                and model.__module__ == loaded.__name__
                and model.__resource_type__ != "FHIRAbstractResource"
            ):
                models[model.__resource_type__] = model
    return models


def type_name(annotation: str, primitives: frozenset[str]) -> str:
    """Return the FHIR type that an annotation such as `List[fhirtypes.CodeType | None]` names."""
    name = re.search(r"\b(?:fhirtypes\.(\w+)Type|bool)\b", annotation)
    if name is None:
        raise ValueError(annotation)
    if name[1] is None:
        return "boolean"
    lower = name[1][0].lower() + name[1][1:]
    return lower if lower in primitives else name[1]


def element_text(path: str, field: Any, annotation: str, primitives: frozenset[str]) -> str:  # noqa: ANN401
    """Return one element as its part of the table."""
    extra = field.json_schema_extra or {}
    kind = type_name(annotation, primitives)
    required = field.is_required() or extra.get("element_required", False)
    many = "List[" in annotation
    parts = [field.alias, kind, ("+" if required else "*") if many else "1" if required else "?"]
    if "one_of_many" in extra:
        parts.append("@" + "!" * extra["one_of_many_required"] + extra["one_of_many"])
    codes = COMPLETE[path].split() if path in COMPLETE else extra.get("enum_values", ())
    if codes and path not in OPEN and "+" not in codes:
        parts.append("=" + ",".join(codes))
    targets = extra.get("enum_reference_types", ())
    if targets and kind == "Reference" and "Resource" not in targets:
        parts.append(">" + ",".join(targets))
    return " ".join(parts)


def type_text(model: Any, models: dict[str, Any], primitives: frozenset[str]) -> str:  # noqa: ANN401
    """Return one type as its text of the table: the base type and its own elements."""
    base = model.__mro__[1].__resource_type__
    parts = [base if base in models else ""]
    for name, field in model.model_fields.items():
        annotation = model.__annotations__.get(name)
        if annotation is None or name.endswith("__ext") or name in NOT_FHIR:
            continue
        path = f"{model.__resource_type__}.{field.alias}"
        parts.append(element_text(path, field, str(annotation), primitives))
    return ";".join(parts)


def render() -> str:
    """Return the text of the module."""
    primitives: frozenset[str] = importlib.import_module("fhir_core.constraints").FHIR_PRIMITIVES
    models = load_models()
    rows = [
        f'    "{name}": "{type_text(model, models, primitives)}",\n'
        for name, model in sorted(models.items())
    ]
    return HEADER + "".join(rows) + "}\n"


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
    print(TARGET)
