"""Catch-up: finds the scheduled moments that were not delivered, and decides what to do with them.

Dagster's schedules start a run at each moment. This module finds the moments that the schedules
missed, because nothing ran, because a run died, or because the data was not ready. It needs only
the cron of the saved query and the database.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import islice
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import new_snapshot_id
from orchestration.deliveries.freshness import find_reason_to_wait
from orchestration.mailing.terms import Header
from orchestration.saved_queries.cron import find_moments
from orchestration.saved_queries.saved_query import DeliverySettings, SavedQuery

MISSED_AFTER = timedelta(minutes=5)
"""A moment without a run counts as missed after this time. Dagster will not start it any more."""
MAX_MOMENTS = 1000
"""The most moments of a saved query that one run of the sensor handles. The next run goes on."""
GENERATED_BY_SCHEDULE = "schedule"
"""The value of `generated_by` in snapshots and occurrences of scheduled moments."""
MISSED_REASON = "missed: nothing ran, or its run died; catch_up is {}"
STALE_REASON = "the data was not ready in time, and stale is fail: load and build it, then deliver the report"

_START_DELAY = timedelta(minutes=1)
"""Dagster's schedule starts the run of a moment within this time."""
_INSTANT = timedelta(microseconds=1)


class Decision(Enum):
    """What happens to a scheduled moment that has no mails yet."""

    WAIT = auto()
    """Its schedule will start it, or its data is not ready."""
    RUN = auto()
    SKIP = auto()
    """It was missed, and `catch_up` excludes it."""
    FAIL_STALE = auto()
    """Its data was not ready in time, and `stale` is `fail`."""


@dataclass(slots=True)
class CatchUpPlan:
    """The decisions about the open moments of one saved query."""

    at: datetime
    """The time of the plan."""
    since: datetime
    """All moments before this one are finished."""
    moments: dict[Decision, list[datetime]] = field(
        default_factory=lambda: {decision: [] for decision in Decision}
    )
    """The moments of each decision, oldest first."""
    waiting: list[str] = field(default_factory=list)
    """What the waiting moments wait for, one line for each."""


def register_schedules(
    connection: Connection[TupleRow],
    saved_queries: Iterable[SavedQuery],
    now: datetime,
    unreadable: Collection[str] = (),
) -> None:
    """Record which saved queries are scheduled, and since when. The caller commits.

    A new saved query, and one with another cron or time zone, starts at `now`: its past moments are
    never delivered. `unreadable` names saved queries whose files have mistakes. They keep their
    registration, because a mistake must not switch off a schedule.
    """
    scheduled = {
        saved_query.name: saved_query
        for saved_query in saved_queries
        if saved_query.delivery and saved_query.delivery.schedule
    }
    connection.execute(
        "delete from dynamics.schedules where saved_query <> all(%s)", [[*scheduled, *unreadable]]
    )
    for name, saved_query in scheduled.items():
        connection.execute(
            """
            insert into dynamics.schedules as s (saved_query, cron, timezone, since, looked_at)
            values (%s, %s, %s, %s, %s)
            on conflict (saved_query) do update
            set cron = excluded.cron, timezone = excluded.timezone,
                since = excluded.since, looked_at = excluded.looked_at
            where (s.cron, s.timezone) <> (excluded.cron, excluded.timezone)
            """,
            [name, _cron_of(saved_query), saved_query.schedule_timezone, now, now],
        )


def find_missed_moments(
    connection: Connection[TupleRow], saved_query: SavedQuery, now: datetime
) -> list[datetime]:
    """Return the missed moments that have no occurrence, oldest first, at most MAX_MOMENTS."""
    registration = _load_registration(connection, saved_query)
    moments = _list_moments(saved_query, registration[0], now - MISSED_AFTER) if registration else []
    started = _load_started_moments(connection, saved_query, moments)
    return [moment for moment in moments if moment not in started]


def plan_catch_up(
    connection: Connection[TupleRow], saved_query: SavedQuery, now: datetime, as_of: datetime | None
) -> CatchUpPlan:
    """Decide what to do at `now` with the oldest MAX_MOMENTS open moments.

    `as_of` is the instant up to which the data is known.
    """
    registration, delivery = _load_registration(connection, saved_query), saved_query.delivery
    if registration is None or delivery is None:
        return CatchUpPlan(now, now)
    since, looked_at = registration
    moments = _list_moments(saved_query, since, now)
    started = _load_started_moments(connection, saved_query, moments)
    # A list that is cut at MAX_MOMENTS does not contain the newest moment.
    newest = moments[-1] if 0 < len(moments) < MAX_MOMENTS else None
    plan = CatchUpPlan(now, since)
    for moment in moments:
        if started.get(moment):
            continue
        missing_data = find_reason_to_wait(saved_query, moment, as_of)
        if moment in started:  # Its run died. Complete it, even with `catch_up: none`.
            decision = Decision.RUN if moment <= now - MISSED_AFTER else Decision.WAIT
        else:
            decision = _decide(
                delivery,
                moment,
                now,
                looked_at,
                is_newest=moment == newest,
                lacks_data=bool(missing_data),
            )
            if decision is Decision.WAIT and missing_data:
                plan.waiting.append(missing_data)
        plan.moments[decision].append(moment)
    first_unhandled = moments[-1] + _INSTANT if len(moments) == MAX_MOMENTS else now - MISSED_AFTER
    open_moments = plan.moments[Decision.RUN] + plan.moments[Decision.WAIT]
    plan.since = max(since, min([first_unhandled, *open_moments]))
    return plan


def _decide(
    delivery: DeliverySettings,
    moment: datetime,
    now: datetime,
    looked_at: datetime,
    *,
    is_newest: bool,
    lacks_data: bool,
) -> Decision:
    """Decide about a past moment without an occurrence."""
    wait_ends = moment + delivery.wait_at_most
    may_wait = delivery.after is not None and moment <= looked_at and now < wait_ends + MISSED_AFTER
    is_missed = moment <= now - MISSED_AFTER and not may_wait
    if is_missed and (delivery.catch_up == "none" or (delivery.catch_up == "latest" and not is_newest)):
        return Decision.SKIP
    if delivery.after is None:
        return Decision.RUN if is_missed else Decision.WAIT
    if moment > now - _START_DELAY or (lacks_data and now < wait_ends):
        return Decision.WAIT
    return Decision.FAIL_STALE if lacks_data and delivery.stale == "fail" else Decision.RUN


def apply_plan(connection: Connection[TupleRow], saved_query: SavedQuery, plan: CatchUpPlan) -> None:
    """Record the moments that are skipped or stale, with the reason for every recipient.

    Record also which moments are finished. The caller commits.
    """
    delivery = saved_query.delivery
    if delivery is None:
        return
    skipped, stale = plan.moments[Decision.SKIP], plan.moments[Decision.FAIL_STALE]
    _close_moments(connection, saved_query, skipped, "skipped", MISSED_REASON.format(delivery.catch_up))
    _close_moments(connection, saved_query, stale, "failed", STALE_REASON)
    connection.execute(
        "update dynamics.schedules set since = %s, looked_at = %s where saved_query = %s",
        [plan.since, plan.at, saved_query.name],
    )


def list_recipients_by_slice(delivery: DeliverySettings) -> dict[str, list[tuple[str, Header]]]:
    """Return all recipients with their header, by slice.

    The key is "" for the whole report, and the name from `delivery.owners` for each owner.
    """
    groups: list[tuple[Header, Sequence[str]]] = [
        ("to", delivery.send_to),
        ("cc", delivery.cc),
        ("bcc", delivery.bcc),
    ]
    recipients = {"": [(address, header) for header, addresses in groups for address in addresses]}
    to: Header = "to"
    for owner, addresses in delivery.owners.items():
        recipients[owner] = [(address, to) for address in addresses]
    return recipients


def _close_moments(
    connection: Connection[TupleRow],
    saved_query: SavedQuery,
    moments: Sequence[datetime],
    state: Literal["skipped", "failed"],
    reason: str,
) -> None:
    """Create finished occurrences, with one mail record for each recipient.

    An occurrence that exists by now does not change.
    """
    if not moments or saved_query.delivery is None:
        return
    for owner, recipients in list_recipients_by_slice(saved_query.delivery).items():
        connection.execute(
            """
            with closed as (
                insert into dynamics.occurrences (saved_query, scheduled_at, slice, snapshot_id, generated_by)
                select %(saved_query)s, scheduled_at, %(slice)s, snapshot_id, %(by)s
                from unnest(%(at)s::timestamptz[], %(ids)s::text[]) as missed (scheduled_at, snapshot_id)
                on conflict (saved_query, scheduled_at, edition, slice) where purpose = 'delivery' do nothing
                returning occurrence_id
            )
            insert into dynamics.deliveries (occurrence_id, recipient, header, state, reply, finished_at)
            select occurrence_id, recipient, header, %(state)s, %(reason)s, now()
            from closed, unnest(%(recipients)s::text[], %(headers)s::text[]) as listed (recipient, header)
            """,
            {
                "saved_query": saved_query.name,
                "slice": owner,
                "by": GENERATED_BY_SCHEDULE,
                "at": list(moments),
                "ids": [new_snapshot_id() for _ in moments],
                "state": state,
                "reason": reason,
                "recipients": [address for address, _ in recipients],
                "headers": [header for _, header in recipients],
            },
        )


def _load_started_moments(
    connection: Connection[TupleRow], saved_query: SavedQuery, moments: Sequence[datetime]
) -> dict[datetime, bool]:
    """Return the moments that have an occurrence or a failure, and whether they are finished.

    A scheduled occurrence is finished when it has mail records. Occurrences that a user or a
    backfill created always count as finished, because the schedule must not complete them.
    """
    rows = connection.execute(
        """
        select scheduled_at, bool_or(is_finished) from (
            select scheduled_at, generated_by <> %(by)s or exists (
                select from dynamics.deliveries d where d.occurrence_id = o.occurrence_id
            ) as is_finished
            from dynamics.occurrences o
            where purpose = 'delivery' and slice = '' and saved_query = %(name)s and scheduled_at = any(%(at)s)
            union all
            select scheduled_at, true from dynamics.failures
            where saved_query = %(name)s and scheduled_at = any(%(at)s)
        ) as started
        group by scheduled_at
        """,
        {"by": GENERATED_BY_SCHEDULE, "name": saved_query.name, "at": list(moments)},
    )
    return dict(rows.fetchall())


def _load_registration(
    connection: Connection[TupleRow], saved_query: SavedQuery
) -> tuple[datetime, datetime] | None:
    """Return since when the schedule runs, and the time of the last look.

    Return None if the saved query is not registered with its current cron and time zone.
    """
    row = connection.execute(
        "select since, looked_at from dynamics.schedules where (saved_query, cron, timezone) = (%s, %s, %s)",
        [saved_query.name, _cron_of(saved_query), saved_query.schedule_timezone],
    ).fetchone()
    return (row[0], row[1]) if row else None


def _list_moments(saved_query: SavedQuery, since: datetime, until: datetime) -> list[datetime]:
    """Return the oldest moments from `since` to `until`, both inclusive, at most MAX_MOMENTS."""
    moments = find_moments(_cron_of(saved_query), saved_query.schedule_timezone, since, until + _INSTANT)
    return list(islice(moments, MAX_MOMENTS))


def _cron_of(saved_query: SavedQuery) -> str:
    return (saved_query.delivery and saved_query.delivery.schedule) or ""
