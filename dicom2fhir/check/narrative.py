"""The XHTML of a narrative (R4 narrative.html, txt-1 and txt-2)."""

from __future__ import annotations

XHTML = "{http://www.w3.org/1999/xhtml}"

_ELEMENT_NAMES = """
a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5
h6 hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt u
ul var
"""
_ATTRIBUTE_NAMES = """
abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char
charoff charset cite class colspan compact coords dir frame headers height href hreflang hspace id
lang longdesc name nowrap rel rev rowspan rules scope shape span src start style summary tabindex
title type valign value vspace width
"""
_ELEMENTS = frozenset(_ELEMENT_NAMES.split())
_ATTRIBUTES = frozenset(_ATTRIBUTE_NAMES.split())
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def is_narrative(text: str) -> bool:
    """Tell whether this is one `div` of the XHTML that a narrative may use, and not empty."""
    from xml.etree import ElementTree as ET  # noqa: PLC0415  few resources have a narrative

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return False
    try:
        # Without a document type no entity can expand, and none but those of XML is allowed.
        root = ET.fromstring(text)  # noqa: S314
    except (ET.ParseError, UnicodeEncodeError):
        return False
    if root.tag != f"{XHTML}div":
        return False
    has_content = bool("".join(root.itertext()).strip()) or root.find(f".//{XHTML}img") is not None
    return has_content and all(map(_is_allowed, root.iter()))


def _is_allowed(element: object) -> bool:
    tag, attributes = getattr(element, "tag", ""), getattr(element, "attrib", {})
    return (
        isinstance(tag, str)
        and tag.startswith(XHTML)
        and tag.removeprefix(XHTML) in _ELEMENTS
        and all(name in _ATTRIBUTES or name == _XML_LANG for name in attributes)
    )
