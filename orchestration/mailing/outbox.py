"""The outbox: a row in `dynamics.deliveries` for each recipient of an occurrence, from queued to its end.

    queued -> sending -> sent | failed | unknown, and back to queued to try again

A worker claims one row at a time under a lease. `sending` is committed before the body of the mail goes
out, so a worker that dies leaves the truth behind: a row that was still `queued` is claimed again once its
lease has expired; one that was `sending` becomes `unknown`, and only somebody who knows what they do sends
it again. All clocks here are the database's. Except for `queue`, each function commits what it did.
"""

import random
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.sql import SQL, Composed

from orchestration.errors import RequestError
from orchestration.mailing.connection import one_line
from orchestration.mailing.delivery import COLUMNS, Delivery, Header, delivery
from orchestration.mailing.transport import Outcome, Result

MAX_ATTEMPTS = 20
"""With the waits below the last attempt comes two days after the first: a weekend without a mail server."""

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=4)

LEASE = timedelta(minutes=15)
"""Longer than a mail takes, whose reply alone may need ten minutes. A worker slower than this sends no second
copy either: its mail shows as unknown until it settles it."""

_ASKED = SQL(
    "with asked as (select distinct on (lower(recipient)) recipient, header, place"
    " from unnest(%(recipients)s::text[], %(headers)s::text[]) with ordinality as all_of_them (recipient, header, place)"
    " order by lower(recipient), place) "
)
"""The recipients that are given, each once and with its first header, whatever its case."""


def queue(
    connection: Connection[TupleRow],
    occurrence_id: int,
    recipients: Sequence[tuple[str, Header]],
    *,
    reopen: bool = False,
) -> int:
    """Queues a mail for each recipient that the occurrence has none for yet, and returns how many are new.

    An address that comes twice, in whatever case, is one mail, with its first header. Mails of the occurrence
    that wait for another attempt are due at once: somebody asks for them now. `reopen` queues those as well that
    were closed before any attempt. The caller commits, so that an occurrence and its mails exist together or not
    at all.
    """
    added = connection.execute(
        _ASKED
        + SQL(
            "insert into dynamics.deliveries as d (occurrence_id, recipient, header, state)"
            " select %(id)s, recipient, header, 'queued' from asked order by place"
            " on conflict (occurrence_id, lower(recipient)) do update"
            " set state = 'queued', reply = null, finished_at = null"
            " where %(reopen)s and d.state in ('skipped', 'failed') and d.attempts = 0"
        ),
        {"id": occurrence_id, "reopen": reopen} | _arrays(recipients),
    )
    connection.execute(
        "update dynamics.deliveries set not_before = now()"
        " where occurrence_id = %s and state = 'queued' and not_before > now()",
        [occurrence_id],
    )
    return added.rowcount


def close(
    connection: Connection[TupleRow],
    occurrence_id: int,
    recipients: Sequence[tuple[str, Header]],
    state: Literal["skipped", "failed"],
    reason: str,
) -> None:
    """Records that these get no mail of the occurrence and why, unless one was ever queued for them.

    Said again, nothing changes, its time neither: it ended once. The caller commits.
    """
    connection.execute(
        _ASKED
        + SQL(
            "insert into dynamics.deliveries as d (occurrence_id, recipient, header, state, reply, finished_at)"
            " select %(id)s, recipient, header, %(state)s, %(reason)s, now() from asked order by place"
            " on conflict (occurrence_id, lower(recipient)) do update"
            " set state = excluded.state, reply = excluded.reply, finished_at = now()"
            " where d.state in ('skipped', 'failed') and d.attempts = 0"
            " and (d.state, d.reply) is distinct from (excluded.state, excluded.reply)"
        ),
        {"id": occurrence_id, "state": state, "reason": one_line(reason)} | _arrays(recipients),
    )


def _arrays(recipients: Sequence[tuple[str, Header]]) -> dict[str, list[str]]:
    return {
        "recipients": [address for address, _ in recipients],
        "headers": [header for _, header in recipients],
    }


def claim(
    connection: Connection[TupleRow], *, occurrence_id: int | None = None, lease: timedelta = LEASE
) -> Delivery | None:
    """The longest due mail (of one occurrence, if given), leased to the caller; None when none is due.

    Each claim is an attempt, so that a mail that kills its workers ends as well.
    """
    query = SQL(
        "with due as materialized ("
        " select delivery_id from dynamics.deliveries"
        " where state = 'queued' and not_before <= now() and (leased_until is null or leased_until < now())"
        " and attempts < %(max)s and (%(occurrence_id)s::bigint is null or occurrence_id = %(occurrence_id)s)"
        " order by not_before, delivery_id limit 1 for update skip locked) "
        "update dynamics.deliveries d"
        " set lease = %(token)s, leased_until = now() + %(lease)s, attempts = attempts + 1"
        " from due, dynamics.occurrences o"
        " where d.delivery_id = due.delivery_id and o.occurrence_id = d.occurrence_id returning {}"
    )
    given = {
        "occurrence_id": occurrence_id,
        "lease": lease,
        "token": secrets.token_hex(8),
        "max": MAX_ATTEMPTS,
    }
    return _changed(connection, query.format(COLUMNS), given)


def mark_sending(
    connection: Connection[TupleRow], claimed: Delivery, message_id: str, *, lease: timedelta = LEASE
) -> Delivery | None:
    """Commits that the mail is about to go out under `message_id`, and renews the lease.

    None when the lease was lost to another worker: then the mail must not be sent.
    """
    query = SQL(
        "update dynamics.deliveries d set state = 'sending', message_id = %(message_id)s, sending_at = now(),"
        " leased_until = now() + %(lease)s from dynamics.occurrences o"
        " where d.delivery_id = %(id)s and d.lease = %(token)s and d.state = 'queued'"
        " and o.occurrence_id = d.occurrence_id returning {}"
    )
    given = {"id": claimed.delivery_id, "token": claimed.lease, "message_id": message_id, "lease": lease}
    return _changed(connection, query.format(COLUMNS), given)


def settle(connection: Connection[TupleRow], tried: Delivery, outcome: Outcome) -> Delivery:
    """Commits what became of a claimed mail, and gives its row as it is then.

    A mail to try later waits, longer each time, until MAX_ATTEMPTS. The result of a worker that was only slow
    still counts after its row became `unknown`; once somebody had the mail sent again it does not.
    """
    state = {Result.SENT: "sent", Result.REFUSED: "failed", Result.UNKNOWN: "unknown"}.get(outcome.result)
    reply = outcome.reply
    if state is None and tried.attempts >= MAX_ATTEMPTS:
        state, reply = "failed", f"gave up after {tried.attempts} attempts: {reply}"
    query = SQL(
        "update dynamics.deliveries d set state = %(state)s, reply = %(reply)s, lease = null, leased_until = null,"
        " not_before = now() + %(wait)s, finished_at = case when %(state)s = 'queued' then null else now() end"
        " from dynamics.occurrences o where d.delivery_id = %(id)s and d.lease = %(token)s"
        " and d.state in ('queued', 'sending', 'unknown') and o.occurrence_id = d.occurrence_id returning {}"
    )
    given = {
        "id": tried.delivery_id,
        "token": tried.lease,
        "state": state or "queued",
        "reply": reply,
        "wait": backoff(tried.attempts) if state is None else timedelta(),
    }
    return _changed(connection, query.format(COLUMNS), given) or delivery(connection, tried.delivery_id)


def backoff(attempts: int) -> timedelta:
    """How long a mail waits after so many attempts: doubling from a minute to four hours, a quarter more or less."""
    return min(FIRST_WAIT * 2.0 ** (attempts - 1), LONGEST_WAIT) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


def expire(connection: Connection[TupleRow]) -> list[Delivery]:
    """Ends what dead workers left that may not be tried again, and gives those rows: each to one caller only.

    What was `sending` is `unknown` now, and what has killed its worker at every attempt has `failed`.
    """
    query = SQL(
        "update dynamics.deliveries d set leased_until = null, finished_at = now(),"
        " state = case d.state when 'sending' then 'unknown' else 'failed' end,"
        " reply = case d.state when 'sending' then 'the worker stopped while it sent this mail'"
        " else 'the worker stopped at each attempt, before the mail was ready' end"
        " from dynamics.occurrences o where d.leased_until < now()"
        " and (d.state = 'sending' or (d.state = 'queued' and d.attempts >= %(max)s))"
        " and o.occurrence_id = d.occurrence_id returning {}"
    )
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        rows = cursor.execute(query.format(COLUMNS), {"max": MAX_ATTEMPTS}).fetchall()
    connection.commit()
    return rows


def resend(connection: Connection[TupleRow], delivery_id: int, *, force: bool = False) -> Delivery:
    """Queues a mail once more, due at once, because somebody asks for it, and gives its row.

    Raises RequestError when there is no such delivery, when it is being sent at this moment, and when it was
    sent, unless `force`: the second copy then has a Message-ID of its own, for mail programs to show it too.
    Any other mail keeps its Message-ID, by which they may recognise a copy they have.
    """
    query = SQL(
        "update dynamics.deliveries d set state = 'queued', attempts = 0, not_before = now(), lease = null,"
        " leased_until = null, finished_at = null, message_id = case d.state when 'sent' then null else message_id end"
        " from dynamics.occurrences o where d.delivery_id = %(id)s and (d.state <> 'sent' or %(force)s)"
        " and (d.leased_until is null or d.leased_until < now())"
        " and o.occurrence_id = d.occurrence_id returning {}"
    )
    row = _changed(connection, query.format(COLUMNS), {"id": delivery_id, "force": force})
    if row:
        return row
    there = delivery(connection, delivery_id)
    if there.state == "sent":
        raise RequestError(
            f"delivery {delivery_id} was sent at {there.finished_at:%Y-%m-%d %H:%M %Z}: --force sends a second copy"
        )
    raise RequestError(
        f"delivery {delivery_id} is being sent at this moment: see `dynamics deliveries show {delivery_id}`"
    )


def seen(connection: Connection[TupleRow], rows: Sequence[Delivery]) -> None:
    """Notes that somebody was shown how these ended, and need not be told of it by mail. Commits."""
    news = [row.delivery_id for row in rows if row.state != "sent"]
    if news:
        connection.execute(
            "update dynamics.deliveries set told_of = finished_at where delivery_id = any(%s)", [news]
        )
        connection.commit()


def _changed(
    connection: Connection[TupleRow], query: Composed, given: Mapping[str, object]
) -> Delivery | None:
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        row = cursor.execute(query, given).fetchone()
    connection.commit()
    return row
