"""A client that repeats what may succeed later, for whoever needs a reply or an end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from dicom2fhir.deliver.server.client import Client
from dicom2fhir.deliver.server.exchange import NoReplyError, RedirectedError, Reply, Request
from dicom2fhir.deliver.server.judging import Action, judge_reply
from dicom2fhir.deliver.server.retrying import Retrier, Wait

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from dicom2fhir.deliver.server.client import Download
    from dicom2fhir.options import ServerOptions


class SteadyClient:
    """Speaks to one server, and asks again as the table of replies says; threads may share it.

    Errors of every request: those of Client and of Retrier
    """

    def __init__(
        self, options: ServerOptions, on_wait: Callable[[Wait], None] = lambda _: None
    ) -> None:
        self._client = Client(options)
        self.base = self._client.base
        self._retrier = Retrier(self._client, options, on_wait=on_wait)
        self._repeated = Attempts()
        self._repeater = Retrier(self._repeated, options, on_wait=on_wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def abort(self) -> None:
        """End the requests and waits of all threads."""
        self._retrier.abort()
        self._repeater.abort()

    def send(self, request: Request) -> Reply:
        """Send a request and return its last reply, whatever its status."""
        outcome = self._retrier.send(request)
        return _reply_or_error(outcome.reply, outcome.error)

    def open_stream(self, request: Request) -> AbstractContextManager[Download]:
        """Send a request once and give its reply while it comes."""
        return self._client.open_stream(request)

    def repeat(self, attempt: Callable[[], Reply]) -> Reply:
        """Make an attempt until it has a final reply, and return that.

        Unlike `send`, it returns a 403: of many files some may be forbidden.
        """
        self._repeated.attempt = attempt
        outcome = self._repeater.send(Request(method="GET"), _judge_attempt)
        return _reply_or_error(outcome.reply, outcome.error)


def _judge_attempt(reply: Reply) -> Action:
    action = judge_reply(reply)
    return Action.DEAD if action is Action.STOP else action


def _reply_or_error(reply: Reply | None, error: NoReplyError | RedirectedError | None) -> Reply:
    if reply is not None:
        return reply
    if error is not None:
        raise error
    raise AssertionError("a request ends with a reply or an error")


class Attempts(threading.local):
    """Makes attempts where a Retrier sends requests, each thread its own."""

    attempt: Callable[[], Reply]

    def send(self, _request: Request) -> Reply:
        """Make an attempt."""
        return self.attempt()

    def abort(self) -> None:
        """Do nothing: an attempt ends with its client."""
