"""Decoding text by Specific Character Set, and repairing what is not in it.

DICOM:  SpecificCharacterSet (0008,0005); PS3.3 C.12.1.1.2, PS3.5 6.1
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from dicom2fhir.read.tables.charsets import CODECS, ESCAPES, STAND_ALONE

LATIN_1 = "iso8859-1"
_ESC = b"\x1b"
_STATEFUL = frozenset({"iso2022_jp", "iso2022_jp_2"})
_PARTS = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
# PS3.5 6.1.2.5.3: where the character set goes back to the first one
_RESETS = re.compile(rb"[\\\r\n\f\t]")
_RESETS_IN_NAMES = re.compile(rb"[\\\r\n\f\t^=]")
_CUT = ("unexpected end of data", "incomplete multibyte sequence")
"""What Python's codecs say of a character that is not whole."""
_MISSPELT = re.compile(r"ISO[ _/-]*(2022)?[ _/-]*IR[ _/-]*([0-9]+)", re.IGNORECASE)
_PYTHON_NAMES = ("utf-8", "gb", "big5", "euc", "shift_jis", "iso8859", "cp125", "koi8")


@dataclass(frozen=True, slots=True)
class Charset:
    """What one data set or item says its text is encoded in.

    `declared` is False where only ASCII may occur; `known` where each term was understood.
    """

    codec: str = LATIN_1
    others: tuple[str, ...] = ()
    declared: bool = False
    known: bool = True
    stand_alone: bool = False


DEFAULT = Charset()


@lru_cache(maxsize=64)
def find_charset(raw: bytes, override: str | None = None) -> Charset:
    """Return the character set that these bytes of (0008,0005) name.

    `override` is the term of `--charset`, for text whose character set is missing or unknown.
    """
    terms = [term.strip(" \0") for term in raw.decode("latin-1").split("\\")]
    if not any(terms):
        return _by_terms([override]) if override else DEFAULT
    found = _by_terms(terms)
    if found.known or not override:
        return found
    return replace(_by_terms([override]), known=False)


def _by_terms(terms: list[str]) -> Charset:
    names = [_codec(term) for term in terms]
    others = tuple(name for name in names[1:] if name)
    return Charset(
        codec=names[0] or LATIN_1,
        others=others,
        declared=terms[0] not in ("", "ISO_IR 6", "ISO 2022 IR 6") and names[0] is not None,
        known=None not in names,
        stand_alone=terms[0] in STAND_ALONE or names[0] in ("utf-8", "gbk", "gb18030"),
    )


def _codec(term: str) -> str | None:
    """Return the Python codec of a term, also of one that is misspelt."""
    if term in CODECS:
        return CODECS[term]
    match = _MISSPELT.fullmatch(term)
    if match:
        number = match[2]
        return CODECS.get(f"ISO_IR {number}") or CODECS.get(f"ISO 2022 IR {number}")
    try:
        name = codecs.lookup(term).name
    except (LookupError, ValueError):
        return None
    return name if name.startswith(_PYTHON_NAMES) else None


def decode_text(raw: bytes, charset: Charset, *, name: bool = False) -> tuple[str, bool]:
    """Return the text of a value, and whether it had to be repaired."""
    if _ESC in raw and not charset.stand_alone:
        return _decode_escaped(raw, charset, _RESETS_IN_NAMES if name else _RESETS)
    if raw.isascii():
        return raw.decode("ascii"), False
    return _decode_plain(raw, charset)


def _decode_plain(raw: bytes, charset: Charset) -> tuple[str, bool]:
    if charset.codec == LATIN_1:
        return _decode_latin(raw, charset)
    try:
        return raw.decode(charset.codec), False
    except UnicodeDecodeError as error:
        if error.reason in _CUT and error.start > 0:
            # a writer cut the value within a character
            return raw[: error.start].decode(charset.codec), True
    if charset.codec == "utf-8":
        return _decode_windows(raw), True
    return _try_codecs(raw, ("utf-8",)) or raw.decode(charset.codec, "replace"), True


def _decode_latin(raw: bytes, charset: Charset) -> tuple[str, bool]:
    """Decode what should be ASCII or Latin-1; bytes that are valid UTF-8 are UTF-8."""
    text = _try_codecs(raw, ("utf-8",) if charset.declared else ("utf-8", *charset.others))
    if text is not None:
        return text, True
    text = _decode_windows(raw)
    return text, not charset.declared or text != raw.decode(LATIN_1)


def _decode_windows(raw: bytes) -> str:
    return _try_codecs(raw, ("cp1252",)) or raw.decode(LATIN_1)


def _try_codecs(raw: bytes, names: tuple[str, ...]) -> str | None:
    for name in names:
        try:
            return raw.decode(name)
        except UnicodeDecodeError:
            continue
    return None


def _decode_escaped(raw: bytes, charset: Charset, resets: re.Pattern[bytes]) -> tuple[str, bool]:
    """Decode text with code extensions (ISO 2022; PS3.5 6.1.2.5)."""
    texts: list[str] = []
    repaired = False
    for part in _PARTS.findall(raw):
        text, bad = _decode_part(part, charset, resets)
        texts.append(text)
        repaired = repaired or bad
    return "".join(texts), repaired


def _decode_part(part: bytes, charset: Charset, resets: re.Pattern[bytes]) -> tuple[str, bool]:
    if not part.startswith(_ESC):
        return decode_text(part, charset)
    escape = next((part[:n] for n in (4, 3) if part[:n] in ESCAPES), b"")
    codec = ESCAPES.get(escape, "")
    if codec in _STATEFUL:
        return _decode_strictly(part, codec)
    if not codec:
        return decode_text(part[1:], charset)[0], True
    rest = part[len(escape) :]
    if codec == LATIN_1:
        return decode_text(rest, charset)
    match = resets.search(rest)
    cut = match.start() if match else len(rest)
    text, bad = _decode_strictly(rest[:cut], codec)
    more, worse = _decode_after_reset(rest[cut:], codec, charset)
    return text + more, bad or worse


def _decode_after_reset(rest: bytes, codec: str, charset: Charset) -> tuple[str, bool]:
    """Decode what is in the first character set again, unless the writer left an escape out."""
    if rest.isascii() or charset.codec != LATIN_1 or charset.declared:
        return decode_text(rest, charset)
    return _decode_strictly(rest, codec)[0], True


def _decode_strictly(raw: bytes, codec: str) -> tuple[str, bool]:
    try:
        return raw.decode(codec), False
    except UnicodeDecodeError:
        return raw.decode(codec, "replace"), True
