"""What a fault proxy can do to a request, and scripts of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verb(StrEnum):
    """One thing that happens to one request."""

    PASS = "pass"  # noqa: S105 - no secret
    DROP_BEFORE = "drop-before"
    """The connection ends before the server has seen anything."""
    DROP_AFTER_COMMIT = "drop-after-commit"
    """The server has done it; the client gets no answer."""
    DELAY = "delay"
    """`value` seconds."""
    DRIP = "drip"
    """The answer comes at `value` bytes a second."""
    TRUNCATE = "truncate"
    """The answer ends after `value` bytes of its body."""
    DUPLICATE = "duplicate"
    """The server gets it twice; its second answer counts."""
    REORDER = "reorder"
    """It waits for the next request to be done first, at most `value` seconds."""
    REDIRECT = "redirect"
    """`value` is the status; the target records what comes there."""
    UNAUTHORIZED = "401"
    CONFLICT = "409"
    PRECONDITION = "412"
    TOO_LARGE = "413"
    UNPROCESSABLE = "422"
    THROTTLE = "429"
    """`value` is the Retry-After: seconds, a date, or nonsense."""
    SERVER_ERROR = "5xx"
    """`value` is the status."""
    HTML = "html"
    """200 and a page, as a captive portal answers."""
    GZIP_BOMB = "gzip-bomb"
    """`value` MiB of zeros, packed."""
    WRONG_COUNT = "wrong-count"
    """A Bundle comes back without its last entry."""
    RESET_UPLOAD = "reset-upload"
    """The connection is reset when half of the body has come."""
    TLS_UNTRUSTED = "tls-untrusted"
    TLS_EXPIRED = "tls-expired"
    TLS_WRONG_HOST = "tls-wrong-host"
    """The connection on which it comes ends; the next one shows a wrong certificate."""
    CLOSE_IDLE = "close-idle"
    """The connection ends after the answer without a word."""


TLS = {Verb.TLS_UNTRUSTED, Verb.TLS_EXPIRED, Verb.TLS_WRONG_HOST}


@dataclass(frozen=True, slots=True)
class Fault:
    """A verb with its value, by default the mildest one."""

    verb: Verb
    value: str = ""

    def __str__(self) -> str:
        """Return the verb and its value as a test's name shows them."""
        return f"{self.verb}={self.value}" if self.value else str(self.verb)


FAULTS = (
    Fault(Verb.PASS),
    Fault(Verb.DROP_BEFORE),
    Fault(Verb.DROP_AFTER_COMMIT),
    Fault(Verb.DELAY, "0.05"),
    Fault(Verb.DRIP, "200000"),
    Fault(Verb.TRUNCATE, "20"),
    Fault(Verb.DUPLICATE),
    Fault(Verb.REORDER, "0.05"),
    Fault(Verb.REDIRECT, "301"),
    Fault(Verb.REDIRECT, "302"),
    Fault(Verb.REDIRECT, "307"),
    Fault(Verb.UNAUTHORIZED),
    Fault(Verb.CONFLICT),
    Fault(Verb.PRECONDITION),
    Fault(Verb.TOO_LARGE),
    Fault(Verb.UNPROCESSABLE),
    Fault(Verb.THROTTLE, "1"),
    Fault(Verb.THROTTLE, "Fri, 01 Jan 2021 00:00:00 GMT"),
    Fault(Verb.THROTTLE, "-5"),
    Fault(Verb.THROTTLE, "99999999999"),
    Fault(Verb.SERVER_ERROR, "500"),
    Fault(Verb.SERVER_ERROR, "502"),
    Fault(Verb.SERVER_ERROR, "503"),
    Fault(Verb.HTML),
    Fault(Verb.GZIP_BOMB, "300"),
    Fault(Verb.WRONG_COUNT),
    Fault(Verb.RESET_UPLOAD),
    Fault(Verb.TLS_UNTRUSTED),
    Fault(Verb.TLS_EXPIRED),
    Fault(Verb.TLS_WRONG_HOST),
    Fault(Verb.CLOSE_IDLE),
)
"""Every verb, with every value that matters."""


@dataclass(frozen=True, slots=True)
class Script:
    """Faults by position, from 0; positions count the requests that write where told so."""

    steps: Mapping[int, Fault] = field(default_factory=dict)
    writes_only: bool = False

    def at(self, position: int) -> Fault:
        """Return what happens to this request."""
        return self.steps.get(position, Fault(Verb.PASS))


def seeded(seed: int, *, steps: int = 20, share: float = 0.4, tls: bool = False) -> Script:
    """Return a script of this many steps in which about this share of the requests fails."""
    chance = random.Random(seed)  # noqa: S311 - a seed, no secret
    possible = [one for one in FAULTS if one.verb is not Verb.PASS and (tls or one.verb not in TLS)]
    failing = [number for number in range(steps) if chance.random() < share]
    return Script({number: chance.choice(possible) for number in failing})
