"""What is tried again, how long, and when a server counts as down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stamina.instrumentation import get_on_retry_hooks

from dicom2fhir.deliver.server.client import Client
from dicom2fhir.deliver.server.exchange import (
    CredentialsError,
    Fault,
    NoReplyError,
    RedirectedError,
    Reply,
    Request,
)
from dicom2fhir.deliver.server.judging import FAULTS, Action, judge_reply, read_retry_after
from dicom2fhir.deliver.server.retrying import Outcome, Retrier, Wait
from dicom2fhir.errors import ConfigError, Dicom2FhirError, ServerUnreachableError
from dicom2fhir.options import ServerOptions
from wire import Clock, Wire, answer, close

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST = Request(method="POST", body=b"{}")
OPTIONS = ServerOptions(base="https://server.example")
OK = Reply(status=200)


@dataclass
class Scripted:
    """Answers as it is told, the last answer again and again."""

    said: list[Reply | Exception]
    asked: int = 0

    def send(self, request: Request) -> Reply:
        assert request is REQUEST
        said = self.said[min(self.asked, len(self.said) - 1)]
        self.asked += 1
        if isinstance(said, Exception):
            raise said
        return said

    def abort(self) -> None:
        self.said = [NoReplyError(Fault.ABORTED, sent=False)]


@dataclass
class Answering:
    """Answers each request in its own way."""

    said: Mapping[str, Reply]

    def send(self, request: Request) -> Reply:
        return self.said[request.path]

    def abort(self) -> None:
        raise AssertionError("nobody aborts")


@dataclass
class Run:
    """A retrier whose clock moves by what it waits, and which always draws the longest wait."""

    said: list[Reply | Exception]
    options: ServerOptions = OPTIONS
    aborts_after: int = 1000
    waits: list[Wait] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.client = Scripted(self.said)
        self.retrier = Retrier(
            self.client,
            self.options,
            clock=self.clock,
            pause=self.pause,
            draw=lambda _, most: most,
            on_wait=self.waits.append,
        )

    def pause(self, seconds: float) -> bool:
        self.clock.now += seconds
        return len(self.waits) > self.aborts_after

    def send(self) -> Outcome:
        return self.retrier.send(REQUEST)

    @property
    def seconds(self) -> list[float]:
        return [wait.seconds for wait in self.waits]


def replies(*statuses: int, **headers: str) -> list[Reply | Exception]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [Reply(status=status, headers=named) for status in statuses]


def no_reply(fault: Fault, *, sent: bool = True) -> NoReplyError:
    return NoReplyError(fault, sent=sent)


# --- the table --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507, 520])
def test_what_may_pass_is_tried_again(status: int) -> None:
    run = Run([*replies(status), OK])
    assert (run.send().action, run.client.asked) == (Action.DONE, 2)


@pytest.mark.parametrize(
    "fault", [Fault.CONNECT, Fault.LOST, Fault.IDLE, Fault.DEADLINE, Fault.NO_TOKEN]
)
def test_a_reply_that_never_came_is_tried_again(fault: Fault) -> None:
    run = Run([no_reply(fault), OK])
    assert (run.send().action, run.client.asked) == (Action.DONE, 2)


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (200, Action.DONE),
        (201, Action.DONE),
        (400, Action.DEAD),
        (404, Action.DEAD),
        (405, Action.DEAD),
        (410, Action.DEAD),
        (415, Action.DEAD),
        (418, Action.DEAD),
        (422, Action.DEAD),
        (501, Action.DEAD),
        (409, Action.CONFLICT),
        (412, Action.CONFLICT),
        (413, Action.HALVE),
    ],
)
def test_what_will_not_pass_is_asked_once(status: int, action: Action) -> None:
    run = Run(replies(status))
    outcome = run.send()
    assert (outcome.action, outcome.code, run.client.asked) == (action, str(status), 1)


def test_every_fault_has_its_row() -> None:
    assert set(FAULTS) == set(Fault)


@pytest.mark.parametrize("fault", [Fault.NOT_HTTP, Fault.TOO_LARGE, Fault.ENCODING])
def test_what_is_no_reply_of_a_fhir_server_is_tried_once_more(fault: Fault) -> None:
    run = Run([no_reply(fault)])
    outcome = run.send()
    assert (outcome.action, outcome.code, run.client.asked) == (Action.DEAD, str(fault), 2)


def test_a_judge_of_its_own_may_call_a_200_odd() -> None:
    run = Run([OK])
    outcome = run.retrier.send(REQUEST, lambda _: Action.ONCE)
    assert (outcome.action, outcome.code, run.client.asked) == (Action.DEAD, "200", 2)


def test_a_redirect_is_dead_at_once() -> None:
    outcome = Run([RedirectedError(307, "other.example")]).send()
    assert (outcome.action, outcome.code) == (Action.DEAD, "307 to other.example")


@pytest.mark.parametrize("error", [CredentialsError("401"), ConfigError("TLS")])
def test_credentials_and_tls_end_the_run(error: Dicom2FhirError) -> None:
    run = Run([error])
    with pytest.raises(type(error)):
        run.send()
    assert run.client.asked == 1


def test_a_403_ends_the_run() -> None:
    with pytest.raises(CredentialsError, match="403"):
        Run(replies(403)).send()


def said_by(status: int, issue: Mapping[str, object]) -> Action:
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return judge_reply(Reply(status=status, body=orjson.dumps(outcome)))


@pytest.mark.parametrize(
    "issue",
    [
        {"code": "too-costly"},
        {"code": "too-long"},
        {"diagnostics": "Maximum number of entries for a Bundle is 25."},
        {"diagnostics": "The number of entries in the bundle exceeded the limit of 500."},
        {"details": {"text": "Transaction contains more update operations than allowed (60)"}},
        {"details": {"text": "Transaction requires strict isolation but has too many entries"}},
        {"diagnostics": "Request payload size exceeds the limit"},
    ],
)
def test_a_refusal_that_speaks_of_too_much_halves_the_bundle(issue: Mapping[str, object]) -> None:
    assert said_by(400, issue) is Action.HALVE


@pytest.mark.parametrize(
    "issue",
    [
        {"code": "invalid", "diagnostics": "Unknown element 'foo'"},
        {"code": 7, "diagnostics": ["too many entries"], "details": "too many entries"},
        {"diagnostics": "Bundle entry missing resource"},
        {"diagnostics": "x" * 100_000},
    ],
)
def test_another_refusal_is_dead(issue: Mapping[str, object]) -> None:
    assert said_by(400, issue) is Action.DEAD


NAMES = st.sampled_from(["issue", "code", "details", "text", "diagnostics"])
JSON = st.recursive(
    st.none() | st.booleans() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    max_leaves=8,
)
ISSUES = st.lists(st.dictionaries(NAMES, JSON), max_size=3)


@settings(deadline=None)
@given(ISSUES.map(lambda issues: orjson.dumps({"issue": issues})) | JSON.map(orjson.dumps))
def test_any_body_of_a_refusal_can_be_judged(body: bytes) -> None:
    assert judge_reply(Reply(status=400, body=body)) in {Action.DEAD, Action.HALVE}


# --- what somebody looks at before the next try ------------------------------------------------


def test_a_conflict_is_worked_out_again_three_times() -> None:
    run = Run(replies(409))
    looks: list[Request] = []
    outcome = run.retrier.send(REQUEST, again=lambda: looks.append(REQUEST) or REQUEST)  # type: ignore[func-returns-value]
    assert (outcome.action, run.client.asked, len(looks)) == (Action.CONFLICT, 4, 3)


def test_what_the_server_has_already_is_not_sent_again() -> None:
    run = Run([no_reply(Fault.LOST), OK])
    outcome = run.retrier.send(REQUEST, again=lambda: None, safe=False)
    assert (outcome.action, outcome.sent, run.client.asked) == (Action.SETTLED, True, 1)


def test_what_is_safe_is_sent_again_without_a_look() -> None:
    run = Run([no_reply(Fault.LOST), OK])
    outcome = run.retrier.send(REQUEST, again=lambda: None)
    assert (outcome.action, run.client.asked) == (Action.DONE, 2)


def test_what_is_not_safe_is_not_sent_again_where_nobody_looks() -> None:
    run = Run([no_reply(Fault.LOST), OK])
    outcome = run.retrier.send(REQUEST, safe=False)
    assert (outcome.action, run.client.asked) == (Action.LATER, 1)


@pytest.mark.parametrize("safe", [True, False])
def test_a_look_makes_no_wait_longer(
    safe: bool,  # noqa: FBT001
) -> None:
    run = Run(replies(429, retry_after="9" * 11))
    outcome = run.retrier.send(REQUEST, again=lambda: REQUEST, safe=safe)
    assert (outcome.action, run.client.asked, run.waits) == (Action.LATER, 1, [])


# --- waits ------------------------------------------------------------------------------------


def test_waits_double_up_to_a_minute_and_eight_tries_are_made() -> None:
    run = Run(replies(503))
    outcome = run.send()
    assert run.seconds == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]
    assert (outcome.action, outcome.tries, outcome.code) == (Action.LATER, 8, "503")


def test_a_wait_is_drawn_from_nothing_to_its_most() -> None:
    drawn: list[tuple[float, float]] = []
    retrier = Retrier(
        Scripted([*replies(503), OK]),
        OPTIONS,
        pause=lambda _: False,
        draw=lambda least, most: drawn.append((least, most)) or 0.5,  # type: ignore[func-returns-value]
    )
    retrier.send(REQUEST)
    assert drawn == [(0.0, 1.0)]


def test_time_ends_before_a_wait_that_would_lead_past_it() -> None:
    options = ServerOptions(base=OPTIONS.base, retry_seconds=10.0)
    run = Run(replies(503), options)
    assert run.send().action is Action.LATER
    assert run.seconds == [1.0, 2.0, 4.0]


def test_waits_are_told_with_what_made_them() -> None:
    run = Run([no_reply(Fault.IDLE), *replies(429), OK])
    run.send()
    assert run.waits == [
        Wait(seconds=1.0, tries=1, code="idle"),
        Wait(seconds=2.0, tries=2, code="429"),
    ]


@pytest.mark.parametrize(("said", "seconds"), [("120", 120.0), ("0", 1.0), ("300", 300.0)])
def test_retry_after_is_obeyed(said: str, seconds: float) -> None:
    run = Run([*replies(429, retry_after=said), OK])
    assert run.send().action is Action.DONE
    assert run.seconds == [seconds]


@pytest.mark.parametrize("said", ["301", "86400", "9" * 300, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_server_that_wants_to_be_left_alone_for_long_is_left(said: str) -> None:
    run = Run(replies(503, retry_after=said))
    outcome = run.send()
    assert (outcome.action, run.client.asked, run.waits) == (Action.LATER, 1, [])
    assert outcome.not_before > 300


@pytest.mark.parametrize(
    "said",
    [
        "-5",
        "nonsense",
        "",
        "1.5",
        "١٢",
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wed, 99 Oct 2015",
        "0x10",
    ],
)
def test_a_retry_after_without_sense_or_in_the_past_asks_for_nothing(said: str) -> None:
    assert read_retry_after(Reply(status=503, headers={"retry-after": said}), 1.7e9) == 0.0


@pytest.mark.parametrize(
    ("date", "seconds"),
    [("Wed, 21 Oct 2015 07:27:00 GMT", 60.0), ("nonsense", 100.0), (None, 100.0)],
)
def test_a_date_is_measured_from_the_servers_own(date: str | None, seconds: float) -> None:
    headers = {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}
    if date is not None:
        headers["date"] = date
    now = 1445412480.0 - 100
    assert read_retry_after(Reply(status=503, headers=headers), now) == seconds


@settings(deadline=None)
@given(st.text())
def test_any_retry_after_is_a_number_not_below_zero(said: str) -> None:
    headers = {"retry-after": said, "date": said}
    assert read_retry_after(Reply(status=503, headers=headers), 1.7e9) >= 0


# --- limits -----------------------------------------------------------------------------------


def test_five_requests_given_up_in_a_row_end_the_run() -> None:
    run = Run(replies(503), ServerOptions(base=OPTIONS.base, retry_tries=1))
    for _ in range(4):
        assert run.send().action is Action.LATER
    with pytest.raises(ServerUnreachableError, match="503") as caught:
        run.send()
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("status", [200, 422])
def test_a_server_that_answers_in_between_is_not_down(status: int) -> None:
    statuses = [503, 503, 503, 503, status, 503, 503, 503, 503, 200]
    run = Run(replies(*statuses), ServerOptions(base=OPTIONS.base, retry_tries=1))
    assert [run.send().code for _ in statuses] == [str(one) for one in statuses]


def test_a_server_that_finds_everything_and_takes_nothing_is_down() -> None:
    search, write = Request(method="POST", path="Patient/_search"), Request(method="POST")
    retrier = Retrier(
        Answering({search.path: OK, write.path: Reply(status=503)}),
        ServerOptions(base=OPTIONS.base, retry_tries=1),
    )
    for _ in range(4):
        assert retrier.send(search).action is Action.DONE
        assert retrier.send(write).action is Action.LATER
    with pytest.raises(ServerUnreachableError, match="503"):
        retrier.send(write)


@pytest.mark.parametrize("sent", [False, True])
def test_an_outcome_remembers_that_something_may_have_been_done(
    sent: bool,  # noqa: FBT001
) -> None:
    run = Run([no_reply(Fault.IDLE, sent=sent), no_reply(Fault.CONNECT, sent=False)])
    assert run.send().sent is sent


def test_an_abort_ends_a_wait() -> None:
    run = Run([no_reply(Fault.LOST)], aborts_after=2)
    with pytest.raises(NoReplyError) as caught:
        run.send()
    assert (caught.value.fault, caught.value.sent) == (Fault.ABORTED, True)
    assert run.client.asked == 3


def test_an_abort_ends_the_waits_of_a_real_clock() -> None:
    retrier = Retrier(Scripted(replies(503, retry_after="200")), OPTIONS)
    retrier = Retrier(
        Scripted(replies(503, retry_after="200")), OPTIONS, on_wait=lambda _: retrier.abort()
    )
    with pytest.raises(NoReplyError):
        retrier.send(REQUEST)


def test_stamina_tells_nobody() -> None:
    assert get_on_retry_hooks() == ()


def test_a_real_server_is_asked_until_it_answers() -> None:
    with (
        Wire([close, answer(503, Retry_After="1"), answer(200)]) as wire,
        Client(wire.options()) as client,
    ):
        outcome = Retrier(client, OPTIONS, pause=lambda _: False).send(REQUEST)
    assert (outcome.action, outcome.tries, len(wire.asked)) == (Action.DONE, 3, 3)


# --- what may not be done twice ---------------------------------------------------------------


@pytest.mark.parametrize(
    "said", [*replies(408, 425, 429, 503), no_reply(Fault.CONNECT, sent=False)]
)
def test_what_may_be_done_only_once_is_sent_again_after_what_has_done_nothing(
    said: Reply | NoReplyError,
) -> None:
    run, undone = Run([said, OK]), []
    outcome = run.retrier.send(REQUEST, undone=lambda: undone.append(said))
    assert (outcome.action, undone) == (Action.DONE, [said])


@pytest.mark.parametrize(
    "said", [*replies(500, 502, 504, 520), no_reply(Fault.LOST), no_reply(Fault.NOT_HTTP)]
)
def test_what_may_be_done_only_once_is_not_sent_again_after_what_may_have_done_it(
    said: Reply | NoReplyError,
) -> None:
    run, undone = Run([said, OK]), []
    outcome = run.retrier.send(REQUEST, again=lambda: REQUEST, undone=lambda: undone.append(said))
    assert (outcome.may_be_done, undone, run.client.asked) == (True, [], 1)
    assert run.waits == []


@pytest.mark.parametrize(
    "said", [*replies(403), CredentialsError("no"), no_reply(Fault.ABORTED, sent=False)]
)
def test_what_ends_a_run_before_anything_was_done_is_told(said: Reply | Exception) -> None:
    run, undone = Run([said]), []
    with pytest.raises(Dicom2FhirError):
        run.retrier.send(REQUEST, undone=lambda: undone.append(said))
    assert undone == [said]
