"""How long to go on with a request: the tries, the waits, the limits."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from dicom2fhir.deliver.server.exchange import (
    CredentialsError,
    Fault,
    NoReplyError,
    RedirectedError,
    Reply,
    Request,
)
from dicom2fhir.deliver.server.judging import (
    FAULTS,
    Action,
    judge_reply,
    proves_undone,
    read_retry_after,
)
from dicom2fhir.deliver.server.replies import told
from dicom2fhir.errors import ConfigError, ServerUnreachableError

try:
    import stamina
    from stamina.instrumentation import set_on_retry_hooks
except ImportError:
    raise ConfigError(
        "Speaking to a server needs the push extra.",
        hint="Install it: pip install 'dicom2fhir-cli[push]'.",
    ) from None

if TYPE_CHECKING:
    from dicom2fhir.options import ServerOptions

set_on_retry_hooks(())  # its own hooks log, and with structlog they print to stdout

WAIT_CAP = 60.0
"""Seconds of the longest wait of our own."""
RETRY_AFTER_CAP = 300.0
"""Seconds; a server that asks for more is left for this run."""
FAILURES_IN_A_ROW = 5
"""Requests given up one after another: then the server is down, not the request bad."""
CONFLICTS = 3
"""Times that what was changed meanwhile is read and worked out again."""


Judge: TypeAlias = Callable[[Reply], Action]
Again: TypeAlias = Callable[[], Request | None]
"""Looks what the server has, and returns what is to be sent now; None where nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one request ended: DONE, SETTLED, CONFLICT, HALVE, DEAD or LATER.

    There is a reply or an error, unless it is settled. `sent` tells that the server may have done
    it whatever we know. `not_before` are the seconds that the server wants to be left alone.
    """

    action: Action
    reply: Reply | None = None
    error: NoReplyError | RedirectedError | None = None
    tries: int = 1
    not_before: float = 0.0
    sent: bool = True

    @property
    def code(self) -> str:
        """Return the status, or the reason why there is none."""
        if self.reply is not None:
            return str(self.reply.status)
        if isinstance(self.error, RedirectedError):
            return f"{self.error.status} to {self.error.host}"
        return "" if self.error is None else str(self.error.fault)

    @property
    def may_be_done(self) -> bool:
        """Tell whether the last try may have been done: nothing proves that it was not."""
        if self.reply is not None:
            return not proves_undone(self.reply.status)
        return isinstance(self.error, NoReplyError) and self.error.sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A wait before the next try, to be told to a person."""

    seconds: float
    tries: int
    code: str


class _AgainError(Exception):
    """A try that may be repeated, and how the request ends if it is not."""

    def __init__(self, outcome: Outcome, action: Action) -> None:
        super().__init__()
        self.outcome = outcome
        self.action = action


@dataclass(slots=True, kw_only=True)
class _Course:
    """The tries of one request."""

    request: Request
    judge: Judge
    again: Again | None
    safe: bool
    undone: Callable[[], None] | None
    start: float
    wait: float = 0.0
    tries: int = 0
    seen: Counter[Action] = field(default_factory=Counter)
    looks: bool = False
    """Before the next try somebody looks what the server has."""
    sent: bool = False

    def note_undone(self) -> None:
        """Tell whoever wants to know that the last try has done nothing."""
        if self.undone is not None:
            self.undone()


class Sender(Protocol):
    """What a request can be sent with; a Client, usually."""

    def send(self, request: Request, /) -> Reply:
        """Send a request and return its whole reply, whatever its status."""

    def abort(self) -> None:
        """End the requests of all threads now."""


class Retrier:
    """Sends requests again as the table says; threads share one, and its count of failures.

    `pause` waits so many seconds and tells whether the run was aborted meanwhile.
    """

    def __init__(
        self,
        client: Sender,
        options: ServerOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], bool] | None = None,
        draw: Callable[[float, float], float] = random.uniform,
        on_wait: Callable[[Wait], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._options = options
        self._clock = clock
        self._aborted = threading.Event()
        self._pause = pause or self._aborted.wait
        self._draw = draw
        self._on_wait = on_wait
        self._lock = threading.Lock()
        self._in_a_row: Counter[tuple[str, bool]] = Counter()

    def abort(self) -> None:
        """End all requests and waits of all threads, as on an interrupt."""
        self._aborted.set()
        self._client.abort()

    def pause(self, seconds: float) -> bool:
        """Wait so many seconds; tell whether the run was aborted meanwhile."""
        return self._pause(seconds)

    def send(
        self,
        request: Request,
        judge: Judge = judge_reply,
        again: Again | None = None,
        *,
        safe: bool = True,
        undone: Callable[[], None] | None = None,
    ) -> Outcome:
        """Send a request until its outcome is known, or time or tries are used up.

        With `again`, what meets a conflict is worked out anew; what is not `safe` is so before
        every further try, for it may have been done. With `undone`, which is called after each
        try that proves that nothing was done, no other try is repeated.
        Errors: ServerUnreachableError after five given up in a row, or once aborted;
                CredentialsError after 401 and 403; ConfigError for what TLS finds; those of `again`
        """
        course = _Course(
            request=request,
            judge=judge,
            again=again,
            safe=safe,
            undone=undone,
            start=self._clock(),
        )
        outcome = self._try(course)
        if self._counts_as_down(request, outcome):
            raise ServerUnreachableError(
                f"{FAILURES_IN_A_ROW} requests in a row were given up; the last ended with"
                f" {outcome.code}.",
                hint="Run the same command again later: what was delivered is remembered.",
            )
        return outcome

    def _counts_as_down(self, request: Request, outcome: Outcome) -> bool:
        """Count what was given up in a row, reads and writes apart.

        A server may find everything and take nothing: what it finds says nothing of the rest.
        """
        kind = (request.method, request.path.endswith("/_search"))
        with self._lock:
            self._in_a_row[kind] += 1
            if outcome.action is not Action.LATER:
                self._in_a_row[kind] = 0
            return self._in_a_row[kind] >= FAILURES_IN_A_ROW

    def _try(self, course: _Course) -> Outcome:
        try:
            for attempt in stamina.retry_context(
                lambda error: self._goes_on(error, course),
                attempts=self._options.retry_tries,
                timeout=None,  # ours is the clock that knows the next wait
            ):
                with attempt:
                    self._wait(course)
                    request = self._look(course)
                    if request is None:
                        return Outcome(action=Action.SETTLED, tries=course.tries, sent=course.sent)
                    return self._send_once(request, course)
        except _AgainError as last:
            return last.outcome
        raise AssertionError("a context ends with an outcome or an error")

    def _goes_on(self, error: Exception, course: _Course) -> bool | float:
        """Tell whether to try again; the wait is ours, as that of stamina cannot be ended."""
        if not isinstance(error, _AgainError) or course.tries >= self._options.retry_tries:
            return False
        if course.seen[error.action] > _MOST.get(error.action, self._options.retry_tries):
            return False
        course.looks = error.action is Action.CONFLICT or not course.safe
        asked = error.outcome.not_before
        own = self._draw(0.0, min(WAIT_CAP, 2.0 ** (course.tries - 1)))
        course.wait = max(asked, own)
        ends = course.start + self._options.retry_seconds
        if asked > RETRY_AFTER_CAP or self._clock() + course.wait > ends:
            return False
        self._on_wait(Wait(seconds=course.wait, tries=course.tries, code=error.outcome.code))
        return 0.0

    def _wait(self, course: _Course) -> None:
        if course.tries and self._pause(course.wait):
            raise NoReplyError(Fault.ABORTED, sent=course.sent)

    @staticmethod
    def _look(course: _Course) -> Request | None:
        if course.again is not None and course.looks:
            return course.again()
        return course.request

    def _send_once(self, request: Request, course: _Course) -> Outcome:
        """Return a final outcome.

        Errors: _AgainError for one that may not be final
        """
        course.tries += 1
        reply: Reply | None = None
        error: NoReplyError | RedirectedError | None = None
        try:
            reply = self._client.send(request)
            action = course.judge(reply)
        except RedirectedError as fault:
            error, action = fault, Action.DEAD
        except NoReplyError as fault:
            error, action = fault, FAULTS[fault.fault]
        except ConfigError:  # 401, or TLS
            course.note_undone()
            raise
        course.sent |= not isinstance(error, NoReplyError) or error.sent
        course.seen[action] += 1
        outcome = Outcome(
            action=_FINALLY.get(action, action),
            reply=reply,
            error=error,
            tries=course.tries,
            not_before=0.0 if reply is None else read_retry_after(reply, time.time()),
            sent=course.sent,
        )
        if not outcome.may_be_done:
            course.note_undone()
        if action is Action.STOP:
            raise error or CredentialsError(
                f"The server forbids this to our credentials ({told(reply, '403')}).",
                hint="Ask its operator for the rights, or for a wider --scope.",
                reply=reply,
            )
        if _is_to_repeat(action, course) and not (course.undone and outcome.may_be_done):
            raise _AgainError(outcome, action)
        return outcome


def _is_to_repeat(action: Action, course: _Course) -> bool:
    if course.again is None:
        return course.safe and action in _FINALLY
    return action in _FINALLY or action is Action.CONFLICT


_FINALLY = {Action.RETRY: Action.LATER, Action.ONCE: Action.DEAD}
"""What a try that may be repeated comes to when it is not."""
_MOST = {Action.ONCE: 1, Action.CONFLICT: CONFLICTS}
"""Times that a try is repeated after this."""
