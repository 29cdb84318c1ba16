"""Occurrences: each moment for which a saved query's report is made, addressed by its instant.

An occurrence reserves the id of its snapshot before the report is made. Whatever dies in between, the next attempt
finds the same occurrence and completes the same snapshot: it is not lost, and not made twice.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.sql import SQL

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
    edition: int = 1
    """Counts how often the moment was made anew on purpose (`dynamics backfill --again`)."""
    slice: str = ""
    """The id of the owner whose part it is; empty for the whole report."""
    is_new: bool = False
    """Nobody has seen its snapshot's id before, so that nothing can be kept under it."""


_COLUMNS = SQL("occurrence_id, purpose, saved_query, scheduled_at, snapshot_id, generated_by, edition, slice")


def delivery_occurrence(
    connection: Connection[TupleRow], saved_query: str, scheduled_at: datetime, generated_by: str
) -> Occurrence:
    """The occurrence of `saved_query` at that instant, the one that is known or a new one. Commits.

    It is the first edition, so that a retry mails nobody what was only made anew.
    """
    return _reserved(connection, saved_query, scheduled_at, generated_by)


def newest_edition(
    connection: Connection[TupleRow], saved_query: str, scheduled_at: datetime, generated_by: str
) -> Occurrence:
    """The occurrence of `saved_query` at that instant as it was last made anew, or a new one. Commits."""
    (edition,) = connection.execute(
        "select coalesce(max(edition), 1) from dynamics.occurrences"
        " where purpose = 'delivery' and saved_query = %s and scheduled_at = %s",
        [saved_query, scheduled_at],
    ).fetchone() or (1,)
    return _reserved(connection, saved_query, scheduled_at, generated_by, edition=edition)


def next_edition(connection: Connection[TupleRow], before: Occurrence, generated_by: str) -> Occurrence:
    """The occurrence that makes a moment anew beside `before`, with a snapshot and mails of its own. Commits."""
    edition = before.edition + 1
    return _reserved(connection, before.saved_query, before.scheduled_at, generated_by, edition=edition)


def slice_occurrence(connection: Connection[TupleRow], whole: Occurrence, owner_id: str) -> Occurrence:
    """The occurrence of one owner's part of `whole`: the one that is known, or a new one. Commits."""
    return _reserved(
        connection,
        whole.saved_query,
        whole.scheduled_at,
        whole.generated_by,
        edition=whole.edition,
        slice_id=owner_id,
    )


def other_occurrence(
    connection: Connection[TupleRow],
    purpose: Literal["test", "query"],
    saved_query: str | None,
    at: datetime,
    snapshot_id: str,
    generated_by: str,
) -> Occurrence:
    """A new occurrence that may be repeated at will: a test send, or the mail of a query made on request. Commits."""
    query = SQL(
        "insert into dynamics.occurrences (purpose, saved_query, scheduled_at, snapshot_id, generated_by)"
        " values (%s, %s, %s, %s, %s) returning {}"
    ).format(_COLUMNS)
    with connection.cursor(row_factory=class_row(Occurrence)) as cursor:
        found = cursor.execute(query, [purpose, saved_query, at, snapshot_id, generated_by]).fetchone()
    connection.commit()
    if found is None:  # pragma: no cover - only deliveries are unique
        raise LookupError(purpose)
    return replace(found, is_new=True)


def is_complete(connection: Connection[TupleRow], snapshot_id: str) -> bool:
    """Whether the report of an occurrence was kept, and not only its id reserved; revoked or not."""
    row = connection.execute(
        "select from dynamics.snapshots where snapshot_id = %s", [snapshot_id]
    ).fetchone()
    return row is not None


def _reserved(
    connection: Connection[TupleRow],
    saved_query: str | None,
    scheduled_at: datetime,
    generated_by: str,
    *,
    edition: int = 1,
    slice_id: str = "",
) -> Occurrence:
    """The delivery that these address, with a new snapshot's id if nobody has reserved one yet."""
    key = {"saved_query": saved_query, "at": scheduled_at, "edition": edition, "slice": slice_id}
    made = connection.execute(
        """
        insert into dynamics.occurrences (saved_query, scheduled_at, edition, slice, snapshot_id, generated_by)
        values (%(saved_query)s, %(at)s, %(edition)s, %(slice)s, %(snapshot_id)s, %(generated_by)s)
        on conflict (saved_query, scheduled_at, edition, slice) where purpose = 'delivery' do nothing
        """,
        key | {"snapshot_id": new_snapshot_id(), "generated_by": generated_by},
    ).rowcount
    query = SQL(
        "select {} from dynamics.occurrences where purpose = 'delivery' and saved_query = %(saved_query)s"
        " and scheduled_at = %(at)s and edition = %(edition)s and slice = %(slice)s"
    ).format(_COLUMNS)
    with connection.cursor(row_factory=class_row(Occurrence)) as cursor:
        found = cursor.execute(query, key).fetchone()
    connection.commit()
    if found is None:  # pragma: no cover - the insert above, or the one it ran into, has put it there
        raise LookupError(key)
    return replace(found, is_new=bool(made))
