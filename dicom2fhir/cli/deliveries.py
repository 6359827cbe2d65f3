"""What commands say of a server, and of a delivery to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.report.people import delivery_lines, wait_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom2fhir.cli.session import Session
    from dicom2fhir.deliver.server.retrying import Wait
    from dicom2fhir.report.summary import Outcome


DEAD = {"push.refused", "push.too-large", "push.ambiguous", "push.dead"}
"""Problems of what an outbox remembers as refused, and sends again only when asked to."""


def say_waits(session: Session) -> Callable[[Wait], None]:
    """Return what tells a person of each wait for a server."""
    return lambda wait: session.terminal.say(wait_line(wait))


def say_how_to_go_on(session: Session, state: str | None) -> None:
    """Have whoever interrupts a delivery told how to go on."""
    again = "What was delivered stays. Run the same command again: "
    session.say_if_interrupted(
        again + ("it sends the rest." if state else "with --state DIR it would send only the rest.")
    )


def report_delivery(session: Session, outcome: Outcome, line: str, next_step: str) -> int:
    """Say what went to the server, why the run ended where it could not go on, and how to go on."""
    delivery = outcome.delivery
    for told in delivery_lines(delivery) if delivery is not None else ():
        session.terminal.say(told)
    code = session.report(outcome, line, next_step)
    if delivery is not None and delivery.stopped:
        session.terminal.error(delivery.reason, delivery.hint)
    return code


def next_delivery(outcome: Outcome, state: str | None) -> str:
    """Return how to go on, "" where another run has nothing to do."""
    delivery = outcome.delivery
    if delivery is None:
        return ""
    if not (delivery.stopped or delivery.left or delivery.studies_done < delivery.studies):
        return ""
    again = "Next: the same command again"
    if any(row.code == "push.unknown" for row in outcome.problems):
        asked = ", with --retry-dead" if state is not None else ""
        return f"{again}{asked}, once it is known that the server has nothing of it."
    if state is None:
        return f"{again}, with --state DIR, which remembers what was delivered."
    if any(row.code in DEAD for row in outcome.problems):
        return f"{again}, with --retry-dead once it is corrected."
    return f"{again}."
