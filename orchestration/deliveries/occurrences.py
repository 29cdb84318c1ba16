"""Occurrences: each moment for which a saved query's report is made, addressed by its instant.

An occurrence reserves the id of its snapshot before the report is made. Whatever dies in between, the next attempt
finds the same occurrence and completes the same snapshot: it is not lost, and not made twice.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from orchestration.archive import new_snapshot_id

Purpose = Literal["delivery", "test", "query"]
"""`delivery`: a scheduled moment, once only. `test`: to a tester's address. `query`: mailed on request."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One moment of one saved query, with the snapshot that is, or will be, its report."""

    occurrence_id: int
    purpose: Purpose
    saved_query: str | None
    scheduled_at: datetime
    snapshot_id: str
    generated_by: str


def delivery_occurrence(
    connection: Connection[TupleRow], saved_query: str, scheduled_at: datetime, generated_by: str
) -> Occurrence:
    """The occurrence of `saved_query` at that instant: the one that is known, or a new one. Commits."""
    known = {"saved_query": saved_query, "scheduled_at": scheduled_at}
    _insert(connection, "delivery", saved_query, scheduled_at, new_snapshot_id(), generated_by)
    with connection.cursor(row_factory=class_row(Occurrence)) as cursor:
        found = cursor.execute(
            """
            select occurrence_id, purpose, saved_query, scheduled_at, snapshot_id, generated_by
            from dynamics.occurrences
            where purpose = 'delivery' and saved_query = %(saved_query)s and scheduled_at = %(scheduled_at)s
            order by edition desc limit 1
            """,
            known,
        ).fetchone()
    connection.commit()
    if found is None:  # pragma: no cover - the insert above, or the one it ran into, has put it there
        raise LookupError(known)
    return found


def other_occurrence(
    connection: Connection[TupleRow],
    purpose: Literal["test", "query"],
    saved_query: str | None,
    at: datetime,
    snapshot_id: str,
    generated_by: str,
) -> Occurrence:
    """A new occurrence that may be repeated at will: a test send, or the mail of a query made on request. Commits."""
    found = _insert(connection, purpose, saved_query, at, snapshot_id, generated_by)
    connection.commit()
    if found is None:  # pragma: no cover - only deliveries are unique
        raise LookupError(purpose)
    return found


def _insert(
    connection: Connection[TupleRow],
    purpose: Purpose,
    saved_query: str | None,
    scheduled_at: datetime,
    snapshot_id: str,
    generated_by: str,
) -> Occurrence | None:
    with connection.cursor(row_factory=class_row(Occurrence)) as cursor:
        return cursor.execute(
            """
            insert into dynamics.occurrences (purpose, saved_query, scheduled_at, snapshot_id, generated_by)
            values (%s, %s, %s, %s, %s)
            on conflict (saved_query, scheduled_at, edition) where purpose = 'delivery' do nothing
            returning occurrence_id, purpose, saved_query, scheduled_at, snapshot_id, generated_by
            """,
            (purpose, saved_query, scheduled_at, snapshot_id, generated_by),
        ).fetchone()
