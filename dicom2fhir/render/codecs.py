"""Our plug-in for pydicom: imagecodecs, for 12-bit JPEG and as the last resort for others."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydicom import uid
from pydicom.pixels.decoders import base as decoders

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

_LABEL = "imagecodecs"
_NEEDS = ("imagecodecs",)
DECODER_DEPENDENCIES = {
    uid.JPEGExtended12Bit: _NEEDS,
    uid.JPEGLossless: _NEEDS,
    uid.JPEGLosslessSV1: _NEEDS,
}
"""What pydicom asks a plug-in for: the packages that each transfer syntax needs."""
_EXTENDED = (decoders.JPEGExtended12BitDecoder,)
_LOSSLESS = (decoders.JPEGLosslessDecoder, decoders.JPEGLosslessSV1Decoder)


@lru_cache(maxsize=1)
def add_codecs() -> None:
    """Offer the plug-in to pydicom's decoders."""
    for decoder in (*_EXTENDED, *_LOSSLESS):
        decoder.add_plugin(_LABEL, (__name__, "decode"))


def is_available(transfer_syntax_uid: str) -> bool:
    """Tell pydicom whether the transfer syntax can be decoded."""
    return transfer_syntax_uid in DECODER_DEPENDENCIES and find_spec(_LABEL) is not None


def decode(src: bytes, runner: DecodeRunner) -> bytes:
    """Return the values of one frame for pydicom."""
    import imagecodecs  # noqa: PLC0415 - an extra

    read: Any = imagecodecs.jpeg8_decode
    if runner.transfer_syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1):
        read = imagecodecs.ljpeg_decode
    values = read(src)
    runner.set_option("bits_allocated", 8 * values.dtype.itemsize)
    runner.set_option("planar_configuration", 0)
    return bytes(values.tobytes())
