"""Failure mails: what has failed for good is told once to `on_failure`, with the command that repairs it.

A failure is written down first and told then, so that one that cannot be told yet is told later. Only while the
database itself is away there is nowhere to write: `tell_directly` mails without it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from orchestration.connections import smtp_url
from orchestration.deliveries.post import sender_of_mails
from orchestration.mailing.message import compose, new_message_id
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Result, Transport

GIVE_UP = timedelta(days=2)
"""A failure mail that nobody took for so long tells of old news."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that failed for good. `failure` names it, and nothing else, so that it is told once."""

    failure: str
    addresses: tuple[str, ...]
    subject: str
    body: str
    saved_query: str | None = None
    scheduled_at: datetime | None = None
    """With the saved query: the moment that is over by this failure, and is not made again by itself."""


def record(connection: Connection[TupleRow], failure: Failure) -> None:
    """Writes a failure down, unless it is there. The caller commits."""
    connection.execute(
        """
        insert into dynamics.failures (failure, saved_query, scheduled_at, addresses, subject, body, told_at)
        values (%(failure)s, %(query)s, %(at)s, %(addresses)s, %(subject)s, %(body)s,
            case when cardinality(%(addresses)s::text[]) = 0 then now() end)
        on conflict (failure) do nothing
        """,
        {
            "failure": failure.failure,
            "query": failure.saved_query,
            "at": failure.scheduled_at,
            "addresses": list(failure.addresses),
            "subject": failure.subject,
            "body": failure.body,
        },
    )


def tell(connection: Connection[TupleRow]) -> int:
    """Mails every failure that was not told yet, and returns how many are told now; the others wait. Commits."""
    told = 0
    with Transport(SmtpUrl.parse(smtp_url())) as transport:
        for (name,) in connection.execute(
            "select failure from dynamics.failures where told_at is null"
        ).fetchall():
            with connection.transaction(), connection.cursor(row_factory=class_row(_Untold)) as cursor:
                row = cursor.execute(
                    "select addresses, told, subject, body, happened_at from dynamics.failures"
                    " where failure = %s and told_at is null for update skip locked",
                    [name],
                ).fetchone()
                if row is None:
                    continue
                left = [address for address in row.addresses if address not in row.told]
                done = row.told + _mailed(transport, left, row.subject, row.body)
                over = len(done) == len(row.addresses) or row.happened_at < datetime.now(UTC) - GIVE_UP
                cursor.execute(
                    "update dynamics.failures set told = %s, told_at = case when %s then now() end where failure = %s",
                    [done, over, name],
                )
                told += over
            connection.commit()
    return told


def tell_directly(failures: Iterable[Failure]) -> int:
    """Mails failures without writing anything down, and returns how many of the mails the server took."""
    with Transport(SmtpUrl.parse(smtp_url())) as transport:
        return sum(len(_mailed(transport, each.addresses, each.subject, each.body)) for each in failures)


@dataclass(frozen=True, slots=True)
class _Untold:
    addresses: list[str]
    told: list[str]
    subject: str
    body: str
    happened_at: datetime


def _mailed(transport: Transport, addresses: Sequence[str], subject: str, body: str) -> list[str]:
    """Those of the addresses that need no further attempt: the server took their mail, or never will."""
    sender = sender_of_mails()
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
