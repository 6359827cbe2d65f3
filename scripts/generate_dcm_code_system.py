"""Write the DICOM codes that pydicom knows as a CodeSystem for the validator of the tests.

FHIR R4 ships a DICOM code system of 2018; without this one every newer code is called wrong.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydicom.sr._concepts_dict import concepts

TARGET = Path(__file__).parents[1] / "tests" / "servers" / "hapi" / "profiles" / "dcm.json"


def render() -> str:
    """Return the CodeSystem as JSON, a code a line.

    FHIR: CodeSystem.content `fragment`: a code that is not in it is a warning, not an error.
    """
    meanings: dict[str, set[str]] = {}
    for codes in concepts["DCM"].values():
        for code, (meaning, *_) in codes.items():
            meanings.setdefault(code, set()).add(meaning)
    head = {
        "resourceType": "CodeSystem",
        "url": "http://dicom.nema.org/resources/ontology/DCM",
        "name": "DICOMControlledTerminology",
        "status": "active",
        "caseSensitive": True,
        "content": "fragment",
    }
    lines = [json.dumps(_concept(code, sorted(texts))) for code, texts in sorted(meanings.items())]
    return json.dumps(head)[:-1] + ',\n"concept": [\n' + ",\n".join(lines) + "\n]}\n"


def _concept(code: str, meanings: list[str]) -> dict[str, Any]:
    concept: dict[str, Any] = {"code": code, "display": meanings[0]}
    if len(meanings) > 1:
        concept["designation"] = [{"language": "en", "value": text} for text in meanings[1:]]
    return concept


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
    print(TARGET)
