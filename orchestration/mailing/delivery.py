"""The record: what was sent, when, to whom, which snapshot, and what the server answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.sql import SQL

from orchestration.errors import RequestError

Header = Literal["to", "cc", "bcc"]
Purpose = Literal["delivery", "test", "query"]
State = Literal["queued", "sending", "sent", "failed", "unknown", "skipped"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One mail to one recipient. Times are aware."""

    delivery_id: int
    occurrence_id: int
    purpose: Purpose
    """Why: a scheduled moment's `delivery`, a `test` send, or a `query` that somebody had mailed."""
    saved_query: str | None
    scheduled_at: datetime
    edition: int
    slice: str
    """The id of the owner whose part it is; empty for the whole report."""
    snapshot_id: str
    recipient: str
    header: Header
    """Where the recipient stands in the mail; `bcc` stands nowhere."""
    state: State
    attempts: int
    message_id: str | None
    reply: str | None
    """What the server said last, or why there was none to ask."""
    not_before: datetime
    queued_at: datetime
    sending_at: datetime | None
    finished_at: datetime | None
    lease: str | None
    """The token of the worker that has it; None when nobody has."""


COLUMNS = SQL(
    "d.delivery_id, d.occurrence_id, o.purpose, o.saved_query, o.scheduled_at, o.edition, o.slice, o.snapshot_id, "
    "d.recipient, d.header, d.state, d.attempts, d.message_id, d.reply, d.not_before, d.queued_at, d.sending_at, d.finished_at, d.lease"
)
"""The fields of a Delivery, over `dynamics.deliveries d` joined with `dynamics.occurrences o`."""


def delivery(connection: Connection[TupleRow], delivery_id: int) -> Delivery:
    """The delivery of that number. Raises RequestError when there is none."""
    query = SQL(
        "select {} from dynamics.deliveries d join dynamics.occurrences o using (occurrence_id) where delivery_id = %s"
    )
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        row = cursor.execute(query.format(COLUMNS), [delivery_id]).fetchone()
    if row is None:
        raise RequestError(
            f"there is no delivery {delivery_id}: `dynamics deliveries list` shows those there are"
        )
    return row


def deliveries(
    connection: Connection[TupleRow],
    *,
    saved_query: str | None = None,
    recipient: str | None = None,
    state: State | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    occurrence_id: int | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """The newest deliveries, newest first, that match all that is given.

    `since` and `until` (aware; since <= t < until) are about when the mail was queued.
    """
    query = SQL(
        "select {} from dynamics.deliveries d join dynamics.occurrences o using (occurrence_id) "
        "where (%(saved_query)s::text is null or o.saved_query = %(saved_query)s)"
        " and (%(recipient)s::text is null or lower(d.recipient) = lower(%(recipient)s))"
        " and (%(state)s::text is null or d.state = %(state)s)"
        " and (%(since)s::timestamptz is null or d.queued_at >= %(since)s)"
        " and (%(until)s::timestamptz is null or d.queued_at < %(until)s)"
        " and (%(occurrence_id)s::bigint is null or d.occurrence_id = %(occurrence_id)s)"
        " order by d.delivery_id desc limit %(limit)s"
    )
    given = {
        "saved_query": saved_query,
        "recipient": recipient,
        "state": state,
        "since": since,
        "until": until,
        "occurrence_id": occurrence_id,
        "limit": limit,
    }
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        return cursor.execute(query.format(COLUMNS), given).fetchall()
