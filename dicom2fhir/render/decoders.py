"""Which decoder reads which transfer syntax, in our order of preference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

_ROOT = "1.2.840.10008.1.2"
ORDER = ("pylibjpeg", "pyjpegls", "pillow", "gdcm", "imagecodecs", "pydicom")
"""The quickest that is right goes first."""
_FRAIL = "gdcm"
"""Crashes on damaged streams, so it is not asked where another decoder has been."""

_CODECS = "pip install 'dicom2fhir-cli[codecs]'"
_AGAIN = "install dicom2fhir again"
_KNOWN: tuple[tuple[str, str, str], ...] = (
    (f"{_ROOT}.5", "RLE Lossless", _AGAIN),
    (f"{_ROOT}.4.50", "JPEG Baseline", _AGAIN),
    (f"{_ROOT}.4.51", "JPEG Extended", _AGAIN),
    (f"{_ROOT}.4.57", "JPEG Lossless", _AGAIN),
    (f"{_ROOT}.4.70", "JPEG Lossless, first-order", _AGAIN),
    (f"{_ROOT}.4.80", "JPEG-LS Lossless", _AGAIN),
    (f"{_ROOT}.4.81", "JPEG-LS Near-lossless", _AGAIN),
    (f"{_ROOT}.4.90", "JPEG 2000 Lossless", _AGAIN),
    (f"{_ROOT}.4.91", "JPEG 2000", _AGAIN),
    (f"{_ROOT}.4.201", "HTJ2K Lossless", _AGAIN),
    (f"{_ROOT}.4.202", "HTJ2K Lossless RPCL", _AGAIN),
    (f"{_ROOT}.4.203", "HTJ2K", _AGAIN),
)
_EXTENDED = f"{_ROOT}.4.51"
_NO_12_BIT = ("pillow", "gdcm")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRow:
    """One compressed transfer syntax: what decodes it here, or how to get that.

    `decoders` are in the order in which they are tried.
    """

    transfer_syntax_uid: str
    name: str
    decoders: tuple[str, ...]
    advice: str = ""


def list_decoders() -> tuple[DecoderRow, ...]:
    """Return what can decode each compressed transfer syntax here; imports every decoder."""
    rows = []
    for uid, name, advice in _KNOWN:
        rows.append(_row(uid, name, able_plugins(uid, 8), advice))
        if uid == _EXTENDED:
            rows.append(_row(uid, f"{name}, 12 bits", able_plugins(uid, 12), _CODECS))
    return tuple(rows)


def load_decoders() -> None:
    """Import whatever may decode or draw, so that a forked process need not."""
    for module in ("dicom2fhir.render.rendering", "PIL.JpegImagePlugin", "PIL.PngImagePlugin"):
        import_module(module)
    for uid, _, _ in _KNOWN:
        available_plugins(uid)
    if find_spec("imagecodecs") is not None:
        import_module("imagecodecs")


def _row(uid: str, name: str, found: tuple[str, ...], advice: str) -> DecoderRow:
    return DecoderRow(
        transfer_syntax_uid=uid, name=name, decoders=found, advice="" if found else advice
    )


@lru_cache(maxsize=64)
def available_plugins(transfer_syntax_uid: str) -> tuple[str, ...]:
    """Return what can decode a transfer syntax here, in our order."""
    from pydicom.pixels.decoders.base import get_decoder  # noqa: PLC0415 - imports every plug-in

    try:
        decoder = get_decoder(transfer_syntax_uid)
    except NotImplementedError:
        return ()
    _silence_gdcm()
    from dicom2fhir.render.codecs import add_codecs  # noqa: PLC0415 - as late as what it extends

    add_codecs()
    found = decoder.available_plugins
    others = set(found) & set(ORDER[: ORDER.index(_FRAIL)])
    return tuple(name for name in ORDER if name in found and not (others and name == _FRAIL))


def able_plugins(transfer_syntax_uid: str, bits: int) -> tuple[str, ...]:
    """Return what can decode values of so many bits, in our order."""
    found = available_plugins(transfer_syntax_uid)
    if transfer_syntax_uid == _EXTENDED and bits > 8:  # noqa: PLR2004 - process 4, not 2
        return tuple(name for name in found if name not in _NO_12_BIT)
    return found


def _silence_gdcm() -> None:
    if find_spec("gdcm") is None:
        return
    gdcm = import_module("gdcm")  # 0.1 s, and untyped
    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    gdcm.Trace.DebugOff()
