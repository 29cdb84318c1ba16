"""The failure log: each permanent failure is recorded, and mailed once to `on_failure`.

A failure is recorded before it is mailed, so a failure mail that cannot be sent now is sent later.
If the database does not answer, `send_without_recording` sends the mails without the log.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from orchestration.connections import smtp_url
from orchestration.deliveries.mail_queue import configured_sender
from orchestration.mailing.message import compose, new_message_id
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Result, Transport

GIVE_UP_AFTER = timedelta(days=2)
"""A failure mail that no server accepts for this long is no longer sent."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One permanent failure."""

    key: str
    """Identifies the failure, so that it is recorded and mailed once."""
    addresses: tuple[str, ...]
    subject: str
    body: str
    saved_query: str | None = None
    scheduled_at: datetime | None = None
    """The scheduled moment that failed. The scheduler does not try this moment again."""


def record_failure(connection: Connection[TupleRow], failure: Failure) -> None:
    """Record a failure if it is not recorded yet. The caller commits."""
    connection.execute(
        """
        insert into dynamics.failures (failure, saved_query, scheduled_at, addresses, subject, body, notified_at)
        values (%(key)s, %(query)s, %(at)s, %(addresses)s, %(subject)s, %(body)s,
            case when cardinality(%(addresses)s::text[]) = 0 then now() end)
        on conflict (failure) do nothing
        """,
        {
            "key": failure.key,
            "query": failure.saved_query,
            "at": failure.scheduled_at,
            "addresses": list(failure.addresses),
            "subject": failure.subject,
            "body": failure.body,
        },
    )


def send_failure_mails(connection: Connection[TupleRow]) -> int:
    """Mail every failure that was not mailed yet, and return how many are finished. Commits.

    A failure is finished when all its addresses are notified, or after GIVE_UP_AFTER.
    """
    finished = 0
    with Transport(SmtpUrl.parse(smtp_url())) as transport:
        for (key,) in connection.execute(
            "select failure from dynamics.failures where notified_at is null"
        ).fetchall():
            with (
                connection.transaction(),
                connection.cursor(row_factory=class_row(_PendingFailure)) as cursor,
            ):
                row = cursor.execute(
                    "select addresses, notified, subject, body, happened_at from dynamics.failures"
                    " where failure = %s and notified_at is null for update skip locked",
                    [key],
                ).fetchone()
                if row is None:
                    continue
                remaining = [address for address in row.addresses if address not in row.notified]
                notified = row.notified + _send_to_each(transport, remaining, row.subject, row.body)
                is_finished = (
                    len(notified) == len(row.addresses) or row.happened_at < datetime.now(UTC) - GIVE_UP_AFTER
                )
                cursor.execute(
                    "update dynamics.failures set notified = %s, notified_at = case when %s then now() end"
                    " where failure = %s",
                    [notified, is_finished, key],
                )
                finished += is_finished
            connection.commit()
    return finished


def send_without_recording(failures: Iterable[Failure]) -> int:
    """Mail failures without recording them, and return how many mails need no further attempt."""
    with Transport(SmtpUrl.parse(smtp_url())) as transport:
        return sum(
            len(_send_to_each(transport, failure.addresses, failure.subject, failure.body))
            for failure in failures
        )


@dataclass(frozen=True, slots=True)
class _PendingFailure:
    """A row of `dynamics.failures` that has addresses to notify."""

    addresses: list[str]
    notified: list[str]
    subject: str
    body: str
    happened_at: datetime


def _send_to_each(transport: Transport, addresses: Sequence[str], subject: str, body: str) -> list[str]:
    """Mail each address. Return the addresses whose mail was accepted or permanently refused."""
    sender = configured_sender()
    done = []
    for address in addresses:
        message = compose(
            sender=sender,
            subject=subject,
            to=[address],
            text=body,
            html=f"<pre>{escape(body)}</pre>",
            message_id=new_message_id(sender),
            date=datetime.now(UTC),
        )
        if transport.send(message, sender.addr_spec, address).result is not Result.TRY_LATER:
            done.append(address)
    return done
