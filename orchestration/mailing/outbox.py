"""The outbox: one row in `dynamics.deliveries` for each recipient of an occurrence.

    queued -> sending -> sent | failed | unknown
    sending -> queued, to try again later

A worker claims one row at a time and holds it under a lease. It commits `sending` before it
starts to send the mail, so the row stays correct if the worker dies. A row that was still `queued`
is claimed again when its lease has expired. A row that was `sending` becomes `unknown` and is sent
again only by `resend`. All times come from the database. `queue` and `record_without_sending` do
not commit. All other functions commit their change.
"""

import random
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL

from orchestration.errors import RequestError
from orchestration.mailing.connection import to_one_line
from orchestration.mailing.mail_record import MailRecord, load_mail_record, update_mail_records
from orchestration.mailing.terms import Header, MailState, OccurrenceId
from orchestration.mailing.transport import Outcome, Result

MAX_ATTEMPTS = 20
"""The last attempt is two days after the first, so a mail server can be down over a weekend."""

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=4)

LEASE = timedelta(minutes=15)
"""Longer than one mail takes: the reply alone can take ten minutes.

If a worker takes longer, its mail becomes `unknown`, and nobody sends it again. The worker can
still record its result.
"""

_UNIQUE_RECIPIENTS = SQL(
    "with recipients as (select distinct on (lower(recipient)) recipient, header, place"
    " from unnest(%(recipients)s::text[], %(headers)s::text[]) with ordinality as listed (recipient, header, place)"
    " order by lower(recipient), place) "
)
"""Each given recipient once, with its first header. Upper and lower case are the same address."""

_FINAL_STATES: Mapping[Result, MailState] = {
    Result.SENT: "sent",
    Result.REFUSED: "failed",
    Result.UNKNOWN: "unknown",
}


def queue(
    connection: Connection[TupleRow],
    occurrence_id: OccurrenceId,
    recipients: Sequence[tuple[str, Header]],
    *,
    reopen: bool = False,
) -> int:
    """Queue a mail for each recipient without a mail of this occurrence. Return how many.

    An address that is given twice, in upper or lower case, gets one mail with its first header.
    Mails of the occurrence that wait for another attempt become due now. `reopen` also queues mails
    that were skipped or failed before any attempt. The caller commits, so that the occurrence and
    its mails are saved together.
    """
    added = connection.execute(
        _UNIQUE_RECIPIENTS
        + SQL(
            "insert into dynamics.deliveries as d (occurrence_id, recipient, header, state)"
            " select %(id)s, recipient, header, 'queued' from recipients order by place"
            " on conflict (occurrence_id, lower(recipient)) do update"
            " set state = 'queued', reply = null, finished_at = null"
            " where %(reopen)s and d.state in ('skipped', 'failed') and d.attempts = 0"
        ),
        {"id": occurrence_id, "reopen": reopen} | _to_arrays(recipients),
    )
    connection.execute(
        "update dynamics.deliveries set not_before = now()"
        " where occurrence_id = %s and state = 'queued' and not_before > now()",
        [occurrence_id],
    )
    return added.rowcount


def record_without_sending(
    connection: Connection[TupleRow],
    occurrence_id: OccurrenceId,
    recipients: Sequence[tuple[str, Header]],
    state: Literal["skipped", "failed"],
    reason: str,
) -> None:
    """Record that these recipients get no mail of the occurrence, and why.

    A recipient that already has a queued or sent mail keeps it. The same call again changes
    nothing, not even the time. The caller commits.
    """
    connection.execute(
        _UNIQUE_RECIPIENTS
        + SQL(
            "insert into dynamics.deliveries as d (occurrence_id, recipient, header, state, reply, finished_at)"
            " select %(id)s, recipient, header, %(state)s, %(reason)s, now() from recipients order by place"
            " on conflict (occurrence_id, lower(recipient)) do update"
            " set state = excluded.state, reply = excluded.reply, finished_at = now()"
            " where d.state in ('skipped', 'failed') and d.attempts = 0"
            " and (d.state, d.reply) is distinct from (excluded.state, excluded.reply)"
        ),
        {"id": occurrence_id, "state": state, "reason": to_one_line(reason)} | _to_arrays(recipients),
    )


def _to_arrays(recipients: Sequence[tuple[str, Header]]) -> dict[str, list[str]]:
    return {
        "recipients": [address for address, _ in recipients],
        "headers": [header for _, header in recipients],
    }


def claim(
    connection: Connection[TupleRow],
    *,
    occurrence_id: OccurrenceId | None = None,
    lease: timedelta = LEASE,
) -> MailRecord | None:
    """Lease the mail that is due for the longest time, or return None if no mail is due.

    With `occurrence_id`, claim only mails of that occurrence. Each claim counts as an attempt, so a
    mail that crashes every worker also reaches MAX_ATTEMPTS.
    """
    return _update_one(
        connection,
        "lease = %(token)s, leased_until = now() + %(lease)s, attempts = attempts + 1",
        "d.delivery_id = (select delivery_id from due)",
        {
            "occurrence_id": occurrence_id,
            "lease": lease,
            "token": secrets.token_hex(8),
            "max": MAX_ATTEMPTS,
        },
        with_clause="with due as materialized ("
        " select delivery_id from dynamics.deliveries"
        " where state = 'queued' and not_before <= now() and (leased_until is null or leased_until < now())"
        " and attempts < %(max)s and (%(occurrence_id)s::bigint is null or occurrence_id = %(occurrence_id)s)"
        " order by not_before, delivery_id limit 1 for update skip locked) ",
    )


def mark_sending(
    connection: Connection[TupleRow], claimed: MailRecord, message_id: str, *, lease: timedelta = LEASE
) -> MailRecord | None:
    """Commit that the mail is about to be sent with this Message-ID, and renew the lease.

    Return None if another worker has the lease: the mail must not be sent then.
    """
    return _update_one(
        connection,
        "state = 'sending', message_id = %(message_id)s, sending_at = now(), leased_until = now() + %(lease)s",
        "d.delivery_id = %(id)s and d.lease = %(token)s and d.state = 'queued'",
        {"id": claimed.delivery_id, "token": claimed.lease, "message_id": message_id, "lease": lease},
    )


def settle(connection: Connection[TupleRow], claimed: MailRecord, outcome: Outcome) -> MailRecord:
    """Commit the outcome of a claimed mail, and return its record.

    A mail that must be tried later waits, longer each time, until MAX_ATTEMPTS. A slow worker may
    replace `unknown` by its outcome. If a person has resent the mail, the outcome is ignored.
    """
    state = _FINAL_STATES.get(outcome.result)
    reply = outcome.reply
    if state is None and claimed.attempts >= MAX_ATTEMPTS:
        state, reply = "failed", f"gave up after {claimed.attempts} attempts: {reply}"
    settled = _update_one(
        connection,
        "state = %(state)s, reply = %(reply)s, lease = null, leased_until = null,"
        " not_before = now() + %(wait)s, finished_at = case when %(state)s = 'queued' then null else now() end",
        "d.delivery_id = %(id)s and d.lease = %(token)s and d.state in ('queued', 'sending', 'unknown')",
        {
            "id": claimed.delivery_id,
            "token": claimed.lease,
            "state": state or "queued",
            "reply": reply,
            "wait": retry_delay(claimed.attempts) if state is None else timedelta(),
        },
    )
    return settled or load_mail_record(connection, claimed.delivery_id)


def retry_delay(attempts: int) -> timedelta:
    """Return how long a mail waits after that many attempts.

    The delay doubles from one minute to four hours, plus or minus a random quarter.
    """
    return min(FIRST_WAIT * 2.0 ** (attempts - 1), LONGEST_WAIT) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


def expire_leases(connection: Connection[TupleRow]) -> list[MailRecord]:
    """Finish the mails of dead workers that must not be tried again, and return their records.

    A mail that was `sending` becomes `unknown`. A mail with MAX_ATTEMPTS becomes `failed`. Each
    record is returned to one caller only.
    """
    expired = update_mail_records(
        connection,
        "leased_until = null, finished_at = now(),"
        " state = case d.state when 'sending' then 'unknown' else 'failed' end,"
        " reply = case d.state when 'sending' then 'the worker stopped while it sent this mail'"
        " else 'the worker stopped at each attempt, before the mail was ready' end",
        "d.leased_until < now() and (d.state = 'sending' or (d.state = 'queued' and d.attempts >= %(max)s))",
        {"max": MAX_ATTEMPTS},
    )
    connection.commit()
    return expired


def resend(connection: Connection[TupleRow], delivery_id: int, *, force: bool = False) -> MailRecord:
    """Queue a mail once more, due now, and return its record.

    A mail that was sent needs `force`. Its second copy has a new Message-ID, so that mail programs
    show it. All other mails keep their Message-ID, so that mail programs can recognise a second
    copy. Raise RequestError if the delivery does not exist, is being sent now, or was sent.
    """
    queued = _update_one(
        connection,
        "state = 'queued', attempts = 0, not_before = now(), lease = null, leased_until = null,"
        " finished_at = null, message_id = case d.state when 'sent' then null else message_id end",
        "d.delivery_id = %(id)s and (d.state <> 'sent' or %(force)s)"
        " and (d.leased_until is null or d.leased_until < now())",
        {"id": delivery_id, "force": force},
    )
    if queued:
        return queued
    record = load_mail_record(connection, delivery_id)
    if record.state == "sent":
        raise RequestError(
            f"delivery {delivery_id} was sent at {record.finished_at:%Y-%m-%d %H:%M %Z}: --force sends a second copy"
        )
    raise RequestError(
        f"delivery {delivery_id} is being sent now: see `dynamics deliveries show {delivery_id}`"
    )


def mark_seen(connection: Connection[TupleRow], records: Sequence[MailRecord]) -> None:
    """Record that a user has seen these mails fail, so that no failure mail is sent. Commits."""
    unsent = [record.delivery_id for record in records if record.state != "sent"]
    if unsent:
        connection.execute(
            "update dynamics.deliveries set notified_for = finished_at where delivery_id = any(%s)", [unsent]
        )
        connection.commit()


def _update_one(
    connection: Connection[TupleRow],
    assignments: LiteralString,
    condition: LiteralString,
    parameters: Mapping[str, object],
    *,
    with_clause: LiteralString = "",
) -> MailRecord | None:
    """Update one mail record and commit. Return None if no record matches the condition."""
    records = update_mail_records(connection, assignments, condition, parameters, with_clause=with_clause)
    connection.commit()
    return records[0] if records else None
