"""pydicom and its decoders without a word: their messages quote values."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SILENT = logging.CRITICAL + 1


@contextmanager
def quietly() -> Iterator[None]:
    """Let pydicom take values as they are, and say nothing of them."""
    from pydicom import config  # noqa: PLC0415 - takes half a second

    before = config.settings.reading_validation_mode
    level = config.logger.level
    config.settings.reading_validation_mode = config.IGNORE
    config.logger.setLevel(_SILENT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.settings.reading_validation_mode = before
        config.logger.setLevel(level)
