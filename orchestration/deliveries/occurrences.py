"""Occurrences: the scheduled moments for which a saved query's report is computed and mailed.

An occurrence reserves the id of its snapshot before the report is computed. If the process dies,
the next attempt finds the same occurrence and completes the same snapshot. So no report is lost,
and no report is archived twice.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.sql import SQL

from orchestration.archive import SnapshotId, new_snapshot_id
from orchestration.mailing.terms import OccurrenceId, Purpose


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One moment of one saved query, with the id of its snapshot."""

    occurrence_id: OccurrenceId
    purpose: Purpose
    saved_query: str | None
    scheduled_at: datetime
    snapshot_id: SnapshotId
    generated_by: str
    edition: int = 1
    """The number of this report of the moment. `dynamics backfill --again` adds a new edition."""
    slice: str = ""
    """The id of the owner in a split report; empty for the whole report."""
    is_new: bool = False
    """True if this call reserved the snapshot id, so that no snapshot can exist yet."""


_COLUMNS = SQL("occurrence_id, purpose, saved_query, scheduled_at, snapshot_id, generated_by, edition, slice")


def reserve_occurrence(
    connection: Connection[TupleRow], saved_query: str, scheduled_at: datetime, generated_by: str
) -> Occurrence:
    """Return the occurrence of `saved_query` at that instant, new or existing. Commits.

    It is always the first edition, so that a retry does not mail later editions.
    """
    return _reserve(connection, saved_query, scheduled_at, generated_by)


def reserve_newest_edition(
    connection: Connection[TupleRow], saved_query: str, scheduled_at: datetime, generated_by: str
) -> Occurrence:
    """Return the newest edition of `saved_query` at that instant, or a new occurrence. Commits."""
    (edition,) = connection.execute(
        "select coalesce(max(edition), 1) from dynamics.occurrences"
        " where purpose = 'delivery' and saved_query = %s and scheduled_at = %s",
        [saved_query, scheduled_at],
    ).fetchone() or (1,)
    return _reserve(connection, saved_query, scheduled_at, generated_by, edition=edition)


def reserve_next_edition(
    connection: Connection[TupleRow], before: Occurrence, generated_by: str
) -> Occurrence:
    """Return the edition after `before`, which gets a snapshot and mails of its own. Commits."""
    edition = before.edition + 1
    return _reserve(connection, before.saved_query, before.scheduled_at, generated_by, edition=edition)


def reserve_slice(connection: Connection[TupleRow], whole: Occurrence, owner_id: str) -> Occurrence:
    """Return the occurrence of one owner's slice of `whole`, new or existing. Commits."""
    return _reserve(
        connection,
        whole.saved_query,
        whole.scheduled_at,
        whole.generated_by,
        edition=whole.edition,
        slice_id=owner_id,
    )


def create_unscheduled_occurrence(
    connection: Connection[TupleRow],
    purpose: Literal["test", "query"],
    saved_query: str | None,
    at: datetime,
    snapshot_id: SnapshotId,
    generated_by: str,
) -> Occurrence:
    """Create an occurrence for a test send or for a mailed query. These can repeat. Commits."""
    query = SQL(
        "insert into dynamics.occurrences (purpose, saved_query, scheduled_at, snapshot_id, generated_by)"
        " values (%s, %s, %s, %s, %s) returning {}"
    ).format(_COLUMNS)
    with connection.cursor(row_factory=class_row(Occurrence)) as cursor:
        created = cursor.execute(query, [purpose, saved_query, at, snapshot_id, generated_by]).fetchone()
    connection.commit()
    if created is None:  # pragma: no cover - an insert without a conflict clause returns its row
        raise LookupError(purpose)
    return replace(created, is_new=True)


def has_snapshot(connection: Connection[TupleRow], snapshot_id: SnapshotId) -> bool:
    """Return True if the reserved snapshot is archived, even if it is revoked."""
    row = connection.execute(
        "select from dynamics.snapshots where snapshot_id = %s", [snapshot_id]
    ).fetchone()
    return row is not None


def load_note(connection: Connection[TupleRow], occurrence_id: OccurrenceId) -> str | None:
    """Return the note in the mail content of an occurrence, or None."""
    row = connection.execute(
        "select mail_content ->> 'note' from dynamics.occurrences where occurrence_id = %s", [occurrence_id]
    ).fetchone()
    return row[0] if row else None


def _reserve(
    connection: Connection[TupleRow],
    saved_query: str | None,
    scheduled_at: datetime,
    generated_by: str,
    *,
    edition: int = 1,
    slice_id: str = "",
) -> Occurrence:
    """Return the occurrence with this key. If it is new, reserve a snapshot id for it."""
    key = {"saved_query": saved_query, "at": scheduled_at, "edition": edition, "slice": slice_id}
    added = connection.execute(
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
        occurrence = cursor.execute(query, key).fetchone()
    connection.commit()
    if occurrence is None:  # pragma: no cover - the insert above, or its conflict, ensures the row
        raise LookupError(key)
    return replace(occurrence, is_new=bool(added))
