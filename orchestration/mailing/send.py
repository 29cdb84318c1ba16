"""Sending: claim a mail from the outbox, build it, commit `sending`, send it, settle it."""

from collections.abc import Callable
from dataclasses import replace
from email.headerregistry import Address
from email.message import EmailMessage

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.errors import DynamicsError, Unavailable
from orchestration.mailing import outbox
from orchestration.mailing.connection import to_one_line
from orchestration.mailing.mail_record import MailRecord
from orchestration.mailing.message import new_message_id
from orchestration.mailing.terms import OccurrenceId
from orchestration.mailing.transport import Outcome, Result, Transport

BuildMessage = Callable[[MailRecord, int | None], EmailMessage]
"""Builds the mail of a record with its `message_id`.

The second argument is the largest size in bytes, or None without a limit.
"""


def send_pending(
    connection: Connection[TupleRow],
    transport: Transport,
    build_message: BuildMessage,
    *,
    sender: Address,
    occurrence_id: OccurrenceId | None = None,
) -> list[MailRecord]:
    """Send every mail that is due, and return the records of the mails that were settled.

    With `occurrence_id`, send only mails of that occurrence. The result also has the mails of dead
    workers, of any occurrence, that became `unknown` or `failed`. A mail that cannot be built fails
    and does not stop the others. Raise Unavailable if the mail server or the source of the message
    does not answer: the mails wait then.
    """
    settled = outbox.expire_leases(connection)
    while claimed := outbox.claim(connection, occurrence_id=occurrence_id):
        settled.extend(_send_claimed(connection, transport, build_message, sender, claimed))
    return settled


def _send_claimed(
    connection: Connection[TupleRow],
    transport: Transport,
    build_message: BuildMessage,
    sender: Address,
    claimed: MailRecord,
) -> list[MailRecord]:
    """Send one mail. Return its settled record, or an empty list if another worker has it."""
    message_id = claimed.message_id or new_message_id(sender)
    try:
        message = build_message(replace(claimed, message_id=message_id), transport.max_size)
    except Unavailable as error:
        outbox.settle(connection, claimed, Outcome(Result.TRY_LATER, to_one_line(str(error))))
        raise Unavailable(
            f"{error}; no mail is lost: the snapshot is kept and the mail waits for another attempt, "
            f"or `dynamics deliveries resend {claimed.delivery_id}`"
        ) from error
    except DynamicsError as error:
        return [outbox.settle(connection, claimed, Outcome(Result.REFUSED, to_one_line(str(error))))]
    sending = outbox.mark_sending(connection, claimed, message_id)
    if sending is None:
        return []
    outcome = transport.send(message, sender.addr_spec, sending.recipient)
    return [outbox.settle(connection, sending, outcome)]
