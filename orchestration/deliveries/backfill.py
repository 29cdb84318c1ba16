"""Backfill: computes the reports of past scheduled moments, and mails them on request."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive
from orchestration.deliveries.occurrences import reserve_newest_edition, reserve_next_edition
from orchestration.deliveries.report_delivery import describe_mail, find_unsent, mail_report
from orchestration.deliveries.report_generation import load_or_create_snapshot
from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.mailing import outbox
from orchestration.saved_queries.cron import find_moments, require_moment_in_range
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.settings import settings

_GENERATED_BY = "backfill"


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """The result of one moment of a backfill."""

    number: int
    """The position of the moment, from 1."""
    total: int
    """The number of moments of the backfill."""
    moment: datetime
    link: str | None
    """The link of the report, or None if it could not be computed."""
    problem: str | None
    """Why the report was not computed or not mailed to everybody, or None."""


def backfill(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    start: datetime,
    end: datetime,
    *,
    send: bool,
    again: bool = False,
) -> Iterator[BackfillResult]:
    """Compute the report of each scheduled moment from `start` to `end`, inclusive, oldest first.

    Future moments are left to the schedule. A report that exists is not computed again, so a
    stopped backfill continues where it stopped. `again` computes a new edition of each report. If
    it was stopped, the same call continues it. `send` also mails the reports.

    A moment that fails gives a result with a problem and does not stop the others. Raise
    Unavailable if the database, the bucket or the mail server does not answer. Raise RequestError
    for a saved query without a schedule and for a wrong range.
    """
    if saved_query.delivery is None or saved_query.delivery.schedule is None:
        raise RequestError(f"{saved_query.name} has no schedule: add `delivery.schedule` to it")
    if start > end:
        raise RequestError(f"--from {start.isoformat()} is after --to {end.isoformat()}: swap them")
    require_moment_in_range(start)
    after = min(end, datetime.now(UTC)) + timedelta(microseconds=1)
    moments = list(find_moments(saved_query.delivery.schedule, saved_query.schedule_timezone, start, after))
    generated_by = _GENERATED_BY
    if again:
        generated_by = _name_rerun(connection, saved_query, start, end, len(moments), send=send)
    for number, moment in enumerate(moments, start=1):
        link, problem = None, None
        try:
            occurrence = reserve_newest_edition(connection, saved_query.name, moment, generated_by)
            if again and occurrence.generated_by != generated_by:
                occurrence = reserve_next_edition(connection, occurrence, generated_by)
            snapshot = load_or_create_snapshot(
                connection, archive, saved_query, occurrence, settings().base_currency
            )
            link = snapshot.manifest.link
            if send:
                records = mail_report(connection, archive, saved_query, occurrence, snapshot)
                outbox.mark_seen(connection, records)
                problem = "; ".join(map(describe_mail, find_unsent(records))) or None
        except Unavailable:
            raise
        except DynamicsError as error:
            connection.rollback()
            problem = str(error)
        yield BackfillResult(number, len(moments), moment, link, problem)


def _name_rerun(
    connection: Connection[TupleRow],
    saved_query: SavedQuery,
    start: datetime,
    end: datetime,
    moment_count: int,
    *,
    send: bool,
) -> str:
    """Return the `generated_by` of an `--again` run, which identifies the reports of this run.

    Resume the latest unfinished run for the same range, or start a new one. A run is finished when
    it has computed, and with `send` also queued, the report of every moment.
    """
    prefix = (
        f"{_GENERATED_BY} of {start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        f" to {end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} again, begun "
    )
    latest = connection.execute(
        """
        select generated_by, count(*) filter (where exists (
            select from dynamics.snapshots s where s.snapshot_id = o.snapshot_id
        ) and (not %(send)s or exists (
            select from dynamics.deliveries d where d.occurrence_id = o.occurrence_id
        )))
        from dynamics.occurrences o
        where purpose = 'delivery' and slice = '' and saved_query = %(name)s and starts_with(generated_by, %(prefix)s)
        group by generated_by
        order by generated_by desc limit 1
        """,
        {"name": saved_query.name, "prefix": prefix, "send": send},
    ).fetchone()
    if latest and latest[1] < moment_count:
        return str(latest[0])
    return f"{prefix}{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
