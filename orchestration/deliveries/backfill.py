"""Reports of the past: every scheduled moment of a saved query in a range, made once, mailed only when asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive
from orchestration.deliveries.dispatch import mail_report, told, unsent
from orchestration.deliveries.occurrences import newest_edition, next_edition
from orchestration.deliveries.reports import snapshot_of
from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.mailing import outbox
from orchestration.saved_queries.cron import moments
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.settings import settings

_MADE_BY = "backfill"


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

    What is complete is not made again, so that a backfill that was stopped goes on where it was. `again` makes a new
    report beside each that is there; one that was stopped goes on when the same is asked again. Moments to come are left to the schedule. A moment that fails is told of and
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
    made_by = (
        _made_again_by(connection, saved_query, start, end, len(found), send=send) if again else _MADE_BY
    )
    for number, moment in enumerate(found, start=1):
        link, problem = None, None
        try:
            occurrence = newest_edition(connection, saved_query.name, moment, made_by)
            if again and occurrence.generated_by != made_by:
                occurrence = next_edition(connection, occurrence, made_by)
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


def _made_again_by(
    connection: Connection[TupleRow],
    saved_query: SavedQuery,
    start: datetime,
    end: datetime,
    moments_in_all: int,
    *,
    send: bool,
) -> str:
    """What the reports of this `--again` name as their maker: when it began, by which it finds its own again.

    It is the one that was asked for the same range last, unless that has made, and mailed if it is to, every moment.
    """
    begins = f"{_MADE_BY} of {start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} to {end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} again, begun "
    last = connection.execute(
        """
        select generated_by, count(*) filter (where exists (
            select from dynamics.snapshots s where s.snapshot_id = o.snapshot_id
        ) and (not %(send)s or exists (
            select from dynamics.deliveries d where d.occurrence_id = o.occurrence_id
        )))
        from dynamics.occurrences o
        where purpose = 'delivery' and slice = '' and saved_query = %(name)s and starts_with(generated_by, %(begins)s)
        group by generated_by
        order by generated_by desc limit 1
        """,
        {"name": saved_query.name, "begins": begins, "send": send},
    ).fetchone()
    if last and last[1] < moments_in_all:
        return str(last[0])
    return f"{begins}{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
