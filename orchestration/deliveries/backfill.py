"""Reports of the past: every scheduled moment of a saved query in a range, made once, mailed only when asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive
from orchestration.deliveries.dispatch import mail_report, told, unsent
from orchestration.deliveries.occurrences import is_complete, newest_edition, next_edition
from orchestration.deliveries.reports import snapshot_of
from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.mailing import outbox
from orchestration.saved_queries.cron import moments
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.settings import settings

_GENERATED_BY = "backfill"


@dataclass(frozen=True, slots=True)
class Backfilled:
    """One moment of a backfill: the link of its report, and the problem that kept it from being made or mailed."""

    number: int
    of: int
    moment: datetime
    link: str | None
    problem: str | None


def backfill(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    start: datetime,
    end: datetime,
    *,
    send: bool,
    again: bool = False,
) -> Iterator[Backfilled]:
    """Makes the report of each scheduled moment from `start` to `end` (both inclusive), the oldest first.

    What is complete is not made again, so that a backfill that was stopped goes on where it was; `again` makes a new
    report beside each that is complete. Moments to come are left to the schedule. A moment that fails is told of and
    does not stop the others; a part that is away does. Raises RequestError for a saved query without a schedule,
    and Unavailable.
    """
    if saved_query.delivery is None or saved_query.delivery.schedule is None:
        raise RequestError(
            f"{saved_query.name} has no schedule, and so no moments: add `delivery.schedule` to it"
        )
    if start > end:
        raise RequestError(f"--from {start.isoformat()} is after --to {end.isoformat()}: swap them")
    after = min(end, datetime.now(UTC)) + timedelta(microseconds=1)
    found = list(moments(saved_query.delivery.schedule, saved_query.schedule_timezone, start, after))
    for number, moment in enumerate(found, start=1):
        link, problem = None, None
        try:
            occurrence = newest_edition(connection, saved_query.name, moment, _GENERATED_BY)
            if again and is_complete(connection, occurrence.snapshot_id):
                occurrence = next_edition(connection, occurrence, _GENERATED_BY)
            snapshot = snapshot_of(connection, archive, saved_query, occurrence, settings().base_currency)
            link = snapshot.manifest.link
            if send:
                rows = mail_report(connection, archive, saved_query, occurrence, snapshot)
                outbox.seen(connection, rows)
                problem = "; ".join(map(told, unsent(rows))) or None
        except Unavailable:
            raise
        except DynamicsError as error:
            connection.rollback()
            problem = str(error)
        yield Backfilled(number, len(found), moment, link, problem)
