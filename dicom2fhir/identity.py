"""Identity: every resource id is a UUIDv5 that anyone can compute again.

The recipe is published in `docs/reference/identity.md`. Keys never hold a path or a time; a name
enters only hashed, and only where a Patient has no identifier system.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

CANONICAL = "https://dicom2fhir-cli.github.io/fhir"
"""The base of our own identifier system, extensions and local systems."""

IDENTIFIER_SYSTEM = f"{CANONICAL}/identifier"
"""The system of the identifier that every resource of ours carries."""

EXTENSIONS = f"{CANONICAL}/StructureDefinition"
CONTENT = f"{EXTENSIONS}/instance-content"
SHA256 = f"{EXTENSIONS}/instance-sha256"
ATTACHMENT = f"{EXTENSIONS}/instance-attachment"
"""Our extensions of an instance of an ImagingStudy: where its bytes are, and which."""
ORIGINAL_UID = f"{EXTENSIONS}/original-uid"
"""Our extension of what has a UID: the one in the file, where that is no valid one."""

CONTENT_ITEM = f"{EXTENSIONS}/content-item"
STATED_VALUE = f"{EXTENSIONS}/stated-value"
STATED_UNIT = f"{EXTENSIONS}/stated-unit"
CITED_INSTANCE = f"{EXTENSIONS}/cited-instance"
"""Our extensions of an Observation: where in the content tree it stands, what is stated where that
cannot be written as it is, and which instances of a study it was made from."""

NAMESPACE = bytes.fromhex("c854cfcdd13250a69c25fb47474e5b32")
"""The project namespace: UUIDv5 of the URL namespace and CANONICAL."""


def resource_id(resource_type: str, *key: str) -> str:
    """Return the id of the resource of this type whose natural key this is.

    The name that is hashed is the type and the parts of the key with a line feed between.
    """
    return _uuid5("\n".join((resource_type, *key)))


# Component delimiters, and control characters that no FHIR string may hold.
_SAYS_NOTHING = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff^]")


@lru_cache(maxsize=4096)
def _uuid5(name: str) -> str:
    digest = bytearray(hashlib.sha1(NAMESPACE + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def replacement_uid(text: str) -> str:
    """Return a valid UID that always stands for this invalid one (PS3.5 B.2, `2.25.`)."""
    return f"2.25.{int(_uuid5('uid' + chr(10) + text).replace('-', ''), 16)}"


def fold_name(text: str) -> str:
    """Return a PN value so that spellings of one name compare equal.

    >>> fold_name("DOE^Jane^^"), fold_name("Doe^JANE")
    ('doe jane', 'doe jane')
    """
    groups = (" ".join(_SAYS_NOTHING.sub(" ", group).split()) for group in text.split("="))
    name = next((group for group in groups if group), "")
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
