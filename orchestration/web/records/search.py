"""What the index and the record of deliveries tell of snapshots: found by words, date and who, newest first."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.sql import SQL

from orchestration.archive.index import Entry
from orchestration.mailing.delivery import Delivery, deliveries
from orchestration.web.scope import SEEN_BY
from orchestration.web.visitor import Visitor

PAGE = 50
"""Snapshots on a page."""
_MOST_MAILS = 1000


@dataclass(frozen=True, slots=True)
class Found(Entry):
    """A snapshot as the archive lists it."""

    parameters: dict[str, Any]
    owner_ids: list[str] | None
    deliveries: dict[str, int] | None
    """How many mails are in which state; None: it was not to be mailed."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; empty or None is no condition."""

    words: str = ""
    """Words of the title, or of the saved query's name; each may be a word's beginning."""
    since: date | None = None
    until: date | None = None
    """UTC days on which the snapshot was made, both inclusive."""
    who: str = ""
    """A part of who made it, in whatever case."""
    after: tuple[datetime, str] | None = None
    """The snapshot that the page before ended with: when it was made, and its id."""


_STATEMENT = SQL(
    "select found.*, sent.deliveries from ("
    " select snapshot_id, title, saved_query, generated_by, generated_at, as_of, parameters, owner_ids, revoked_at,"
    "  expires_at, opens, last_opened_at"
    " from dynamics.snapshots"
    " where {seen}"
    "  and (%(snapshot_id)s::text is null or snapshot_id = %(snapshot_id)s)"
    "  and (%(words)s::text is null or dynamics.words_of(title, saved_query) @@ to_tsquery('simple', %(words)s))"
    "  and (%(since)s::timestamptz is null or generated_at >= %(since)s)"
    "  and (%(until)s::timestamptz is null or generated_at < %(until)s)"
    "  and (%(who)s::text is null or strpos(lower(generated_by), lower(%(who)s)) > 0)"
    "  and (%(after_at)s::timestamptz is null or (generated_at, snapshot_id) < (%(after_at)s, %(after_id)s))"
    " order by generated_at desc, snapshot_id desc limit %(limit)s"
    ") as found left join lateral ("
    " select jsonb_object_agg(state, mails) as deliveries from ("
    "  select state, count(*) as mails from dynamics.occurrences join dynamics.deliveries using (occurrence_id)"
    "  where occurrences.snapshot_id = found.snapshot_id group by state"
    " ) as states"
    ") as sent on true order by generated_at desc, snapshot_id desc"
).format(seen=SQL(SEEN_BY))


def search(connection: Connection[TupleRow], visitor: Visitor, asked: Search) -> tuple[list[Found], bool]:
    """The newest PAGE snapshots that match all that is asked and that the visitor may see; whether there are older ones."""
    after_at, after_id = asked.after or (None, None)
    found = _found(
        connection,
        visitor,
        words=_prefixes(asked.words),
        since=_midnight(asked.since),
        until=_midnight(asked.until and asked.until + timedelta(days=1)),
        who=asked.who or None,
        after_at=after_at,
        after_id=after_id,
        limit=PAGE + 1,
    )
    return found[:PAGE], len(found) > PAGE


def find(connection: Connection[TupleRow], visitor: Visitor, snapshot_id: str) -> Found | None:
    """The snapshot of that id, if there is one that the visitor may see; one whose link was revoked, too."""
    return next(iter(_found(connection, visitor, snapshot_id=snapshot_id)), None)


def neighbours(connection: Connection[TupleRow], found: Found) -> tuple[str | None, str | None]:
    """The ids of the snapshots before and after it that the same saved query made of the same owners, and still open."""
    ids = [
        connection.execute(
            SQL(
                "select snapshot_id from dynamics.snapshots where saved_query = %(saved_query)s"
                " and owner_ids is not distinct from %(owner_ids)s::text[] and revoked_at is null"
                " and (expires_at is null or expires_at > now())"
                " and (generated_at, snapshot_id) {} (%(generated_at)s, %(snapshot_id)s)"
                " order by generated_at {}, snapshot_id limit 1"
            ).format(SQL(side), SQL(order)),
            {
                "saved_query": found.saved_query,
                "owner_ids": found.owner_ids,
                "generated_at": found.generated_at,
                "snapshot_id": found.snapshot_id,
            },
        ).fetchone()
        for side, order in (("<", "desc"), (">", "asc"))
    ]
    before, after = (row[0] if row else None for row in ids)
    return before, after


def mails(connection: Connection[TupleRow], snapshot_id: str) -> list[Delivery]:
    """The mails of a snapshot, a recipient each, as the record has them."""
    row = connection.execute(
        "select occurrence_id from dynamics.occurrences where snapshot_id = %s", [snapshot_id]
    ).fetchone()
    return deliveries(connection, occurrence_id=row[0], limit=_MOST_MAILS) if row else []


def _found(connection: Connection[TupleRow], visitor: Visitor, **asked: Any) -> list[Found]:
    nothing = dict.fromkeys(
        ("snapshot_id", "words", "since", "until", "who", "after_at", "after_id", "limit")
    )
    with connection.cursor(row_factory=class_row(Found)) as cursor:
        return cursor.execute(_STATEMENT, {**nothing, **asked, "owner_id": visitor.owner_id}).fetchall()


def _prefixes(words: str) -> str | None:
    """The words as Postgres looks them up: all of them, each as the beginning of one."""
    return " & ".join(f"{word}:*" for word in re.findall(r"[^\W_]+", words)) or None


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
