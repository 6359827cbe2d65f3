"""What follows from a reply: the table of statuses, and what a refusal says of size and waiting."""

from __future__ import annotations

import re
from contextlib import suppress
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from dicom2fhir.deliver.server.exchange import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom2fhir.deliver.server.exchange import Reply
    from dicom2fhir.model import Resource


class Action(StrEnum):
    """What follows from a reply."""

    DONE = "done"
    RETRY = "retry"
    """Send it again, later."""
    ONCE = "once"
    """Send it once more: the reply is no reply of a FHIR server."""
    CONFLICT = "conflict"
    """Read again, work out again, send again."""
    HALVE = "halve"
    DEAD = "dead"
    LATER = "later"
    """Given up for this run: a later one may succeed."""
    STOP = "stop"
    SETTLED = "settled"
    """Nothing is left to send: somebody looked, and the server has it."""


REPLIES: Mapping[int, Action] = {
    400: Action.DEAD,
    403: Action.STOP,
    404: Action.DEAD,
    405: Action.DEAD,
    408: Action.RETRY,
    409: Action.CONFLICT,
    410: Action.DEAD,
    412: Action.CONFLICT,
    413: Action.HALVE,
    415: Action.DEAD,
    422: Action.DEAD,
    425: Action.RETRY,
    429: Action.RETRY,
    500: Action.RETRY,
    501: Action.DEAD,
    502: Action.RETRY,
    503: Action.RETRY,
    504: Action.RETRY,
    505: Action.DEAD,
}
"""By status; another 4xx is DEAD, another 5xx (as proxies invent them) RETRY."""

FAULTS: Mapping[Fault, Action] = {
    Fault.CONNECT: Action.RETRY,
    Fault.LOST: Action.RETRY,
    Fault.IDLE: Action.RETRY,
    Fault.DEADLINE: Action.RETRY,
    Fault.NO_TOKEN: Action.RETRY,
    Fault.NOT_HTTP: Action.ONCE,
    Fault.TOO_LARGE: Action.ONCE,
    Fault.ENCODING: Action.ONCE,
    Fault.ABORTED: Action.STOP,
}

_UNDONE = frozenset({501, 503, 505})
"""5xx by which a server says that it has not begun."""
_MAY_BE_TOO_MANY = frozenset({400, 403, 422})
_TOO_MANY_CODES = frozenset({"too-costly", "too-long"})
_TOO_MANY = re.compile(
    r"\b(too many|too large|exceed|maximum|more \w+ operations than|limit)\w*\b.{0,100}?"
    r"\b(entr(y|ies)|bundle|transaction|operation|resource|payload|body)"
    r"|\b(entries|bundle|transaction|payload|body)\b.{0,100}?"
    r"\b(too many|too large|exceed|maximum|more \w+ operations than|limit)",
    re.IGNORECASE | re.DOTALL,
)
"""What servers say of a Bundle that is too large; read, never shown."""
_SAID = 2000
"""Characters of it that are read."""


def judge_reply(reply: Reply) -> Action:
    """Return what follows from a status, and from what says that a Bundle is too large."""
    if reply.is_success:
        return Action.DONE
    if reply.status in _MAY_BE_TOO_MANY and says_too_many(reply):
        return Action.HALVE
    default = Action.RETRY if reply.status >= 500 else Action.DEAD  # noqa: PLR2004 - 5xx
    return REPLIES.get(reply.status, default)


def proves_undone(status: int) -> bool:
    """Tell whether a status proves that nothing was done; one of a gateway (502, 504) does not."""
    return 400 <= status < 500 or status in _UNDONE  # noqa: PLR2004 - 4xx


def says_too_many(reply: Reply) -> bool:
    """Tell whether an OperationOutcome says that a Bundle has too many entries or bytes."""
    outcome = reply.json()
    issues = outcome.get("issue") if isinstance(outcome, dict) else None
    found = issues if isinstance(issues, list) else []
    return any(isinstance(issue, dict) and _is_too_many(issue) for issue in found)


def _is_too_many(issue: Resource) -> bool:
    details = issue.get("details")
    text = details.get("text") if isinstance(details, dict) else None
    said = [one for one in (issue.get("diagnostics"), text) if isinstance(one, str)]
    code = issue.get("code")
    return (isinstance(code, str) and code in _TOO_MANY_CODES) or any(
        _TOO_MANY.search(one[:_SAID]) for one in said
    )


def read_retry_after(reply: Reply, now: float) -> float:
    """Return the seconds that a reply asks us to wait (RFC 9110 10.2.3), 0 where it does not.

    A date is measured from the reply's own Date, for clocks differ; `now` is a Unix time.
    """
    said = reply.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    with suppress(ValueError, TypeError, OverflowError):
        until = parsedate_to_datetime(said).timestamp()
        with suppress(ValueError, TypeError, OverflowError, LookupError):
            now = parsedate_to_datetime(reply.headers["date"]).timestamp()
        return max(0.0, until - now)
    return 0.0
