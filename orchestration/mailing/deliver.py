"""From the outbox to the mail server: claim, write the mail, commit `sending`, send, settle."""

from collections.abc import Callable
from dataclasses import replace
from email.headerregistry import Address
from email.message import EmailMessage

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.errors import DynamicsError, Unavailable
from orchestration.mailing import outbox
from orchestration.mailing.connection import one_line
from orchestration.mailing.delivery import Delivery
from orchestration.mailing.message import new_message_id
from orchestration.mailing.transport import Outcome, Result, Transport

BuildMessage = Callable[[Delivery, int | None], EmailMessage]
"""Writes the mail of one delivery under its `message_id`, no larger than so many bytes (None: no limit)."""


def send_pending(
    connection: Connection[TupleRow],
    transport: Transport,
    build_message: BuildMessage,
    *,
    sender: Address,
    occurrence_id: int | None = None,
) -> list[Delivery]:
    """Sends every mail that is due (of one occurrence, if given), and gives the rows of what it settled.

    Those are sent, failed, unknown, or queued again for later; mails that dead workers left unknown are
    among them, whatever their occurrence. A mail that cannot be written fails and stops no other. Raises
    Unavailable when the mail server, or what the mail is written from, does not answer: mails wait then.
    """
    settled = outbox.expire(connection)
    while claimed := outbox.claim(connection, occurrence_id=occurrence_id):
        settled.extend(_deliver(connection, transport, build_message, sender, claimed))
    return settled


def _deliver(
    connection: Connection[TupleRow],
    transport: Transport,
    build_message: BuildMessage,
    sender: Address,
    claimed: Delivery,
) -> list[Delivery]:
    """The row as settled, or nothing when another worker has it."""
    message_id = claimed.message_id or new_message_id(sender)
    try:
        message = build_message(replace(claimed, message_id=message_id), transport.max_size)
    except Unavailable as error:
        outbox.settle(connection, claimed, Outcome(Result.TRY_LATER, one_line(str(error))))
        raise Unavailable(
            f"{error}; no mail is lost: the snapshot is kept and the mail waits for another attempt, "
            f"or `dynamics deliveries resend {claimed.delivery_id}`"
        ) from error
    except DynamicsError as error:
        return [outbox.settle(connection, claimed, Outcome(Result.REFUSED, one_line(str(error))))]
    going = outbox.mark_sending(connection, claimed, message_id)
    if going is None:
        return []
    outcome = transport.send(message, sender.addr_spec, going.recipient)
    return [outbox.settle(connection, going, outcome)]
