"""What commands say of a server, and of a delivery to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.report.people import delivery_lines, wait_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom2fhir.cli.session import Session
    from dicom2fhir.deliver.server.retrying import Wait
    from dicom2fhir.report.summary import Delivery, Outcome


def say_waits(session: Session) -> Callable[[Wait], None]:
    """Return what tells a person of each wait for a server."""
    return lambda wait: session.terminal.say(wait_line(wait))


def report_delivery(session: Session, outcome: Outcome, line: str, next_step: str) -> int:
    """Say what went to the server, why the run ended where it could not go on, and how to go on."""
    delivery = outcome.delivery
    for told in delivery_lines(delivery) if delivery is not None else ():
        session.terminal.say(told)
    code = session.report(outcome, line, next_step)
    if delivery is not None and delivery.stopped:
        session.terminal.error(delivery.reason, delivery.hint)
    return code


def is_left(delivery: Delivery | None) -> bool:
    """Tell whether another run has something to do."""
    if delivery is None:
        return False
    return bool(delivery.stopped or delivery.left or delivery.studies_done < delivery.studies)
