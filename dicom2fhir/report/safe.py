"""Make text harmless for a terminal: one function that every sink uses.

File names and DICOM text come from strangers; a terminal obeys escape sequences and turns text
around. What is not printable is shown as what it is.
"""

from __future__ import annotations

LONGEST = 120
"""Characters shown of one value."""

_FIRST_ESCAPED_BYTE, _LAST_ESCAPED_BYTE = 0xDC80, 0xDCFF
"""What surrogateescape makes of a byte that is no UTF-8."""
_LAST_BYTE, _BMP_END = 0xFF, 0xFFFF


def safe(text: str, limit: int = LONGEST) -> str:
    r"""Return the text with everything a terminal could obey made visible, and not too long.

    >>> safe("a\x1b[31mb\n")
    'a\\x1b[31mb⏎'
    """
    visible = text if text.isprintable() else "".join(map(_visible, text[: limit + 1]))
    return visible if len(visible) <= limit else visible[: limit - 1] + "…"


def safe_json(text: str) -> str:
    """Return the JSON with what a terminal could obey written as JSON escapes."""
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or _is_plain(c) else _json_escape(c) for c in text)


def _is_plain(character: str) -> bool:
    # isprintable leaves out the control, format, surrogate, separator and unassigned categories;
    # spaces such as the ideographic one are harmless and belong in names
    if character.isprintable():
        return True
    from unicodedata import category  # noqa: PLC0415 - most text needs no table

    return category(character) == "Zs"


def _visible(character: str) -> str:
    if character == "\n":
        return "⏎"
    if _is_plain(character):
        return character
    code = ord(character)
    if _FIRST_ESCAPED_BYTE <= code <= _LAST_ESCAPED_BYTE:
        code -= 0xDC00
    return f"\\x{code:02x}" if code <= _LAST_BYTE else f"\\u{code:04x}"


def _json_escape(character: str) -> str:
    code = ord(character)
    if code <= _BMP_END:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
