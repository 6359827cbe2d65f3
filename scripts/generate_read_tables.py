"""Write the data modules of dicom2fhir/read/tables from pydicom's tables.

Run: python scripts/generate_read_tables.py
"""

from __future__ import annotations

import codecs
from pathlib import Path

import pydicom
from pydicom._uid_dict import UID_dictionary
from pydicom.charset import CODES_TO_ENCODINGS, STAND_ALONE_ENCODINGS, python_encoding

TABLES = Path(__file__).resolve().parent.parent / "dicom2fhir" / "read" / "tables"
ROOT = "1.2.840.10008.5.1.4.1.1."
# Latin alphabet No. 9 (PS3.3 table C.12-2, C.12-3), which pydicom does not know yet
LATIN_9 = ("ISO_IR 203", "ISO 2022 IR 203")
LATIN_9_ESCAPE = b"\x1b-b"
# Newer than pydicom's copy of PS3.6 table A-1
NEW_SYNTAXES = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
}
KINDS = {
    "PIXELS": (
        "Image Storage",
        "Parametric Map",
        "Segmentation Storage",
        "RT Dose",
        "Volume Storage",
    ),
    "CONTENT": (" SR ", "Key Object Selection", "Procedure Log"),
    "DOCUMENT": ("Encapsulated ",),
    "WAVEFORM": ("Waveform Storage",),
    "STRUCTURES": ("RT Structure Set",),
    "PLAN": ("RT Plan", "RT Ion Plan"),
    "NON_PATIENT": (
        "Hanging Protocol",
        "Color Palette",
        "Implant Template",
        "Implant Assembly",
        "Defined Procedure Protocol",
        "Protocol Approval",
        "Inventory Storage",
    ),
}
NOT_THESE = ("Surface Segmentation", "Waveform Annotation", "Trial")


def _uids(kind: str) -> list[str]:
    return sorted(
        uid
        for uid, (name, uid_type, _info, _retired, _keyword) in UID_dictionary.items()
        if uid_type == "SOP Class"
        and name.endswith(("Storage", "For Presentation", "For Processing"))
        and any(word in f"{name} " for word in KINDS[kind])
        and not any(word in name for word in NOT_THESE)
    )


def _module(title: str, *body: str) -> str:
    return "\n".join((f'"""{title}"""', "", "from __future__ import annotations", "", *body, ""))


def _name_of(uid: str) -> str:
    return NEW_SYNTAXES.get(uid) or UID_dictionary[uid][0]


def _frozenset(name: str, values: list[str]) -> str:
    rows = "".join(f'        "{value}",  # {_name_of(value)}\n' for value in values)
    return f"{name}: frozenset[str] = frozenset(\n    {{\n{rows}    }}\n)"


def _mapping(name: str, kind: str, rows: dict[str, str] | dict[bytes, str]) -> str:
    text = "".join(f"    {key!a}: {value!a},\n".replace("'", '"') for key, value in rows.items())
    return f"{name}: dict[{kind}, str] = {{\n{text}}}"


def render() -> dict[str, str]:
    """Return the text of each table module by file name."""
    version = f"Generated from pydicom {pydicom.__version__} by scripts/generate_read_tables.py."
    codec = {term: codecs.lookup(name).name for term, name in python_encoding.items()}
    escapes = {code: codecs.lookup(name).name for code, name in CODES_TO_ENCODINGS.items()}
    codec |= dict.fromkeys(LATIN_9, "iso8859-15")
    escapes[LATIN_9_ESCAPE] = "iso8859-15"
    known = {uid for uid, row in UID_dictionary.items() if row[1] == "Transfer Syntax"}
    syntaxes = sorted(known | set(NEW_SYNTAXES))
    return {
        "charsets.py": _module(
            f"Specific Character Set to Python codecs (PS3.3 C.12.1.1.2). {version}",
            _mapping("CODECS", "str", codec),
            "",
            _mapping("ESCAPES", "bytes", escapes),
            "",
            f"STAND_ALONE: tuple[str, ...] = {STAND_ALONE_ENCODINGS!r}".replace("'", '"'),
        ),
        "transfer_syntaxes.py": _module(
            f"The transfer syntaxes of PS3.6 table A-1. {version}",
            _frozenset("TRANSFER_SYNTAXES", syntaxes),
        ),
        "sop_classes.py": _module(
            f"SOP classes by what an instance must hold (PS3.4 B.5). {version}",
            "\n".join(_frozenset(kind, _uids(kind)) for kind in KINDS),
        ),
    }


def main() -> None:
    """Write the modules."""
    for name, text in render().items():
        (TABLES / name).write_text(text, encoding="utf-8")
        print(f"wrote dicom2fhir/read/tables/{name}")


if __name__ == "__main__":
    main()
