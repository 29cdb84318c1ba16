"""Mail records: which mail was sent when, to whom, with which snapshot, and the server's reply."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.sql import SQL

from orchestration.errors import RequestError
from orchestration.mailing.terms import Header, MailState, OccurrenceId, Purpose


@dataclass(frozen=True, slots=True)
class MailRecord:
    """One recipient's mail of an occurrence. Times have a time zone."""

    delivery_id: int
    occurrence_id: OccurrenceId
    purpose: Purpose
    saved_query: str | None
    scheduled_at: datetime
    edition: int
    slice: str
    """The id of the owner in a split report; empty for the whole report."""
    snapshot_id: str
    recipient: str
    header: Header
    state: MailState
    attempts: int
    message_id: str | None
    reply: str | None
    """The server's last reply, or the reason why no server was asked."""
    not_before: datetime
    queued_at: datetime
    sending_at: datetime | None
    finished_at: datetime | None
    lease: str | None
    """The token of the worker that holds the mail, or None."""


COLUMNS = SQL(
    "d.delivery_id, d.occurrence_id, o.purpose, o.saved_query, o.scheduled_at, o.edition, o.slice, o.snapshot_id, "
    "d.recipient, d.header, d.state, d.attempts, d.message_id, d.reply, d.not_before, d.queued_at, d.sending_at, d.finished_at, d.lease"
)
"""The fields of a MailRecord, over `dynamics.deliveries d` joined with `dynamics.occurrences o`."""


_UPDATE = SQL(
    "update dynamics.deliveries d set {} from dynamics.occurrences o"
    " where o.occurrence_id = d.occurrence_id and ({}) returning {}"
)


def load_mail_record(connection: Connection[TupleRow], delivery_id: int) -> MailRecord:
    """Return the mail record with that id. Raise RequestError if it does not exist."""
    query = SQL(
        "select {} from dynamics.deliveries d join dynamics.occurrences o using (occurrence_id) where delivery_id = %s"
    )
    with connection.cursor(row_factory=class_row(MailRecord)) as cursor:
        record = cursor.execute(query.format(COLUMNS), [delivery_id]).fetchone()
    if record is None:
        raise RequestError(
            f"there is no delivery {delivery_id}: `dynamics deliveries list` shows all of them"
        )
    return record


def find_mail_records(
    connection: Connection[TupleRow],
    *,
    saved_query: str | None = None,
    recipient: str | None = None,
    state: MailState | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    occurrence_id: OccurrenceId | None = None,
    limit: int = 100,
) -> list[MailRecord]:
    """Return the newest mail records that match all filters, newest first.

    `since` and `until` (with a time zone; since <= t < until) filter by the time of queueing.
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
    filters = {
        "saved_query": saved_query,
        "recipient": recipient,
        "state": state,
        "since": since,
        "until": until,
        "occurrence_id": occurrence_id,
        "limit": limit,
    }
    with connection.cursor(row_factory=class_row(MailRecord)) as cursor:
        return cursor.execute(query.format(COLUMNS), filters).fetchall()


def update_mail_records(
    connection: Connection[TupleRow],
    assignments: LiteralString,
    condition: LiteralString,
    parameters: Mapping[str, object],
    *,
    with_clause: LiteralString = "",
) -> list[MailRecord]:
    """Update the mail records that match a condition, and return them as they are then.

    The SQL fragments call `dynamics.deliveries` `d` and `dynamics.occurrences` `o`. The caller
    commits.
    """
    query = SQL(with_clause) + _UPDATE.format(SQL(assignments), SQL(condition), COLUMNS)
    with connection.cursor(row_factory=class_row(MailRecord)) as cursor:
        return cursor.execute(query, parameters).fetchall()
