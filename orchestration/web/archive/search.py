"""The search of the archive: snapshots by title, date and author, newest first."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.sql import SQL

from orchestration.accounts.visitor import Visitor
from orchestration.archive.index import IndexEntry
from orchestration.web.scope import VISIBLE_SNAPSHOTS

PAGE_SIZE = 50
"""Snapshots on one page of the list."""


@dataclass(frozen=True, slots=True)
class ArchiveEntry(IndexEntry):
    """A snapshot in the list of the archive."""

    parameters: dict[str, Any]
    owner_ids: list[str] | None
    mail_counts: dict[str, int] | None
    """How many mails are in each state. None if the snapshot has no mails."""


@dataclass(frozen=True, slots=True)
class SearchCriteria:
    """The criteria of a search. An empty value or None matches everything."""

    words: str = ""
    """Words of the title or of the saved query's name, or the beginnings of words."""
    since: date | None = None
    until: date | None = None
    """The first and the last UTC day on which the snapshot was generated."""
    author: str = ""
    """A part of the name of the user or job that generated it. Case does not matter."""
    after: tuple[datetime, str] | None = None
    """The last snapshot of the previous page: its time and its id."""


_STATEMENT = SQL(
    "select entry.*, mails.mail_counts from ("
    " select snapshot_id, title, saved_query, generated_by, generated_at, as_of, parameters, owner_ids, revoked_at,"
    "  expires_at, opens, last_opened_at"
    " from dynamics.snapshots"
    " where {visible}"
    "  and (%(snapshot_id)s::text is null or snapshot_id = %(snapshot_id)s)"
    "  and (%(words)s::text is null or dynamics.words_of(title, saved_query) @@ to_tsquery('simple', %(words)s))"
    "  and (%(since)s::timestamptz is null or generated_at >= %(since)s)"
    "  and (%(until)s::timestamptz is null or generated_at < %(until)s)"
    "  and (%(author)s::text is null or strpos(lower(generated_by), lower(%(author)s)) > 0)"
    "  and (%(after_at)s::timestamptz is null or (generated_at, snapshot_id) < (%(after_at)s, %(after_id)s))"
    " order by generated_at desc, snapshot_id desc limit %(limit)s"
    ") as entry left join lateral ("
    " select jsonb_object_agg(state, mails) as mail_counts from ("
    "  select state, count(*) as mails from dynamics.occurrences join dynamics.deliveries using (occurrence_id)"
    "  where occurrences.snapshot_id = entry.snapshot_id group by state"
    " ) as states"
    ") as mails on true order by generated_at desc, snapshot_id desc"
).format(visible=SQL(VISIBLE_SNAPSHOTS))
_PARAMETERS = ("snapshot_id", "words", "since", "until", "author", "after_at", "after_id", "limit")


def search_archive(
    connection: Connection[TupleRow], visitor: Visitor, criteria: SearchCriteria
) -> tuple[list[ArchiveEntry], bool]:
    """Return the newest PAGE_SIZE matching snapshots that the visitor may see.

    The second value is true if there are older ones.
    """
    after_at, after_id = criteria.after or (None, None)
    entries = _find_entries(
        connection,
        visitor,
        words=_to_prefix_query(criteria.words),
        since=_to_midnight(criteria.since),
        until=_to_midnight(criteria.until and criteria.until + timedelta(days=1)),
        author=criteria.author or None,
        after_at=after_at,
        after_id=after_id,
        limit=PAGE_SIZE + 1,
    )
    return entries[:PAGE_SIZE], len(entries) > PAGE_SIZE


def find_entry(connection: Connection[TupleRow], visitor: Visitor, snapshot_id: str) -> ArchiveEntry | None:
    """Return the snapshot if the visitor may see it, even if its link is revoked.

    Otherwise None.
    """
    return next(iter(_find_entries(connection, visitor, snapshot_id=snapshot_id)), None)


def find_neighbours(connection: Connection[TupleRow], entry: ArchiveEntry) -> tuple[str | None, str | None]:
    """Return the ids of the previous and the next snapshot of the same saved query and owners.

    Only snapshots with a valid link count.
    """
    ids = [
        connection.execute(
            SQL(
                "select snapshot_id from dynamics.snapshots where saved_query = %(saved_query)s"
                " and owner_ids is not distinct from %(owner_ids)s::text[] and revoked_at is null"
                " and (expires_at is null or expires_at > now())"
                " and (generated_at, snapshot_id) {} (%(generated_at)s, %(snapshot_id)s)"
                " order by generated_at {}, snapshot_id limit 1"
            ).format(SQL(comparison), SQL(order)),
            {
                "saved_query": entry.saved_query,
                "owner_ids": entry.owner_ids,
                "generated_at": entry.generated_at,
                "snapshot_id": entry.snapshot_id,
            },
        ).fetchone()
        for comparison, order in (("<", "desc"), (">", "asc"))
    ]
    previous_id, next_id = (row[0] if row else None for row in ids)
    return previous_id, next_id


def _find_entries(
    connection: Connection[TupleRow], visitor: Visitor, **parameters: Any
) -> list[ArchiveEntry]:
    unset = dict.fromkeys(_PARAMETERS)
    with connection.cursor(row_factory=class_row(ArchiveEntry)) as cursor:
        return cursor.execute(_STATEMENT, {**unset, **parameters, "owner_id": visitor.owner_id}).fetchall()


def _to_prefix_query(words: str) -> str | None:
    """Return a text search query for snapshots with all words.

    A word may be the beginning of another.
    """
    return " & ".join(f"{word}:*" for word in re.findall(r"[^\W_]+", words)) or None


def _to_midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
